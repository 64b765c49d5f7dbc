//! Corrections and retractions: what took the place of a notification. A notification has at most one
//! successor, and a retraction has none; the earlier one stays readable.

use hub_core::reason::Reason;
use hub_proto::channels::{NotificationKind, NotificationPublished, NotificationRef, Succession};

use super::{Predecessor, asks, log::NotificationPlace};
use crate::{
    domain::EntryMeta,
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// What took the place of a notification.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuccessorRow {
    /// Where it is.
    #[prost(message, optional, tag = "1")]
    pub successor: Option<NotificationRef>,
    /// A correction or a retraction.
    #[prost(enumeration = "NotificationKind", tag = "2")]
    pub kind: i32,
    /// Its name.
    #[prost(string, tag = "3")]
    pub name: String,
}

impl SuccessorRow {
    /// Reads a row; nothing while the notification stands.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(view: &(impl View + ?Sized), place: NotificationPlace) -> Result<Option<Self>> {
        view.message(&keys::successor(place.entry_index, place.item))
    }
}

/// Refuses to take the place of what no longer stands.
pub(super) fn check(view: &(impl View + ?Sized), predecessor: &Predecessor) -> Result<()> {
    let Some(row) = SuccessorRow::read(view, predecessor.place)? else {
        return Ok(());
    };
    let rule = match row.kind() {
        NotificationKind::Retraction => format!(
            "name: {} was retracted by {}; publish anew if something is still to be said",
            predecessor.name, row.name
        ),
        _ => format!(
            "name: {} was corrected by {}; correct or retract that one",
            predecessor.name, row.name
        ),
    };
    Err(Error::new(Reason::NotificationSuperseded, rule))
}

/// Marks the predecessor; what it asked is asked no more.
pub(super) fn apply(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    place: NotificationPlace,
    succession: &Succession,
    event: &NotificationPublished,
) -> Result<()> {
    let Some(predecessor) = &succession.predecessor else {
        return Ok(());
    };
    let row = SuccessorRow {
        successor: Some(place.into()),
        kind: succession.kind,
        name: super::notification::name(entry.author, &event.positions, &event.request_id),
    };
    rows.put_message(
        keys::successor(predecessor.entry_index, predecessor.item),
        &row,
    );
    asks::withdraw(rows, predecessor.into())
}
