//! Logs: which notification stands at which position. Positions are packed, many to a row, so that
//! a publish costs a part of a row and not a row of its own.

use bytes::{Buf as _, BufMut as _};
use hub_core::names::LogName;
use hub_proto::channels::NotificationRef;

use crate::{
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View},
    },
};

/// Positions in one row.
pub const CHUNK_POSITIONS: i64 = 128;

/// Bytes of one packed place: entry index and item.
const PLACE_BYTES: usize = 12;

/// The item number of the first notification that the hub itself wrote as part of another act; further
/// ones of the same entry count down from it.
pub const ISSUED_ITEM: u32 = u32::MAX;

/// Most notifications that the hub writes as part of one act.
pub const ISSUED_MAX: usize = 256;

/// The item number of an entry's notification that the hub wrote, counted from 0.
#[must_use]
pub fn issued_item(number: u32) -> u32 {
    ISSUED_ITEM.saturating_sub(number)
}

/// Whether an item number is that of a notification that the hub wrote.
#[must_use]
pub fn is_issued(item: u32) -> bool {
    item > u32::MAX / 2
}

/// Where a notification is on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NotificationPlace {
    /// Its entry.
    pub entry_index: u64,
    /// Its item in that entry.
    pub item: u32,
}

impl From<NotificationPlace> for NotificationRef {
    fn from(place: NotificationPlace) -> Self {
        Self {
            entry_index: place.entry_index,
            item: place.item,
        }
    }
}

impl From<&NotificationRef> for NotificationPlace {
    fn from(wire: &NotificationRef) -> Self {
        Self {
            entry_index: wire.entry_index,
            item: wire.item,
        }
    }
}

/// Head of a log.
#[derive(Debug, Clone, Copy)]
pub struct Head;

impl Head {
    /// Position of the newest notification; 0 when there is none.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(view: &(impl View + ?Sized), log: &LogName) -> Result<i64> {
        let Some(row) = view.row(&keys::log_head(log))? else {
            return Ok(0);
        };
        <[u8; 8]>::try_from(&*row)
            .map(i64::from_be_bytes)
            .map_err(|_| Error::internal(format!("the head of {log} is damaged")))
    }
}

/// Puts a notification at a position.
///
/// # Errors
/// When storage fails, or the position does not follow the head: then the ledger's events were not
/// applied in order.
pub fn append(
    rows: &mut Overlay<'_>,
    log: &LogName,
    position: i64,
    place: NotificationPlace,
) -> Result<()> {
    if position != Head::read(rows, log)?.saturating_add(1) {
        return Err(Error::internal(format!(
            "{log}: position {position} does not follow the head"
        )));
    }
    let (chunk, _) = locate(position);
    let mut packed = [0; PLACE_BYTES];
    let mut rest = packed.as_mut_slice();
    rest.put_u64(place.entry_index);
    rest.put_u32(place.item);
    rows.append(keys::log_chunk(log, chunk), &packed)?;
    rows.put(keys::log_head(log), position.to_be_bytes().to_vec());
    Ok(())
}

/// Places from a position on, up to the end of its chunk: at least one if the position is not past
/// the head.
///
/// # Errors
/// When storage fails.
pub fn read(
    view: &(impl View + ?Sized),
    log: &LogName,
    position: i64,
) -> Result<Vec<(i64, NotificationPlace)>> {
    let (chunk, offset) = locate(position);
    let Some(mut row) = view.row(&keys::log_chunk(log, chunk))? else {
        return Ok(vec![]);
    };
    let mut places = Vec::with_capacity(row.len() / PLACE_BYTES);
    let mut at = position;
    let mut index = 0;
    while row.remaining() >= PLACE_BYTES {
        let place = NotificationPlace {
            entry_index: row.get_u64(),
            item: row.get_u32(),
        };
        if index >= offset {
            places.push((at, place));
            at = at.saturating_add(1);
        }
        index = index.saturating_add(1);
    }
    Ok(places)
}

/// The place at a position.
///
/// # Errors
/// When storage fails.
pub fn place(
    view: &(impl View + ?Sized),
    log: &LogName,
    position: i64,
) -> Result<Option<NotificationPlace>> {
    if position < 1 {
        return Ok(None);
    }
    Ok(read(view, log, position)?.first().map(|(_, place)| *place))
}

/// Chunk of a position, and its offset in it.
fn locate(position: i64) -> (u64, i64) {
    let zero_based = position.saturating_sub(1).max(0);
    let chunk = u64::try_from(zero_based / CHUNK_POSITIONS).unwrap_or_default();
    (chunk, zero_based % CHUNK_POSITIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_fall_into_chunks() {
        assert_eq!(locate(1), (0, 0));
        assert_eq!(locate(128), (0, 127));
        assert_eq!(locate(129), (1, 0));
    }
}
