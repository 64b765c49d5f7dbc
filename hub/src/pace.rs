//! How fast something may come from each of very many sources, in memory that does not grow with them.
//!
//! A source has one number in a fixed table: when all that came from it would be due, one after the
//! other (the generic cell rate algorithm, ITU-T I.371). Nothing is ever pushed out of the table, so no
//! source loses what it owes by going away, or by bringing many others. Which place is whose depends on a
//! secret of the process: two sources may share one, but none can choose another's.

use std::{
    fmt,
    hash::{BuildHasher as _, Hash, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// Places of a table: half a mebibyte, of which the system gives what is used.
const PLACES: usize = 1 << 16;

/// No source owes more than this: what it did is forgotten at last.
pub const OWED_MAX: Duration = Duration::from_secs(10);

/// How much may come from a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// In a second, in the long run.
    pub per_second_max: u64,
    /// At once, after a time of rest.
    pub burst_max: u64,
}

impl Quota {
    /// Nanoseconds in which so much is due.
    fn time(self, count: u64) -> u64 {
        // The settings refuse 0; should it come all the same, one is the least that makes sense.
        let per_second = u128::from(self.per_second_max.max(1));
        let time = u128::from(count) * 1_000_000_000 / per_second;
        u64::try_from(time).unwrap_or(u64::MAX)
    }
}

/// A source's place in the table of one [`Pace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

/// The measure of one quota for each source.
pub struct Pace {
    quota: Quota,
    /// When all that came is due, in nanoseconds since `began`.
    due: Box<[AtomicU64]>,
    secret: RandomState,
    began: Instant,
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace")
            .field("quota", &self.quota)
            .finish_non_exhaustive()
    }
}

impl Pace {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        Self {
            quota,
            due: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            secret: RandomState::new(),
            began: Instant::now(),
        }
    }

    /// Where a source is counted.
    #[must_use]
    pub fn place(&self, source: &impl Hash) -> Place {
        let hash = self.secret.hash_one(source);
        Place(usize::try_from(hash % PLACES as u64).unwrap_or_default())
    }

    /// Counts one more, if it is due before patience ends, and tells how long it must wait. One that is
    /// sent away is not counted.
    #[must_use]
    pub fn admit(&self, place: Place, patience: Duration, now: Instant) -> Option<Duration> {
        let (now, patience) = (self.nanoseconds(now), nanoseconds(patience));
        let mut wait = 0;
        let counted = self.update(place, |due| {
            let due = due.max(now).saturating_add(self.quota.time(1));
            wait = self.past(due, now);
            (wait <= patience).then_some(due)
        });
        counted.then(|| Duration::from_nanos(wait))
    }

    /// Counts what has come already.
    pub fn charge(&self, place: Place, count: u64, now: Instant) {
        let now = self.nanoseconds(now);
        let most = self.quota.time(self.quota.burst_max);
        let most = now
            .saturating_add(most)
            .saturating_add(nanoseconds(OWED_MAX));
        self.update(place, |due| {
            let due = due.max(now).saturating_add(self.quota.time(count));
            Some(due.min(most))
        });
    }

    /// How long nothing more should come from a source; zero while it is within its quota.
    #[must_use]
    pub fn owed(&self, place: Place, now: Instant) -> Duration {
        let due = self.due.get(place.0);
        let due = due.map_or(0, |due| due.load(Ordering::Relaxed));
        Duration::from_nanos(self.past(due, self.nanoseconds(now)))
    }

    /// By how much something that is due then comes too early now.
    fn past(&self, due: u64, now: u64) -> u64 {
        let burst = self.quota.time(self.quota.burst_max);
        due.saturating_sub(now).saturating_sub(burst)
    }

    fn nanoseconds(&self, now: Instant) -> u64 {
        nanoseconds(now.saturating_duration_since(self.began))
    }

    /// Whether the change was made.
    fn update(&self, place: Place, change: impl FnMut(u64) -> Option<u64>) -> bool {
        let Some(due) = self.due.get(place.0) else {
            // A place is always within the table.
            return true;
        };
        due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change)
            .is_ok()
    }
}

/// A process does not run for the 584 years that fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    fn pace() -> Pace {
        Pace::new(Quota {
            per_second_max: 10,
            burst_max: 3,
        })
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_goes_at_once_a_few_wait_and_the_rest_are_sent_away() {
        let pace = pace();
        let (place, now) = (pace.place(&"one"), pace.began);
        let waits: Vec<_> = (0..7).map(|_| pace.admit(place, PATIENCE, now)).collect();
        let (at_once, never) = (Some(ms(0)), None);
        let expected = [
            at_once,
            at_once,
            at_once,
            Some(ms(100)),
            Some(ms(200)),
            never,
            never,
        ];
        assert_eq!(waits, expected);
        // Whoever was sent away was not counted: one is due whenever a tenth of a second has passed.
        for tenth in 1..=5 {
            let now = now + ms(100) * tenth;
            assert_eq!(pace.admit(place, PATIENCE, now), Some(PATIENCE));
            assert_eq!(pace.admit(place, PATIENCE, now), None);
        }
        // Rest gives a burst again, and no more.
        let later = now + ms(60_000);
        for _ in 0..3 {
            assert_eq!(pace.admit(place, ms(0), later), Some(ms(0)));
        }
        assert_eq!(pace.admit(place, ms(0), later), None);
    }

    #[test]
    fn one_source_does_not_pay_for_another() {
        let pace = pace();
        let one = pace.place(&"one");
        // One in 65,536 shares its place.
        let other = (0..).map(|n| pace.place(&n)).find(|it| *it != one).unwrap();
        pace.charge(one, 1_000, pace.began);
        assert!(pace.owed(one, pace.began) > ms(0));
        assert_eq!(pace.admit(other, ms(0), pace.began), Some(ms(0)));
        assert_eq!(pace.place(&"one"), one, "and it stays the same");
    }

    #[test]
    fn what_has_come_is_owed_past_the_burst_and_not_for_ever() {
        let pace = pace();
        let (place, now) = (pace.place(&"one"), pace.began);
        pace.charge(place, 3, now);
        assert_eq!(pace.owed(place, now), ms(0));
        pace.charge(place, 2, now);
        assert_eq!(pace.owed(place, now), ms(200));
        assert_eq!(pace.owed(place, now + ms(150)), ms(50));
        assert_eq!(pace.owed(place, now + ms(200)), ms(0));
        pace.charge(place, u64::MAX, now);
        assert_eq!(pace.owed(place, now), OWED_MAX);
    }

    #[test]
    fn a_quota_of_nothing_is_one() {
        let pace = Pace::new(Quota {
            per_second_max: 0,
            burst_max: 1,
        });
        let (place, now) = (pace.place(&1), pace.began);
        assert_eq!(pace.admit(place, ms(0), now), Some(ms(0)));
        assert_eq!(pace.admit(place, ms(1_000), now), Some(ms(1_000)));
    }
}
