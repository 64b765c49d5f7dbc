//! Over real TLS on loopback.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use certs::{Ca, InitOptions, IssueOptions, Leaf, LeafSpec, Pki, Reason as Why};
use futures::StreamExt as _;
use hub_core::reason::Reason;
use jiff::SignedDuration;
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    version::{TLS12, TLS13},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};
use tokio_rustls::TlsConnector;
use tonic::transport::server::Connected as _;

use super::*;
use crate::{
    clock::{Clock as _, ManualClock, SystemClock},
    identity::PeerInfo,
    metrics::door::{Closed, DoorMetrics},
    pace::Quota,
};

mod limits;

const DOMAIN: &str = "hub.test.example";

/// A PKI, a hub's door that answers one byte `k` per connection, and what the door saw.
struct Bench {
    _folder: tempfile::TempDir,
    pki: Pki,
    reloader: Arc<TlsReloader>,
    clock: ManualClock,
    address: SocketAddr,
    metrics: DoorMetrics,
    seen: tokio::sync::mpsc::Receiver<PeerInfo>,
    ended: tokio::sync::mpsc::Receiver<std::io::ErrorKind>,
}

/// A door, and what comes through it.
struct Door {
    folder: tempfile::TempDir,
    pki: Pki,
    reloader: Arc<TlsReloader>,
    clock: ManualClock,
    address: SocketAddr,
    metrics: DoorMetrics,
    incoming: Incoming,
}

async fn door(limits: AcceptLimits) -> Door {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        trust_domain: DOMAIN.into(),
        ..InitOptions::default()
    };
    let pki = Pki::init(&folder.path().join("pki"), &options).unwrap();
    let clock = ManualClock::at(SystemClock.now());
    let reloader = Arc::new(
        TlsReloader::load(TlsOptions::of_pki(pki.folder()), Arc::new(clock.clone())).unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = DoorMetrics::default();
    let incoming = accept(
        listener,
        Arc::clone(&reloader),
        DOMAIN,
        limits,
        &Connections::default(),
        &metrics,
    );
    Door {
        folder,
        pki,
        reloader,
        clock,
        address,
        metrics,
        incoming,
    }
}

async fn bench_with(limits: AcceptLimits) -> Bench {
    let Door {
        folder,
        pki,
        reloader,
        clock,
        address,
        metrics,
        mut incoming,
    } = door(limits).await;
    let (sender, seen) = tokio::sync::mpsc::channel(64);
    let (broken, ended) = tokio::sync::mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(io) = incoming.next().await {
            let mut io = io.unwrap();
            sender.send(io.connect_info()).await.unwrap();
            let broken = broken.clone();
            tokio::spawn(async move {
                let error = talk(&mut io).await;
                let _heard = broken.try_send(error).is_ok();
            });
        }
    });
    Bench {
        _folder: folder,
        pki,
        reloader,
        clock,
        address,
        metrics,
        seen,
        ended,
    }
}

/// Says a byte and stays until the client closes. Once a whole preface has come, it talks without an end.
async fn talk(io: &mut TlsIo) -> std::io::ErrorKind {
    let talked = async {
        io.write_all(b"k").await?;
        io.flush().await?;
        io.read_exact(&mut [0; 24]).await?;
        loop {
            io.write_all(&[7; 65_536]).await?;
        }
    };
    let talked: std::io::Result<std::convert::Infallible> = talked.await;
    talked.unwrap_err().kind()
}

async fn bench() -> Bench {
    bench_with(AcceptLimits::default()).await
}

fn client(
    pki: &Pki,
    leaf: Option<&Leaf>,
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(pki.ca().certificate_der().to_vec().into())
        .unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match leaf {
        None => builder.with_no_client_auth(),
        Some(leaf) => {
            let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.key_der.clone()));
            let chain = vec![CertificateDer::from(leaf.certificate_der.clone())];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// The certificate of a node of the tax agency.
fn spec(clock: &ManualClock) -> LeafSpec {
    let now = clock.now();
    let hour = SignedDuration::from_hours(1);
    LeafSpec::node(DOMAIN, "tax", "node-1", now - hour, now + hour)
}

impl Door {
    /// What a new node says who it is with.
    fn client(&self) -> Arc<ClientConfig> {
        let leaf = self.pki.ca().issue(&spec(&self.clock)).unwrap();
        client(&self.pki, Some(&leaf), &TLS13)
    }

    /// A connection, as the client and as the hub have it.
    async fn connect(&mut self, config: Arc<ClientConfig>) -> (Client, TlsIo) {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let client = TlsConnector::from(config).connect(name, tcp).await.unwrap();
        let hub = self.incoming.next().await.unwrap().unwrap();
        (client, hub)
    }
}

impl Bench {
    fn spec(&self) -> LeafSpec {
        spec(&self.clock)
    }

    fn leaf(&self, spoil: impl FnOnce(&mut LeafSpec)) -> Leaf {
        let mut spec = self.spec();
        spoil(&mut spec);
        self.pki.ca().issue(&spec).unwrap()
    }

    fn client(
        &self,
        leaf: Option<&Leaf>,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ClientConfig> {
        client(&self.pki, leaf, version)
    }

    /// Connects and reads the door's byte; the error is the server's alert.
    async fn connect(&self, config: Arc<ClientConfig>) -> std::io::Result<Client> {
        self.connect_from([127, 0, 0, 1], config).await
    }

    /// As [`Self::connect`], from an address of loopback.
    async fn connect_from(
        &self,
        from: [u8; 4],
        config: Arc<ClientConfig>,
    ) -> std::io::Result<Client> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let tcp = socket.connect(self.address).await?;
        let name = "localhost".try_into().unwrap();
        let mut stream = TlsConnector::from(config).connect(name, tcp).await?;
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await?;
        assert_eq!(&byte, b"k");
        Ok(stream)
    }

    async fn refused(&self, leaf: Option<&Leaf>, alert: &str) {
        let error = self.connect(self.client(leaf, &TLS13)).await.unwrap_err();
        assert!(error.to_string().contains(alert), "{alert}: {error}");
    }

    /// So many are counted as turned away for this reason, once the door has come to it, and none for
    /// another.
    async fn turned_away(&self, why: Closed, count: u64) {
        let counted = async {
            while self.metrics.count(why) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let counted = tokio::time::timeout(Duration::from_secs(10), counted).await;
        let counts = Closed::ALL.map(|why| (why, self.metrics.count(why)));
        counted.unwrap_or_else(|_| panic!("{count} of {why:?}: {counts:?}"));
        for (other, found) in counts {
            let expected = if other == why { count } else { 0 };
            assert_eq!(found, expected, "{other:?}");
        }
    }
}

type Client = tokio_rustls::client::TlsStream<TcpStream>;

#[tokio::test]
async fn a_node_of_either_key_kind_is_let_in_and_named() {
    let mut bench = bench().await;
    for key_kind in [certs::KeyKind::P256, certs::KeyKind::Ed25519] {
        let leaf = bench.leaf(|spec| spec.key_kind = key_kind);
        let stream = bench.connect(bench.client(Some(&leaf), &TLS13)).await;
        let version = stream.unwrap().get_ref().1.protocol_version();
        assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_3));
        let peer = bench.seen.recv().await.unwrap().peer.unwrap();
        assert_eq!(
            (peer.agency.as_str(), peer.node.as_str()),
            ("tax", "node-1")
        );
        assert_eq!(peer.serial, leaf.serial);
        assert_eq!(&*peer.certificate, leaf.certificate_der.as_slice());
    }
}

#[tokio::test]
async fn what_cannot_be_trusted_ends_in_an_alert() {
    let mut bench = bench().await;
    let hour = SignedDuration::from_hours(1);
    let now = bench.clock.now();
    bench.refused(None, "CertificateRequired").await;
    let other = Ca::generate("other", now - hour, now + hour).unwrap();
    let foreign = other.issue(&bench.spec()).unwrap();
    bench.refused(Some(&foreign), "UnknownCA").await;
    let expired = bench.leaf(|spec| spec.not_after_at = now - SignedDuration::from_secs(5));
    bench.refused(Some(&expired), "CertificateExpired").await;
    let early = bench.leaf(|spec| spec.not_before_at = now + SignedDuration::from_secs(60));
    bench.refused(Some(&early), "CertificateExpired").await;
    let server = bench.leaf(|spec| spec.extended_uses = vec![certs::ExtendedUse::Server]);
    bench.refused(Some(&server), "UnsupportedCertificate").await;
    assert!(bench.seen.try_recv().is_err(), "nobody came through");
}

#[tokio::test]
async fn an_authority_of_the_same_name_is_still_another() {
    let mut bench = bench().await;
    let now = bench.clock.now();
    let hour = SignedDuration::from_hours(1);
    let name = format!("{DOMAIN} authority");
    let twin = Ca::generate(&name, now - hour, now + hour).unwrap();
    let leaf = twin.issue(&bench.spec()).unwrap();
    let outcome = bench.connect(bench.client(Some(&leaf), &TLS13)).await;
    assert!(outcome.is_err());
    assert!(bench.seen.try_recv().is_err());
}

#[tokio::test]
async fn tls_1_2_and_plaintext_and_other_protocols_are_refused() {
    let mut bench = bench().await;
    let leaf = bench.leaf(|_| {});
    let error = bench
        .connect(bench.client(Some(&leaf), &TLS12))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");

    let mut tcp = TcpStream::connect(bench.address).await.unwrap();
    tcp.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![];
    // A reset instead of an orderly end is as good.
    let _end = tcp.read_to_end(&mut answer).await;
    assert!(answer.len() <= 7, "no more than a TLS alert: {answer:?}");

    for protocols in [vec![], vec![b"http/1.1".to_vec()]] {
        let mut config = (*bench.client(Some(&leaf), &TLS13)).clone();
        config.alpn_protocols = protocols;
        assert!(bench.connect(Arc::new(config)).await.is_err());
    }
    assert!(bench.seen.try_recv().is_err(), "nobody came through");
}

#[tokio::test]
async fn a_trusted_certificate_that_names_no_node_is_kept_for_a_clear_error() {
    let mut bench = bench().await;
    let uri = |domain: &str| certs::ca::spiffe_id(domain, "tax", "node-1");
    let spoils: [&dyn Fn(&mut LeafSpec); 4] = [
        &|spec| spec.uri_sans.clear(),
        &|spec| spec.uri_sans.push(uri(DOMAIN)),
        &|spec| {
            spec.uri_sans.clear();
            spec.dns_sans.push("tax.example".into());
        },
        &|spec| spec.uri_sans = vec![uri("other.example")],
    ];
    for spoil in spoils {
        let leaf = bench.leaf(spoil);
        let stream = bench.connect(bench.client(Some(&leaf), &TLS13)).await;
        let error = bench.seen.recv().await.unwrap().peer.unwrap_err();
        assert_eq!(error.reason, Reason::NodeIdentityInvalid);
        drop(stream.unwrap());
    }
}

#[tokio::test]
async fn sessions_resume_and_a_revocation_ends_that() {
    let mut bench = bench().await;
    let issued = bench
        .pki
        .issue(&IssueOptions::new("tax", "node-1"))
        .unwrap();
    let leaf = Leaf {
        serial: vec![],
        key_der: PrivatePkcs8KeyDer::from_pem_file(&issued.key_file)
            .unwrap()
            .secret_pkcs8_der()
            .to_vec(),
        certificate_der: issued.certificate_der.clone(),
        certificate_pem: String::new(),
        key_pem: String::new(),
    };
    let client = bench.client(Some(&leaf), &TLS13);
    let kind = |stream: &Client| stream.get_ref().1.handshake_kind();
    let first = bench.connect(Arc::clone(&client)).await.unwrap();
    assert_eq!(kind(&first), Some(HandshakeKind::Full));
    assert!(!bench.seen.recv().await.unwrap().is_resumed);
    let second = bench.connect(Arc::clone(&client)).await.unwrap();
    assert_eq!(kind(&second), Some(HandshakeKind::Resumed));
    let info = bench.seen.recv().await.unwrap();
    assert!(info.is_resumed);
    let peer = info.peer.unwrap();
    assert_eq!(
        peer.agency.as_str(),
        "tax",
        "a resumed session is named too"
    );

    let mut revoked = bench.reloader.revoked();
    assert!(!revoked.borrow_and_update().contains(&peer.serial));
    bench
        .pki
        .revoke(&"tax/node-1".parse().unwrap(), Why::KeyCompromise)
        .unwrap();
    assert!(bench.reloader.reload().unwrap());
    assert!(revoked.has_changed().unwrap());
    assert!(revoked.borrow_and_update().contains(&peer.serial));
    let error = bench.connect(client).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRevoked"), "{error}");
    assert!(bench.seen.try_recv().is_err());
}

#[tokio::test]
async fn the_poller_finds_a_new_list_by_itself() {
    let mut bench = bench().await;
    bench
        .pki
        .issue(&IssueOptions::new("tax", "node-1"))
        .unwrap();
    let mut options = TlsOptions::of_pki(bench.pki.folder());
    options.reload_interval = Duration::from_millis(5);
    let reloader = Arc::new(TlsReloader::load(options, Arc::new(SystemClock)).unwrap());
    let mut revoked = reloader.revoked();
    let poller = tokio::spawn(Arc::clone(&reloader).run());
    bench
        .pki
        .revoke(&"tax/node-1".parse().unwrap(), Why::Superseded)
        .unwrap();
    tokio::time::timeout(Duration::from_secs(10), revoked.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(revoked.borrow().len(), 1);
    poller.abort();
}

#[tokio::test]
async fn files_that_do_not_fit_together_leave_the_last_good_ones_in_force() {
    let mut bench = bench().await;
    let leaf = bench.leaf(|_| {});
    let folder = bench.pki.folder().to_owned();
    assert!(!bench.reloader.reload().unwrap(), "nothing changed");
    let spoil = |name: &str, contents: &[u8], rule: &str| {
        let path = folder.join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, contents).unwrap();
        let error = format!("{:#}", bench.reloader.reload().unwrap_err());
        assert!(error.contains(rule), "{name}: {error}");
        fs::write(&path, good).unwrap();
    };
    let now = bench.clock.now();
    let hour = SignedDuration::from_hours(1);
    let other = Ca::generate("other", now - hour, now + hour).unwrap();
    let list = other.revocation_list(1, now, now + hour, &[]).unwrap();
    let key = fs::read(folder.join("ca/ca.key")).unwrap();
    spoil("crl.pem", b"", "no revocation list signed by");
    spoil("crl.pem", list.as_bytes(), "no revocation list signed by");
    let both = [fs::read(folder.join("crl.pem")).unwrap(), list.into_bytes()].concat();
    spoil("crl.pem", &both, "that no client authority has signed");
    spoil("hub/hub.key", &key, "hub.pem and ");
    let none = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    spoil(
        "hub/hub.key",
        none,
        "hub.key: must be an RSA, ECDSA or Ed25519",
    );
    spoil(
        "hub/hub.key",
        b"nothing",
        "hub.key: must hold a PEM private key",
    );
    spoil("hub/hub.pem", b"nothing", "hub.pem");
    let none = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    for name in ["ca/ca.pem", "hub/hub.pem"] {
        spoil(name, none, &format!("{name}: cannot be parsed as X.509"));
    }
    spoil(
        "ca/ca.pem",
        other.certificate_pem().as_bytes(),
        "no revocation list",
    );
    assert!(
        !bench.reloader.reload().unwrap(),
        "good again, and unchanged"
    );
    bench
        .connect(bench.client(Some(&leaf), &TLS13))
        .await
        .unwrap();

    bench.pki.renew_hub(&["localhost".into()], 5).unwrap();
    assert!(bench.reloader.reload().unwrap());
    let stream = bench
        .connect(bench.client(Some(&leaf), &TLS13))
        .await
        .unwrap();
    let presented = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let renewed = CertificateDer::from_pem_file(folder.join("hub/hub.pem")).unwrap();
    assert_eq!(presented, renewed);
}

#[tokio::test]
async fn an_expired_list_lets_nobody_in() {
    let mut bench = bench().await;
    let leaf = bench.leaf(|_| {});
    let now = bench.clock.now();
    let second = SignedDuration::from_secs(1);
    bench
        .pki
        .write_crl(now - second * 60, now - second)
        .unwrap();
    assert!(bench.reloader.reload().unwrap());
    assert!(
        bench
            .connect(bench.client(Some(&leaf), &TLS13))
            .await
            .is_err()
    );
    bench.pki.refresh_crl().unwrap();
    assert!(bench.reloader.reload().unwrap());
    bench
        .connect(bench.client(Some(&leaf), &TLS13))
        .await
        .unwrap();
    // The hub's own clock decides: an hour on, the certificate is over.
    bench.clock.advance_us(3_700_000_000);
    bench.refused(Some(&leaf), "CertificateExpired").await;
}

#[test]
fn serial_numbers_compare_without_the_encodings_zero() {
    let set: crate::identity::RevokedSerials = [&[0, 0x80, 1][..]].into_iter().collect();
    assert!(set.contains(&[0x80, 1]) && set.contains(&[0, 0x80, 1]));
    assert!(!set.contains(&[0x80]) && set.len() == 1);
}
