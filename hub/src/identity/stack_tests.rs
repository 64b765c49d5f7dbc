//! The acceptor, both layers and tonic's server together, over real mTLS.

use std::sync::Arc;

use certs::{InitOptions, LeafSpec, Pki};
use hub_core::{
    commitment::{SALT_HEADER, SIGNATURE_HEADER, commitment},
    crypto::{SigningKey, random},
};
use hub_proto::channels::{
    PublishNotificationRequest, channel_service_client::ChannelServiceClient,
};
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use prost::Message as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint, Server},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt as _;

use super::{
    testing::{DOMAIN, World},
    *,
};
use crate::{
    clock::{Clock as _, SystemClock},
    metrics::door::DoorMetrics,
    tls::{AcceptLimits, Connections, TlsOptions, TlsReloader, accept},
};

const PUBLISH: &str = "/hub.channels.v1.ChannelService/PublishNotification";

struct Stack {
    _folder: tempfile::TempDir,
    world: World,
    channel: Channel,
}

async fn stack() -> Stack {
    let folder = tempfile::tempdir().unwrap();
    let options = InitOptions {
        trust_domain: DOMAIN.into(),
        ..InitOptions::default()
    };
    let pki = Pki::init(&folder.path().join("pki"), &options).unwrap();
    let (now, hour) = (SystemClock.now(), SignedDuration::from_hours(1));
    let spec = LeafSpec::node(DOMAIN, "tax", "node-1", now - hour, now + hour);
    let world = World::of(pki.ca().issue(&spec).unwrap(), now);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let files = TlsOptions::of_pki(pki.folder());
    let reloader = Arc::new(TlsReloader::load(files, Arc::new(SystemClock)).unwrap());
    let incoming = accept(
        listener,
        reloader,
        DOMAIN,
        AcceptLimits::default(),
        &Connections::default(),
        &DoorMetrics::default(),
    );
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(IdentityLayer::new(Arc::clone(&world.identity)))
        .layer(AuthorLayer::new(|path| match path {
            PUBLISH => author::Intake::Signed,
            _ => author::Intake::Plain,
        }))
        .add_service(health);
    tokio::spawn(server.serve_with_incoming_shutdown(incoming, std::future::pending()));

    let tls = tokio_rustls::TlsConnector::from(Arc::new(client_config(&pki, &world)));
    let connector = tower::service_fn(move |_| {
        let tls = tls.clone();
        async move {
            let tcp = TcpStream::connect(address).await?;
            let name = "localhost".try_into().unwrap();
            tls.connect(name, tcp).await.map(TokioIo::new)
        }
    });
    // The connector speaks TLS itself.
    let endpoint = Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector).await.unwrap();
    Stack {
        _folder: folder,
        world,
        channel,
    }
}

fn client_config(pki: &Pki, world: &World) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from(pki.ca().certificate_der().to_vec());
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![world.leaf.certificate_der.clone().into()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(world.leaf.key_der.clone())),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

impl Stack {
    fn publish(&self) -> Request<PublishNotificationRequest> {
        let message = PublishNotificationRequest::default();
        let salt = random::<16>().unwrap();
        let key = SigningKey::from_pkcs8(&self.world.leaf.key_der).unwrap();
        let commitment = commitment(&salt, PUBLISH, &message.encode_to_vec());
        let signature = key.sign(&commitment).unwrap();
        let mut claims = self.world.claims();
        let now_s = SystemClock.now().as_second();
        claims["iat"] = json!(now_s);
        claims["exp"] = json!(now_s + 600);
        let token = self.world.mint(&self.world.header(), &claims);
        let mut request = Request::new(message);
        let headers = request.metadata_mut();
        headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        headers.insert_bin(
            SALT_HEADER,
            tonic::metadata::MetadataValue::from_bytes(&salt),
        );
        headers.insert_bin(
            SIGNATURE_HEADER,
            tonic::metadata::MetadataValue::from_bytes(&signature),
        );
        request
    }

    async fn call(&self, request: Request<PublishNotificationRequest>) -> Status {
        ChannelServiceClient::new(self.channel.clone())
            .publish_notification(request)
            .await
            .unwrap_err()
    }
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn health_answers_a_node_and_other_methods_demand_an_officer() {
    let stack = stack().await;
    let answer = HealthClient::new(stack.channel.clone())
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    assert_eq!(answer.into_inner().status, 1);
    let mut request = stack.publish();
    request.metadata_mut().remove("authorization");
    let status = stack.call(request).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason(&status), "TOKEN_MISSING");
}

#[tokio::test]
async fn a_signed_call_passes_both_layers_and_a_spoiled_one_does_not() {
    let stack = stack().await;
    // No such service is mounted: to be told so is to have passed both layers.
    let status = stack.call(stack.publish()).await;
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    let mut request = stack.publish();
    request.get_mut().request_id = "another".into();
    let status = stack.call(request).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason(&status), "AUTHOR_SIGNATURE_INVALID");
}

#[tokio::test]
async fn an_open_connection_is_refused_once_its_node_is_revoked() {
    let stack = stack().await;
    let status = stack.call(stack.publish()).await;
    assert_eq!(status.code(), Code::Unimplemented);
    let list = [stack.world.peer.serial.as_slice()].into_iter().collect();
    stack.world.revoked.send_replace(Arc::new(list));
    let status = stack.call(stack.publish()).await;
    assert_eq!(reason(&status), "NODE_REVOKED");
}
