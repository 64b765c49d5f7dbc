//! What the end-to-end tests share: a PKI of their own, a hub on a port of its own, and clients of
//! every agency.
//!
//! [`World`] runs the hub in this process; [`process`] runs the `hub` binary, for tests that kill
//! it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "test support: a failure here is a failed test"
)]

pub mod alerts;
pub mod clock;
pub mod desk;
pub mod direct;
pub mod frames;
pub mod gated;
pub mod hostile;
pub mod meetings;
pub mod model;
pub mod process;
pub mod random;
pub mod raw;
pub mod referrals;
pub mod relay;
pub mod requests;
pub mod tokens;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use agency_client::{Client, profile};
use certs::pki::{InitOptions, IssueOptions, Pki};
use hub::{
    charter::Charter,
    clock::{Clock, SystemClock},
    config::Config,
    server::{self, Running},
};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tempfile::TempDir;

/// What every officer of a test reads for, unless the test is about that.
pub const PURPOSE: &str = "测试";

/// Trust domain of every test hub.
pub const TRUST_DOMAIN: &str = "hub.shanxi.example";

/// Settings, PKI and data of a hub, in a folder of their own.
#[derive(Debug)]
pub struct Site {
    dir: TempDir,
    charter: Charter,
}

impl Site {
    /// Makes a PKI with a node, a token key and a profile for every agency of the charter.
    #[must_use]
    pub fn new() -> Self {
        Self::with_charter(&charter_file(), "")
    }

    /// As [`Site::new`], with nodes that are good from an instant of the past on.
    #[must_use]
    pub fn issued_from(not_before_at: Timestamp) -> Self {
        Self::made(&charter_file(), "", Some(not_before_at))
    }

    /// As [`Site::new`], with another charter and further lines at the head of `hub.toml`.
    #[must_use]
    pub fn with_charter(file: &Path, settings: &str) -> Self {
        Self::made(file, settings, None)
    }

    fn made(file: &Path, settings: &str, not_before_at: Option<Timestamp>) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("hub-test")
            .tempdir()
            .unwrap();
        let charter = Charter::read(file).unwrap();
        std::fs::copy(file, dir.path().join("charter.toml")).unwrap();
        let mut pki = Pki::init(&dir.path().join("pki"), &InitOptions::default()).unwrap();
        for agency in charter.agencies() {
            let mut options = IssueOptions::new(agency.id().as_str(), "node-1");
            options.not_before_at = not_before_at;
            pki.issue(&options).unwrap();
        }
        drop(pki);
        let text = format!(
            r#"{settings}
listen = "127.0.0.1:0"
data_dir = "data"
charter = "charter.toml"
trust_domain = "{TRUST_DOMAIN}"
roster_dir = "pki/roster"
reload_interval_ms = 100
drain_ms_max = 5000

[ledger]
origin = "{TRUST_DOMAIN}"
key = "pki/hub/ledger.key"

[tls]
certificate = "pki/hub/hub.pem"
key = "pki/hub/hub.key"
client_ca = "pki/ca/ca.pem"
crl = "pki/crl.pem"

[log]
filter = "warn"
"#
        );
        std::fs::write(dir.path().join("hub.toml"), text).unwrap();
        Self { dir, charter }
    }

    /// Another hub's site for the same members: their certificates, keys and charter, no data of this
    /// one, and further lines at the head of `hub.toml`.
    #[must_use]
    pub fn twin(&self, settings: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("hub-test")
            .tempdir()
            .unwrap();
        copy_folder(&self.path().join("pki"), &dir.path().join("pki"));
        let charter = dir.path().join("charter.toml");
        std::fs::copy(self.path().join("charter.toml"), &charter).unwrap();
        let own = std::fs::read_to_string(self.config_file()).unwrap();
        std::fs::write(dir.path().join("hub.toml"), format!("{settings}\n{own}")).unwrap();
        Self {
            charter: Charter::read(&charter).unwrap(),
            dir,
        }
    }

    /// The folder of it all.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("data")
    }

    /// The settings file.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.path().join("hub.toml")
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> Config {
        Config::read(&self.config_file()).unwrap()
    }

    /// The charter.
    #[must_use]
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Ids of the charter's agencies, in its order.
    #[must_use]
    pub fn agencies(&self) -> Vec<String> {
        let agencies = self.charter.agencies().iter();
        agencies.map(|agency| agency.id().to_string()).collect()
    }

    /// Opens the PKI, for further certificates and revocations. It is locked while this lives.
    #[must_use]
    pub fn pki(&self) -> Pki {
        Pki::open(&self.path().join("pki")).unwrap()
    }

    /// The authority of the hub and of every node.
    #[must_use]
    pub fn authority(&self) -> certs::Ca {
        let folder = self.path().join("pki/ca");
        let certificate = CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap();
        let key = certs::files::read_key(&folder.join("ca.key")).unwrap();
        certs::Ca::load(&certificate, &key).unwrap()
    }

    /// The profile of an agency.
    #[must_use]
    pub fn profile(&self, agency: &str) -> hub_core::profile::Profile {
        profile::load(
            &self
                .path()
                .join("pki/profiles")
                .join(agency)
                .join("profile.toml"),
        )
        .unwrap()
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

/// A hub that ends with the test, also with one that panics: none is left behind that works on a folder
/// that is gone.
#[derive(Debug, Default)]
struct Hub(Option<Running>);

impl Drop for Hub {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.abort();
        }
    }
}

/// A site and the hub that runs on it in this process.
#[derive(Debug)]
pub struct World {
    // Before the site: the hub stops before its folder goes.
    running: Hub,
    /// Settings, PKI and data.
    pub site: Site,
    clock: Arc<dyn Clock>,
}

impl World {
    /// A fresh site with a running hub.
    pub async fn start() -> Self {
        Self::start_on(Site::new(), Arc::new(SystemClock)).await
    }

    /// A running hub on a site, with a clock.
    pub async fn start_on(site: Site, clock: Arc<dyn Clock>) -> Self {
        let running = server::start_with_clock(&site.config(), Arc::clone(&clock))
            .await
            .unwrap();
        Self {
            site,
            clock,
            running: Hub(Some(running)),
        }
    }

    /// The running hub.
    #[must_use]
    pub fn hub(&self) -> &Running {
        self.running.0.as_ref().expect("the hub runs")
    }

    /// How many entries callers have made. What the hub records itself is not counted: the reads that it
    /// puts on record, and what it does by the clock.
    #[must_use]
    pub fn acts(&self) -> usize {
        let engine = self.hub().engine();
        (0..engine.store().head())
            .filter(|index| engine.recorded(*index).unwrap().unwrap().author() != "hub")
            .count()
    }

    /// Where the hub listens, as a client's endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.hub().address())
    }

    /// A client of an agency, for an officer under roles. It has not called yet.
    #[must_use]
    pub fn client(&self, agency: &str, officer: &str, roles: &[&str]) -> Client {
        Client::builder(&self.site.profile(agency))
            .endpoint(self.endpoint())
            .officer(officer)
            .roles(roles.iter().copied())
            .purpose(PURPOSE)
            .build()
            .unwrap()
    }

    /// A clerk of an agency.
    #[must_use]
    pub fn clerk(&self, agency: &str) -> Client {
        self.client(agency, &format!("{agency}-clerk-1"), &["clerk"])
    }

    /// Drains and stops the hub.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.0.take() {
            running.stop().await.unwrap();
        }
    }

    /// Starts the hub again, on another port.
    pub async fn restart(&mut self) {
        self.stop().await;
        let config = self.site.config();
        self.running.0 = Some(
            server::start_with_clock(&config, Arc::clone(&self.clock))
                .await
                .unwrap(),
        );
    }
}

/// Shanxi's charter.
#[must_use]
pub fn charter_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charters/shanxi.toml")
}

/// The seed of a randomised test: `HUB_TEST_SEED`, or a new one. Print it.
#[must_use]
pub fn seed() -> u64 {
    match std::env::var("HUB_TEST_SEED") {
        Ok(text) => text.parse().expect("HUB_TEST_SEED is a number"),
        Err(_) => u64::from_be_bytes(hub_core::crypto::random().unwrap()),
    }
}
