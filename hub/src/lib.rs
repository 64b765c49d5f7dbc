//! The coordination hub.
//!
//! One way through it, never back:
//!
//! ```text
//! wire ──> identity ──> authz ──> domain: decide ──> ledger: append + fsync ──> domain: apply ──> feed
//! ```

pub mod charter;
pub mod clock;
pub mod error;
pub mod ledger;
pub mod identity;
pub mod pki;
pub mod tls;
pub mod wire;
