//! Takes in what a node sends at a pace that leaves processors to others. What is past it is not refused
//! but not read yet, so that it stays with the node that sends it.
//!
//! A node is known here by its certificate alone, whether it is enrolled or not: one that only names an
//! agency slows none of the agency's nodes.

use std::{sync::Arc, time::Duration};

use hub_core::crypto::Digest;
use tokio::time::Instant;

use crate::pace::{Pace, Place, Quota};

/// Default of [`Throttles::new`]: 32 MiB, a third of what a link of a gigabit carries.
pub const NODE_BYTES_PER_SECOND_MAX: u64 = 32 << 20;

/// Calls of a node that are refused before they reach a handler: so many in a second, in the long run. An
/// honest client waits as it is told and comes nowhere near.
const REFUSALS: Quota = Quota {
    per_second_max: 250,
    burst_max: 500,
};

/// The paces of all nodes.
#[derive(Debug)]
pub struct Throttles {
    bytes: Pace,
    refusals: Pace,
}

impl Default for Throttles {
    fn default() -> Self {
        Self::new(NODE_BYTES_PER_SECOND_MAX)
    }
}

impl Throttles {
    /// Takes in so many bytes of each node in a second, and at once.
    #[must_use]
    pub fn new(node_bytes_per_second_max: u64) -> Self {
        Self {
            bytes: Pace::new(Quota {
                per_second_max: node_bytes_per_second_max,
                burst_max: node_bytes_per_second_max,
            }),
            refusals: Pace::new(REFUSALS),
        }
    }

    /// The pace of the node that has a certificate, on all its connections.
    #[must_use]
    pub fn of(self: &Arc<Self>, fingerprint: &Digest) -> Throttle {
        Throttle {
            bytes: self.bytes.place(fingerprint),
            refusals: self.refusals.place(fingerprint),
            all: Arc::clone(self),
        }
    }
}

/// The pace of one node.
#[derive(Debug, Clone)]
pub struct Throttle {
    bytes: Place,
    refusals: Place,
    all: Arc<Throttles>,
}

impl Throttle {
    /// So many bytes of the node's have been read.
    pub fn read(&self, bytes: usize, now: Instant) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.all.bytes.charge(self.bytes, bytes, now);
    }

    /// A call of the node's was refused before it reached a handler.
    pub fn refused(&self, now: Instant) {
        self.all.refusals.charge(self.refusals, 1, now);
    }

    /// How long nothing more is to be read; zero when it goes on.
    #[must_use]
    pub fn pause(&self, now: Instant) -> Duration {
        let bytes = self.all.bytes.owed(self.bytes, now);
        bytes.max(self.all.refusals.owed(self.refusals, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(throttles: &Arc<Throttles>, fingerprint: u8) -> Throttle {
        throttles.of(&[fingerprint; 32])
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_node_that_sends_too_much_is_read_again_when_it_is_due() {
        let throttles = Arc::new(Throttles::new(1_000));
        let (one, same, now) = (node(&throttles, 1), node(&throttles, 1), Instant::now());
        one.read(1_000, now);
        assert_eq!(one.pause(now), ms(0));
        same.read(500, now);
        assert_eq!(one.pause(now), ms(500));
        assert_eq!(one.pause(now + ms(499)), ms(1));
        assert_eq!(one.pause(now + ms(500)), ms(0));
    }

    #[test]
    fn a_node_that_is_refused_over_and_over_is_read_at_the_pace_of_its_refusals() {
        let throttles = Arc::new(Throttles::default());
        let (one, now) = (node(&throttles, 1), Instant::now());
        // One in 65,536 shares its place.
        let other = (2..).map(|name| node(&throttles, name));
        let mut other = other.filter(|it| it.refusals != one.refusals);
        let other = other.next().unwrap();
        for _ in 0..REFUSALS.burst_max {
            one.refused(now);
        }
        assert_eq!(one.pause(now), ms(0));
        one.refused(now);
        assert_eq!(one.pause(now), ms(4));
        assert_eq!(other.pause(now), ms(0));
        assert_eq!(one.pause(now + ms(4)), ms(0));
    }
}
