//! How fast connections may come: from one address, before anything is done for them, and of one node,
//! once its handshake has told who it is.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use hub_core::crypto::Digest;
use tokio::time::Instant;

use super::AcceptLimits;
use crate::pace::Pace;

/// The paces at which connections come.
#[derive(Debug)]
pub(super) struct Arrivals {
    addresses: Pace,
    nodes: Pace,
    patience: Duration,
}

impl Arrivals {
    pub(super) fn new(limits: &AcceptLimits) -> Self {
        Self {
            addresses: Pace::new(limits.address_arrivals),
            nodes: Pace::new(limits.node_arrivals),
            patience: limits.arrival_time_max,
        }
    }

    /// One more from an address: how long it must wait before anything is done for it. `None` when it
    /// comes far too early and is to be closed.
    pub(super) fn from(&self, address: IpAddr) -> Option<Duration> {
        let place = self.addresses.place(&network(address));
        self.addresses.admit(place, self.patience, Instant::now())
    }

    /// One more of the node that has a certificate, wherever it comes from.
    pub(super) fn of(&self, fingerprint: &Digest) -> Option<Duration> {
        let place = self.nodes.place(fingerprint);
        self.nodes.admit(place, self.patience, Instant::now())
    }
}

/// What counts as one address: an IPv4 address, or an IPv6 network of 64 bits, for whoever has one of its
/// addresses can have all of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(
            same("::ffff:192.0.2.1", "192.0.2.1"),
            "as a listener on [::] sees it"
        );
        assert!(!same("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
