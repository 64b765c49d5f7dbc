//! The agency gateway: a client without any keys works through it, and can do no more than its
//! officer may.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use agency_client::{
    Client, ClientError,
    channels::NotificationDraft,
    gateway::{Gateway, GatewayOptions, Listen},
};
use hub_core::crypto::{hex, sha256};
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, GetUploadRequest, UploadAttachmentRequest, UploadStart,
        attachment_service_client::AttachmentServiceClient, download_attachment_response,
        upload_attachment_request,
    },
    channels::{
        Attachment, Classification, GetNotificationRequest, ListNotificationsRequest, Notification,
        OpenNotificationRequest, PublishNotificationRequest, SignForNotificationRequest,
        SubscribeRequest, channel_service_client::ChannelServiceClient, subscribe_response::Event,
    },
    gateway::{
        EnqueueNotificationRequest, GetOutboxItemRequest, ListOutboxItemsRequest, OutboxItem,
        OutboxItemState, gateway_service_client::GatewayServiceClient,
    },
    members::{WhoAmIRequest, members_service_client::MembersServiceClient},
};
use hub_tests::{World, relay::Relay};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};
use tonic::{
    Code, Request,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_types::StatusExt as _;

/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOPBACK: Listen = Listen::Tcp(SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    0,
));

/// A gateway of a client, with its outbox in a folder.
async fn gateway(client: Client, listen: Listen, folder: &Path) -> Gateway {
    Gateway::start(client, GatewayOptions::new(listen, folder.join("outbox")))
        .await
        .unwrap()
}

/// A channel to a gateway, without any keys.
async fn keyless(listen: &Listen) -> Channel {
    match listen {
        Listen::Tcp(address) => Endpoint::from_shared(format!("http://{address}"))
            .unwrap()
            .connect()
            .await
            .unwrap(),
        Listen::Unix(path) => unix(path.clone()).await,
    }
}

async fn unix(path: PathBuf) -> Channel {
    Endpoint::from_static("http://gateway")
        .connect_with_connector(tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        }))
        .await
        .unwrap()
}

fn notice(title: &str) -> Notification {
    Notification {
        channel: "channels/joint-enforcement".into(),
        category: "coordination".into(),
        title: title.into(),
        body: "正文".as_bytes().into(),
        media_type: "text/plain; charset=utf-8".into(),
        classification: Classification::Internal.into(),
        ..Notification::default()
    }
}

fn publish(title: &str) -> PublishNotificationRequest {
    PublishNotificationRequest {
        notification: Some(notice(title)),
        request_id: agency_client::request_id(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_one_publishes_receives_opens_and_signs_over_tcp_and_unix() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let tax = gateway(world.clerk("tax"), LOOPBACK, &folder.path().join("tax")).await;
    let socket = Listen::Unix(folder.path().join("health.sock"));
    let leader = world.client("health", "health-leader", &["leader", "clerk"]);
    let health = gateway(leader, socket, &folder.path().join("health")).await;

    let mut author = ChannelServiceClient::new(keyless(tax.listen()).await);
    let published = author.publish_notification(publish("通知")).await.unwrap();
    let published = published.into_inner();
    let name = published.notification.unwrap().name;
    assert!(published.receipt.unwrap().header.len() > 32);

    let mut reader = ChannelServiceClient::new(keyless(health.listen()).await);
    let mut stream = reader
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    let delivery = loop {
        let message = tokio::time::timeout(PATIENCE, stream.message()).await;
        if let Some(Event::Delivery(delivery)) = message.unwrap().unwrap().unwrap().event {
            break delivery;
        }
    };
    assert_eq!(delivery.notification.unwrap().name, name);
    let opened = reader
        .open_notification(OpenNotificationRequest {
            name: name.clone(),
            recipient: String::new(),
            request_id: agency_client::request_id(),
        })
        .await
        .unwrap();
    let row = opened.into_inner().delivery_receipt.unwrap();
    assert_eq!(row.opened_by, "health-leader");
    let signed = reader
        .sign_for_notification(SignForNotificationRequest {
            name: name.clone(),
            recipient: String::new(),
            request_id: agency_client::request_id(),
        })
        .await
        .unwrap();
    let row = signed.into_inner().delivery_receipt.unwrap();
    assert_eq!(row.signed_for_by, "health-leader");

    // A stream that is open does not keep the gateway from stopping; its reader is told to resume.
    health.stop().await.unwrap();
    let ended = loop {
        match tokio::time::timeout(PATIENCE, stream.message())
            .await
            .unwrap()
        {
            Ok(Some(_)) => {}
            Ok(None) => panic!("ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");
    assert!(!folder.path().join("health.sock").exists());
    tax.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_cannot_say_who_acts_nor_sign_for_itself() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(world.clerk("tax"), LOOPBACK, folder.path()).await;
    let channel = keyless(gateway.listen()).await;
    let spoil = |metadata: &mut tonic::metadata::MetadataMap| {
        metadata.insert(
            "authorization",
            "Bearer of.another.officer".parse().unwrap(),
        );
        for name in ["author-salt-bin", "author-signature-bin"] {
            metadata.insert_bin(name, tonic::metadata::MetadataValue::from_bytes(&[1; 16]));
        }
    };
    let mut request = Request::new(WhoAmIRequest {});
    spoil(request.metadata_mut());
    let who = MembersServiceClient::new(channel.clone())
        .who_am_i(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(who.officer, "tax-clerk-1");
    let mut request = Request::new(publish("通知"));
    spoil(request.metadata_mut());
    let published = ChannelServiceClient::new(channel)
        .publish_notification(request)
        .await
        .unwrap();
    let author = published.into_inner().notification.unwrap().author_officer;
    assert_eq!(author, "tax-clerk-1");
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_hub_comes_through_as_it_was() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let clerk = world.clerk("tax");
    let gateway = gateway(clerk.clone(), LOOPBACK, folder.path()).await;
    let mut keyless = ChannelServiceClient::new(keyless(gateway.listen()).await);

    let draft = NotificationDraft::to_channel("joint-enforcement")
        .category("coordination")
        .title("two\nlines")
        .text("正文")
        .classification(Classification::Internal);
    let direct = clerk.channels().publish(draft).await.unwrap_err();
    let ClientError::Refused(direct) = direct else {
        panic!("{direct}");
    };
    let status = keyless
        .publish_notification(publish("two\nlines"))
        .await
        .unwrap_err();
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (
            status.code(),
            status.message(),
            info.reason.as_str(),
            info.domain.as_str()
        ),
        (
            direct.code,
            direct.message.as_str(),
            "INVALID_ARGUMENT",
            "hub"
        )
    );
    let fields: Vec<_> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| (violation.field.clone(), violation.description.clone()))
        .collect();
    let expected: Vec<_> = direct
        .violations
        .iter()
        .map(|violation| (violation.field.clone(), violation.rule.clone()))
        .collect();
    assert_eq!(fields, expected);
    assert!(!fields.is_empty());

    // A stream that the hub refuses is refused with the same words.
    let refused = keyless
        .subscribe(SubscribeRequest {
            logs: vec!["agencies/health/inbox".into()],
            ..SubscribeRequest::default()
        })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_does_not_have_and_what_is_too_large_is_refused_here() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(world.clerk("tax"), LOOPBACK, folder.path()).await;
    let channel = keyless(gateway.listen()).await;
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/hub.channels.v1.ChannelService/Nothing");
    let codec = tonic_prost::ProstCodec::<WhoAmIRequest, WhoAmIRequest>::default();
    let status = grpc
        .unary(Request::new(WhoAmIRequest {}), path, codec)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
    let mut large = publish("通知");
    large.notification.as_mut().unwrap().body = vec![0; 1024 * 1024].into();
    let status = ChannelServiceClient::new(channel)
        .publish_notification(large)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status}");
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_asked_for_where_one_is_set() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut options = GatewayOptions::new(LOOPBACK, folder.path().join("outbox"));
    options.secret_file = Some(file);
    let gateway = Gateway::start(world.clerk("tax"), options).await.unwrap();
    let channel = keyless(gateway.listen()).await;
    let mut members = MembersServiceClient::new(channel.clone());
    for wrong in [None, Some("0123456789abcdeX"), Some("")] {
        let mut request = Request::new(WhoAmIRequest {});
        if let Some(wrong) = wrong {
            request
                .metadata_mut()
                .insert("gateway-secret", wrong.parse().unwrap());
        }
        let status = members.who_am_i(request).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{wrong:?}: {status}");
        let mut outbox = GatewayServiceClient::new(channel.clone());
        let list = Request::new(ListOutboxItemsRequest::default());
        let status = outbox.list_outbox_items(list).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    }
    let mut request = Request::new(WhoAmIRequest {});
    request
        .metadata_mut()
        .insert("gateway-secret", "0123456789abcdef".parse().unwrap());
    members.who_am_i(request).await.unwrap();
    // A supervisor asks for health without it.
    HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await
        .unwrap();
    gateway.stop().await.unwrap();
    world.stop().await;
}

async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"))
}

async fn item(outbox: &mut GatewayServiceClient<Channel>, name: &str) -> OutboxItem {
    let request = GetOutboxItemRequest { name: name.into() };
    let answer = outbox.get_outbox_item(request).await.unwrap();
    answer.into_inner().outbox_item.unwrap()
}

async fn is_away_with_a_hint(channel: Channel) {
    let mut keyless = ChannelServiceClient::new(channel);
    let away = keyless
        .get_notification(GetNotificationRequest {
            name: "channels/joint-enforcement/notifications/1".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(away.code(), Code::Unavailable, "{away}");
    let hint = away.get_error_details().retry_info().cloned();
    assert!(hint.unwrap().retry_delay.is_some());
}

/// The outbox lists what it delivered, a page at a time.
async fn pages_are_in_order(outbox: &mut GatewayServiceClient<Channel>, first: &str, second: &str) {
    let list = |state: OutboxItemState, page_size, page_token: String| ListOutboxItemsRequest {
        state: state.into(),
        page_size,
        page_token,
    };
    let page = list(OutboxItemState::Delivered, 1, String::new());
    let page = outbox.list_outbox_items(page).await.unwrap().into_inner();
    assert_eq!(page.outbox_items[0].name, first);
    let next = list(OutboxItemState::Delivered, 1, page.next_page_token);
    let next = outbox.list_outbox_items(next).await.unwrap().into_inner();
    assert_eq!(next.outbox_items[0].name, second);
    assert_eq!(next.next_page_token, "");
    let missing = GetOutboxItemRequest {
        name: "outbox/items/99".into(),
    };
    let missing = outbox.get_outbox_item(missing).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound, "{missing}");
}

/// Titles in the joint-enforcement channel, as another member reads them.
async fn titles(world: &World) -> Vec<String> {
    let request = ListNotificationsRequest {
        parent: "channels/joint-enforcement".into(),
        ..ListNotificationsRequest::default()
    };
    let health = world.clerk("health").channels();
    let page = health.list_notifications(&request).await.unwrap();
    page.notifications.into_iter().map(|n| n.title).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enqueued_while_the_hub_is_away_arrives_once_when_it_is_back() {
    let mut world = World::start().await;
    let relay = Relay::start().await;
    relay.point_to(Some(world.hub().address()));
    let client = Client::builder(&world.site.profile("tax"))
        .endpoint(format!("https://{}", relay.address))
        .officer("tax-clerk-1")
        .roles(["clerk"])
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(client, LOOPBACK, folder.path()).await;
    let channel = keyless(gateway.listen()).await;
    let mut health = HealthClient::new(channel.clone());
    let mut serving = async |wanted: ServingStatus| {
        until("health follows the hub", async || {
            let request = HealthCheckRequest::default();
            let answer = health.check(request).await.unwrap().into_inner();
            (answer.status() == wanted).then_some(())
        })
        .await;
    };
    serving(ServingStatus::Serving).await;

    relay.point_to(None);
    world.stop().await;
    serving(ServingStatus::NotServing).await;
    is_away_with_a_hint(channel.clone()).await;

    let mut outbox = GatewayServiceClient::new(channel);
    let mut enqueue = async |title: &str| {
        let request = EnqueueNotificationRequest {
            notification: Some(notice(title)),
            stream: String::new(),
            key: format!("oa-{title}"),
        };
        let answer = outbox.enqueue_notification(request).await.unwrap();
        answer.into_inner().outbox_item.unwrap()
    };
    let first = enqueue("first").await;
    assert_eq!(first.state(), OutboxItemState::Queued);
    assert_eq!(
        (first.stream.as_str(), first.title.as_str()),
        ("default", "first")
    );
    let second = enqueue("second").await;
    assert_eq!(enqueue("first").await.name, first.name, "the same key");

    world.restart().await;
    relay.point_to(Some(world.hub().address()));
    for name in [&first.name, &second.name] {
        let delivered = until("the outbox delivers", async || {
            let item = item(&mut outbox, name).await;
            (item.state() == OutboxItemState::Delivered).then_some(item)
        })
        .await;
        assert!(
            delivered
                .notification
                .starts_with("channels/joint-enforcement/")
        );
        assert!(delivered.receipt.is_some());
    }
    assert_eq!(
        titles(&world).await,
        ["first", "second"],
        "once, and in order"
    );

    pages_are_in_order(&mut outbox, &first.name, &second.name).await;
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_names_the_hubs_services_and_the_gateways() {
    use tonic_reflection::pb::v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(world.clerk("tax"), LOOPBACK, folder.path()).await;
    let mut client = ServerReflectionClient::new(keyless(gateway.listen()).await);
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = client
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}");
    };
    let names: Vec<_> = list.service.iter().map(|s| s.name.as_str()).collect();
    for name in [
        "hub.channels.v1.ChannelService",
        "hub.attachments.v1.AttachmentService",
        "hub.gateway.v1.GatewayService",
        "grpc.health.v1.Health",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_and_comes_down_in_streams() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(world.clerk("tax"), LOOPBACK, folder.path()).await;
    let channel = keyless(gateway.listen()).await;
    let mut files =
        AttachmentServiceClient::new(channel.clone()).max_decoding_message_size(1 << 20);
    let content: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[1]).collect();
    let sha256 = hex(&sha256(&[&content]));
    let size_bytes = i64::try_from(content.len()).unwrap();
    let start = upload_attachment_request::Part::Start(UploadStart {
        sha256: sha256.clone(),
        size_bytes,
        offset: 0,
    });
    let chunks = content
        .chunks(512 * 1024)
        .map(|chunk| upload_attachment_request::Part::Chunk(chunk.to_vec().into()));
    let parts: Vec<_> = std::iter::once(start)
        .chain(chunks)
        .map(|part| UploadAttachmentRequest { part: Some(part) })
        .collect();

    // A stream that ends early is refused by the hub, and its word comes through.
    let cut = tokio_stream::iter(parts[..2].to_vec());
    files.upload_attachment(cut).await.unwrap_err();
    let state = files
        .get_upload(GetUploadRequest {
            name: format!("agencies/tax/uploads/{sha256}"),
        })
        .await;
    assert!(!state.is_ok_and(|state| state.into_inner().upload.unwrap().is_complete));

    let whole = tokio_stream::iter(parts);
    let uploaded = files.upload_attachment(whole).await.unwrap().into_inner();
    assert!(uploaded.upload.unwrap().is_complete);
    let mut request = publish("附件");
    request.notification.as_mut().unwrap().attachments = vec![Attachment {
        sha256: sha256.clone(),
        file_name: "数据.bin".into(),
        media_type: "application/octet-stream".into(),
        size_bytes,
    }];
    let published = ChannelServiceClient::new(channel)
        .publish_notification(request)
        .await
        .unwrap();
    let mut down = files
        .download_attachment(DownloadAttachmentRequest {
            notification: published.into_inner().notification.unwrap().name,
            sha256,
            offset: 0,
        })
        .await
        .unwrap()
        .into_inner();
    let mut received = vec![];
    while let Some(message) = down.message().await.unwrap() {
        if let Some(download_attachment_response::Part::Chunk(chunk)) = message.part {
            received.extend_from_slice(&chunk);
        }
    }
    assert!(received == content, "{} bytes came", received.len());
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_in_a_browser_on_this_machine_gets_nothing_out_of_the_gateway() {
    let mut world = World::start().await;
    let folder = world.site.path().join("gateway");
    let gateway = gateway(world.clerk("tax"), LOOPBACK, &folder).await;
    let Listen::Tcp(address) = gateway.listen().clone() else {
        panic!("it listens on TCP")
    };
    // What a page can make a browser send, to loopback or to a name that leads there: HTTP/1.1.
    for request in [
        "POST /hub.members.v1.MembersService/WhoAmI HTTP/1.1\r\nHost: page.example\r\n\
         Origin: http://page.example\r\nContent-Type: application/grpc\r\n\
         Content-Length: 5\r\n\r\n\0\0\0\0\0",
        "POST /hub.members.v1.MembersService/WhoAmI HTTP/1.1\r\nHost: page.example\r\n\
         Content-Type: application/grpc-web\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "OPTIONS /hub.members.v1.MembersService/WhoAmI HTTP/1.1\r\nHost: page.example\r\n\
         Origin: http://page.example\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![];
        // It may be reset as well as closed.
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        drop(ended.expect("the gateway ends it"));
        let answer = String::from_utf8_lossy(&answer);
        assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("tax-clerk-1"), "{answer}");
    }
    gateway.stop().await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_do_not_share_a_socket_or_an_outbox() {
    let mut world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let socket = Listen::Unix(folder.path().join("s"));
    let first = gateway(world.clerk("tax"), socket.clone(), folder.path()).await;
    let options = GatewayOptions::new(socket, folder.path().join("other"));
    let error = Gateway::start(world.clerk("tax"), options)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("another process listens"),
        "{error}"
    );
    let options = GatewayOptions::new(LOOPBACK, folder.path().join("outbox"));
    let error = Gateway::start(world.clerk("tax"), options)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("another sender"), "{error}");
    first.stop().await.unwrap();
    world.stop().await;
}
