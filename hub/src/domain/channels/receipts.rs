//! What each recipient has done with a notification: delivered, opened, signed for.

use hub_core::names::{AgencyId, LogName, Recipient};
use hub_proto::channels::NotificationRef;
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

/// Records that a log was delivered to an agency up to a position. Only the first consumer to get
/// there leaves a mark, so marks rise in both position and time.
///
/// # Errors
/// When storage fails.
pub fn mark_delivered(
    rows: &mut Overlay<'_>,
    log: &LogName,
    agency: &AgencyId,
    position: i64,
    at: Timestamp,
) -> Result<()> {
    let (from, to) = keys::delivered_prefix(log, agency).range();
    let position = u64::try_from(position).unwrap_or_default();
    let key = keys::delivered(log, agency, position);
    let last = rows.scan(&from, &to, Direction::Backward, 1)?;
    let is_ahead = last.first().is_none_or(|(newest, _)| *newest < *key);
    if position > 0 && is_ahead {
        rows.put(key, at.as_microsecond().to_be_bytes().to_vec());
    }
    Ok(())
}

/// When a position of a log was first delivered to an agency.
///
/// # Errors
/// When storage fails.
pub fn delivered_at(
    view: &(impl View + ?Sized),
    log: &LogName,
    agency: &AgencyId,
    position: i64,
) -> Result<Option<Timestamp>> {
    let from = keys::delivered(log, agency, u64::try_from(position).unwrap_or_default());
    let (_, to) = keys::delivered_prefix(log, agency).range();
    let mark = view.scan(&from, &to, Direction::Forward, 1)?;
    Ok(mark.first().and_then(|(_, value)| {
        let us = <[u8; 8]>::try_from(&**value).ok().map(i64::from_be_bytes)?;
        Timestamp::from_microsecond(us).ok()
    }))
}
