//! Loads the TLS files, and again when they change.
//!
//! Invariant: a set of files that does not fit together is never put in force; the last good one
//! stays, and the log says what is wrong.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use arc_swap::ArcSwap;
use hub_core::crypto::{Digest, sha256};
use jiff::{SignedDuration, Timestamp};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    time_provider::TimeProvider,
};
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime, pem::PemObject as _,
};
use tokio::sync::watch;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use crate::{clock::Clock, identity::RevokedSerials};

/// Largest file that is read, in bytes.
pub const TLS_FILE_BYTES_MAX: u64 = 64 << 20;

/// How often the log repeats that every node is refused. What is to come is told by
/// [`crate::expiry`].
const CRL_WARNING_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Where the TLS files are, and how often to look at them.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The hub's certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// The hub's private key, PEM.
    pub key: PathBuf,
    /// The authorities of node certificates, PEM.
    pub client_ca: PathBuf,
    /// The revocation lists of these authorities, PEM; one for each.
    pub crl: PathBuf,
    /// How often the files are compared with what is in force.
    pub reload_interval: Duration,
}

impl TlsOptions {
    /// The files of a PKI folder that `hub pki init` made, looked at every second.
    #[must_use]
    pub fn of_pki(folder: &Path) -> Self {
        Self {
            certificate: folder.join("hub/hub.pem"),
            key: folder.join("hub/hub.key"),
            client_ca: folder.join("ca/ca.pem"),
            crl: folder.join("crl.pem"),
            reload_interval: Duration::from_secs(1),
        }
    }
}

/// The TLS configuration in force.
pub struct TlsReloader {
    options: TlsOptions,
    clock: Arc<dyn Clock>,
    config: ArcSwap<ServerConfig>,
    verifier: ArcSwap<NodeVerifier>,
    revoked: watch::Sender<Arc<RevokedSerials>>,
    state: Mutex<State>,
}

/// Verifies the chain of a node's certificate as a handshake would.
struct NodeVerifier(Arc<dyn ClientCertVerifier>);

/// When what is in force ends.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The hub's own certificate.
    pub certificate_until_at: Timestamp,
    /// The authorities of node certificates, in the file's order.
    pub authorities_until_at: Vec<Timestamp>,
    /// The first of the revocation lists.
    pub crl_until_at: Timestamp,
}

struct State {
    in_force: Digest,
    ends: Ends,
    crl_warned_at: Option<Timestamp>,
    /// What the log was last told to be wrong, so that it is told once.
    reported: Option<String>,
}

impl fmt::Debug for TlsReloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsReloader")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl TlsReloader {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// When a file is missing, damaged, or does not fit the others; the text says which and why.
    pub fn load(options: TlsOptions, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        Self::of(&Files::read(&options)?, options, clock)
    }

    /// As [`Self::load`], for the fuzz targets: the contents of certificate, key, authorities and lists are
    /// given, and `options` only names them.
    #[cfg(feature = "fuzzing")]
    pub fn load_contents(
        [certificate, key, client_ca, crl]: [Vec<u8>; 4],
        options: TlsOptions,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let files = Files {
            certificate,
            key,
            client_ca,
            crl,
        };
        Self::of(&files, options, clock)
    }

    fn of(files: &Files, options: TlsOptions, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let loaded = files.load(&options, &clock)?;
        let reloader = Self {
            config: ArcSwap::from_pointee(loaded.config),
            verifier: ArcSwap::from_pointee(NodeVerifier(loaded.verifier)),
            revoked: watch::Sender::new(Arc::new(loaded.revoked)),
            state: Mutex::new(State {
                in_force: loaded.digest,
                ends: loaded.ends,
                crl_warned_at: None,
                reported: None,
            }),
            options,
            clock,
        };
        reloader.warn_of_crl(&mut reloader.lock());
        Ok(reloader)
    }

    /// The configuration for the next handshake.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.load_full()
    }

    /// Verifies a certificate that is to be enrolled as a handshake would verify it now: its chain,
    /// its time, its use and the revocation list. Says in words what is wrong.
    ///
    /// # Errors
    /// What a handshake would refuse.
    pub fn verify_node(&self, der: &[u8]) -> Result<(), String> {
        let seconds = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        self.verifier
            .load()
            .0
            .verify_client_cert(&CertificateDer::from(der), &[], now)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// The serial numbers on the revocation list, and every later list.
    #[must_use]
    pub fn revoked(&self) -> watch::Receiver<Arc<RevokedSerials>> {
        self.revoked.subscribe()
    }

    /// When what is in force ends.
    #[must_use]
    pub fn ends(&self) -> Ends {
        self.lock().ends.clone()
    }

    /// Looks at the files again and again; run it beside the server. It ends only when dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.options.reload_interval).await;
            let reloader = Arc::clone(&self);
            let outcome = tokio::task::spawn_blocking(move || reloader.reload_and_log()).await;
            if let Err(error) = outcome {
                tracing::error!(%error, "looking at the TLS files failed; trying again");
            }
        }
    }

    /// Compares the files with what is in force and puts changes in force. True when it did.
    ///
    /// # Errors
    /// As [`Self::load`]; what was in force stays.
    pub fn reload(&self) -> anyhow::Result<bool> {
        let files = Files::read(&self.options)?;
        let mut state = self.lock();
        if files.digest() == state.in_force {
            return Ok(false);
        }
        let loaded = files.load(&self.options, &self.clock)?;
        // First the list, then the configuration: a handshake under the old one is still refused
        // by the request layer.
        self.revoked.send_replace(Arc::new(loaded.revoked));
        self.config.store(Arc::new(loaded.config));
        self.verifier.store(Arc::new(NodeVerifier(loaded.verifier)));
        state.in_force = loaded.digest;
        state.ends = loaded.ends;
        state.crl_warned_at = None;
        Ok(true)
    }

    fn reload_and_log(&self) {
        let outcome = self.reload();
        let mut state = self.lock();
        match outcome {
            Ok(is_new) => {
                if is_new {
                    let revoked = self.revoked.borrow().len();
                    tracing::info!(revoked, "new TLS files are in force");
                } else if state.reported.is_some() {
                    tracing::info!("the TLS files are again what is in force");
                }
                state.reported = None;
            }
            Err(error) => {
                let text = format!("{error:#}");
                if state.reported.as_ref() != Some(&text) {
                    tracing::error!(
                        error = %text,
                        "the TLS files changed and cannot be used; the last good ones stay in force"
                    );
                    state.reported = Some(text);
                }
            }
        }
        self.warn_of_crl(&mut state);
    }

    fn warn_of_crl(&self, state: &mut State) {
        let now = self.clock.now();
        let until_at = state.ends.crl_until_at;
        let is_told = state
            .crl_warned_at
            .is_some_and(|at| now.duration_since(at) < CRL_WARNING_EVERY);
        if until_at >= now || is_told {
            return;
        }
        state.crl_warned_at = Some(now);
        let crl = self.options.crl.display();
        tracing::error!(%crl, %until_at, "the revocation list has expired: every node is \
            refused until there is a new one; `hub pki refresh-crl` writes it");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is replaced field by field from values already made, so it is always sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of the four files.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Vec<u8>,
    crl: Vec<u8>,
}

struct Loaded {
    config: ServerConfig,
    verifier: Arc<dyn ClientCertVerifier>,
    revoked: RevokedSerials,
    ends: Ends,
    digest: Digest,
}

impl Files {
    fn read(options: &TlsOptions) -> anyhow::Result<Self> {
        Ok(Self {
            certificate: read(&options.certificate)?,
            key: read(&options.key)?,
            client_ca: read(&options.client_ca)?,
            crl: read(&options.crl)?,
        })
    }

    /// One hash over the four hashes, so that no private key is kept for comparison.
    fn digest(&self) -> Digest {
        sha256(&[
            &sha256(&[&self.certificate]),
            &sha256(&[&self.key]),
            &sha256(&[&self.client_ca]),
            &sha256(&[&self.crl]),
        ])
    }

    fn load(&self, options: &TlsOptions, clock: &Arc<dyn Clock>) -> anyhow::Result<Loaded> {
        let authorities = certificates(&self.client_ca, &options.client_ca)?;
        let parsed = parsed(&authorities, &options.client_ca)?;
        let lists = CertificateRevocationListDer::pem_slice_iter(&self.crl)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| anyhow::anyhow!("{}: damaged PEM", options.crl.display()))?;
        let (revoked, crl_until_at) =
            check_lists(&lists, &parsed).with_context(|| options.crl.display().to_string())?;
        let chain = certificates(&self.certificate, &options.certificate)?;
        let ends = Ends {
            certificate_until_at: first_end(&chain, &options.certificate)?,
            authorities_until_at: parsed.iter().map(not_after).collect(),
            crl_until_at,
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).with_context(|| {
                format!(
                    "{}: not an authority's certificate",
                    options.client_ca.display()
                )
            })?;
        }
        let verifier =
            verifier(&provider, roots, lists).with_context(|| options.crl.display().to_string())?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            anyhow::anyhow!("{}: must hold a PEM private key", options.key.display())
        })?;
        let readable = provider.key_provider.load_private_key(key.clone_key());
        readable.map_err(|_| {
            let key = options.key.display();
            anyhow::anyhow!("{key}: must be an RSA, ECDSA or Ed25519 private key")
        })?;
        let config = server_config(
            provider,
            Arc::clone(clock),
            Arc::clone(&verifier),
            chain,
            key,
        )
        .with_context(|| {
            format!(
                "{} and {}",
                options.certificate.display(),
                options.key.display()
            )
        })?;
        Ok(Loaded {
            config,
            verifier,
            revoked,
            ends,
            digest: self.digest(),
        })
    }
}

/// Who may connect: the leaf's status must be known and the list in date. An authority without a list, or
/// with an old one, lets nobody in.
fn verifier(
    provider: &Arc<CryptoProvider>,
    roots: RootCertStore,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(provider));
    Ok(builder
        .with_crls(lists)
        .only_check_end_entity_revocation()
        .enforce_revocation_expiration()
        .build()?)
}

fn server_config(
    provider: Arc<CryptoProvider>,
    clock: Arc<dyn Clock>,
    verifier: Arc<dyn ClientCertVerifier>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> anyhow::Result<ServerConfig> {
    let time = Arc::new(ClockTime(clock));
    let mut config = ServerConfig::builder_with_details(provider, time)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Tickets hold all that resumption needs, so nothing grows here; their keys rotate every six
    // hours, and begin anew with every reload.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// Checks that each authority has signed a list and each list has an authority. Gives the revoked
/// serial numbers and when the first list ends.
fn check_lists(
    lists: &[CertificateRevocationListDer<'_>],
    authorities: &[X509Certificate<'_>],
) -> anyhow::Result<(RevokedSerials, Timestamp)> {
    let lists = lists
        .iter()
        .map(|der| CertificateRevocationList::from_der(der).map(|(_, list)| list))
        .collect::<Result<Vec<_>, _>>()
        .context("a revocation list cannot be parsed")?;
    let is_signed_by = |list: &CertificateRevocationList<'_>, authority: &X509Certificate<'_>| {
        list.issuer() == authority.subject()
            && list.verify_signature(authority.public_key()).is_ok()
    };
    for authority in authorities {
        ensure!(
            lists.iter().any(|list| is_signed_by(list, authority)),
            "holds no revocation list signed by {}; every client authority needs one, even empty",
            authority.subject()
        );
    }
    let mut until_at = Timestamp::MAX;
    for list in &lists {
        if !authorities
            .iter()
            .any(|authority| is_signed_by(list, authority))
        {
            bail!(
                "holds a revocation list of {} that no client authority has signed",
                list.issuer()
            );
        }
        let next = list
            .next_update()
            .context("holds a revocation list without nextUpdate")?;
        until_at = until_at.min(instant(next.timestamp()));
    }
    let revoked = lists
        .iter()
        .flat_map(CertificateRevocationList::iter_revoked_certificates)
        .map(|revoked| revoked.raw_serial())
        .collect();
    Ok((revoked, until_at))
}

fn parsed<'a>(
    certificates: &'a [CertificateDer<'_>],
    path: &Path,
) -> anyhow::Result<Vec<X509Certificate<'a>>> {
    certificates
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
        .collect::<Result<_, _>>()
        .map_err(|_| anyhow::anyhow!("{}: cannot be parsed as X.509", path.display()))
}

/// When a certificate's validity ends.
fn not_after(certificate: &X509Certificate<'_>) -> Timestamp {
    instant(certificate.validity().not_after.timestamp())
}

/// An instant in seconds since 1970. The last one is that for "no end" too, 99991231235959Z (RFC 5280,
/// section 4.1.2.5), which is some hours beyond it.
fn instant(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(match seconds.is_negative() {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    })
}

/// When the first certificate of a chain ends: from then on a client that checks all of it refuses.
fn first_end(chain: &[CertificateDer<'_>], path: &Path) -> anyhow::Result<Timestamp> {
    let ends = parsed(chain, path)?.iter().map(not_after).min();
    Ok(ends.unwrap_or(Timestamp::MAX))
}

fn certificates(pem: &[u8], path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| anyhow::anyhow!("{}: damaged PEM", path.display()))?;
    ensure!(
        !found.is_empty(),
        "{}: holds no PEM certificate",
        path.display()
    );
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = fs::metadata(path)
        .with_context(|| path.display().to_string())?
        .len();
    ensure!(
        bytes <= TLS_FILE_BYTES_MAX,
        "{}: has {bytes} bytes; at most {TLS_FILE_BYTES_MAX} are read",
        path.display()
    );
    fs::read(path).with_context(|| path.display().to_string())
}

/// The hub's clock for rustls, which checks validity against it.
#[derive(Debug)]
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
