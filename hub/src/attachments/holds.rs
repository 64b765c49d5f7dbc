//! Keeps the cleaner off contents that are on their way into a notification.
//!
//! Invariant: a content is never held and under removal at once. Whoever wants to hold one that is
//! being removed waits until it is gone, and then finds out that it is.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hub_core::crypto::Digest;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;

/// How long a content stays held after its pins were dropped. A caller who goes away drops them
/// while what it submitted is still waiting to be recorded; the queue is never as long as this.
pub const HOLD_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Which contents are held, and which are being removed.
#[derive(Debug)]
pub(super) struct Holds {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<Digest, Hold>,
    removing: HashSet<Digest>,
}

#[derive(Debug)]
struct Hold {
    pins: usize,
    until: Timestamp,
}

/// Contents that the cleaner leaves alone until an hour after this is dropped.
#[derive(Debug)]
#[must_use = "contents are held only as long as this is"]
pub struct Pins {
    holds: Arc<Holds>,
    digests: Vec<Digest>,
}

/// A content that is being removed.
#[derive(Debug)]
pub(super) struct Removal<'a> {
    holds: &'a Holds,
    digest: Digest,
}

impl Holds {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            state: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Holds contents, whether they are there or not.
    pub(super) async fn pin(self: &Arc<Self>, digests: Vec<Digest>) -> Pins {
        loop {
            // Made before the look, so that a removal that ends in between is not missed.
            let freed = self.freed.notified();
            if self.try_pin(&digests) {
                return Pins {
                    holds: Arc::clone(self),
                    digests,
                };
            }
            freed.await;
        }
    }

    fn try_pin(&self, digests: &[Digest]) -> bool {
        let mut state = self.lock();
        if digests.iter().any(|one| state.removing.contains(one)) {
            return false;
        }
        for digest in digests {
            let hold = state.held.entry(*digest).or_insert(Hold {
                pins: 0,
                until: Timestamp::MIN,
            });
            hold.pins = hold.pins.saturating_add(1);
        }
        true
    }

    /// Begins to remove a content, unless it is held.
    pub(super) fn remove(&self, digest: Digest, now: Timestamp) -> Option<Removal<'_>> {
        let mut state = self.lock();
        state
            .held
            .retain(|_, hold| hold.pins > 0 || hold.until > now);
        if state.held.contains_key(&digest) || !state.removing.insert(digest) {
            return None;
        }
        Some(Removal {
            holds: self,
            digest,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pins {
    /// Which contents.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let now = self.holds.clock.now();
        let until = now.checked_add(HOLD_AFTER).unwrap_or(Timestamp::MAX);
        let mut state = self.holds.lock();
        for digest in &self.digests {
            if let Some(hold) = state.held.get_mut(digest) {
                hold.pins = hold.pins.saturating_sub(1);
                hold.until = until;
            }
        }
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.holds.lock().removing.remove(&self.digest);
        self.holds.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::clock::ManualClock;

    const ONE: Digest = [1; 32];

    #[tokio::test]
    async fn what_is_pinned_is_not_removed_until_an_hour_after() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let holds = Holds::new(Arc::new(clock.clone()));
        let pins = holds.pin(vec![ONE]).await;
        let second = holds.pin(vec![ONE, [2; 32]]).await;
        drop(pins);
        clock.advance_us(2 * 3_600_000_000);
        assert!(holds.remove(ONE, clock.now()).is_none(), "pinned twice");
        drop(second);
        clock.advance_us(3_600_000_000 - 1);
        assert!(holds.remove(ONE, clock.now()).is_none());
        clock.advance_us(1);
        assert!(holds.remove(ONE, clock.now()).is_some());
        assert!(holds.lock().held.is_empty(), "nothing is kept for ever");
    }

    #[tokio::test]
    async fn whoever_wants_what_is_being_removed_waits() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let holds = Holds::new(Arc::new(clock.clone()));
        let removal = holds.remove(ONE, clock.now()).unwrap();
        let mut pin = Box::pin(holds.pin(vec![ONE]));
        assert!(pin.as_mut().now_or_never().is_none());
        assert!(holds.pin(vec![[2; 32]]).now_or_never().is_some());
        drop(removal);
        assert!(pin.now_or_never().is_some());
    }
}
