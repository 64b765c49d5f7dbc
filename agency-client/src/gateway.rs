//! The agency gateway: a local process that offers the hub's own API, without keys, to the agency's
//! systems in any language.
//!
//! The cast:
//! - [`Gateway`]: a gateway that runs; [`GatewayOptions`]: where, and with which bounds.
//! - `proxy`: passes messages on unread, and adds token and author signature.
//! - `outbox`: `hub.gateway.v1.GatewayService` on the durable [`crate::outbox`].
//! - `listen`: loopback and Unix sockets, nothing else.
//! - `health`, `secret`, `methods`: what their names say.
//!
//! Invariants:
//! - Whoever may speak to the gateway acts in the name of its officer. So it listens on loopback or
//!   on a Unix socket only, and a caller cannot choose another officer.
//! - Messages are signed and sent byte for byte as they came.
//!
//! ```no_run
//! use agency_client::{
//!     Client,
//!     gateway::{Gateway, GatewayOptions, Listen},
//!     profile,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = profile::load("tax/profile.toml".as_ref())?;
//! let client = Client::builder(&profile).build()?;
//! let listen = Listen::Unix("/run/agency/gateway.sock".into());
//! let gateway = Gateway::start(client, GatewayOptions::new(listen, "outbox")).await?;
//! tokio::signal::ctrl_c().await?;
//! gateway.stop().await?;
//! # Ok(())
//! # }
//! ```

mod health;
mod listen;
mod methods;
mod outbox;
mod proxy;
mod secret;

use std::{path::PathBuf, sync::Arc, time::Duration};

use hub_proto::gateway::gateway_service_server::GatewayServiceServer;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tonic::{service::Routes, transport::Server};

pub use listen::Listen;
pub use outbox::{KEY_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX, STREAM_CHARS_MAX, STREAM_DEFAULT};
pub use secret::SECRET_CHARS_MIN;

#[cfg(feature = "fuzzing")]
pub(crate) use proxy::passed_on;

use crate::{
    client::Client,
    error::ClientError,
    outbox::{Outbox, OutboxError, OutboxOptions},
};
use listen::Listener;
use proxy::{Front, Shared};

/// Largest message that is received from a caller, in bytes: the hub's limit.
///
/// ```
/// assert_eq!(agency_client::gateway::MESSAGE_BYTES_MAX, 1024 * 1024);
/// ```
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Headers of a call may take so many bytes: the hub's limit.
///
/// ```
/// assert_eq!(agency_client::gateway::HEADER_BYTES_MAX, 16 * 1024);
/// ```
pub const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Connections that may be open unless the options say otherwise; others wait.
///
/// ```
/// assert_eq!(agency_client::gateway::CONNECTIONS_MAX_DEFAULT, 64);
/// ```
pub const CONNECTIONS_MAX_DEFAULT: usize = 64;
/// Calls that may be under way unless the options say otherwise, streams included; the hub's own
/// limit for one connection.
///
/// ```
/// assert_eq!(agency_client::gateway::CALLS_MAX_DEFAULT, 256);
/// ```
pub const CALLS_MAX_DEFAULT: usize = 256;
/// Largest bound of connections, and of calls, that the options may name.
///
/// ```
/// assert_eq!(agency_client::gateway::BOUND_MAX, 65_536);
/// ```
pub const BOUND_MAX: usize = 65_536;
/// How long calls under way may take to end after [`Gateway::stop`].
///
/// ```
/// assert_eq!(agency_client::gateway::DRAIN_TIME_MAX, std::time::Duration::from_secs(10));
/// ```
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);
/// Metadata that carries the secret.
///
/// ```
/// assert_eq!(agency_client::gateway::SECRET_HEADER, "gateway-secret");
/// ```
pub const SECRET_HEADER: &str = "gateway-secret";
/// A connection on which nothing is heard is pinged this often.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// A ping must be answered within this time.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a gateway listens, and its bounds.
///
/// ```
/// use agency_client::gateway::{GatewayOptions, Listen};
///
/// let listen = Listen::Unix("/run/agency/gateway.sock".into());
/// let mut options = GatewayOptions::new(listen, "outbox");
/// options.connections_max = 8;
/// assert!(options.secret_file.is_none());
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GatewayOptions {
    /// Where to listen.
    pub listen: Listen,
    /// Folder of the outbox.
    pub outbox_dir: PathBuf,
    /// Bounds of the outbox.
    pub outbox: OutboxOptions,
    /// File with a secret that callers must send as `gateway-secret`: for machines that others use
    /// too, where every user reaches loopback.
    pub secret_file: Option<PathBuf>,
    /// Connections that may be open; [`CONNECTIONS_MAX_DEFAULT`].
    pub connections_max: usize,
    /// Calls that may be under way; [`CALLS_MAX_DEFAULT`].
    pub calls_max: usize,
}

impl GatewayOptions {
    /// Options with every default.
    ///
    /// ```
    /// use agency_client::gateway::{CALLS_MAX_DEFAULT, GatewayOptions, Listen};
    ///
    /// let listen = Listen::Tcp(([127, 0, 0, 1], 7500).into());
    /// let options = GatewayOptions::new(listen, "outbox");
    /// assert_eq!(options.calls_max, CALLS_MAX_DEFAULT);
    /// ```
    #[must_use]
    pub fn new(listen: Listen, outbox_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            outbox_dir: outbox_dir.into(),
            outbox: OutboxOptions::default(),
            secret_file: None,
            connections_max: CONNECTIONS_MAX_DEFAULT,
            calls_max: CALLS_MAX_DEFAULT,
        }
    }
}

/// Why a gateway could not start, or ended.
///
/// ```no_run
/// use agency_client::gateway::{Gateway, GatewayError};
///
/// # async fn example(gateway: Gateway) {
/// if let Err(GatewayError::Outbox(error)) = gateway.stop().await {
///     eprintln!("{error}\n{}", error.advice());
/// }
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// A setting or a file is at fault.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The outbox cannot be used.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// This machine: the gateway's own work failed.
    #[error("the gateway failed: {0}")]
    Failed(String),
}

/// A gateway that runs.
///
/// ```no_run
/// use agency_client::{Client, gateway::{Gateway, GatewayError, GatewayOptions, Listen}};
///
/// # async fn example(client: Client) -> Result<(), GatewayError> {
/// let listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
/// let gateway = Gateway::start(client, GatewayOptions::new(listen, "outbox")).await?;
/// println!("{:?}", gateway.listen());
/// gateway.stop().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Gateway {
    listen: Listen,
    draining: watch::Sender<bool>,
    /// `None` once its end was seen.
    server: Option<JoinHandle<Result<(), tonic::transport::Error>>>,
    /// As `server`.
    sender: Option<JoinHandle<Result<(), OutboxError>>>,
    health: JoinHandle<()>,
}

impl Gateway {
    /// Starts a gateway in the name of a client's officer. When this returns, it accepts calls. The
    /// hub need not be there.
    ///
    /// ```no_run
    /// use agency_client::{Client, gateway::{Gateway, GatewayError, GatewayOptions, Listen}};
    ///
    /// # async fn example(client: Client) -> Result<(), GatewayError> {
    /// let listen = Listen::Unix("/run/agency/gateway.sock".into());
    /// let gateway = Gateway::start(client, GatewayOptions::new(listen, "outbox")).await?;
    /// # drop(gateway);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GatewayError`] with what cannot be used: the address or socket, the secret's file, the
    /// outbox's folder, or a sender that works on that outbox already.
    pub async fn start(client: Client, options: GatewayOptions) -> Result<Self, GatewayError> {
        check("connections_max", options.connections_max)?;
        check("calls_max", options.calls_max)?;
        let secret = options.secret_file.as_deref().map(secret::Secret::read);
        let secret = secret.transpose()?;
        let outbox = Outbox::open(&options.outbox_dir, options.outbox.clone()).await?;
        let sender = outbox.sender()?;
        let (listener, listen) = Listener::open(&options.listen).await?;
        let (draining, drains) = watch::channel(false);
        let (reporter, health) = tonic_health::server::health_reporter();
        health::start(&reporter).await;
        let local = local_services(health, outbox)?;
        let shared = Arc::new(Shared {
            client: client.clone(),
            secret,
            calls: Arc::new(Semaphore::new(options.calls_max)),
            draining: drains.clone(),
        });
        let front = Front::new(shared, local);
        let server = serve(listener, front, &options, drains.clone());
        let probing = health::watch(client.clone(), reporter, drains.clone());
        Ok(Self {
            listen,
            draining,
            server: Some(server),
            sender: Some(tokio::spawn(sender.run(client, drained(drains)))),
            health: tokio::spawn(probing),
        })
    }

    /// Where it listens, with the port that the system chose.
    ///
    /// ```no_run
    /// use agency_client::gateway::{Gateway, Listen};
    ///
    /// # fn example(gateway: Gateway) {
    /// if let Listen::Tcp(address) = gateway.listen() {
    ///     println!("http://{address}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn listen(&self) -> &Listen {
        &self.listen
    }

    /// Waits until the gateway fails: it cannot listen any more, or the outbox cannot be sent. What
    /// has failed is told once; [`Self::stop`] may follow.
    ///
    /// ```no_run
    /// # async fn example(mut gateway: agency_client::gateway::Gateway) -> Result<(), agency_client::gateway::GatewayError> {
    /// tokio::select! {
    ///     error = gateway.failed() => eprintln!("{error}"),
    ///     _ = tokio::signal::ctrl_c() => {}
    /// }
    /// gateway.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn failed(&mut self) -> GatewayError {
        tokio::select! {
            ended = ended(&mut self.server) => GatewayError::Failed(match ended {
                Ok(Ok(())) => "it stopped listening".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            }),
            ended = ended(&mut self.sender) => match ended {
                Ok(Ok(())) => GatewayError::Failed("the outbox's sender ended".to_owned()),
                Ok(Err(error)) => error.into(),
                Err(error) => GatewayError::Failed(error.to_string()),
            },
        }
    }

    /// Stops: no new calls, streams end with `UNAVAILABLE`, calls under way may take
    /// [`DRAIN_TIME_MAX`], the outbox ends what it is sending and keeps the rest.
    ///
    /// ```no_run
    /// # async fn example(gateway: agency_client::gateway::Gateway) -> Result<(), agency_client::gateway::GatewayError> {
    /// gateway.stop().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`GatewayError`] when the outbox could not be brought to rest; nothing in it is lost.
    pub async fn stop(mut self) -> Result<(), GatewayError> {
        self.draining.send_replace(true);
        if let Some(mut server) = self.server.take()
            && tokio::time::timeout(DRAIN_TIME_MAX, &mut server)
                .await
                .is_err()
        {
            tracing::warn!("calls were cut off at the end of the draining time");
            server.abort();
        }
        // It only reports; nothing depends on it.
        drop(self.health.await);
        let Some(sender) = self.sender.take() else {
            return Ok(());
        };
        match sender.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(GatewayError::Failed(error.to_string())),
        }
    }
}

/// Waits for a task's end, which is told once: a task must not be waited for after that.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let ended = running.await;
    *task = None;
    ended
}

/// A bound of 0 would let nobody in, without a word.
fn check(field: &str, bound: usize) -> Result<(), ClientError> {
    if (1..=BOUND_MAX).contains(&bound) {
        return Ok(());
    }
    let rule = format!("must be 1 to {BOUND_MAX}");
    Err(ClientError::input(field, rule))
}

/// Health, reflection and the outbox.
fn local_services<H>(health: H, outbox: Outbox) -> Result<Routes, GatewayError>
where
    H: tower::Service<
            http::Request<tonic::body::Body>,
            Error = std::convert::Infallible,
            Response = http::Response<tonic::body::Body>,
            Future: Send + 'static,
        > + tonic::server::NamedService
        + Clone
        + Send
        + Sync
        + 'static,
{
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(hub_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let failed = |error: tonic_reflection::server::Error| GatewayError::Failed(error.to_string());
    let outbox = GatewayServiceServer::new(outbox::OutboxService::new(outbox))
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(Routes::new(health)
        .add_service(reflection().build_v1().map_err(failed)?)
        .add_service(reflection().build_v1alpha().map_err(failed)?)
        .add_service(outbox))
}

fn serve(
    listener: Listener,
    front: Front,
    options: &GatewayOptions,
    drains: watch::Receiver<bool>,
) -> JoinHandle<Result<(), tonic::transport::Error>> {
    let calls_max = options.calls_max;
    let server = Server::builder()
        .concurrency_limit_per_connection(calls_max)
        .max_concurrent_streams(u32::try_from(calls_max).unwrap_or(u32::MAX))
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    let connections = Arc::new(Semaphore::new(options.connections_max));
    let drained = drained(drains);
    tokio::spawn(async move {
        match listener {
            Listener::Tcp(listener) => {
                let incoming = listen::incoming(listener, connections);
                server
                    .serve_with_incoming_shutdown(front, incoming, drained)
                    .await
            }
            Listener::Unix(listener, file) => {
                let incoming = listen::incoming(listener, connections);
                let served = server
                    .serve_with_incoming_shutdown(front, incoming, drained)
                    .await;
                drop(file);
                served
            }
        }
    })
}

/// Completes when the gateway stops.
async fn drained(mut drains: watch::Receiver<bool>) {
    // An error means that the gateway is gone, which is as good a reason to stop.
    drop(drains.wait_for(|is_draining| *is_draining).await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHub, Fixture, refusal};

    #[tokio::test]
    async fn a_bound_that_lets_nobody_in_is_refused() {
        let fixture = Fixture::new();
        let hub = FakeHub::start(&fixture, |_| Err(refusal("UNAVAILABLE"))).await;
        for bound in [0, usize::MAX] {
            let listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
            let mut options = GatewayOptions::new(listen, fixture.path().join("outbox"));
            options.calls_max = bound;
            let started = Gateway::start(fixture.client(&hub), options).await;
            let error = started.unwrap_err().to_string();
            assert!(error.contains("calls_max"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_gateway_that_failed_is_stopped_like_any_other() {
        let fixture = Fixture::new();
        let hub = FakeHub::start(&fixture, |_| Err(refusal("UNAVAILABLE"))).await;
        let folder = fixture.path().join("outbox");
        let outbox = Outbox::open(&folder, OutboxOptions::default())
            .await
            .unwrap();
        outbox.store().claim("health").unwrap();
        let listen = Listen::Tcp(([127, 0, 0, 1], 0).into());
        let options = GatewayOptions::new(listen, &folder);
        let client = fixture.client(&hub);
        let mut gateway = Gateway::start(client, options).await.unwrap();
        let failure = gateway.failed().await;
        assert!(failure.to_string().contains("health"), "{failure}");
        gateway.stop().await.unwrap();
    }
}
