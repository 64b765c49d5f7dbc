//! How many calls an agency may make in a second. Each agency has a measure of its own, so that one
//! never takes another's share.

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as GovernorClock, Reference as _},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use hub_core::names::AgencyId;

use crate::{
    clock::Clock,
    error::{Error, Result},
};

/// Default of [`RateLimits::calls_per_second_max`]: several times what an agency's systems come to, and a
/// small part of what a hub on two processors can do, so that one agency leaves most of it to the others.
pub const AGENCY_CALLS_PER_SECOND_MAX: u32 = 2_000;

/// Default of [`RateLimits::calls_burst_max`]: what is due in a second.
pub const AGENCY_CALLS_BURST_MAX: u32 = 2_000;

/// Shortest wait that a refused caller is told: a hint of nothing would be no hint.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(1);

/// How many calls one agency may make.
#[derive(Debug, Clone, Copy)]
pub struct RateLimits {
    /// Calls in a second, in the long run.
    pub calls_per_second_max: u32,
    /// Calls at once, after a time of rest.
    pub calls_burst_max: u32,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            calls_per_second_max: AGENCY_CALLS_PER_SECOND_MAX,
            calls_burst_max: AGENCY_CALLS_BURST_MAX,
        }
    }
}

/// The hub's clock as the limiter reads it.
#[derive(Debug, Clone)]
struct Monotonic(Arc<dyn Clock>);

impl GovernorClock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // A process does not run for the 584 years that fit.
        Nanos::from(u64::try_from(self.0.monotonic().as_nanos()).unwrap_or(u64::MAX))
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Nanos>>;

/// The measures of all agencies. There are as many as agencies of the charter that have called.
pub struct Rates {
    limits: RateLimits,
    clock: Monotonic,
    agencies: RwLock<HashMap<AgencyId, Arc<Limiter>>>,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Rates {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(limits: RateLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            limits,
            clock: Monotonic(clock),
            agencies: RwLock::default(),
        }
    }

    /// Counts one call of an agency that the roster knows.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::LimitExceeded`] with the time until the next call is due.
    pub fn check(&self, agency: &AgencyId) -> Result<()> {
        let limiter = match self.known(agency) {
            Some(limiter) => limiter,
            None => self.begin(agency),
        };
        limiter.check().map_err(|due| {
            let wait = Duration::from(due.earliest_possible().duration_since(self.clock.now()));
            let max = self.limits.calls_per_second_max;
            Error::limit(
                format!("an agency may make {max} calls a second; call again when the hint says"),
                wait.max(RETRY_AFTER_MIN),
            )
        })
    }

    fn known(&self, agency: &AgencyId) -> Option<Arc<Limiter>> {
        let all = self.agencies.read().unwrap_or_else(PoisonError::into_inner);
        all.get(agency).cloned()
    }

    fn begin(&self, agency: &AgencyId) -> Arc<Limiter> {
        // The settings refuse 0; should it come all the same, one call is the least that makes sense.
        let one_or = |max| NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(one_or(self.limits.calls_per_second_max))
            .allow_burst(one_or(self.limits.calls_burst_max));
        let mut all = self
            .agencies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let limiter = all
            .entry(agency.clone())
            .or_insert_with(|| Arc::new(RateLimiter::direct_with_clock(quota, self.clock.clone())));
        Arc::clone(limiter)
    }
}

#[cfg(test)]
mod tests {
    use hub_core::reason::Reason;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_burst_then_a_call_whenever_one_is_due_and_no_other_agency_pays() {
        let clock = ManualClock::at("2026-01-05T01:00:00Z".parse().unwrap());
        let limits = RateLimits {
            calls_per_second_max: 10,
            calls_burst_max: 3,
        };
        let rates = Rates::new(limits, Arc::new(clock.clone()));
        let (tax, health) = ("tax".parse().unwrap(), "health".parse().unwrap());
        for _ in 0..3 {
            rates.check(&tax).unwrap();
        }
        let refused = rates.check(&tax).unwrap_err();
        assert_eq!(refused.reason, Reason::LimitExceeded);
        assert_eq!(refused.retry_after, Some(Duration::from_millis(100)));
        rates.check(&health).unwrap();

        clock.advance_us(99_999);
        let refused = rates.check(&tax).unwrap_err();
        let wait = refused.retry_after.unwrap();
        assert_eq!(wait, RETRY_AFTER_MIN, "one microsecond is rounded up");
        clock.advance_us(1);
        rates.check(&tax).unwrap();
        assert!(rates.check(&tax).is_err(), "one is due, not two");
        clock.advance_us(10_000_000);
        for _ in 0..3 {
            rates.check(&tax).unwrap();
        }
        assert!(
            rates.check(&tax).is_err(),
            "rest gives no more than a burst"
        );
    }
}
