//! The hub's services without network and TLS, on a clock, a store and a random source of the test's
//! choice, so that two runs can be compared byte for byte. Callers are put where the identity layer
//! puts them; author signatures are not checked here, so they are constant.

use std::sync::Arc;

use hub::{
    charter::Charter,
    clock::{Clock as _, ManualClock},
    config::Config,
    engine::{self, Engine, entropy::Entropy},
    identity::{Authored, Caller, Identity, IdentityOptions, Peer, RateLimits},
    roster_import,
    search::Search,
    server,
    state::store::Store,
    tls::{TlsOptions, TlsReloader},
    wire::{Services, streams::Streams},
};
use hub_core::{crypto::sha256, purpose::PURPOSE_HEADER};
use jiff::SignedDuration;
use prost::Message;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::sync::watch;
use tonic::{Request, metadata::MetadataValue};

use crate::{PURPOSE, Site, TRUST_DOMAIN};

/// A random source that always gives the same, for comparing two worlds of which one records more.
#[derive(Debug, Clone, Copy)]
pub struct SameEntropy;

impl Entropy for SameEntropy {
    fn salt(&mut self) -> hub::error::Result<[u8; 16]> {
        Ok([7; 16])
    }
}

/// Services on an engine.
#[derive(Debug)]
pub struct Direct {
    /// The services; they implement the traits that tonic generates.
    pub services: Services,
    /// Their clock.
    pub clock: ManualClock,
    _draining: watch::Sender<bool>,
    _search_dir: tempfile::TempDir,
}

impl Direct {
    /// Starts an engine on a store, adopts the site's charter and imports its roster.
    pub async fn start(
        site: &Site,
        store: Arc<dyn Store>,
        clock: ManualClock,
        entropy: Box<dyn Entropy>,
    ) -> Self {
        Self::start_in(site, site.config(), store, clock, entropy).await
    }

    /// As [`Direct::start`], with other settings than the site's, such as a folder of its own.
    pub async fn start_in(
        site: &Site,
        config: Config,
        store: Arc<dyn Store>,
        clock: ManualClock,
        entropy: Box<dyn Entropy>,
    ) -> Self {
        let engine = Engine::start(engine::Options {
            store,
            charter: Arc::new(Charter::read(&config.charter).unwrap()),
            clock: Arc::new(clock.clone()),
            entropy,
            key: server::ledger_key(&config).unwrap(),
            metrics: Arc::default(),
        })
        .unwrap();
        let tls = TlsOptions::of_pki(&site.path().join("pki"));
        let tls = Arc::new(TlsReloader::load(tls, Arc::new(clock.clone())).unwrap());
        roster_import::adopt_charter(&engine, &config.charter)
            .await
            .unwrap();
        roster_import::import(&engine, &tls, &config).await.unwrap();
        let identity = Identity::new(IdentityOptions {
            audience: TRUST_DOMAIN.into(),
            roster: engine.roster().clone(),
            revoked: tls.revoked(),
            clock: Arc::new(clock.clone()),
            rates: RateLimits::default(),
        });
        let attachments = server::open_attachments(&config, &engine).unwrap();
        let (draining, drains) = watch::channel(false);
        let search_dir = tempfile::tempdir().unwrap();
        let search = Search::start(&engine, search_dir.path()).unwrap();
        let services = Services {
            engine,
            search,
            identity: Arc::new(identity),
            tls,
            trust_domain: TRUST_DOMAIN.into(),
            streams: Arc::new(Streams::new(64)),
            attachments,
            downloads: Arc::new(Streams::new(16)),
            metrics: Arc::default(),
            draining: drains,
        };
        Self {
            services,
            clock,
            _draining: draining,
            _search_dir: search_dir,
        }
    }

    /// Stops the engine.
    pub fn stop(&self) {
        self.services.search.stop();
        self.services.engine.stop().unwrap();
    }

    /// Milliseconds since 1970 on this clock.
    #[must_use]
    pub fn unix_ms(&self) -> u64 {
        u64::try_from(self.clock.now().as_millisecond()).unwrap()
    }

    /// An officer of an agency, on the site's first node of that agency.
    #[must_use]
    pub fn caller(&self, site: &Site, agency: &str, officer: &str, roles: &[&str]) -> Arc<Caller> {
        let profile = site.profile(agency);
        let der = CertificateDer::from_pem_file(&profile.certificate).unwrap();
        Arc::new(Caller {
            peer: Arc::new(Peer::from_certificate(&der, TRUST_DOMAIN).unwrap()),
            officer: officer.parse().unwrap(),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            token_expires_at: self.clock.now() + SignedDuration::from_hours(24),
            token_kid: profile.token_kid,
        })
    }
}

/// A call of a caller.
#[must_use]
pub fn call<M: Message>(caller: &Arc<Caller>, message: M) -> Request<M> {
    let bytes = message.encode_to_vec();
    let authored = Authored {
        salt: [3; 16],
        commitment: sha256(&[&bytes]),
        signature: vec![5; 64],
        request: bytes.into(),
    };
    let mut request = Request::new(message);
    request.extensions_mut().insert(Arc::clone(caller));
    request.extensions_mut().insert(Arc::new(authored));
    let purpose = MetadataValue::from_bytes(PURPOSE.as_bytes());
    request.metadata_mut().insert_bin(PURPOSE_HEADER, purpose);
    request
}
