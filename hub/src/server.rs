//! The running hub: opens storage, starts the engine, serves, drains.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use hub_core::crypto::SigningKey;
use hub_proto::{
    attachments::attachment_service_server::AttachmentServiceServer,
    audit::audit_service_server::AuditServiceServer,
    channels::channel_service_server::ChannelServiceServer,
    funds::alert_service_server::AlertServiceServer,
    ledger::ledger_service_server::LedgerServiceServer,
    meetings::{
        major_issue_service_server::MajorIssueServiceServer,
        meeting_service_server::MeetingServiceServer, minutes_service_server::MinutesServiceServer,
    },
    members::members_service_server::MembersServiceServer,
    referrals::referral_service_server::ReferralServiceServer,
    requests::request_service_server::RequestServiceServer,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tonic::transport::Server;
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::HealthReporter,
};

use crate::{
    annual,
    attachments::{self, Attachments},
    calendar,
    charter::Charter,
    clock::{Clock, SystemClock},
    config::Config,
    deadlines,
    engine::{self, Engine, entropy::SystemEntropy},
    expiry,
    exporter::{self, Exporter},
    identity::{AuthorLayer, Identity, IdentityLayer, IdentityOptions},
    metrics::Metrics,
    reminders, retention, roster_import,
    search::Search,
    state::embedded::{EmbeddedOptions, EmbeddedStore, room::RoomOptions},
    tls::{self, Connections, TlsOptions, TlsReloader},
    wire::{
        Services,
        attachments::NamedBy,
        observe::{ObserveLayer, ObserveOptions},
        rpc,
        streams::Streams,
        under_way::UnderWayLayer,
    },
};

/// Largest message that is received, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Headers of a call may take so many bytes.
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;

/// Uploads leave so many times the free bytes below which nothing is recorded: they end long before
/// the ledger does.
pub const UPLOADS_FREE_FACTOR: u64 = 2;

/// What gRPC health answers for; the empty name is the hub as a whole.
const SERVICES: [&str; 12] = [
    "",
    "hub.attachments.v1.AttachmentService",
    "hub.audit.v1.AuditService",
    "hub.channels.v1.ChannelService",
    "hub.funds.v1.AlertService",
    "hub.ledger.v1.LedgerService",
    "hub.meetings.v1.MajorIssueService",
    "hub.meetings.v1.MeetingService",
    "hub.meetings.v1.MinutesService",
    "hub.members.v1.MembersService",
    "hub.referrals.v1.ReferralService",
    "hub.requests.v1.RequestService",
];

/// Streams that a connection may break off before the hub has looked at them; then the connection is
/// closed (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;

/// Streams of a connection that the hub itself may have to break off for what the peer did wrong on
/// them; then the connection is closed (CVE-2025-8671). Without a number here there is no limit.
const ERROR_RESETS_MAX: usize = 512;

/// A hub that runs.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    engine: Arc<Engine>,
    metrics: Arc<Metrics>,
    search: Arc<Search>,
    attachments: Arc<Attachments>,
    draining: watch::Sender<bool>,
    health: HealthReporter,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    background: JoinSet<()>,
    drain_max: Duration,
}

/// Starts a hub. When this returns, it accepts calls.
///
/// # Errors
/// With what is wrong and what to do: a bad file, a data folder in use or damaged, a taken port.
pub async fn start(config: &Config) -> anyhow::Result<Running> {
    start_with_clock(config, Arc::new(SystemClock)).await
}

/// As [`start`], with a clock.
///
/// # Errors
/// As [`start`].
pub async fn start_with_clock(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Running> {
    let charter = Arc::new(Charter::read(&config.charter)?);
    let tls = Arc::new(TlsReloader::load(tls_options(config), Arc::clone(&clock))?);
    let metrics = Arc::new(Metrics::new(rpc::RPCS.iter().map(|rpc| rpc.method)));
    let engine = open_engine(config, charter, Arc::clone(&clock), Arc::clone(&metrics))?;
    let calendar = calendar::start(&engine, config)?;
    roster_import::adopt_charter(&engine, &config.charter).await?;
    let left_out = roster_import::import(&engine, &tls, config).await?;
    for text in &left_out {
        tracing::warn!("{text}");
    }

    let identity = identity(config, &engine, &tls);
    let (draining, drains) = watch::channel(false);
    let search = Search::start(&engine, &config.data_dir)?;
    let attachments = open_attachments(config, &engine)?;
    let services = Services {
        engine: Arc::clone(&engine),
        search: Arc::clone(&search),
        identity: Arc::clone(&identity),
        tls: Arc::clone(&tls),
        trust_domain: config.trust_domain.as_str().into(),
        streams: Arc::new(Streams::new(config.limits.agency_streams_max)),
        attachments: Arc::clone(&attachments),
        downloads: Arc::new(Streams::new(attachments::AGENCY_DOWNLOADS_MAX)),
        metrics: Arc::clone(&metrics),
        draining: drains.clone(),
    };
    let connections = Connections::default();
    let exporter = exporter(config, &services, &connections, &clock).await?;
    let metrics_address = exporter.as_ref().map(Exporter::address).transpose()?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listen = \"{}\": cannot listen there", config.listen))?;
    let address = listener.local_addr()?;
    let incoming = tls::accept(
        listener,
        Arc::clone(&tls),
        config.trust_domain.as_str(),
        config.accept_limits(),
        &connections,
        &metrics.door,
    );
    let observe = observe_options(config, &metrics, &clock);
    let mut background = background(config, &services, clock, left_out);
    background.spawn(calendar::watch(
        Arc::clone(&engine),
        config.clone(),
        calendar,
    ));
    let (health, server) = serve(config, services, identity, observe, incoming, drains).await?;
    if let Some(exporter) = exporter {
        background.spawn(exporter.run());
    }
    tracing::info!(%address, entries = engine.store().head(), "the hub serves");
    let drain_max = Duration::from_millis(config.drain_ms_max);
    Ok(Running {
        address,
        metrics_address,
        engine,
        metrics,
        search,
        attachments,
        draining,
        health,
        server,
        background,
        drain_max,
    })
}

fn identity(config: &Config, engine: &Engine, tls: &TlsReloader) -> Arc<Identity> {
    Arc::new(Identity::new(IdentityOptions {
        audience: config.audience().to_owned(),
        roster: engine.roster().clone(),
        revoked: tls.revoked(),
        clock: Arc::clone(engine.clock()),
        rates: config.rate_limits(),
    }))
}

/// What goes on beside the calls until the hub stops.
fn background(
    config: &Config,
    services: &Services,
    clock: Arc<dyn Clock>,
    left_out: Vec<String>,
) -> JoinSet<()> {
    let Services { engine, tls, .. } = services;
    let mut background = JoinSet::new();
    background.spawn(Arc::clone(tls).run());
    let roster = Arc::clone(engine.roster());
    background.spawn(expiry::watch(Arc::clone(tls), roster, clock));
    background.spawn(roster_import::watch(
        Arc::clone(engine),
        Arc::clone(tls),
        config.clone(),
        left_out,
    ));
    background.spawn(deadlines::watch(Arc::clone(engine)));
    background.spawn(reminders::watch(Arc::clone(engine)));
    background.spawn(annual::watch(Arc::clone(engine)));
    let search = Arc::clone(&services.search);
    background.spawn(retention::watch(Arc::clone(engine), search));
    background.spawn(Arc::clone(&services.attachments).run());
    background
}

/// Listens for scrapes, if the settings say where. What they look up is registered in any case.
async fn exporter(
    config: &Config,
    services: &Services,
    connections: &Connections,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<Exporter>> {
    let sources = exporter::Sources {
        engine: Arc::downgrade(&services.engine),
        connections: connections.clone(),
        streams: Arc::clone(&services.streams),
        tls: Arc::clone(&services.tls),
        clock: Arc::clone(clock),
        data_dir: config.data_dir.clone(),
        started_at: clock.now(),
    };
    let metrics = &services.metrics;
    metrics.register(|registry| registry.register_collector(Box::new(sources)));
    let Some(listen) = config.metrics.listen else {
        return Ok(None);
    };
    let exporter = Exporter::bind(listen, Arc::clone(metrics)).await?;
    tracing::info!(address = %exporter.address()?, "metrics are shown");
    Ok(Some(exporter))
}

fn tls_options(config: &Config) -> TlsOptions {
    TlsOptions {
        certificate: config.tls.certificate.clone(),
        key: config.tls.key.clone(),
        client_ca: config.tls.client_ca.clone(),
        crl: config.tls.crl.clone(),
        reload_interval: config.reload_interval(),
    }
}

/// The ledger key of a configuration.
///
/// # Errors
/// When the file cannot be read or holds another kind of key.
pub fn ledger_key(config: &Config) -> anyhow::Result<SigningKey> {
    let der = certs::files::read_key(&config.ledger.key)?;
    let key = SigningKey::from_pkcs8(&der);
    let key = key.with_context(|| format!("{}", config.ledger.key.display()))?;
    anyhow::ensure!(
        matches!(key, SigningKey::Ed25519(_)),
        "{}: the ledger key must be Ed25519",
        config.ledger.key.display()
    );
    Ok(key)
}

fn open_engine(
    config: &Config,
    charter: Arc<Charter>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> anyhow::Result<Arc<Engine>> {
    let options = EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin: config.ledger.origin.clone(),
        key: Arc::new(ledger_key(config)?),
    };
    let room = RoomOptions {
        free_bytes_min: config.limits.disk_free_bytes_min,
        ..RoomOptions::default()
    };
    let (store, report) = EmbeddedStore::open_with(options, room)?;
    if report.created {
        tracing::info!(folder = %config.data_dir.display(), "made a new ledger");
    }
    let engine = Engine::start(engine::Options {
        store: Arc::new(store),
        charter,
        clock,
        entropy: Box::new(SystemEntropy),
        key: ledger_key(config)?,
        metrics,
    });
    // What only the log is told of a call, the operator who starts the hub is told here: which file
    // is damaged, where, and what to do.
    engine.map_err(|error| match error.context {
        Some(context) => anyhow::anyhow!(context),
        None => anyhow::anyhow!(error),
    })
}

fn observe_options(
    config: &Config,
    metrics: &Arc<Metrics>,
    clock: &Arc<dyn Clock>,
) -> ObserveOptions {
    ObserveOptions {
        metrics: Arc::clone(metrics),
        clock: Arc::clone(clock),
        accept_traceparent: config.traces.accept_traceparent,
    }
}

/// Opens the store of attachments beside an engine.
///
/// # Errors
/// When a folder cannot be made or read, or the store's settings do not do.
pub fn open_attachments(config: &Config, engine: &Arc<Engine>) -> anyhow::Result<Arc<Attachments>> {
    Attachments::open(attachments::Options {
        settings: config.attachments.clone(),
        data_dir: config.data_dir.clone(),
        clock: Arc::clone(engine.clock()),
        references: Arc::new(NamedBy(Arc::clone(engine))),
        limits: attachments::Limits {
            free_bytes_min: config
                .limits
                .disk_free_bytes_min
                .saturating_mul(UPLOADS_FREE_FACTOR),
            ..attachments::Limits::default()
        },
    })
}

/// Answers that every service serves.
async fn health() -> (HealthReporter, HealthServer<impl Health>) {
    let (health, service) = tonic_health::server::health_reporter();
    for name in SERVICES {
        health
            .set_service_status(name, ServingStatus::Serving)
            .await;
    }
    (health, service)
}

async fn serve(
    config: &Config,
    services: Services,
    identity: Arc<Identity>,
    observe: ObserveOptions,
    incoming: tls::Incoming,
    mut drains: watch::Receiver<bool>,
) -> anyhow::Result<(
    HealthReporter,
    JoinHandle<Result<(), tonic::transport::Error>>,
)> {
    let (health, health_service) = health().await;
    let reflection = if config.reflection {
        let builder = tonic_reflection::server::Builder::configure();
        Some(
            builder
                .register_encoded_file_descriptor_set(hub_proto::DESCRIPTORS)
                .build_v1()?,
        )
    } else {
        None
    };
    let attachments =
        AttachmentServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let audit =
        AuditServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let channels =
        ChannelServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let members =
        MembersServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let meetings =
        MeetingServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let minutes =
        MinutesServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let issues =
        MajorIssueServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let requests =
        RequestServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let alerts =
        AlertServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let referrals =
        ReferralServiceServer::new(services.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let ledger = LedgerServiceServer::new(services).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let router = Server::builder()
        .concurrency_limit_per_connection(
            usize::try_from(config.limits.connection_calls_max).unwrap_or(usize::MAX),
        )
        .max_concurrent_streams(config.limits.connection_calls_max)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(ERROR_RESETS_MAX))
        .http2_keepalive_interval(Some(config.keepalive()))
        .http2_keepalive_timeout(Some(config.keepalive()))
        .layer(ObserveLayer::new(observe))
        .layer(IdentityLayer::new(identity))
        .layer(UnderWayLayer::new(config.limits.agency_calls_max))
        .layer(AuthorLayer::new(rpc::intake))
        .add_service(health_service)
        .add_optional_service(reflection)
        .add_service(attachments)
        .add_service(audit)
        .add_service(channels)
        .add_service(alerts)
        .add_service(meetings)
        .add_service(minutes)
        .add_service(issues)
        .add_service(members)
        .add_service(referrals)
        .add_service(requests)
        .add_service(ledger);
    let drained = async move {
        // An error means that the hub is gone, which is as good a reason to stop.
        drop(drains.wait_for(|is_draining| *is_draining).await);
    };
    let server = tokio::spawn(router.serve_with_incoming_shutdown(incoming, drained));
    Ok((health, server))
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are shown, if anywhere.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The instruments, for tests and tools in the same process.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The engine, for tests and tools in the same process.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The attachments, for tests and tools in the same process.
    #[must_use]
    pub fn attachments(&self) -> &Arc<Attachments> {
        &self.attachments
    }

    /// The search index, for tests and tools in the same process.
    #[must_use]
    pub fn search(&self) -> &Arc<Search> {
        &self.search
    }

    /// Stops at once: calls and streams are cut off, nothing is waited for but the writer, and storage is
    /// closed. For tests that end early; it blocks the thread it is called on.
    pub fn abort(mut self) {
        self.draining.send_replace(true);
        self.background.abort_all();
        self.server.abort();
        self.search.stop();
        if let Err(error) = self.engine.stop() {
            tracing::error!(%error, "the last flush failed");
        }
    }

    /// Drains: no new calls, streams are told to resume elsewhere, calls under way may finish within
    /// the configured time, then storage is flushed and closed.
    ///
    /// # Errors
    /// When the last flush fails.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        tracing::info!("draining");
        for service in SERVICES {
            self.health
                .set_service_status(service, ServingStatus::NotServing)
                .await;
        }
        self.draining.send_replace(true);
        self.background.abort_all();
        match tokio::time::timeout(self.drain_max, &mut self.server).await {
            Ok(outcome) => outcome??,
            Err(_) => {
                tracing::warn!("calls were cut off at the end of the draining time");
                self.server.abort();
            }
        }
        let (engine, search) = (Arc::clone(&self.engine), Arc::clone(&self.search));
        let stop = move || {
            search.stop();
            engine.stop()
        };
        tokio::task::spawn_blocking(stop).await??;
        tracing::info!("stopped");
        Ok(())
    }
}
