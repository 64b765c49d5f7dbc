//! The hub's wire and ledger messages, compiled from the `.proto` files beside this crate.
//!
//! The documentation of every message and method is in the `.proto` files; they are the contract.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code; buf lint checks the comments of the protos"
)]

/// The compiled descriptors of every file, for reflection and for tests over the whole API.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

macro_rules! package {
    ($($capability:ident $package:literal),*) => {
        /// Packages `hub.<capability>.v1`.
        pub mod hub {
            $(
                /// Package of one capability.
                pub mod $capability {
                    /// Version 1.
                    pub mod v1 {
                        tonic::include_proto!($package);
                    }
                }
            )*
        }
        $(pub use hub::$capability::v1 as $capability;)*
    };
}

package!(
    attachments "hub.attachments.v1",
    audit "hub.audit.v1",
    channels "hub.channels.v1",
    common "hub.common.v1",
    funds "hub.funds.v1",
    gateway "hub.gateway.v1",
    ledger "hub.ledger.v1",
    meetings "hub.meetings.v1",
    members "hub.members.v1",
    referrals "hub.referrals.v1",
    requests "hub.requests.v1"
);
