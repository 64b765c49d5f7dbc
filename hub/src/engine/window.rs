//! Which request ids have been answered, and by which entry. Bounded per agency, so that one
//! agency's traffic neither crowds out nor betrays another's.
//!
//! An id that is not in the window is new unless its time is at or before the window's floor; then
//! nobody can tell any more, and it is refused rather than risked. The floor rises only when ids leave
//! the window.
//!
//! The ids are rows, written by the same rule as all others ([`apply`]), so a start knows what it knew
//! before without reading the ledger's end. [`Window`] has them in memory. Keys follow the order of the
//! entries, and many ids share a row, so a commit changes one row or two for each agency in it.

use std::collections::{HashMap, VecDeque};

use hub_core::{
    names::{AgencyId, RequestId},
    reason::Reason,
};
use jiff::Timestamp;

use crate::{
    error::{Error, Result},
    state::{
        keys::{self, Key, Kind},
        store::Direction,
        view::{Overlay, View},
    },
};

/// Ids kept for each agency; up to [`CHUNK_IDS`] less one more wait to leave together.
pub(super) const WINDOW_MAX: u64 = 16_384;

/// Ids of a row.
const CHUNK_IDS: u64 = 64;

/// Bytes of an id in a row: the id, and the index of the entry that answered it.
const SLOT_BYTES: usize = 24;

/// Rows read at a time when the window is loaded.
const LOAD_ROWS: usize = 256;

/// How far an id's time may lie ahead of the hub's, in milliseconds.
pub(super) const AHEAD_MS_MAX: u64 = 300_000;

/// How far an agency's ids are. As a row: three numbers of 8 bytes, big-endian, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Head {
    /// Number of the oldest id that is kept: a multiple of [`CHUNK_IDS`].
    first: u64,
    /// Number of the next id.
    next: u64,
    /// The newest time of an id that has left, in milliseconds since 1970-01-01T00:00:00Z.
    floor_ms: u64,
}

impl Head {
    fn read(rows: &(impl View + ?Sized), agency: &str) -> Result<Self> {
        let Some(row) = rows.row(&keys::request_id_head(agency))? else {
            return Ok(Self::default());
        };
        let numbers: Vec<u64> = row
            .chunks_exact(8)
            .filter_map(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)))
            .collect();
        match *numbers.as_slice() {
            [first, next, floor_ms] => Ok(Self {
                first,
                next,
                floor_ms,
            }),
            _ => Err(damaged()),
        }
    }

    fn encode(self) -> Vec<u8> {
        [self.first, self.next, self.floor_ms]
            .map(u64::to_be_bytes)
            .concat()
    }

    /// Whether a run of ids is to leave, so that no more than [`WINDOW_MAX`] and a part of a run are kept.
    fn is_over(self) -> bool {
        self.next.saturating_sub(self.first) >= WINDOW_MAX.saturating_add(CHUNK_IDS)
    }

    /// Takes note that the oldest run has left.
    fn leave(&mut self, ids: impl IntoIterator<Item = RequestId>) {
        self.first = self.first.saturating_add(CHUNK_IDS);
        for id in ids {
            self.floor_ms = self.floor_ms.max(id.unix_ms());
        }
    }
}

/// Writes the ids that an entry answered into the rows.
///
/// # Errors
/// When storage fails.
pub(super) fn apply(
    rows: &mut Overlay<'_>,
    agency: &str,
    entry_index: u64,
    ids: &[RequestId],
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut head = Head::read(rows, agency)?;
    let mut chunk = head.next / CHUNK_IDS;
    let mut run = match head.next % CHUNK_IDS {
        0 => vec![],
        _ => read_chunk(rows, agency, chunk)?,
    };
    for id in ids {
        run.extend_from_slice(id.as_bytes());
        run.extend_from_slice(&entry_index.to_be_bytes());
        head.next = head.next.saturating_add(1);
        if head.next % CHUNK_IDS == 0 {
            rows.put(
                keys::request_id_chunk(agency, chunk),
                std::mem::take(&mut run),
            );
            chunk = chunk.saturating_add(1);
        }
        if head.is_over() {
            let oldest = head.first / CHUNK_IDS;
            let left = slots(&read_chunk(rows, agency, oldest)?)?;
            head.leave(left.into_iter().map(|(id, _)| id));
            rows.remove(keys::request_id_chunk(agency, oldest));
        }
    }
    if !run.is_empty() {
        rows.put(keys::request_id_chunk(agency, chunk), run);
    }
    rows.put(keys::request_id_head(agency), head.encode());
    Ok(())
}

fn read_chunk(rows: &(impl View + ?Sized), agency: &str, chunk: u64) -> Result<Vec<u8>> {
    let row = rows.row(&keys::request_id_chunk(agency, chunk))?;
    Ok(row.ok_or_else(damaged)?.into())
}

/// Ids and entries of a row.
fn slots(row: &[u8]) -> Result<Vec<(RequestId, u64)>> {
    row.chunks(SLOT_BYTES)
        .map(|slot| {
            let (id, index) = slot.split_first_chunk::<16>()?;
            let index = u64::from_be_bytes(index.try_into().ok()?);
            Some((RequestId::from_bytes(*id)?, index))
        })
        .collect::<Option<_>>()
        .ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::internal("a row of request ids is damaged")
}

/// Answered ids of all agencies.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    agencies: HashMap<AgencyId, Ids>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Ids {
    head: Head,
    order: VecDeque<RequestId>,
    entries: HashMap<RequestId, u64>,
}

impl Window {
    /// Reads the rows.
    ///
    /// # Errors
    /// When storage fails or a row is none of [`apply`]'s.
    pub(super) fn load(rows: &(impl View + ?Sized)) -> Result<Self> {
        let mut window = Self::default();
        let (mut from, to) = Key::new(Kind::RequestIdHead).range();
        loop {
            let heads = rows.scan(&from, &to, Direction::Forward, LOAD_ROWS)?;
            let Some((last, _)) = heads.last() else {
                return Ok(window);
            };
            from = [last, &[0][..]].concat();
            for (key, _) in &heads {
                let agency = key
                    .get(1..key.len().saturating_sub(1))
                    .and_then(|text| std::str::from_utf8(text).ok()?.parse::<AgencyId>().ok());
                let agency = agency.ok_or_else(damaged)?;
                let ids = Ids::load(rows, &agency)?;
                window.agencies.insert(agency, ids);
            }
        }
    }

    /// The entry that answered an id.
    pub(super) fn find(&self, agency: &AgencyId, id: &RequestId) -> Option<u64> {
        self.agencies.get(agency)?.entries.get(id).copied()
    }

    /// Checks that an id that is not in the window can be told to be new.
    pub(super) fn check_new(
        &self,
        agency: &AgencyId,
        id: &RequestId,
        now: Timestamp,
    ) -> Result<()> {
        if id.unix_ms() > unix_ms(now).saturating_add(AHEAD_MS_MAX) {
            return Err(Error::field(
                "request_id",
                "its time is more than 5 minutes ahead of the hub's clock; set the clock right and mint a new id",
            ));
        }
        let floor_ms = self.agencies.get(agency).map_or(0, |ids| ids.head.floor_ms);
        if id.unix_ms() <= floor_ms {
            return Err(Error::new(
                Reason::RequestIdExpired,
                "request_id is older than the hub remembers; look whether the act was recorded, then mint a new id",
            ));
        }
        Ok(())
    }

    /// Remembers an answered id, as [`apply`] has written it.
    pub(super) fn insert(&mut self, agency: &AgencyId, id: RequestId, entry_index: u64) {
        let ids = self.agencies.entry(agency.clone()).or_default();
        ids.push(id, entry_index);
        ids.head.next = ids.head.next.saturating_add(1);
        if ids.head.is_over() {
            let run = usize::try_from(CHUNK_IDS).unwrap_or(usize::MAX);
            let left: Vec<RequestId> = ids.order.drain(..run.min(ids.order.len())).collect();
            for id in &left {
                ids.entries.remove(id);
            }
            ids.head.leave(left);
        }
    }
}

impl Ids {
    fn load(rows: &(impl View + ?Sized), agency: &AgencyId) -> Result<Self> {
        let head = Head::read(rows, agency.as_str())?;
        let mut ids = Self {
            head,
            ..Self::default()
        };
        for chunk in head.first / CHUNK_IDS..head.next.div_ceil(CHUNK_IDS) {
            for (id, entry_index) in slots(&read_chunk(rows, agency.as_str(), chunk)?)? {
                ids.push(id, entry_index);
            }
        }
        Ok(ids)
    }

    fn push(&mut self, id: RequestId, entry_index: u64) {
        self.entries.insert(id, entry_index);
        self.order.push_back(id);
    }
}

fn unix_ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
    use hub_proto::{
        channels::{BatchPublishNotificationsRequest, PublishNotificationRequest},
        ledger::{Author, EntryContent, EntryHeader},
    };
    use prost::Message as _;

    use super::*;
    use crate::{engine::recorded::Recorded, state::memory::MemoryStore};

    fn id(ms: u64, tail: u32) -> RequestId {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6] = 0x70;
        bytes[8] = 0x80;
        bytes[12..].copy_from_slice(&tail.to_be_bytes());
        RequestId::from_bytes(bytes).unwrap()
    }

    fn store() -> MemoryStore {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        MemoryStore::new("test.example", Arc::new(key)).unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    /// With so many ids the first run leaves.
    const MAX: u32 = 16_384 + 64;

    #[test]
    fn an_id_that_left_the_window_is_refused_not_risked() {
        let tax: AgencyId = "tax".parse().unwrap();
        let mut window = Window::default();
        for number in 0..MAX {
            assert_eq!(window.agencies.get(&tax).map_or(0, |ids| ids.head.first), 0);
            window.insert(&tax, id(1_000 + u64::from(number), number), number.into());
        }
        let newest_that_left = id(1_000 + CHUNK_IDS - 1, u32::try_from(CHUNK_IDS).unwrap() - 1);
        for gone in [id(1_000, 0), newest_that_left] {
            assert_eq!(window.find(&tax, &gone), None);
            let refused = window.check_new(&tax, &gone, at(2_000)).unwrap_err();
            assert_eq!(refused.reason, Reason::RequestIdExpired);
        }
        let oldest = u32::try_from(CHUNK_IDS).unwrap();
        let kept = id(1_000 + u64::from(oldest), oldest);
        assert_eq!(window.find(&tax, &kept), Some(oldest.into()));
        assert_eq!(window.check_new(&tax, &kept, at(2_000)), Ok(()));
        let other: AgencyId = "health".parse().unwrap();
        assert_eq!(window.check_new(&other, &id(1_000, 0), at(2_000)), Ok(()));
    }

    #[test]
    fn an_id_from_the_future_is_refused() {
        let tax: AgencyId = "tax".parse().unwrap();
        let window = Window::default();
        assert_eq!(window.check_new(&tax, &id(301_000, 0), at(1_000)), Ok(()));
        assert!(window.check_new(&tax, &id(301_001, 0), at(1_000)).is_err());
    }

    /// An entry of a call that carried so many ids, the first of a number.
    fn entry(agency: &str, index: u64, first: u32, count: u32) -> Recorded {
        let ids = (first..first + count).map(|number| id(1_000 + u64::from(number), number));
        let header = EntryHeader {
            format: 1,
            index,
            author: Some(Author {
                agency: agency.into(),
                ..Author::default()
            }),
            method: "/hub.channels.v1.ChannelService/BatchPublishNotifications".into(),
            ..EntryHeader::default()
        };
        let mut ids = ids.map(|id| id.to_string());
        let request = BatchPublishNotificationsRequest {
            request_id: ids.next().unwrap(),
            requests: ids
                .map(|request_id| PublishNotificationRequest {
                    request_id,
                    notification: None,
                })
                .collect(),
        };
        let content = EntryContent {
            request: request.encode_to_vec().into(),
            ..EntryContent::default()
        };
        let content = Bytes::from(content.encode_to_vec());
        Recorded::decode(header.encode_to_vec().into(), &content).unwrap()
    }

    /// The rows are the window: what is loaded from them is what was in memory, whatever the sizes of the
    /// batches, while runs leave and while two agencies take turns.
    #[test]
    fn what_is_loaded_is_what_was_known() {
        let store = store();
        let mut rows = Overlay::new(&store);
        let mut window = Window::default();
        let sizes = [1, 2, 63, 64, 65, 127, 128, 257, 3, 61];
        let (mut number, mut loads) = (0, 0);
        for (index, size) in (0_u64..).zip(sizes.iter().cycle()) {
            let agency = if index % 3 == 0 { "health" } else { "tax" };
            let entry = entry(agency, index, number, *size);
            assert_eq!(entry.request_ids().len(), usize::try_from(*size).unwrap());
            apply(&mut rows, entry.author(), index, &entry.request_ids()).unwrap();
            for id in entry.request_ids() {
                window.insert(&agency.parse().unwrap(), id, index);
            }
            number += size;
            if index % 40 == 0 || number > 4 * MAX {
                assert_eq!(Window::load(&rows).unwrap(), window, "after entry {index}");
                loads += 1;
            }
            if number > 4 * MAX {
                break;
            }
        }
        assert!(loads > 5);
        for ids in window.agencies.values() {
            assert!(ids.head.first > 0 && ids.head.floor_ms > 1_000);
            assert!(u64::try_from(ids.order.len()).unwrap() < WINDOW_MAX + CHUNK_IDS);
        }
        // No row stays behind of what has left.
        let (from, to) = Key::new(Kind::RequestIdChunk).range();
        let kept = rows
            .scan(&from, &to, Direction::Forward, usize::MAX)
            .unwrap();
        assert!(kept.len() <= 2 * (MAX / 64 + 1) as usize, "{}", kept.len());
    }

    #[test]
    fn a_damaged_row_is_an_error_and_no_shorter_window() {
        let store = store();
        let mut rows = Overlay::new(&store);
        let ids = entry("tax", 0, 0, 70).request_ids();
        apply(&mut rows, "tax", 0, &ids).unwrap();
        Window::load(&rows).unwrap();
        let chunk = keys::request_id_chunk("tax", 1);
        let whole = View::row(&rows, &chunk).unwrap().unwrap();
        rows.put(chunk.clone(), whole.slice(..whole.len() - 1));
        Window::load(&rows).unwrap_err();
        rows.remove(chunk);
        Window::load(&rows).unwrap_err();
    }
}
