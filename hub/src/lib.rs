//! The coordination hub.
//!
//! One way through it, never back:
//!
//! ```text
//! wire ──> identity ──> authz ──> domain: decide ──> ledger: append + fsync ──> domain: apply ──> feed
//! ```

pub mod annual;
pub mod attachments;
pub mod authz;
pub mod backup;
pub mod calendar;
pub mod charter;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deadlines;
pub mod dev;
pub mod domain;
pub mod engine;
pub mod error;
pub mod expiry;
pub mod exporter;
pub mod feed;
pub mod fsck;
pub mod identity;
pub mod ledger;
pub mod metrics;
pub mod pace;
pub mod pki;
pub mod rebuild;
pub mod reminders;
pub mod retention;
pub mod roster_import;
pub mod search;
pub mod server;
#[cfg(test)]
mod simulation;
pub mod state;
pub mod tls;
pub mod traces;
pub mod wire;
