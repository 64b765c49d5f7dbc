//! A small hub made of closures, and everything that a client needs to talk to it. Tests only.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::{Stream, StreamExt as _, future::BoxFuture, stream::BoxStream};
use hub_core::{
    crypto::{Digest, SigningKey, generate_ed25519_pkcs8},
    merkle::{Frontier, leaf_hash, node_hash},
    note::NoteSigner,
    profile::Profile,
};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tonic::{
    Code, Request, Response, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataMap,
    server::{Grpc, NamedService, ServerStreamingService},
    transport::server::{Connected, Server},
};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    Client,
    checkpoint::{CheckpointMemory, TrustedCheckpoint},
};

const ORIGIN: &str = "hub.shanxi.example";

/// Keys, certificates and a profile of the agency `tax`, in a folder of their own.
pub(crate) struct Fixture {
    folder: TempDir,
    pub(crate) signer: NoteSigner<Arc<SigningKey>>,
    pub(crate) ledger: Arc<SigningKey>,
    server: Arc<ServerConfig>,
    address: OnceLock<SocketAddr>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let ca_key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let leaf = |san, usage| {
            let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.subject_alt_names = vec![san];
            params.extended_key_usages = vec![usage];
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let localhost = SanType::DnsName("localhost".try_into().unwrap());
        let (hub, hub_key) = leaf(localhost, ExtendedKeyUsagePurpose::ServerAuth);
        let spiffe = "spiffe://hub.shanxi.example/agency/tax/node/node-1";
        let spiffe = SanType::URI(spiffe.try_into().unwrap());
        let (node, node_key) = leaf(spiffe, ExtendedKeyUsagePurpose::ClientAuth);
        write("ca.pem", &ca_certificate.pem());
        write("node.pem", &node.pem());
        write("node.key", &node_key.serialize_pem());
        let token_key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        write("token.key", &token_key.serialize_pem());
        let ledger = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        let ledger = Arc::new(ledger);
        let signer = NoteSigner::new(ORIGIN, ledger.clone()).unwrap();
        write("ledger.vkey", &signer.verifier().to_string());
        Self {
            server: server_config(ca_certificate.der(), hub.der().clone(), &hub_key),
            folder,
            signer,
            ledger,
            address: OnceLock::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn profile(&self) -> Profile {
        let file = |name: &str| self.path().join(name).to_str().unwrap().to_owned();
        let port = self.address.get().map_or(1, SocketAddr::port);
        Profile {
            endpoint: format!("https://127.0.0.1:{port}"),
            server_name: Some("localhost".into()),
            trust_domain: ORIGIN.into(),
            agency: "tax".into(),
            node: "node-1".into(),
            certificate: file("node.pem"),
            key: file("node.key"),
            ca: file("ca.pem"),
            token_key: file("token.key"),
            token_kid: "tax-2026-1".into(),
            token_audience: ORIGIN.into(),
            ledger_key: file("ledger.vkey"),
            officer: "tax-clerk-1".into(),
            roles: vec!["clerk".into()],
            state_dir: file("state"),
            purpose: None,
        }
    }

    /// A client of a hub with a short deadline.
    pub(crate) fn client(&self, hub: &FakeHub) -> Client {
        Client::builder(&self.profile())
            .endpoint(hub.endpoint())
            .deadline(Duration::from_secs(5))
            .build()
            .unwrap()
    }

    pub(crate) fn memory(&self) -> CheckpointMemory {
        CheckpointMemory::new(self.path().join("state"), self.signer.verifier().clone())
    }

    /// The checkpoint of a ledger of so many test entries.
    pub(crate) fn checkpoint(&self, size: u64) -> TrustedCheckpoint {
        let leaves: Vec<Digest> = (0..size).map(leaf).collect();
        self.checkpoint_of(&leaves)
    }

    pub(crate) fn checkpoint_of(&self, leaves: &[Digest]) -> TrustedCheckpoint {
        let mut frontier = Frontier::new();
        for leaf in leaves {
            frontier.push(*leaf, |_| {});
        }
        let note = self.signer.sign(frontier.size(), &frontier.root()).unwrap();
        let checkpoint = self.signer.verifier().verify(&note).unwrap();
        TrustedCheckpoint::new(note, checkpoint)
    }

    /// RFC 6962 section 2.1.2 over the test entries, word for word.
    pub(crate) fn consistency(&self, from: u64, to: u64) -> Vec<Digest> {
        let leaves: Vec<Digest> = (0..to).map(leaf).collect();
        subproof(usize::try_from(from).unwrap(), &leaves, true)
    }
}

/// Leaf of the test entry at an index.
pub(crate) fn leaf(index: u64) -> Digest {
    leaf_hash(&index.to_be_bytes())
}

fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// RFC 6962 section 2.1.
pub(crate) fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// RFC 6962 section 2.1.1.
pub(crate) fn path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if index < k {
        (path(index, left), root(right))
    } else {
        (path(index - k, right), root(left))
    };
    proof.push(other);
    proof
}

fn subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, other) = if m <= k {
        (subproof(m, left, whole), root(right))
    } else {
        (subproof(m - k, right, false), root(left))
    };
    proof.push(other);
    proof
}

fn server_config(
    ca: &CertificateDer<'static>,
    hub: CertificateDer<'static>,
    key: &KeyPair,
) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(ca.clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
        .build()
        .unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![hub], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.into()
}

/// A call as the fake hub sees it.
pub(crate) struct Call {
    /// Counts from 1.
    pub(crate) number: usize,
    pub(crate) path: String,
    pub(crate) metadata: MetadataMap,
    /// The exact message bytes.
    pub(crate) bytes: Bytes,
}

/// One step of an answer.
pub(crate) enum Sent {
    Message(Bytes),
    Error(Status),
    /// Nothing more comes, and the stream stays open.
    Hang,
}

/// What the fake hub answers: steps of a stream, a unary answer being one message.
pub(crate) type Reply = Result<Vec<Sent>, Status>;

/// An answer of one message.
pub(crate) fn message(message: &impl prost::Message) -> Reply {
    Ok(vec![Sent::Message(message.encode_to_vec().into())])
}

/// A refusal as the hub makes it.
pub(crate) fn refusal(reason: &str) -> Status {
    let code = match reason {
        "UNAVAILABLE" => Code::Unavailable,
        "NOT_FOUND" => Code::NotFound,
        _ => Code::Unauthenticated,
    };
    let mut details = ErrorDetails::new();
    details.set_error_info(
        reason,
        hub_core::reason::ERROR_DOMAIN,
        std::collections::HashMap::new(),
    );
    Status::with_error_details(code, format!("refused: {reason}"), details)
}

type Answer = Arc<dyn Fn(&Call) -> Reply + Send + Sync>;

/// A hub on a port of its own, made of one closure.
pub(crate) struct FakeHub {
    address: SocketAddr,
    tasks: Vec<JoinHandle<()>>,
    seen: Arc<Mutex<Vec<String>>>,
    /// A second handle on every socket: shutting it cuts what tonic's own tasks still hold.
    sockets: Arc<Mutex<Vec<std::net::TcpStream>>>,
}

impl FakeHub {
    pub(crate) async fn start(
        fixture: &Fixture,
        answer: impl Fn(&Call) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut hub = Self {
            address: listener.local_addr().unwrap(),
            tasks: vec![],
            seen: Arc::default(),
            sockets: Arc::default(),
        };
        hub.serve(fixture, listener, Arc::new(answer));
        hub
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Calls that arrived.
    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// The tokens that came, in order of calls.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Cuts every connection and stops listening.
    pub(crate) async fn stop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            let _cancelled = task.await;
        }
        self.cut();
    }

    fn cut(&self) {
        for socket in self.sockets.lock().unwrap().drain(..) {
            // A socket that the peer has closed already cannot be shut.
            let _closed = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Stops, and starts again on the same port with other answers.
    pub(crate) async fn restart(
        &mut self,
        fixture: &Fixture,
        answer: impl Fn(&Call) -> Reply + Send + Sync + 'static,
    ) {
        self.stop().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(fixture, listener, Arc::new(answer));
    }

    /// Each connection has a server of its own.
    fn serve(&mut self, fixture: &Fixture, listener: TcpListener, answer: Answer) {
        let acceptor = TlsAcceptor::from(fixture.server.clone());
        let (seen, sockets) = (self.seen.clone(), self.sockets.clone());
        self.tasks.push(tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, answer, seen) = (acceptor.clone(), answer.clone(), seen.clone());
                let tcp = tcp.into_std().unwrap();
                sockets.lock().unwrap().push(tcp.try_clone().unwrap());
                let tcp = TcpStream::from_std(tcp).unwrap();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(tcp).await else {
                        return;
                    };
                    let fake = Fake { answer, seen };
                    let one = futures::stream::once(async { Ok::<_, std::io::Error>(Io(stream)) })
                        .chain(futures::stream::pending());
                    let _ended = Server::builder()
                        .add_service(Named::<0>(fake.clone()))
                        .add_service(Named::<1>(fake.clone()))
                        .add_service(Named::<2>(fake))
                        .serve_with_incoming(one)
                        .await;
                });
            }
        }));
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.cut();
    }
}

#[derive(Clone)]
struct Fake {
    answer: Answer,
    seen: Arc<Mutex<Vec<String>>>,
}

/// The fake under the name of one of the hub's services.
#[derive(Clone)]
struct Named<const SERVICE: u8>(Fake);

impl<const SERVICE: u8> NamedService for Named<SERVICE> {
    const NAME: &'static str = match SERVICE {
        0 => "hub.channels.v1.ChannelService",
        1 => "hub.ledger.v1.LedgerService",
        _ => "hub.members.v1.MembersService",
    };
}

impl<const SERVICE: u8> tower::Service<http::Request<tonic::body::Body>> for Named<SERVICE> {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        let handler = Handler {
            fake: self.0.clone(),
            path: request.uri().path().to_owned(),
        };
        Box::pin(async move { Ok(Grpc::new(Raw).server_streaming(handler, request).await) })
    }
}

struct Handler {
    fake: Fake,
    path: String,
}

impl ServerStreamingService<Bytes> for Handler {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let token = request.metadata().get("authorization").unwrap();
        let number = {
            let mut seen = self.fake.seen.lock().unwrap();
            seen.push(token.to_str().unwrap().to_owned());
            seen.len()
        };
        let (metadata, _, bytes) = request.into_parts();
        let call = Call {
            number,
            path: self.path.clone(),
            metadata,
            bytes,
        };
        let reply = (self.fake.answer)(&call);
        Box::pin(async move {
            let steps = futures::stream::iter(reply?).then(|sent| async {
                match sent {
                    Sent::Message(bytes) => Ok(bytes),
                    Sent::Error(status) => Err(status),
                    Sent::Hang => std::future::pending().await,
                }
            });
            let steps: Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(steps);
            Ok(Response::new(steps))
        })
    }
}

/// Passes message bytes through.
#[derive(Clone)]
struct Raw;

impl Codec for Raw {
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

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(source.copy_to_bytes(source.remaining())))
    }
}

/// A TLS stream that tonic accepts.
struct Io(TlsStream<TcpStream>);

impl Connected for Io {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
