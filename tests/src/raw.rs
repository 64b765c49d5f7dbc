//! A client that can do everything wrong: any certificate, any TLS version, any header, any bytes.
//!
//! The client library refuses to send what the hub must refuse, so these tests bring their own.

pub mod requests;

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use agency_client::Profile;
use bytes::{Buf as _, BufMut as _, Bytes};
use certs::{Ca, Leaf};
use http::{Uri, uri::PathAndQuery};
use hub::wire::rpc;
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER, commitment},
    crypto::{Digest, SigningKey, random, sha256},
    purpose::PURPOSE_HEADER,
};
use hyper_util::rt::TokioIo;
use prost::Message;
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion, crypto::aws_lc_rs,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{BinaryMetadataValue, MetadataMap},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use crate::{PURPOSE, World, tokens::Token};

/// No call of a test takes longer than this.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// A certificate with its key.
#[derive(Debug, Clone)]
pub struct Node {
    certificate: Vec<u8>,
    key_der: Vec<u8>,
    key: Arc<SigningKey>,
}

impl Node {
    /// The node of a profile.
    #[must_use]
    pub fn of_profile(profile: &Profile) -> Self {
        let certificate = CertificateDer::from_pem_file(&profile.certificate).unwrap();
        let key = PrivatePkcs8KeyDer::from_pem_file(&profile.key).unwrap();
        Self::new(certificate.to_vec(), key.secret_pkcs8_der().to_vec())
    }

    /// A leaf that was made by hand.
    #[must_use]
    pub fn of_leaf(leaf: &Leaf) -> Self {
        Self::new(leaf.certificate_der.clone(), leaf.key_der.clone())
    }

    fn new(certificate: Vec<u8>, key_der: Vec<u8>) -> Self {
        let key = Arc::new(SigningKey::from_pkcs8(&key_der).unwrap());
        Self {
            certificate,
            key_der,
            key,
        }
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        sha256(&[&self.certificate])
    }

    /// The certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The author headers of a mutating call.
    #[must_use]
    pub fn author(&self, method: &str, request: &[u8]) -> Author {
        let salt: [u8; 16] = random().unwrap();
        let signature = self.key.sign(&commitment(&salt, method, request)).unwrap();
        Author {
            salt: salt.to_vec(),
            signature,
        }
    }

    /// TLS 1.3 with this certificate; trusts the authority.
    #[must_use]
    pub fn tls(&self, authority: &Ca) -> ClientConfig {
        tls(authority, Some(self), &TLS13)
    }
}

/// The author headers, as they go out.
#[derive(Debug, Clone)]
pub struct Author {
    /// `author-salt-bin`.
    pub salt: Vec<u8>,
    /// `author-signature-bin`.
    pub signature: Vec<u8>,
}

impl Author {
    /// Puts both into headers.
    pub fn put(&self, headers: &mut MetadataMap) {
        headers.insert_bin(SALT_HEADER, BinaryMetadataValue::from_bytes(&self.salt));
        let signature = BinaryMetadataValue::from_bytes(&self.signature);
        headers.insert_bin(SIGNATURE_HEADER, signature);
    }
}

/// A client's TLS, with or without a certificate.
#[must_use]
pub fn tls(
    authority: &Ca,
    node: Option<&Node>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.certificate_der().to_vec().into())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match node {
        None => builder.with_no_client_auth(),
        Some(node) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(node.key_der.clone()));
            let chain = vec![CertificateDer::from(node.certificate.clone())];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// What the TLS layer saw.
#[derive(Debug, Clone, Default)]
struct TlsLog(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    failure: Option<String>,
    kinds: Vec<HandshakeKind>,
    hub_certificate: Option<Vec<u8>>,
}

impl TlsLog {
    fn note<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn failed(&self, error: &io::Error) {
        self.note(|seen| {
            seen.failure.get_or_insert_with(|| error.to_string());
        });
    }
}

/// A connection that sends whatever it is given. Connects with the first call.
#[derive(Debug, Clone)]
pub struct Raw {
    channel: Channel,
    log: TlsLog,
}

impl Raw {
    /// Over TLS.
    #[must_use]
    pub fn new(address: SocketAddr, config: ClientConfig) -> Self {
        Self::shared(address, Arc::new(config))
    }

    /// Over TLS; connections that share a configuration share its tickets.
    #[must_use]
    pub fn shared(address: SocketAddr, config: Arc<ClientConfig>) -> Self {
        let log = TlsLog::default();
        let connection_log = log.clone();
        let service = tower::service_fn(move |_: Uri| {
            let (tls, log) = (
                TlsConnector::from(Arc::clone(&config)),
                connection_log.clone(),
            );
            async move {
                let tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                let name = "localhost".try_into().unwrap();
                let stream = tls.connect(name, tcp).await;
                let stream = stream.inspect_err(|error| log.failed(error))?;
                log.note(|seen| {
                    let session = stream.get_ref().1;
                    seen.kinds.extend(session.handshake_kind());
                    let chain = session.peer_certificates();
                    seen.hub_certificate = chain.map(|chain| chain[0].to_vec());
                });
                Ok::<_, io::Error>(TokioIo::new(Watched { stream, log }))
            }
        });
        let endpoint = Endpoint::from_static("https://localhost");
        Self {
            channel: endpoint.connect_with_connector_lazy(service),
            log,
        }
    }

    /// Plaintext HTTP/2.
    #[must_use]
    pub fn plaintext(address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self {
            channel: endpoint.connect_lazy(),
            log: TlsLog::default(),
        }
    }

    /// What TLS complained of first, if it did.
    #[must_use]
    pub fn tls_failure(&self) -> Option<String> {
        self.log.note(|seen| seen.failure.clone())
    }

    /// How each connection came about.
    #[must_use]
    pub fn handshakes(&self) -> Vec<HandshakeKind> {
        self.log.note(|seen| seen.kinds.clone())
    }

    /// The certificate that the hub showed last.
    #[must_use]
    pub fn hub_certificate(&self) -> Option<Vec<u8>> {
        self.log.note(|seen| seen.hub_certificate.clone())
    }

    /// A unary call of any method with any bytes and headers.
    ///
    /// # Errors
    /// What the hub answers, or the transport.
    pub async fn unary(
        &self,
        method: &'static str,
        request: Bytes,
        headers: MetadataMap,
    ) -> Result<Bytes, Status> {
        let call = async {
            let mut grpc = self.ready().await?;
            let request = Request::from_parts(headers, http::Extensions::new(), request);
            let path = PathAndQuery::from_static(method);
            grpc.unary(request, path, Verbatim).await
        };
        tokio::time::timeout(CALL_TIME_MAX, call)
            .await
            .expect("the hub answers in time")
            .map(tonic::Response::into_inner)
    }

    /// A unary call whose message comes when the stream gives it.
    ///
    /// # Errors
    /// What the hub answers, or the transport.
    pub async fn slow_unary(
        &self,
        method: &'static str,
        body: impl futures::Stream<Item = Bytes> + Send + 'static,
        headers: MetadataMap,
    ) -> Result<Bytes, Status> {
        let mut grpc = self.ready().await?;
        let request = Request::from_parts(headers, http::Extensions::new(), body);
        let path = PathAndQuery::from_static(method);
        let answer = grpc.client_streaming(request, path, Verbatim).await;
        answer.map(tonic::Response::into_inner)
    }

    /// A server stream of any method.
    ///
    /// # Errors
    /// What the hub answers, or the transport.
    pub async fn stream(
        &self,
        method: &'static str,
        request: Bytes,
        headers: MetadataMap,
    ) -> Result<Streaming<Bytes>, Status> {
        let mut grpc = self.ready().await?;
        let request = Request::from_parts(headers, http::Extensions::new(), request);
        let path = PathAndQuery::from_static(method);
        let opened = grpc.server_streaming(request, path, Verbatim).await;
        opened.map(tonic::Response::into_inner)
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(64 << 20);
        let ready = grpc.ready().await;
        ready.map_err(|error| Status::from_error(Box::new(error)))?;
        Ok(grpc)
    }
}

/// An officer on a connection: adds a token, and the author headers to mutating calls.
#[derive(Debug, Clone)]
pub struct Session {
    /// The connection.
    pub raw: Raw,
    /// The node that signs.
    pub node: Node,
    /// The token.
    pub token: String,
}

impl Session {
    /// An officer of an agency on its first node, with a token that is right in everything.
    #[must_use]
    pub fn new(world: &World, agency: &str, officer: &str, roles: &[&str]) -> Self {
        let profile = world.site.profile(agency);
        let node = Node::of_profile(&profile);
        let raw = Raw::new(world.hub().address(), node.tls(&world.site.authority()));
        let token = Token::new(&profile, officer, roles).mint();
        Self { raw, node, token }
    }

    /// The same connection for another officer of the same agency.
    #[must_use]
    pub fn with_token(&self, token: String) -> Self {
        Self {
            token,
            ..self.clone()
        }
    }

    /// The headers of a call.
    #[must_use]
    pub fn headers(&self, method: &str, request: &[u8]) -> MetadataMap {
        let mut headers = self.reading();
        if rpc::is_mutating(method) {
            self.node.author(method, request).put(&mut headers);
        }
        headers
    }

    /// A unary call.
    ///
    /// # Errors
    /// What the hub answers.
    pub async fn call(
        &self,
        method: &'static str,
        request: impl Into<Bytes>,
    ) -> Result<Bytes, Status> {
        let request = request.into();
        let headers = self.headers(method, &request);
        self.raw.unary(method, request, headers).await
    }

    /// A unary call with a message.
    ///
    /// # Errors
    /// What the hub answers.
    pub async fn ask<R: Message + Default>(
        &self,
        method: &'static str,
        request: &impl Message,
    ) -> Result<R, Status> {
        let answer = self.call(method, request.encode_to_vec()).await?;
        Ok(R::decode(answer).expect("the answer is a message"))
    }

    /// A call of any method: a stream answers with its first message, and an upload is of
    /// [`requests::files::one_byte`].
    ///
    /// # Errors
    /// What the hub answers.
    pub async fn first(&self, method: &'static str, request: Bytes) -> Result<Bytes, Status> {
        if is_upload(method) {
            let messages = futures::stream::iter([request, requests::files::one_byte()]);
            return self.upload(method, messages).await;
        }
        if !is_stream(method) {
            return self.call(method, request).await;
        }
        let mut stream = self.open(method, request).await?;
        let first = tokio::time::timeout(CALL_TIME_MAX, stream.message());
        let first = first.await.expect("the hub answers in time")?;
        Ok(first.expect("a stream begins with a message"))
    }

    /// A call that takes in messages.
    ///
    /// # Errors
    /// What the hub answers.
    pub async fn upload(
        &self,
        method: &'static str,
        messages: impl futures::Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Bytes, Status> {
        let call = self.raw.slow_unary(method, messages, bearer(&self.token));
        tokio::time::timeout(CALL_TIME_MAX, call)
            .await
            .expect("the hub answers in time")
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// What the hub answers.
    pub async fn open(
        &self,
        method: &'static str,
        request: impl Into<Bytes>,
    ) -> Result<Streaming<Bytes>, Status> {
        self.raw
            .stream(method, request.into(), self.reading())
            .await
    }

    /// The token, and what is read for.
    fn reading(&self) -> MetadataMap {
        let mut headers = bearer(&self.token);
        let purpose = BinaryMetadataValue::from_bytes(PURPOSE.as_bytes());
        headers.insert_bin(PURPOSE_HEADER, purpose);
        headers
    }
}

/// Whether a method streams.
#[must_use]
pub fn is_stream(method: &str) -> bool {
    rpc::RPCS
        .iter()
        .any(|rpc| rpc.method == method && rpc.effect == rpc::Effect::Stream)
}

/// Whether a method takes in a stream.
#[must_use]
pub fn is_upload(method: &str) -> bool {
    rpc::RPCS
        .iter()
        .any(|rpc| rpc.method == method && rpc.effect == rpc::Effect::Upload)
}

/// `authorization: Bearer <token>` and nothing else.
#[must_use]
pub fn bearer(token: &str) -> MetadataMap {
    let mut headers = MetadataMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    headers
}

/// The reason in a status; empty when the hub gave none.
#[must_use]
pub fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

/// The fields that a status names.
#[must_use]
pub fn fields(status: &Status) -> Vec<String> {
    status
        .get_details_bad_request()
        .map(|bad| bad.field_violations.into_iter().map(|one| one.field))
        .into_iter()
        .flatten()
        .collect()
}

/// The retry hint of a status.
#[must_use]
pub fn retry_after(status: &Status) -> Option<Duration> {
    status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay)
}

/// Polls a condition until it holds; fails after twenty seconds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("not within 20 s: {what}"));
}

/// A TLS stream that remembers why it broke: TLS 1.3 tells a refusal after the handshake only.
struct Watched {
    stream: TlsStream<TcpStream>,
    log: TlsLog,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            self.log.failed(error);
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

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Sends and receives message bytes as they are.
#[derive(Debug, Clone, Copy)]
struct Verbatim;

impl Codec for Verbatim {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Verbatim {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}
