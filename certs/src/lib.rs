//! Makes certificate authorities, hub and node certificates, token keys and client profiles.
//!
//! The cast:
//! - [`pki`]: a PKI in a folder: init, issue, revoke, list. Operators use it as `hub pki`.
//! - [`ca`]: raw issuing under an authority; also what tests use to make bad certificates.
//! - [`index`]: the record of what was issued and revoked.
//! - [`vkey`]: the ledger's public key as text.
//! - [`files`]: private, atomic files.
//!
//! Invariant: a private key is written once, under mode 0600, and never silently replaced.

pub mod ca;
pub mod files;
pub mod index;
pub mod pki;
pub mod vkey;

pub use ca::{Ca, ExtendedUse, KeyKind, Leaf, LeafSpec};
pub use index::{Reason, Record};
pub use pki::{InitOptions, IssueOptions, Issued, Pki, Selector};

use std::path::PathBuf;

/// Why a step failed. The variants say what is at fault; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that must not be overwritten is there already.
    #[error("{path} exists already and is never overwritten; {remedy}")]
    Exists {
        /// The file.
        path: PathBuf,
        /// What to do.
        remedy: &'static str,
    },
    /// A file is not what it should be.
    #[error("{path}: {rule}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The rule that it breaks.
        rule: String,
    },
    /// An option breaks a rule.
    #[error("{option}: {rule}")]
    Option {
        /// The option.
        option: &'static str,
        /// The rule.
        rule: String,
    },
    /// There is no such certificate.
    #[error("{0}")]
    NotFound(String),
    /// A certificate, list or key could not be made.
    #[error("cannot make the certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// Cryptography failed.
    #[error(transparent)]
    Crypto(#[from] hub_core::crypto::CryptoError),
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
