//! A clock that runs like the system's and can be shifted.

use std::sync::atomic::{AtomicI64, Ordering};

use hub::clock::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

/// The system's clock, some way off.
#[derive(Debug, Default)]
pub struct Shifted(AtomicI64);

impl Shifted {
    /// Sets how far.
    pub fn by(&self, shift: SignedDuration) {
        let us = i64::try_from(shift.as_micros()).unwrap();
        self.0.store(us, Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_micros(self.0.load(Ordering::SeqCst))
    }
}
