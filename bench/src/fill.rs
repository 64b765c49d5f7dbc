//! Many ledger entries in little time: the hub's own services in this process, without a network.
//!
//! Every entry goes the way that a call goes behind TLS: it is signed by its author, allowed, decided,
//! recorded in a commit with others, synced and applied. What is left out is the check of the signature,
//! which leaves nothing in the data. So the folder is one that a hub has made; `hub fsck` passes it.

use std::sync::{Arc, atomic::AtomicU64};

use anyhow::Context as _;
use bytes::Bytes;
use futures::future::try_join_all;
use hub::{
    charter::Charter,
    clock::{Clock, SystemClock},
    config::Config,
    engine::{self, Engine, entropy::SystemEntropy},
    identity::{Authored, Caller, Identity, IdentityOptions},
    roster_import,
    search::Search,
    server,
    state::embedded::{EmbeddedOptions, EmbeddedStore},
    tls::{TlsOptions, TlsReloader},
    wire::{Services, streams::Streams},
};
use hub_core::{commitment::commitment, crypto::random};
use hub_proto::channels::{
    PublishNotificationRequest, channel_service_server::ChannelService as _,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use tokio::sync::watch;
use tonic::Request;

use crate::{load, peers::BODY_BYTES, site::Site};

const METHOD: &str = "/hub.channels.v1.ChannelService/PublishNotification";

/// Calls of a node under way. With 12 nodes they are more than a commit takes.
const IN_FLIGHT: usize = 64;

/// When the entries are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Of now: a hub that is under full load.
    Fresh,
    /// Of an hour ago: a hub with a history.
    Old,
}

impl Age {
    fn before_now(self) -> SignedDuration {
        match self {
            Self::Fresh => SignedDuration::ZERO,
            Self::Old => SignedDuration::from_hours(1),
        }
    }
}

/// The system's clock, so much before now.
#[derive(Debug, Clone, Copy)]
struct Earlier(SignedDuration);

impl Clock for Earlier {
    fn now(&self) -> Timestamp {
        SystemClock.now() - self.0
    }
}

/// Publishes one by one until the ledger of a stopped hub has so many entries. Answers how many it has.
pub(crate) async fn fill(site: &Site, entries: u64, age: Age) -> anyhow::Result<u64> {
    let clock = Earlier(age.before_now());
    let (inside, drained) = Inside::open(site, clock).await?;
    let head = inside.services.engine.store().head();
    let missing = AtomicU64::new(entries.saturating_sub(head));
    let shared = Arc::new((inside, missing));
    let nodes = 0..site.nodes().len() * IN_FLIGHT;
    let workers = nodes.map(|number| {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let (inside, missing) = &*shared;
            while load::take(missing).is_some() {
                inside.publish(number).await?;
            }
            anyhow::Ok(())
        })
    });
    let workers: Vec<_> = workers.collect();
    for worker in try_join_all(workers).await? {
        worker?;
    }
    drop(drained);
    let services = shared.0.services.clone();
    tokio::task::spawn_blocking(move || {
        services.search.stop();
        services.engine.stop()?;
        Ok(services.engine.store().head())
    })
    .await?
}

/// The services and who calls them.
struct Inside {
    services: Services,
    nodes: Vec<(Arc<Caller>, hub_core::crypto::SigningKey)>,
    body: Bytes,
    clock: Earlier,
}

impl Inside {
    async fn open(site: &Site, earlier: Earlier) -> anyhow::Result<(Self, watch::Sender<bool>)> {
        let config = Config::read(&site.config_file())?;
        let clock: Arc<dyn Clock> = Arc::new(earlier);
        let engine = open_engine(&config, &clock)?;
        let options = TlsOptions::of_pki(&site.folder().join("pki"));
        let tls = Arc::new(TlsReloader::load(options, clock)?);
        roster_import::adopt_charter(&engine, &config.charter).await?;
        roster_import::import(&engine, &tls, &config).await?;
        let identity = Identity::new(IdentityOptions {
            audience: config.audience().to_owned(),
            roster: engine.roster().clone(),
            revoked: tls.revoked(),
            clock: Arc::clone(engine.clock()),
            rates: config.rate_limits(),
        });
        let attachments = server::open_attachments(&config, &engine)?;
        let (draining, drains) = watch::channel(false);
        let services = Services {
            search: Search::start(&engine, &config.data_dir)?,
            engine,
            identity: Arc::new(identity),
            tls,
            trust_domain: config.trust_domain.as_str().into(),
            streams: Arc::new(Streams::new(1)),
            attachments,
            downloads: Arc::new(Streams::new(1)),
            metrics: Arc::default(),
            draining: drains,
        };
        let nodes = site.nodes().iter().map(|node| {
            let caller = node.caller(&config.trust_domain, SystemClock.now())?;
            Ok((Arc::new(caller), node.signing_key()?))
        });
        let inside = Self {
            services,
            nodes: nodes.collect::<anyhow::Result<_>>()?,
            body: load::body(BODY_BYTES)?,
            clock: earlier,
        };
        Ok((inside, draining))
    }

    /// A request id of the clock's time.
    fn request_id(&self) -> anyhow::Result<String> {
        let at_ms = u64::try_from(self.clock.now().as_millisecond())?;
        let id = uuid::Builder::from_unix_timestamp_millis(at_ms, &random()?);
        Ok(id.into_uuid().to_string())
    }

    /// One publish by the node whose turn a number is.
    async fn publish(&self, number: usize) -> anyhow::Result<()> {
        let node = self.nodes.get(number % self.nodes.len());
        let (caller, key) = node.context("there are nodes")?;
        let message = PublishNotificationRequest {
            notification: Some(load::notification(&self.body)),
            request_id: self.request_id()?,
        };
        let bytes = message.encode_to_vec();
        let salt = random()?;
        let commitment = commitment(&salt, METHOD, &bytes);
        let authored = Authored {
            salt,
            commitment,
            signature: key.sign(&commitment)?,
            request: bytes.into(),
        };
        let mut request = Request::new(message);
        request.extensions_mut().insert(Arc::clone(caller));
        request.extensions_mut().insert(Arc::new(authored));
        self.services.publish_notification(request).await?;
        Ok(())
    }
}

fn open_engine(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<Engine>> {
    let (store, _) = EmbeddedStore::open(EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin: config.ledger.origin.clone(),
        key: Arc::new(server::ledger_key(config)?),
    })?;
    Ok(Engine::start(engine::Options {
        store: Arc::new(store),
        charter: Arc::new(Charter::read(&config.charter)?),
        clock: Arc::clone(clock),
        entropy: Box::new(SystemEntropy),
        key: server::ledger_key(config)?,
        metrics: Arc::default(),
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_ledger_is_filled_up_to_a_number_and_further() {
        let folder = tempfile::tempdir().unwrap();
        let site = Site::make(folder.path(), 12).unwrap();
        let first = fill(&site, 200, Age::Old).await.unwrap();
        assert!((200..220).contains(&first), "{first}");
        let second = fill(&site, first + 50, Age::Fresh).await.unwrap();
        assert_eq!(second, first + 50);
        let third = fill(&site, 10, Age::Fresh).await.unwrap();
        assert_eq!(third, second, "nothing is missing");
    }
}
