//! Mutual TLS 1.3 to the hub, and what the TLS layer had to say when it broke.
//!
//! tonic's own TLS settings are not used: with our own connector, a certificate that the hub
//! refuses is told apart from a hub that cannot be reached, although TLS 1.3 reports it only after
//! the handshake.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hub_core::gathered::{Gathered, read_ahead};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, version::TLS13};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};

use crate::{
    error::{ClientError, Result},
    observer::Watched as Observed,
    profile::Identity,
};

/// How long a connection may take to come about, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Silence after which a ping asks whether the hub is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a ping may stay unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Flow-control window of one stream, in bytes: four notifications of the largest size.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Flow-control window of the connection, in bytes.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Port when the endpoint names none.
const PORT_DEFAULT: u16 = 443;

/// Whose certificate a TLS failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsFault {
    /// The hub refused this node.
    Node,
    /// This node refused the hub.
    Hub,
}

/// What the TLS layer complained of.
#[derive(Debug, Clone)]
pub(crate) struct TlsFailure {
    pub(crate) fault: TlsFault,
    pub(crate) detail: String,
}

/// The connection's last TLS failure; cleared when a new connection is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsWatch(Arc<Mutex<Option<TlsFailure>>>);

impl TlsWatch {
    /// The last failure.
    pub(crate) fn last(&self) -> Option<TlsFailure> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, failure: Option<TlsFailure>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    fn observe(&self, error: &io::Error) {
        let Some(error) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        else {
            return;
        };
        let fault = match error {
            rustls::Error::AlertReceived(_) => TlsFault::Node,
            rustls::Error::InvalidCertificate(_) => TlsFault::Hub,
            _ => return,
        };
        self.set(Some(TlsFailure {
            fault,
            detail: error.to_string(),
        }));
    }
}

/// A channel that connects when first used and again whenever the connection broke.
pub(crate) fn channel(
    identity: &Identity,
    endpoint: &str,
    observer: Observed,
) -> Result<(Channel, TlsWatch)> {
    let uri: Uri = endpoint
        .parse()
        .map_err(|error| ClientError::input("endpoint", format!("must be a URL: {error}")))?;
    let host = uri
        .host()
        .filter(|_| uri.scheme_str() == Some("https"))
        .ok_or_else(|| ClientError::input("endpoint", "must begin with https:// and name a host"))?
        .trim_matches(['[', ']'])
        .to_owned();
    let port = uri.port_u16().unwrap_or(PORT_DEFAULT);
    let name = identity.profile.server_name.as_deref().unwrap_or(&host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|_| ClientError::input("server_name", "must be a DNS name or an IP address"))?;
    let watch = TlsWatch::default();
    let connector = Connector {
        tls: TlsConnector::from(Arc::new(tls_config(identity)?)),
        host,
        port,
        name,
        watch: watch.clone(),
        observer,
        has_connected: Arc::default(),
    };
    let endpoint = Endpoint::from(uri)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    let service = tower::service_fn(move |_: Uri| {
        let connector = connector.clone();
        async move { connector.connect().await }
    });
    Ok((endpoint.connect_with_connector_lazy(service), watch))
}

fn tls_config(identity: &Identity) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for authority in &identity.authorities {
        roots
            .add(authority.clone())
            .map_err(|error| ClientError::file(&identity.profile.ca, error))?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| ClientError::Protocol(error.to_string()))?
        .with_root_certificates(roots)
        .with_client_auth_cert(
            identity.chain.clone(),
            PrivateKeyDer::Pkcs8(identity.tls_key.clone_key()),
        )
        .map_err(|error| ClientError::file(&identity.profile.certificate, error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

#[derive(Clone)]
struct Connector {
    tls: TlsConnector,
    host: String,
    port: u16,
    name: ServerName<'static>,
    watch: TlsWatch,
    observer: Observed,
    /// Whether there was a connection before.
    has_connected: Arc<AtomicBool>,
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Watched>> {
        self.watch.set(None);
        let connecting = async {
            let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
            tcp.set_nodelay(true)?;
            self.tls.connect(self.name.clone(), read_ahead(tcp)).await
        };
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()),
                )
            })?
            .inspect_err(|error| self.watch.observe(error))?;
        if self.has_connected.swap(true, Ordering::Relaxed) {
            self.observer.tell(|observer| observer.reconnected());
        }
        Ok(TokioIo::new(Watched {
            stream: Gathered::new(stream),
            watch: self.watch,
        }))
    }
}

/// A TLS stream that remembers why it broke.
struct Watched {
    stream: Gathered<TlsStream<BufReader<TcpStream>>>,
    watch: TlsWatch,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            self.watch.observe(error);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
