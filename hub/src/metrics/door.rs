//! Connections that were closed before anybody could call over them.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// Why the door closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Connections come too fast from its address.
    AddressPace,
    /// There are as many connections as there may be.
    Full,
    /// Its handshake failed: no certificate, none that is trusted, no TLS 1.3, no `h2`, or it went away.
    Handshake,
    /// Its handshake took too long.
    HandshakeTime,
    /// As many handshakes were under way as there may be, and it was the oldest.
    GaveWay,
    /// Its node connects too often.
    NodePace,
    /// Its agency has as many connections as it may have.
    AgencyFull,
}

impl Closed {
    /// Every reason, in the order of the door.
    pub const ALL: [Self; 7] = [
        Self::AddressPace,
        Self::Full,
        Self::Handshake,
        Self::HandshakeTime,
        Self::GaveWay,
        Self::NodePace,
        Self::AgencyFull,
    ];

    /// Its place in [`Closed::ALL`].
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize
    }

    /// Its label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AddressPace => "address_pace",
            Self::Full => "full",
            Self::Handshake => "handshake",
            Self::HandshakeTime => "handshake_time",
            Self::GaveWay => "gave_way",
            Self::NodePace => "node_pace",
            Self::AgencyFull => "agency_full",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

/// Instruments of the door. Clones count together.
#[derive(Debug, Clone)]
pub struct DoorMetrics {
    closed: Family<Labels, Counter>,
}

impl Default for DoorMetrics {
    /// Every series is there from the start, so that a first one is seen as a rise.
    fn default() -> Self {
        let closed = Family::default();
        for why in Closed::ALL {
            let reason = why.label();
            drop(closed.get_or_create(&Labels { reason }));
        }
        Self { closed }
    }
}

impl DoorMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "hub_connections_closed",
            "Connections that were closed before a call could be made over them",
            self.closed.clone(),
        );
    }

    /// A connection was closed.
    pub fn closed(&self, why: Closed) {
        self.counter(why).inc();
    }

    /// Connections that were closed so far.
    #[must_use]
    pub fn count(&self, why: Closed) -> u64 {
        self.counter(why).get()
    }

    fn counter(&self, why: Closed) -> Counter {
        let reason = why.label();
        self.closed.get_or_create(&Labels { reason }).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_their_places() {
        for (place, why) in Closed::ALL.into_iter().enumerate() {
            assert_eq!(why.number(), place, "{why:?}");
        }
    }
}
