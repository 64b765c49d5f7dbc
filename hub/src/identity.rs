//! Who is calling: the node by its certificate, the officer by a token bound to that certificate,
//! the author of a mutation by a signature over its exact bytes.
//!
//! The cast:
//! - [`spiffe`]: reads agency and node from a certificate.
//! - [`token`]: verifies officer tokens.
//! - [`layer`]: stands before every handler and refuses whoever is not known.
//! - [`author`]: takes in the message of a call, and verifies its author's signature if it mutates.
//! - [`rates`]: bounds the calls of an agency.
//! - [`budget`]: bounds the bytes of requests under way.
//! - [`throttle`]: the pace at which a node is read.
//! - [`weight`]: what a request takes once it is decoded, which the budget holds too.
//! - [`watch`]: tells a long-running call that its caller may no longer be served.
//!
//! Invariant: a handler that finds [`Caller`] in a request's extensions may rely on all of it.

pub mod author;
pub mod budget;
pub mod layer;
pub mod rates;
pub mod spiffe;
#[cfg(test)]
mod stack_tests;
#[cfg(test)]
pub(crate) mod testing;
pub mod throttle;
pub mod token;
pub mod watch;
pub mod weight;

use std::{collections::HashSet, fmt, sync::Arc};

use bytes::Bytes;
use hub_core::{
    crypto::{Digest, Salt, VerifyingKey, hex},
    names::{AgencyId, NodeId, OfficerId, RoleId},
    reason::Reason,
};
use jiff::Timestamp;

pub use author::{AuthorLayer, Intake};
pub use layer::{Identity, IdentityLayer, IdentityOptions, TOKENLESS_PREFIX};
pub use rates::{RateLimits, Rates};
pub use throttle::Throttle;
pub use token::TokenKey;
pub use watch::CallerWatch;

use crate::error::{Error, Result};

/// A node, as its certificate tells. TLS has verified the chain; nothing is known yet of the
/// roster's view.
#[derive(Clone)]
pub struct Peer {
    /// The agency.
    pub agency: AgencyId,
    /// The node.
    pub node: NodeId,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Digest,
    /// The certificate's serial number, big endian, without leading zeros.
    pub serial: Vec<u8>,
    /// Start of validity.
    pub not_before_at: Timestamp,
    /// End of validity.
    pub not_after_at: Timestamp,
    /// The certificate, DER.
    pub certificate: Arc<[u8]>,
    /// The certificate's public key.
    pub key: VerifyingKey,
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("agency", &self.agency)
            .field("node", &self.node)
            .field("fingerprint", &hex(&self.fingerprint))
            .finish_non_exhaustive()
    }
}

impl Peer {
    /// Reads a certificate that TLS has verified.
    ///
    /// # Errors
    /// `NODE_IDENTITY_INVALID` with the rule that it breaks.
    pub fn from_certificate(der: &[u8], trust_domain: &str) -> Result<Self> {
        let (agency, node) = spiffe::parse(der, trust_domain)?;
        let invalid = |rule: &str| {
            Error::new(
                Reason::NodeIdentityInvalid,
                format!("the client certificate {rule}"),
            )
        };
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| invalid("cannot be parsed"))?;
        let instant = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp())
                .map_err(|_| invalid("has a validity out of the calendar's range"))
        };
        Ok(Self {
            agency,
            node,
            fingerprint: hub_core::crypto::sha256(&[der]),
            serial: without_leading_zeros(certificate.raw_serial()).to_vec(),
            not_before_at: instant(certificate.validity().not_before)?,
            not_after_at: instant(certificate.validity().not_after)?,
            certificate: der.into(),
            key: VerifyingKey::from_certificate(der)
                .map_err(|_| invalid("must have an Ed25519 or ECDSA P-256 key"))?,
        })
    }
}

/// A serial number without the zero that DER puts before a high bit, so that two can be compared.
#[must_use]
pub fn without_leading_zeros(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|byte| **byte == 0).count();
    serial.get(zeros..).unwrap_or_default()
}

/// The serial numbers on the revocation list in force.
///
/// A node authority draws 16 random bytes for each serial number, so that a number stands for one
/// certificate even where the list joins several authorities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevokedSerials(HashSet<Vec<u8>>);

impl RevokedSerials {
    /// True when the serial number is on the list.
    #[must_use]
    pub fn contains(&self, serial: &[u8]) -> bool {
        self.0.contains(without_leading_zeros(serial))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> FromIterator<&'a [u8]> for RevokedSerials {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(serials: I) -> Self {
        let trimmed = serials
            .into_iter()
            .map(|serial| without_leading_zeros(serial).to_vec());
        Self(trimmed.collect())
    }
}

/// What a connection knows about its peer; in the extensions of every request on it.
#[derive(Debug, Clone)]
pub struct PeerInfo {
    /// The node, or why its certificate names none. The error is told to the caller.
    pub peer: Result<Arc<Peer>>,
    /// The TLS session was resumed from a ticket.
    pub is_resumed: bool,
    /// The pace at which the peer is read, on all its connections.
    pub throttle: Throttle,
}

/// Where an agency stands today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgencyStanding {
    /// The charter does not know it.
    Unknown,
    /// It is a member of no mechanism today.
    NotInForce,
    /// It is a member.
    InForce,
}

/// Where a certificate stands in the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeStanding {
    /// It is not enrolled.
    NotEnrolled,
    /// It was enrolled and is revoked.
    Revoked,
    /// It is enrolled for an agency.
    Enrolled {
        /// The agency.
        agency: AgencyId,
    },
}

/// Where a token key stands in the roster.
#[derive(Debug, Clone)]
pub enum KeyStanding {
    /// The agency has no such key.
    Unknown,
    /// It is revoked.
    Revoked,
    /// It signs officer tokens.
    Active(Arc<TokenKey>),
}

/// What identity asks of the roster. Every answer is about the present state; identity caches
/// nothing across epochs.
pub trait Roster: Send + Sync + 'static {
    /// A number that changes with every change of the roster. Waiting on it wakes open streams.
    fn epochs(&self) -> tokio::sync::watch::Receiver<u64>;

    /// The present epoch.
    fn epoch(&self) -> u64 {
        *self.epochs().borrow()
    }

    /// Where an agency stands at an instant.
    fn agency(&self, agency: &AgencyId, now: Timestamp) -> AgencyStanding;

    /// The next instant after `now` at which the agency's standing changes by date alone, without
    /// a change of epoch; `None` when there is none.
    fn agency_changes_at(&self, agency: &AgencyId, now: Timestamp) -> Option<Timestamp>;

    /// Where the certificate with this SHA-256 stands.
    fn node(&self, fingerprint: &Digest) -> NodeStanding;

    /// Where an agency's token key stands.
    fn token_key(&self, agency: &AgencyId, kid: &str) -> KeyStanding;

    /// True when the charter grants the role to the agency.
    fn is_role_granted(&self, agency: &AgencyId, role: &RoleId) -> bool;
}

/// An officer who acts on a node: what handlers find in a request's extensions as `Arc<Caller>`.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The node.
    pub peer: Arc<Peer>,
    /// The officer: the token's `sub`.
    pub officer: OfficerId,
    /// The roles of the token, each granted to the agency.
    pub roles: Vec<RoleId>,
    /// End of the token's life.
    pub token_expires_at: Timestamp,
    /// The token's key, which may be revoked while a stream is open.
    pub token_kid: String,
}

impl Caller {
    /// The caller's agency.
    #[must_use]
    pub fn agency(&self) -> &AgencyId {
        &self.peer.agency
    }
}

/// A mutating call's proof of authorship: what handlers find in extensions as `Arc<Authored>`.
#[derive(Debug, Clone)]
pub struct Authored {
    /// The author's salt.
    pub salt: Salt,
    /// What the author signed.
    pub commitment: Digest,
    /// The signature by the node's key.
    pub signature: Vec<u8>,
    /// The exact message bytes, without the gRPC frame.
    pub request: Bytes,
}
