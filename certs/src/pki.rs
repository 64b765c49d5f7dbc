//! A public-key infrastructure in a folder.
//!
//! ```text
//! ca/ca.pem ca.key                      the authority of the hub and of every node
//! hub/hub.pem hub.key                   the hub's server certificate
//! hub/ledger.key ledger.vkey            the ledger's Ed25519 key and its public text
//! crl.pem                               revocation list, always there
//! index.json                            what was issued and revoked
//! roster/<agency>/nodes/*.pem           certificates for the hub's roster
//! roster/<agency>/token-keys.json       public token keys (JWKS) for the hub's roster
//! profiles/<agency>[.<node>]/           a client's profile: what to hand to that agency, and
//!                                       nothing else of this folder
//! keys/<agency>/                        keys issued without a profile
//! ```
//!
//! Invariant: the index is written before a certificate leaves, so that whatever was issued can be
//! revoked; the revocation list is always written from the index. One process at a time.

mod profile;

use std::{
    fs::{self, File},
    net::IpAddr,
    path::{Path, PathBuf},
};

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8, hex, sha256, unhex},
    names::{AgencyId, NodeId},
};
use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    Error, Result,
    ca::{Ca, ExtendedUse, KeyKind, Leaf, LeafSpec, Revocation, spiffe_id},
    files::{io, pem, private_folder, public_folder, read_key, read_text, write_key, write_public},
    index::{INDEX_VERSION, Index, Reason, Record},
    vkey::{is_origin, verifier_key},
};

/// How long before its making a certificate is valid, for clocks that are behind.
pub const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// Default life of the authority, in days.
pub const CA_DAYS: u32 = 3650;

/// Default life of the hub's and the nodes' certificates, in days.
pub const LEAF_DAYS: u32 = 397;

/// Default life of a revocation list, in days. The hub refuses everyone once it is over, so
/// refresh it well before.
pub const CRL_DAYS: u32 = 365;

/// Longest life of anything, in days.
pub const DAYS_MAX: u32 = 36_500;

/// Most certificates in one index.
pub const CERTIFICATES_MAX: usize = 100_000;

/// Most subject alternative names of the hub's certificate.
pub const HUB_SANS_MAX: usize = 32;

/// How to make a PKI.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// Trust domain of the SPIFFE ids: lower-case letters, digits, dots and hyphens.
    pub trust_domain: String,
    /// Origin of the ledger's checkpoints: no white space, no `+`.
    pub origin: String,
    /// DNS names and IP addresses of the hub.
    pub hub_sans: Vec<String>,
    /// Life of the authority, in days.
    pub ca_days: u32,
    /// Life of the hub's certificate, in days.
    pub hub_days: u32,
    /// Life of a revocation list, in days.
    pub crl_days: u32,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self {
            trust_domain: "hub.shanxi.example".into(),
            origin: "hub.shanxi.example".into(),
            hub_sans: ["localhost", "127.0.0.1", "::1"].map(Into::into).to_vec(),
            ca_days: CA_DAYS,
            hub_days: LEAF_DAYS,
            crl_days: CRL_DAYS,
        }
    }
}

/// What to issue to a node.
#[derive(Debug, Clone)]
pub struct IssueOptions {
    /// The agency's id.
    pub agency: String,
    /// The node's id.
    pub node: String,
    /// Kind of key.
    pub key_kind: KeyKind,
    /// Start of validity; [`BACKDATE`] ago when absent.
    pub not_before_at: Option<Timestamp>,
    /// End of validity; [`LEAF_DAYS`] from now when absent.
    pub not_after_at: Option<Timestamp>,
    /// Write a client profile; otherwise only the certificate and its key.
    pub profile: bool,
    /// Take the place of the same node's certificate in an existing profile. The old files stay
    /// beside the new ones under their serial number; the old certificate is not revoked.
    pub replace: bool,
    /// The profile's endpoint.
    pub hub_endpoint: String,
    /// The profile's server name, where the endpoint's host is not in the hub's certificate.
    pub server_name: Option<String>,
    /// The profile's officer; `<agency>-clerk-1` when absent.
    pub officer: Option<String>,
    /// The profile's roles.
    pub roles: Vec<String>,
}

impl IssueOptions {
    /// A P-256 certificate with a profile for a hub on this machine.
    #[must_use]
    pub fn new(agency: impl Into<String>, node: impl Into<String>) -> Self {
        Self {
            agency: agency.into(),
            node: node.into(),
            key_kind: KeyKind::default(),
            not_before_at: None,
            not_after_at: None,
            profile: true,
            replace: false,
            hub_endpoint: "https://127.0.0.1:7443".into(),
            server_name: None,
            officer: None,
            roles: vec!["clerk".into()],
        }
    }
}

/// What was issued, and where it lies.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The index's record.
    pub record: Record,
    /// The node's SPIFFE id.
    pub spiffe_id: String,
    /// The certificate, DER.
    pub certificate_der: Vec<u8>,
    /// The private key's file.
    pub key_file: PathBuf,
    /// The certificate's copy for the roster.
    pub roster_file: PathBuf,
    /// The profile file, where one was asked for.
    pub profile_file: Option<PathBuf>,
}

/// Which certificates to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The one with this serial number, hex.
    Serial(String),
    /// Every certificate of a node that is not revoked yet.
    Node {
        /// The agency.
        agency: String,
        /// The node.
        node: String,
    },
}

impl std::str::FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((agency, node)) => Ok(Self::Node {
                agency: agency.into(),
                node: node.into(),
            }),
            None if unhex(text).is_some_and(|serial| !serial.is_empty()) => {
                Ok(Self::Serial(text.to_ascii_lowercase()))
            }
            None => Err("must be a serial number in hex, or agency/node".into()),
        }
    }
}

/// An open PKI folder; locked until it is dropped.
#[derive(Debug)]
pub struct Pki {
    folder: PathBuf,
    ca: Ca,
    index: Index,
    _lock: File,
}

impl Pki {
    /// Makes a PKI in a folder that holds none yet.
    ///
    /// # Errors
    /// When an option breaks a rule, a PKI is there already, or a file cannot be written.
    pub fn init(folder: &Path, options: &InitOptions) -> Result<Self> {
        check_options(options)?;
        private_folder(folder)?;
        let lock = lock(folder)?;
        let index_file = folder.join("index.json");
        let remedy = "choose another folder, or use the PKI that is there";
        for taken in [&index_file, &folder.join("ca/ca.key")] {
            if taken.exists() {
                return Err(Error::Exists {
                    path: taken.clone(),
                    remedy,
                });
            }
        }
        let now = now();
        let ca = Ca::generate(
            &format!("{} authority", options.trust_domain),
            before(now, BACKDATE)?,
            after_days(now, options.ca_days)?,
        )?;
        private_folder(&folder.join("ca"))?;
        write_key(&folder.join("ca/ca.key"), ca.key_pem().as_bytes(), remedy)?;
        write_public(&folder.join("ca/ca.pem"), ca.certificate_pem().as_bytes())?;
        let mut pki = Self {
            folder: folder.to_owned(),
            ca,
            index: Index {
                version: INDEX_VERSION,
                trust_domain: options.trust_domain.clone(),
                origin: options.origin.clone(),
                crl_days: options.crl_days,
                crl_number: 0,
                certificates: vec![],
            },
            _lock: lock,
        };
        private_folder(&folder.join("hub"))?;
        pki.make_ledger_key()?;
        pki.make_hub_certificate(&options.hub_sans, options.hub_days)?;
        pki.refresh_crl()?;
        Ok(pki)
    }

    /// Opens the PKI of a folder.
    ///
    /// # Errors
    /// When there is none, another process holds it, or a file is damaged.
    pub fn open(folder: &Path) -> Result<Self> {
        let index_file = folder.join("index.json");
        if !index_file.exists() {
            return Err(Error::NotFound(format!(
                "{} holds no PKI (no index.json); make one with `hub pki init`",
                folder.display()
            )));
        }
        let lock = lock(folder)?;
        let index: Index =
            serde_json::from_str(&read_text(&index_file)?).map_err(|error| Error::Damaged {
                path: index_file.clone(),
                rule: format!("{error}; restore the file from a backup"),
            })?;
        if index.version != INDEX_VERSION {
            return Err(Error::Damaged {
                path: index_file,
                rule: format!("version must be {INDEX_VERSION}, found {}", index.version),
            });
        }
        let certificate = read_certificate(&folder.join("ca/ca.pem"))?;
        let ca = Ca::load(&certificate, &read_key(&folder.join("ca/ca.key"))?)?;
        Ok(Self {
            folder: folder.to_owned(),
            ca,
            index,
            _lock: lock,
        })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The authority, for raw issuing in tests.
    #[must_use]
    pub fn ca(&self) -> &Ca {
        &self.ca
    }

    /// Trust domain of the SPIFFE ids.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.index.trust_domain
    }

    /// Origin of the ledger's checkpoints.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.index.origin
    }

    /// Every certificate issued to a node, oldest first.
    #[must_use]
    pub fn list(&self) -> &[Record] {
        &self.index.certificates
    }

    /// Issues a certificate to a node and writes its files.
    ///
    /// # Errors
    /// When an option breaks a rule, a profile is in the way, or a file cannot be written.
    pub fn issue(&mut self, options: &IssueOptions) -> Result<Issued> {
        check_id::<AgencyId>("agency", &options.agency)?;
        check_id::<NodeId>("node", &options.node)?;
        profile::check(options)?;
        if self.index.certificates.len() >= CERTIFICATES_MAX {
            return Err(Error::Option {
                option: "agency",
                rule: format!("the index is full: at most {CERTIFICATES_MAX} certificates"),
            });
        }
        let now = now();
        let not_before_at = options
            .not_before_at
            .map_or_else(|| before(now, BACKDATE), Ok)?;
        let not_after_at = options
            .not_after_at
            .map_or_else(|| after_days(now, LEAF_DAYS), Ok)?;
        if not_after_at <= not_before_at {
            return Err(Error::Option {
                option: "not_after",
                rule: format!("must be after {not_before_at}"),
            });
        }
        let place = profile::place(self, options)?;
        let mut spec = LeafSpec::node(
            self.trust_domain(),
            &options.agency,
            &options.node,
            not_before_at,
            not_after_at,
        );
        spec.key_kind = options.key_kind;
        let leaf = self.ca.issue(&spec)?;
        let record = self.record(options, &leaf, &spec)?;
        let roster_file = self.write_roster_certificate(&record, &leaf)?;
        let (key_file, profile_file) = profile::write(self, options, &place, &record, &leaf)?;
        Ok(Issued {
            spiffe_id: spiffe_id(self.trust_domain(), &options.agency, &options.node),
            certificate_der: leaf.certificate_der,
            record,
            key_file,
            roster_file,
            profile_file,
        })
    }

    /// Revokes certificates and writes the revocation list. Gives the records as they now stand.
    ///
    /// # Errors
    /// When nothing matches that is not revoked already, or a file cannot be written.
    pub fn revoke(&mut self, selector: &Selector, reason: Reason) -> Result<Vec<Record>> {
        let matches = |record: &Record| match selector {
            Selector::Serial(serial) => record.serial.eq_ignore_ascii_case(serial),
            Selector::Node { agency, node } => record.agency == *agency && record.node == *node,
        };
        let now = now();
        let mut revoked = vec![];
        let mut before = None;
        for record in &mut self.index.certificates {
            if !matches(record) {
                continue;
            }
            if let Some(at) = record.revoked_at {
                before = Some(at);
                continue;
            }
            record.revoked_at = Some(now);
            record.reason = Some(reason);
            revoked.push(record.clone());
        }
        if revoked.is_empty() {
            return Err(Error::NotFound(match before {
                Some(at) => format!("revoked already, at {at}"),
                None => "no such certificate; `hub pki list` shows what was issued".into(),
            }));
        }
        self.refresh_crl()?;
        Ok(revoked)
    }

    /// Writes the revocation list anew, good for `crl_days` from now. Gives its last instant.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn refresh_crl(&mut self) -> Result<Timestamp> {
        let now = now();
        let next_update_at = after_days(now, self.index.crl_days)?;
        self.write_crl(before(now, BACKDATE)?, next_update_at)?;
        Ok(next_update_at)
    }

    /// Writes the revocation list with these times, whatever they are.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_crl(
        &mut self,
        this_update_at: Timestamp,
        next_update_at: Timestamp,
    ) -> Result<()> {
        self.index.crl_number = self.index.crl_number.saturating_add(1);
        self.write_index()?;
        let revoked = self
            .index
            .certificates
            .iter()
            .filter_map(|record| {
                Some(Revocation {
                    serial: unhex(&record.serial)?,
                    revoked_at: record.revoked_at?,
                    reason: record.reason.unwrap_or_default(),
                })
            })
            .collect::<Vec<_>>();
        let list = self.ca.revocation_list(
            self.index.crl_number,
            this_update_at,
            next_update_at,
            &revoked,
        )?;
        write_public(&self.folder.join("crl.pem"), list.as_bytes())
    }

    /// Renews the hub's certificate with a new key. The old files stay under their serial number.
    ///
    /// # Errors
    /// When a name breaks a rule or a file cannot be written.
    pub fn renew_hub(&mut self, sans: &[String], days: u32) -> Result<()> {
        check_sans(sans)?;
        check_days("days", days)?;
        set_aside(&self.folder.join("hub"), "hub")?;
        self.make_hub_certificate(sans, days)
    }

    fn record(&mut self, options: &IssueOptions, leaf: &Leaf, spec: &LeafSpec) -> Result<Record> {
        let record = Record {
            serial: hex(&leaf.serial),
            agency: options.agency.clone(),
            node: options.node.clone(),
            not_before_at: spec.not_before_at,
            not_after_at: spec.not_after_at,
            fingerprint: hex(&sha256(&[&leaf.certificate_der])),
            revoked_at: None,
            reason: None,
        };
        self.index.certificates.push(record.clone());
        self.write_index()?;
        Ok(record)
    }

    fn write_roster_certificate(&self, record: &Record, leaf: &Leaf) -> Result<PathBuf> {
        let folder = self
            .folder
            .join("roster")
            .join(&record.agency)
            .join("nodes");
        public_folder(&folder)?;
        let file = folder.join(format!("{}-{}.pem", record.node, record.serial));
        write_public(&file, leaf.certificate_pem.as_bytes())?;
        Ok(file)
    }

    fn write_index(&self) -> Result<()> {
        let path = self.folder.join("index.json");
        let mut text =
            serde_json::to_string_pretty(&self.index).map_err(|error| Error::Damaged {
                path: path.clone(),
                rule: error.to_string(),
            })?;
        text.push('\n');
        write_public(&path, text.as_bytes())
    }

    fn make_ledger_key(&self) -> Result<()> {
        let der = generate_ed25519_pkcs8()?;
        let public = SigningKey::from_pkcs8(&der)?.public_key();
        write_key(
            &self.folder.join("hub/ledger.key"),
            pem("PRIVATE KEY", &der).as_bytes(),
            "the ledger's key lives as long as the ledger; choose another folder",
        )?;
        let text = format!("{}\n", verifier_key(&self.index.origin, &public));
        write_public(&self.folder.join("hub/ledger.vkey"), text.as_bytes())
    }

    fn make_hub_certificate(&self, sans: &[String], days: u32) -> Result<()> {
        let now = now();
        let (ips, names): (Vec<_>, Vec<_>) =
            sans.iter().partition(|san| san.parse::<IpAddr>().is_ok());
        let leaf = self.ca.issue(&LeafSpec {
            common_name: format!("{} hub", self.trust_domain()),
            uri_sans: vec![format!("spiffe://{}/hub", self.trust_domain())],
            dns_sans: names.into_iter().cloned().collect(),
            ip_sans: ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
            extended_uses: vec![ExtendedUse::Server],
            not_before_at: before(now, BACKDATE)?,
            not_after_at: after_days(now, days)?,
            key_kind: KeyKind::P256,
        })?;
        write_key(
            &self.folder.join("hub/hub.key"),
            leaf.key_pem.as_bytes(),
            "renew it with `hub pki renew-hub`",
        )?;
        let chain = format!("{}{}", leaf.certificate_pem, self.ca.certificate_pem());
        write_public(&self.folder.join("hub/hub.pem"), chain.as_bytes())
    }
}

/// Renames `<stem>.pem` and `<stem>.key` to `<stem>-<serial>.*`.
fn set_aside(folder: &Path, stem: &str) -> Result<()> {
    let certificate = folder.join(format!("{stem}.pem"));
    let der = read_certificate(&certificate)?;
    let serial = x509_parser::parse_x509_certificate(&der)
        .map(|(_, parsed)| hex(parsed.raw_serial()))
        .map_err(|_| damaged_certificate(&certificate))?;
    for extension in ["key", "pem"] {
        let old = folder.join(format!("{stem}.{extension}"));
        let new = folder.join(format!("{stem}-{serial}.{extension}"));
        fs::rename(&old, new).map_err(io(&old))?;
    }
    Ok(())
}

fn read_certificate(path: &Path) -> Result<Vec<u8>> {
    CertificateDer::from_pem_slice(read_text(path)?.as_bytes())
        .map(|der| der.to_vec())
        .map_err(|_| damaged_certificate(path))
}

fn damaged_certificate(path: &Path) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        rule: "must hold a PEM block CERTIFICATE".into(),
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io(&path))?;
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => Error::Damaged {
            path: path.clone(),
            rule: "another process is at work in this PKI; wait for it, then try again".into(),
        },
        fs::TryLockError::Error(source) => io(&path)(source),
    })?;
    Ok(file)
}

fn check_options(options: &InitOptions) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    if !(1..=255).contains(&options.trust_domain.len()) || !options.trust_domain.chars().all(plain)
    {
        return Err(Error::Option {
            option: "trust_domain",
            rule: "must be 1 to 255 characters of a-z, 0-9, dots and hyphens".into(),
        });
    }
    if !is_origin(&options.origin) {
        return Err(Error::Option {
            option: "origin",
            rule: "must not be empty and must hold neither white space nor +".into(),
        });
    }
    check_sans(&options.hub_sans)?;
    check_days("ca_days", options.ca_days)?;
    check_days("hub_days", options.hub_days)?;
    check_days("crl_days", options.crl_days)
}

fn check_sans(sans: &[String]) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let good = |san: &String| {
        san.parse::<IpAddr>().is_ok() || ((1..=253).contains(&san.len()) && san.chars().all(plain))
    };
    if (1..=HUB_SANS_MAX).contains(&sans.len()) && sans.iter().all(good) {
        return Ok(());
    }
    Err(Error::Option {
        option: "hub_sans",
        rule: format!("must be 1 to {HUB_SANS_MAX} DNS names or IP addresses"),
    })
}

fn check_days(option: &'static str, days: u32) -> Result<()> {
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(());
    }
    Err(Error::Option {
        option,
        rule: format!("must be 1 to {DAYS_MAX} days"),
    })
}

fn check_id<T: std::str::FromStr<Err = hub_core::names::NameError>>(
    option: &'static str,
    text: &str,
) -> Result<()> {
    match text.parse::<T>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Option {
            option,
            rule: error.to_string(),
        }),
    }
}

/// Now in whole seconds, which is all that a certificate can hold.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn before(at: Timestamp, by: SignedDuration) -> Result<Timestamp> {
    at.checked_sub(by).map_err(|_| out_of_range())
}

fn after_days(at: Timestamp, days: u32) -> Result<Timestamp> {
    at.checked_add(SignedDuration::from_hours(i64::from(days) * 24))
        .map_err(|_| out_of_range())
}

fn out_of_range() -> Error {
    Error::Option {
        option: "time",
        rule: "is out of the calendar's range".into(),
    }
}

#[cfg(test)]
mod tests;
