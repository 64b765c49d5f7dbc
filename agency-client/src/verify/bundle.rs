//! A bundle: one JSON file that proves one entry to anyone who has the ledger's public key.
//!
//! Bytes are base64, hashes are hex. Verifying needs no network and no word of the hub's.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub_core::{
    commitment::{commitment, events_hash},
    crypto::{Digest, Salt, VerifyingKey, hex, sha256, unhex},
    merkle::{leaf_hash, verify_inclusion},
    note::NoteVerifier,
};
use hub_proto::ledger::{EntryContent, EntryHeader, GetEntryResponse, GetInclusionProofResponse};
use prost::Message as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};
use x509_parser::{extensions::GeneralName, prelude::FromDer as _};

use super::{digests, failed};
use crate::{checkpoint::TrustedCheckpoint, error::Result};

/// Version of the bundle's form.
///
/// ```
/// assert_eq!(agency_client::verify::BUNDLE_FORMAT, 1);
/// ```
pub const BUNDLE_FORMAT: u32 = 1;
/// Author of the hub's own acts.
const HUB: &str = "hub";

/// Why the text of a sealed entry is not checked.
const SEALED: &str = "content sealed by retention; header, author signature and inclusion verify, the \
                      text cannot be bound to them any more";

/// Proof of one entry.
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let bundle = client.ledger().bundle(7, None).await?;
/// std::fs::write("entry-7.json", serde_json::to_vec_pretty(&bundle)?)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`BUNDLE_FORMAT`].
    pub format: u32,
    /// Index of the entry.
    pub entry_index: u64,
    /// Exact header bytes, base64.
    pub header: String,
    /// RFC 6962 leaf hash of the header, hex.
    pub leaf_hash: String,
    /// Size of the tree that the proof is for.
    pub tree_size: u64,
    /// Audit path, leaf to root, hex.
    pub inclusion_proof: Vec<String>,
    /// Signed note.
    pub checkpoint: String,
    /// The content; absent when it is sealed or was not the caller's to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<BundleContent>,
    /// Whether the content is absent because the hub said that retention had sealed it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_sealed: bool,
    /// DER of the author's certificate, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author_certificate: Option<String>,
}

/// Content of an entry, base64 throughout.
///
/// ```no_run
/// use agency_client::verify::Bundle;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let bundle: Bundle = serde_json::from_slice(&std::fs::read("entry-7.json")?)?;
/// if let Some(content) = &bundle.content {
///     println!("{} characters of base64", content.request.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleContent {
    /// The author's 16 random bytes.
    pub author_salt: String,
    /// Exact request bytes.
    pub request: String,
    /// The hub's 16 random bytes; empty when the hub keeps the events to itself, because they tell
    /// of logs that the author may not see.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event_salt: String,
    /// Exact event bytes; empty as above.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub events: String,
}

/// What came of a check.
///
/// ```
/// use agency_client::verify::Outcome;
///
/// let outcome = Outcome::NotChecked("no authority was given");
/// assert!(!matches!(outcome, Outcome::Holds));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It could not be made; the text says what is missing.
    NotChecked(&'static str),
}

/// One check of a bundle.
///
/// ```no_run
/// use agency_client::verify::{BundleReport, Outcome};
///
/// # fn example(report: BundleReport) {
/// for check in report.checks {
///     if let Outcome::NotChecked(why) = check.outcome {
///         println!("{}: {why}", check.name);
///     }
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// What was checked, in `snake_case`.
    pub name: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// A bundle that holds.
///
/// ```no_run
/// use agency_client::{profile, verify::Bundle};
///
/// # fn example(bundle: Bundle) -> agency_client::Result<()> {
/// let key = profile::ledger_key("ledger.vkey".as_ref())?;
/// let report = bundle.verify(&key, None)?;
/// println!("entry {} of {}", report.header.index, report.tree_size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BundleReport {
    /// The entry's header.
    pub header: EntryHeader,
    /// The content, when the bundle has it.
    pub content: Option<EntryContent>,
    /// Size of the tree under the checkpoint.
    pub tree_size: u64,
    /// Every check, made or not.
    pub checks: Vec<Check>,
}

impl Bundle {
    pub(crate) fn new(
        checkpoint: &TrustedCheckpoint,
        proof: &GetInclusionProofResponse,
        header: Option<&[u8]>,
        entry: Option<&GetEntryResponse>,
    ) -> Result<Self> {
        let stored = entry.and_then(|entry| entry.entry.as_ref());
        let header = header
            .or(stored.map(|entry| &entry.header[..]))
            .ok_or_else(|| failed("the header of the entry is not to be had"))?;
        let index = EntryHeader::decode(header)
            .map_err(|error| failed(format!("the header does not decode: {error}")))?
            .index;
        let content = stored
            .filter(|entry| !entry.content.is_empty())
            .map(|entry| EntryContent::decode(&entry.content[..]))
            .transpose()
            .map_err(|error| failed(format!("the content does not decode: {error}")))?;
        Ok(Self {
            format: BUNDLE_FORMAT,
            entry_index: index,
            header: STANDARD.encode(header),
            leaf_hash: hex(&proof.leaf_hash),
            tree_size: checkpoint.size,
            inclusion_proof: digests(&proof.hashes)?
                .iter()
                .map(|hash| hex(hash))
                .collect(),
            checkpoint: checkpoint.note.clone(),
            content: content.map(|content| BundleContent {
                author_salt: STANDARD.encode(&content.author_salt),
                request: STANDARD.encode(&content.request),
                event_salt: STANDARD.encode(&content.event_salt),
                events: STANDARD.encode(&content.events),
            }),
            is_sealed: stored.is_some_and(|entry| entry.content.is_empty()),
            author_certificate: entry
                .filter(|entry| !entry.author_certificate.is_empty())
                .map(|entry| STANDARD.encode(&entry.author_certificate)),
        })
    }

    /// Verifies everything that the bundle has material for. `authorities` are those that node
    /// certificates must chain to, at the time when the entry was recorded.
    ///
    /// ```no_run
    /// use agency_client::{profile, verify::Bundle};
    ///
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let bundle: Bundle = serde_json::from_slice(&std::fs::read("entry-7.json")?)?;
    /// let key = profile::ledger_key("ledger.vkey".as_ref())?;
    /// for check in bundle.verify(&key, None)?.checks {
    ///     println!("{}: {:?}", check.name, check.outcome);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`crate::ClientError::Verification`] for the first check that does not hold.
    pub fn verify(
        &self,
        ledger_key: &NoteVerifier,
        authorities: Option<&[CertificateDer<'static>]>,
    ) -> Result<BundleReport> {
        if self.format != BUNDLE_FORMAT {
            return Err(failed(format!(
                "the bundle has format {}, this client reads {BUNDLE_FORMAT}",
                self.format
            )));
        }
        let header_bytes = base64("header", &self.header)?;
        let header = self.included(ledger_key, &header_bytes)?;
        let mut checks: Vec<Check> = ["checkpoint_signature", "leaf_hash", "inclusion"]
            .map(|name| Check {
                name,
                outcome: Outcome::Holds,
            })
            .into();
        let mut add = |name, outcome| checks.push(Check { name, outcome });
        let certificate = self
            .author_certificate
            .as_deref()
            .map(|text| base64("author_certificate", text))
            .transpose()?;
        for (name, outcome) in by_author(&header, ledger_key, certificate, authorities)? {
            add(name, outcome);
        }
        let content = self.content.as_ref().map(decoded).transpose()?;
        let (commitment, events) = match &content {
            Some(content) => (
                committed(&header, content)?,
                events_recorded(&header, content)?,
            ),
            None => {
                let missing = Outcome::NotChecked(if self.is_sealed {
                    SEALED
                } else {
                    "the bundle has no content"
                });
                (missing, missing)
            }
        };
        add("commitment", commitment);
        add("events_hash", events);
        Ok(BundleReport {
            header,
            content,
            tree_size: self.tree_size,
            checks,
        })
    }

    fn included(&self, ledger_key: &NoteVerifier, header_bytes: &[u8]) -> Result<EntryHeader> {
        let checkpoint = ledger_key
            .verify(&self.checkpoint)
            .map_err(|error| failed(format!("checkpoint: {error}")))?;
        if checkpoint.size != self.tree_size {
            return Err(failed("tree_size is not that of the checkpoint"));
        }
        let leaf = leaf_hash(header_bytes);
        if digest("leaf_hash", &self.leaf_hash)? != leaf {
            return Err(failed("leaf_hash is not the hash of header"));
        }
        let header = EntryHeader::decode(header_bytes)
            .map_err(|error| failed(format!("header: {error}")))?;
        if header.index != self.entry_index {
            return Err(failed("entry_index is not that of header"));
        }
        let path = self
            .inclusion_proof
            .iter()
            .map(|hash| digest("inclusion_proof", hash))
            .collect::<Result<Vec<_>>>()?;
        verify_inclusion(
            &leaf,
            self.entry_index,
            self.tree_size,
            &path,
            &checkpoint.root,
        )
        .map_err(|error| failed(format!("inclusion: {error}")))?;
        Ok(header)
    }
}

type Named = (&'static str, Outcome);

/// Checks the author's signature, identity and certificate.
fn by_author(
    header: &EntryHeader,
    ledger_key: &NoteVerifier,
    certificate: Option<Vec<u8>>,
    authorities: Option<&[CertificateDer<'static>]>,
) -> Result<Vec<Named>> {
    let author = header.author.clone().unwrap_or_default();
    let signed = |key: &VerifyingKey| {
        key.verify(&header.commitment, &header.author_signature)
            .map_err(|error| failed(format!("author_signature: {error}")))
    };
    if author.agency == HUB {
        let key = VerifyingKey::from_ed25519(ledger_key.public_key())
            .map_err(|error| failed(format!("ledger key: {error}")))?;
        signed(&key)?;
        return Ok(vec![("author_signature", Outcome::Holds)]);
    }
    let Some(certificate) = certificate else {
        let missing = Outcome::NotChecked("the bundle has no author certificate");
        return Ok(vec![
            ("author_signature", missing),
            ("author_identity", missing),
            ("author_authority", missing),
        ]);
    };
    if sha256(&[&certificate])[..] != author.certificate_sha256[..] {
        return Err(failed(
            "author_certificate is not the one that the header names",
        ));
    }
    let key = VerifyingKey::from_certificate(&certificate)
        .map_err(|error| failed(format!("author_certificate: {error}")))?;
    signed(&key)?;
    identity(&certificate, &author.agency, &author.node)?;
    let authority = match authorities {
        Some(authorities) => chained(certificate, authorities, header.recorded_at_us)?,
        None => Outcome::NotChecked("no certificate authority was given"),
    };
    Ok(vec![
        ("author_signature", Outcome::Holds),
        ("author_identity", Outcome::Holds),
        ("author_authority", authority),
    ])
}

/// The certificate's one SPIFFE id must name the author that the header names.
fn identity(certificate: &[u8], agency: &str, node: &str) -> Result<()> {
    let wrong = |text: String| failed(format!("author_identity: {text}"));
    let (_, parsed) = x509_parser::certificate::X509Certificate::from_der(certificate)
        .map_err(|_| wrong("the certificate does not parse".into()))?;
    let names = parsed
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|names| names.value.general_names.clone())
        .unwrap_or_default();
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let expected = format!("/agency/{agency}/node/{node}");
    let names_author = |uri: &str| {
        uri.strip_prefix("spiffe://")
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(_, path)| format!("/{path}") == expected)
    };
    match uris.as_slice() {
        [uri] if names_author(uri) => Ok(()),
        _ => Err(wrong(format!(
            "the certificate does not name {agency} and its node {node}"
        ))),
    }
}

/// The certificate must have chained to an authority when the entry was recorded.
fn chained(
    certificate: Vec<u8>,
    authorities: &[CertificateDer<'static>],
    recorded_at_us: i64,
) -> Result<Outcome> {
    let wrong = |text: String| failed(format!("author_authority: {text}"));
    let mut roots = rustls::RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority.clone())
            .map_err(|error| wrong(error.to_string()))?;
    }
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        roots.into(),
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .build()
    .map_err(|error| wrong(error.to_string()))?;
    let recorded_at_us = u64::try_from(recorded_at_us)
        .map_err(|_| wrong("the entry was recorded before 1970".into()))?;
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_micros(recorded_at_us));
    verifier
        .verify_client_cert(&certificate.into(), &[], at)
        .map_err(|error| wrong(error.to_string()))?;
    Ok(Outcome::Holds)
}

/// The content must be what the header commits to.
fn committed(header: &EntryHeader, content: &EntryContent) -> Result<Outcome> {
    let author_salt = salt("author_salt", &content.author_salt)?;
    let computed = commitment(&author_salt, &header.method, &content.request);
    if header.commitment[..] != computed {
        return Err(failed("commitment: the content is not what was signed"));
    }
    Ok(Outcome::Holds)
}

/// The events must be those that the header has the hash of.
fn events_recorded(header: &EntryHeader, content: &EntryContent) -> Result<Outcome> {
    if content.event_salt.is_empty() && content.events.is_empty() {
        return Ok(Outcome::NotChecked(
            "the hub keeps the events to itself: they tell of logs that others read",
        ));
    }
    let event_salt = salt("event_salt", &content.event_salt)?;
    if header.events_hash[..] != events_hash(&event_salt, &content.events) {
        return Err(failed("events_hash: the events are not those recorded"));
    }
    Ok(Outcome::Holds)
}

fn decoded(content: &BundleContent) -> Result<EntryContent> {
    Ok(EntryContent {
        author_salt: base64("author_salt", &content.author_salt)?.into(),
        request: base64("request", &content.request)?.into(),
        event_salt: base64("event_salt", &content.event_salt)?.into(),
        events: base64("events", &content.events)?.into(),
        ..EntryContent::default()
    })
}

fn base64(field: &str, text: &str) -> Result<Vec<u8>> {
    STANDARD
        .decode(text)
        .map_err(|error| failed(format!("{field}: no base64: {error}")))
}

fn digest(field: &str, text: &str) -> Result<Digest> {
    unhex(text)
        .and_then(|bytes| Digest::try_from(bytes).ok())
        .ok_or_else(|| failed(format!("{field}: must be 64 hex digits")))
}

fn salt(field: &str, bytes: &[u8]) -> Result<Salt> {
    Salt::try_from(bytes).map_err(|_| failed(format!("{field}: must have 16 bytes")))
}
