//! `index.json`: what was issued and what was revoked, and the settings of the PKI.
//!
//! The index is the truth for the revocation list: the list is always written from it.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the file's format.
pub const INDEX_VERSION: u32 = 1;

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Not stated.
    #[default]
    Unspecified,
    /// The private key is or may be in other hands.
    KeyCompromise,
    /// The agency's name or place changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// The node is no longer in use.
    CessationOfOperation,
    /// The agency may no longer use it.
    PrivilegeWithdrawn,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
    ];

    /// Its text, as in the file and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::AffiliationChanged => "affiliation-changed",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessation-of-operation",
            Self::PrivilegeWithdrawn => "privilege-withdrawn",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL.map(Self::as_str).join(", ");
                format!("must be one of {known}")
            })
    }
}

impl From<Reason> for rcgen::RevocationReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::AffiliationChanged => Self::AffiliationChanged,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
            Reason::PrivilegeWithdrawn => Self::PrivilegeWithdrawn,
        }
    }
}

/// One issued node certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// The agency.
    pub agency: String,
    /// The node.
    pub node: String,
    /// Start of validity.
    pub not_before_at: Timestamp,
    /// End of validity.
    pub not_after_at: Timestamp,
    /// SHA-256 of the certificate's DER, lower-case hex.
    pub fingerprint: String,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// [`INDEX_VERSION`].
    pub version: u32,
    /// Trust domain of the SPIFFE ids.
    pub trust_domain: String,
    /// Origin of the ledger's checkpoints.
    pub origin: String,
    /// How many days a revocation list is good for.
    pub crl_days: u32,
    /// Number of the last revocation list.
    pub crl_number: u64,
    /// Issued certificates, oldest first.
    pub certificates: Vec<Record>,
}
