//! Time, and the only place that reads the system's clock.

use std::{
    fmt,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// Where the hub's time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present instant, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// Time since some instant of this process. It never goes back, so it measures how long something
    /// took and paces rates; it tells no date.
    fn monotonic(&self) -> Duration {
        system_monotonic()
    }
}

fn system_monotonic() -> Duration {
    #[allow(
        clippy::disallowed_methods,
        reason = "this module is where time is read"
    )]
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        // Whole microseconds are what the ledger keeps; the range of `now` cannot overflow.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// A clock that moves only when it is told to, for tests and simulation.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at an instant.
    #[must_use]
    pub fn at(instant: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(instant.as_microsecond())))
    }

    /// Moves it by so many microseconds.
    pub fn advance_us(&self, us: i64) {
        self.0.fetch_add(us, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap_or_default())
    }
}
