//! TLS 1.3 with a client certificate, and nothing else.
//!
//! The cast:
//! - [`TlsReloader`]: certificate, key, client authorities and revocation list from files, read
//!   again when they change, without a restart.
//! - [`accept`]: bounded handshakes and connections; yields streams for tonic.
//!
//! A certificate that cannot be trusted ends in a TLS alert. One that is trusted but names no node
//! of this hub is let in as far as the request layer, which refuses every call with a clear error.
//!
//! Invariant: a session that began under an older revocation list cannot be resumed, because every
//! reload comes with new ticket keys; a connection that is open is refused call by call.

mod acceptor;
mod reload;

pub use acceptor::{AcceptLimits, Connections, Incoming, TlsIo, accept};
pub use reload::{Ends, TLS_FILE_BYTES_MAX, TlsOptions, TlsReloader};

#[cfg(test)]
mod tests;
