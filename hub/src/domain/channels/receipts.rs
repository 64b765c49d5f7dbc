//! What each recipient has done with a notification: delivered, opened, signed for.

use hub_core::names::{AgencyId, ConsumerId, LogName, Recipient};
use hub_proto::channels::{NotificationRef, RequestedAction};
use jiff::Timestamp;

use super::log::NotificationPlace;
use crate::{
    domain::EntryMeta,
    error::Result,
    state::{
        keys,
        store::Direction,
        view::{Overlay, View, ViewExt as _},
    },
};

/// One act of an officer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Act {
    /// When, microseconds.
    #[prost(int64, tag = "1")]
    pub at_us: i64,
    /// The officer.
    #[prost(string, tag = "2")]
    pub officer: String,
    /// The entry that records it.
    #[prost(uint64, tag = "3")]
    pub entry_index: u64,
}

impl Act {
    /// An act that an entry records.
    #[must_use]
    pub fn new(entry: &EntryMeta<'_>, officer: &str) -> Self {
        Self {
            at_us: entry.recorded_at.as_microsecond(),
            officer: officer.into(),
            entry_index: entry.index,
        }
    }
}

/// What a recipient did with a notification.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReceiptRow {
    /// First opening.
    #[prost(message, optional, tag = "1")]
    pub opened: Option<Act>,
    /// First signature.
    #[prost(message, optional, tag = "2")]
    pub signed_for: Option<Act>,
    /// First reply that stands.
    #[prost(message, optional, tag = "3")]
    pub replied: Option<Act>,
    /// Where that reply is.
    #[prost(message, optional, tag = "4")]
    pub reply: Option<NotificationRef>,
    /// What the recipient was asked and has not done.
    #[prost(message, repeated, tag = "5")]
    pub asked: Vec<AskedRow>,
    /// What the recipient was asked to reply and has replied; asked again when no reply stands.
    #[prost(message, repeated, tag = "6")]
    pub answered: Vec<AskedRow>,
}

/// Something that a recipient was asked and has not done.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AskedRow {
    /// What.
    #[prost(enumeration = "RequestedAction", tag = "1")]
    pub action: i32,
    /// By when, microseconds.
    #[prost(int64, tag = "2")]
    pub due_us: i64,
    /// When it was asked, microseconds.
    #[prost(int64, tag = "3")]
    pub asked_at_us: i64,
    /// When the hub reminds of it next, microseconds; 0 for never.
    #[prost(int64, tag = "4")]
    pub remind_at_us: i64,
    /// Boards that list it besides the recipient's own.
    #[prost(string, repeated, tag = "5")]
    pub boards: Vec<String>,
}

impl ReceiptRow {
    /// Reads a row; empty when the recipient has done nothing.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(
        view: &(impl View + ?Sized),
        place: NotificationPlace,
        recipient: &Recipient,
    ) -> Result<Self> {
        let key = keys::receipt(place.entry_index, place.item, &recipient.to_string());
        Ok(view.message(&key)?.unwrap_or_default())
    }

    /// Changes a row.
    ///
    /// # Errors
    /// When storage fails.
    pub fn update(
        rows: &mut Overlay<'_>,
        notification: Option<&NotificationRef>,
        recipient: &str,
        change: impl FnOnce(&mut Self),
    ) -> Result<()> {
        let Some(place) = notification else {
            return Ok(());
        };
        let key = keys::receipt(place.entry_index, place.item, recipient);
        let mut row: Self = rows.message(&key)?.unwrap_or_default();
        change(&mut row);
        rows.put_message(key, &row);
        Ok(())
    }
}

/// Records that a log was delivered to a consumer of an agency up to a position. Only the first
/// consumer to get there leaves a mark, so marks rise in both position and time.
///
/// # Errors
/// When storage fails.
pub fn mark_delivered(
    rows: &mut Overlay<'_>,
    log: &LogName,
    (agency, consumer): (&AgencyId, &ConsumerId),
    position: i64,
    at: Timestamp,
) -> Result<()> {
    let (from, to) = keys::delivered_prefix(log, agency).range();
    let position = u64::try_from(position).unwrap_or_default();
    let key = keys::delivered(log, agency, position);
    let last = rows.scan(&from, &to, Direction::Backward, 1)?;
    let is_ahead = last.first().is_none_or(|(newest, _)| *newest < *key);
    if position > 0 && is_ahead {
        let at = at.as_microsecond().to_be_bytes();
        rows.put(key, [at.as_slice(), consumer.as_str().as_bytes()].concat());
    }
    Ok(())
}

/// When a position of a log was first delivered to an agency, and to which of its consumers.
///
/// # Errors
/// When storage fails.
pub fn delivered(
    view: &(impl View + ?Sized),
    log: &LogName,
    agency: &AgencyId,
    position: i64,
) -> Result<Option<(Timestamp, String)>> {
    let from = keys::delivered(log, agency, u64::try_from(position).unwrap_or_default());
    let (_, to) = keys::delivered_prefix(log, agency).range();
    let mark = view.scan(&from, &to, Direction::Forward, 1)?;
    Ok(mark.first().and_then(|(_, value)| {
        let (us, consumer) = value.split_first_chunk::<8>()?;
        let at = Timestamp::from_microsecond(i64::from_be_bytes(*us)).ok()?;
        Some((at, String::from_utf8_lossy(consumer).into_owned()))
    }))
}
