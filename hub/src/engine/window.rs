//! Which request ids have been answered, and by which entry. Bounded per agency, so that one
//! agency's traffic neither crowds out nor betrays another's.
//!
//! An id that is not in the window is new unless its time is at or before the window's floor; then
//! nobody can tell any more, and it is refused rather than risked. The floor rises only when an id
//! leaves the window, or when a restart did not read far enough back.

use std::collections::{HashMap, VecDeque};

use hub_core::{
    names::{AgencyId, RequestId},
    reason::Reason,
};
use jiff::Timestamp;

use crate::error::{Error, Result};

/// Ids kept for each agency.
pub(super) const WINDOW_MAX: usize = 16_384;

/// Newest entries read at start to fill the window.
pub(super) const REBUILD_ENTRIES_MAX: u64 = 65_536;

/// Entries of so much time are read in any case: twice what an id may lie ahead, so that ids minted
/// five minutes before a restart are still above the floor.
pub(super) const REBUILD_TIME_MIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(600);

/// How far an id's time may lie ahead of the hub's, in milliseconds.
pub(super) const AHEAD_MS_MAX: u64 = 300_000;

/// Answered ids of all agencies.
#[derive(Debug, Default)]
pub(super) struct Window {
    agencies: HashMap<AgencyId, Ids>,
    /// Floor of every agency after a restart that did not read the whole ledger.
    restart_floor_ms: u64,
}

#[derive(Debug, Default)]
struct Ids {
    order: VecDeque<RequestId>,
    entries: HashMap<RequestId, u64>,
    floor_ms: u64,
}

impl Window {
    /// A window whose entries before an instant are unknown.
    pub(super) fn starting_after(recorded_at: Option<Timestamp>) -> Self {
        let restart_floor_ms = recorded_at.map_or(0, |at| unix_ms(at).saturating_add(AHEAD_MS_MAX));
        Self {
            agencies: HashMap::new(),
            restart_floor_ms,
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
        let floor = self.agencies.get(agency).map_or(0, |ids| ids.floor_ms);
        if id.unix_ms() <= floor.max(self.restart_floor_ms) {
            return Err(Error::new(
                Reason::RequestIdExpired,
                "request_id is older than the hub remembers; look whether the act was recorded, then mint a new id",
            ));
        }
        Ok(())
    }

    /// Remembers an answered id.
    pub(super) fn insert(&mut self, agency: &AgencyId, id: RequestId, entry_index: u64) {
        let ids = self.agencies.entry(agency.clone()).or_default();
        if ids.entries.insert(id, entry_index).is_none() {
            ids.order.push_back(id);
        }
        while ids.order.len() > WINDOW_MAX
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.entries.remove(&oldest);
            ids.floor_ms = ids.floor_ms.max(oldest.unix_ms());
        }
    }
}

fn unix_ms(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, tail: u16) -> RequestId {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6] = 0x70;
        bytes[8] = 0x80;
        bytes[14..].copy_from_slice(&tail.to_be_bytes());
        RequestId::from_bytes(bytes).unwrap()
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn an_id_that_left_the_window_is_refused_not_risked() {
        let tax: AgencyId = "tax".parse().unwrap();
        let mut window = Window::default();
        for number in 0..=u16::try_from(WINDOW_MAX).unwrap() {
            window.insert(
                &tax,
                id(1_000 + u64::from(number), number),
                u64::from(number),
            );
        }
        assert_eq!(window.find(&tax, &id(1_000, 0)), None);
        let refused = window
            .check_new(&tax, &id(1_000, 0), at(2_000))
            .unwrap_err();
        assert_eq!(refused.reason, Reason::RequestIdExpired);
        assert_eq!(window.find(&tax, &id(1_001, 1)), Some(1));
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

    #[test]
    fn a_restart_that_read_not_everything_raises_the_floor() {
        let tax: AgencyId = "tax".parse().unwrap();
        let window = Window::starting_after(Some(at(1_000)));
        assert!(
            window
                .check_new(&tax, &id(301_000, 0), at(1_000_000))
                .is_err()
        );
        assert_eq!(
            window.check_new(&tax, &id(301_001, 0), at(1_000_000)),
            Ok(())
        );
    }
}
