use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use certs::KeyKind;
use futures::{StreamExt as _, stream};
use http::HeaderValue;
use http_body_util::StreamBody;
use hub_core::crypto::{SigningKey, random};
use hub_proto::channels::{Notification, PublishNotificationRequest, SubjectOrganization};
use prost::Message as _;
use tonic::Status;
use tonic_types::StatusExt as _;
use tower::ServiceExt as _;

use super::*;
use crate::identity::testing::World;

const PATH: &str = "/hub.channels.v1.ChannelService/PublishNotification";

const STREAMED: &str = "/hub.x.v1.X/Upload";

fn intake(path: &str) -> Intake {
    match path {
        PATH => Intake::Signed,
        STREAMED => Intake::Streamed,
        _ => Intake::Plain,
    }
}

fn framed(flag: u8, length: u32, message: &[u8]) -> Bytes {
    [&[flag][..], &length.to_be_bytes(), message]
        .concat()
        .into()
}

fn frame(message: &[u8]) -> Bytes {
    framed(0, message.len().try_into().unwrap(), message)
}

/// A body that comes in pieces of `piece` bytes.
fn body(bytes: &Bytes, piece: usize) -> Body {
    let pieces = bytes
        .chunks(piece)
        .map(|piece| Ok::<_, Status>(http_body::Frame::data(Bytes::copy_from_slice(piece))))
        .collect::<Vec<_>>();
    Body::new(StreamBody::new(stream::iter(pieces)))
}

fn request(world: &World, path: &str, body: Body) -> Request<Body> {
    let caller = Caller {
        peer: Arc::clone(&world.peer),
        officer: "tax-clerk-1".parse().unwrap(),
        roles: vec![],
        token_expires_at: jiff::Timestamp::MAX,
        token_kid: "k".into(),
    };
    let mut request = Request::new(body);
    *request.uri_mut() = path.parse().unwrap();
    request.extensions_mut().insert(Arc::new(caller));
    request
}

fn signed(world: &World, message: &[u8], body: Body) -> Request<Body> {
    let salt = random::<16>().unwrap();
    let key = SigningKey::from_pkcs8(&world.leaf.key_der).unwrap();
    let signature = key.sign(&commitment(&salt, PATH, message)).unwrap();
    let mut request = request(world, PATH, body);
    set(&mut request, SALT_HEADER, &STANDARD_NO_PAD.encode(salt));
    set(
        &mut request,
        SIGNATURE_HEADER,
        &STANDARD_NO_PAD.encode(signature),
    );
    request
}

fn set(request: &mut Request<Body>, header: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(header, value);
}

/// What the inner service saw: the proof, and the body's bytes.
async fn call(request: Request<Body>) -> Result<(Option<Arc<Authored>>, Bytes), Status> {
    call_through(AuthorLayer::new(intake), request).await
}

async fn call_through(
    layer: AuthorLayer,
    request: Request<Body>,
) -> Result<(Option<Arc<Authored>>, Bytes), Status> {
    let (sender, seen) = std::sync::mpsc::sync_channel(1);
    let inner = tower::service_fn(move |request: Request<Body>| {
        let sender = sender.clone();
        async move {
            let authored = request.extensions().get::<Arc<Authored>>().cloned();
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            sender.send((authored, bytes)).unwrap();
            Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
        }
    });
    let service = layer.layer(inner);
    let response = service.oneshot(request).await.unwrap();
    match Status::from_header_map(response.headers()) {
        Some(status) => {
            assert!(seen.try_recv().is_err(), "a refusal reaches no handler");
            Err(status)
        }
        None => Ok(seen.try_recv().unwrap()),
    }
}

async fn refused(request: Request<Body>, reason: Reason, rule: &str) {
    let status = call(request).await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.reason, reason.as_str(), "{status:?}");
    assert!(status.message().contains(rule), "{rule}: {status:?}");
}

#[tokio::test]
async fn the_handler_gets_the_proof_and_the_same_bytes() {
    for kind in [KeyKind::P256, KeyKind::Ed25519] {
        let world = World::with_key(kind);
        for message in [&b""[..], b"m", &[7; 70_000]] {
            let bytes = frame(message);
            let request = signed(&world, message, body(&bytes, 1024));
            let (authored, seen) = call(request).await.unwrap();
            let authored = authored.unwrap();
            assert_eq!(seen, bytes);
            assert_eq!(authored.request, message);
            assert_eq!(
                authored.commitment,
                commitment(&authored.salt, PATH, message)
            );
            world
                .peer
                .key
                .verify(&authored.commitment, &authored.signature)
                .unwrap();
        }
    }
}

#[tokio::test]
async fn other_methods_pass_untouched() {
    let world = World::new();
    let bytes = frame(b"query");
    let (authored, seen) = call(request(&world, "/hub.x.v1.X/List", body(&bytes, 2)))
        .await
        .unwrap();
    assert!(authored.is_none());
    assert_eq!(seen, bytes);
}

#[tokio::test]
async fn missing_doubled_and_misshapen_headers_are_named() {
    let world = World::new();
    let good = || signed(&world, b"m", body(&frame(b"m"), 100));
    for header in [SALT_HEADER, SIGNATURE_HEADER] {
        let spoiled = |value: &str| {
            let mut request = good();
            set(&mut request, header, value);
            request
        };
        let mut missing = good();
        missing.headers_mut().remove(header);
        refused(missing, Reason::AuthorSignatureInvalid, header).await;
        let mut doubled = good();
        let value = doubled.headers()[header].clone();
        doubled.headers_mut().append(header, value);
        refused(doubled, Reason::AuthorSignatureInvalid, header).await;
        refused(spoiled("*"), Reason::AuthorSignatureInvalid, header).await;
        let long = STANDARD.encode([1; 100]);
        refused(spoiled(&long), Reason::AuthorSignatureInvalid, header).await;
    }
    let mut padded = good();
    for header in [SALT_HEADER, SIGNATURE_HEADER] {
        let bytes = BIN_HEADER
            .decode(padded.headers()[header].as_bytes())
            .unwrap();
        set(&mut padded, header, &STANDARD.encode(bytes));
    }
    call(padded).await.unwrap();
}

#[tokio::test]
async fn a_signature_over_anything_else_is_refused() {
    let world = World::new();
    let wrong = |request| refused(request, Reason::AuthorSignatureInvalid, "does not verify");
    wrong(signed(&world, b"m", body(&frame(b"M"), 100))).await;
    wrong(signed(&World::new(), b"m", body(&frame(b"m"), 100)).map_caller(&world)).await;
    let mut other_salt = signed(&world, b"m", body(&frame(b"m"), 100));
    set(&mut other_salt, SALT_HEADER, &STANDARD.encode([0; 16]));
    wrong(other_salt).await;
}

/// Puts another world's caller on a request, so that the signature is another node's.
trait MapCaller {
    fn map_caller(self, world: &World) -> Self;
}

impl MapCaller for Request<Body> {
    fn map_caller(mut self, world: &World) -> Self {
        let caller = request(world, PATH, Body::empty());
        let caller = caller.extensions().get::<Arc<Caller>>().unwrap().clone();
        self.extensions_mut().insert(caller);
        self
    }
}

#[tokio::test]
async fn the_body_must_be_one_plain_frame() {
    let world = World::new();
    let bad = |bytes: Bytes, rule: &'static str| {
        let request = signed(&world, b"m", body(&bytes, 3));
        async move { refused(request, Reason::InvalidArgument, rule).await }
    };
    bad(Bytes::new(), "one gRPC message").await;
    bad(Bytes::from_static(&[0, 0, 0]), "one gRPC message").await;
    bad(framed(1, 1, b"m"), "compressed").await;
    bad(framed(0, 2, b"m"), "announced length").await;
    bad([frame(b"m"), frame(b"m")].concat().into(), "exactly one").await;
}

#[tokio::test]
async fn a_message_is_bounded_at_exactly_its_limit() {
    let world = World::new();
    let message = vec![1; MESSAGE_BYTES_MAX];
    let request = signed(&world, &message, body(&frame(&message), 16_384));
    assert!(call(request).await.is_ok());
    let message = vec![1; MESSAGE_BYTES_MAX + 1];
    let request = signed(&world, &message, body(&frame(&message), 16_384));
    refused(request, Reason::LimitExceeded, "at most 1048576 bytes").await;
    // What is announced decides before any of it has come.
    let length = u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap();
    for length in [length, u32::MAX] {
        let head = framed(0, length, b"");
        let then_nothing = stream::once(async { Ok::<_, Status>(http_body::Frame::data(head)) });
        let never = Body::new(StreamBody::new(then_nothing.chain(stream::pending())));
        let request = signed(&world, b"m", never);
        refused(request, Reason::LimitExceeded, "at most 1048576 bytes").await;
    }
}

#[tokio::test]
async fn what_only_reads_is_taken_in_within_the_same_bounds() {
    let world = World::new();
    let list = |body| request(&world, "/hub.x.v1.X/List", body);
    let message = vec![1; MESSAGE_BYTES_MAX];
    let (_, seen) = call(list(body(&frame(&message), 16_384))).await.unwrap();
    assert_eq!(seen.len(), MESSAGE_BYTES_MAX + FRAME_BYTES);
    let past = vec![1; MESSAGE_BYTES_MAX + 1];
    let past = list(body(&frame(&past), 16_384));
    refused(past, Reason::LimitExceeded, "at most 1048576 bytes").await;
    let two = [frame(b"m"), frame(b"m")].concat().into();
    let two = list(body(&two, 100));
    refused(two, Reason::InvalidArgument, "exactly one").await;
    let never = stream::pending::<Result<http_body::Frame<Bytes>, Status>>();
    let layer = AuthorLayer {
        read_time_max: Duration::from_millis(20),
        ..AuthorLayer::new(intake)
    };
    let never = list(Body::new(StreamBody::new(never)));
    let status = call_through(layer, never).await.unwrap_err();
    assert!(status.message().contains("did not arrive"), "{status:?}");
    let layer = AuthorLayer {
        budget: Arc::new(Budget::new(1 << 20, 10)),
        ..AuthorLayer::new(intake)
    };
    let status = call_through(layer, list(body(&frame(b"message"), 4)))
        .await
        .unwrap_err();
    assert!(status.message().contains("under way of this agency"));
}

#[tokio::test]
async fn what_is_compressed_or_streamed_is_not_read_here() {
    let world = World::new();
    // As long as the tests' handler reads, no longer: a compressed call is refused by its headers.
    let bytes = framed(1, 8, b"squashed");
    for path in [PATH, "/hub.x.v1.X/List"] {
        let mut encoded = request(&world, path, body(&bytes, 3));
        set(&mut encoded, ENCODING_HEADER, "gzip");
        let (authored, seen) = call(encoded).await.unwrap();
        assert!(authored.is_none(), "nobody vouches for what is in it");
        assert_eq!(seen, bytes);
        let mut plain = request(&world, "/hub.x.v1.X/List", body(&bytes, 3));
        set(&mut plain, ENCODING_HEADER, NO_ENCODING);
        refused(plain, Reason::InvalidArgument, "must not be compressed").await;
    }
    let (_, seen) = call(request(&world, STREAMED, body(&bytes, 3)))
        .await
        .unwrap();
    assert_eq!(seen, bytes);
}

#[tokio::test]
async fn a_message_that_takes_too_much_decoded_is_refused_before_it_is_decoded() {
    let world = World::new();
    let about = |subjects| {
        let notification = Notification {
            subjects: vec![SubjectOrganization::default(); subjects],
            ..Notification::default()
        };
        let request = PublishNotificationRequest {
            notification: Some(notification),
            ..PublishNotificationRequest::default()
        };
        request.encode_to_vec()
    };
    let many = about(500_000);
    assert!(many.len() < MESSAGE_BYTES_MAX);
    let request = signed(&world, &many, body(&frame(&many), 1 << 16));
    refused(request, Reason::LimitExceeded, "too many parts").await;
    let few = about(50);
    let request = signed(&world, &few, body(&frame(&few), 1 << 16));
    call(request).await.unwrap();
}

#[tokio::test]
async fn an_endless_body_is_read_no_further_than_the_limit() {
    let world = World::new();
    let read = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let endless = stream::repeat_with(move || {
        counter.fetch_add(16_384, std::sync::atomic::Ordering::SeqCst);
        Ok::<_, Status>(http_body::Frame::data(Bytes::from_static(&[0; 16_384])))
    });
    // It says that it is as long as it may be, and goes on.
    let length = u32::try_from(MESSAGE_BYTES_MAX).unwrap();
    let head = framed(0, length, b"");
    let head = stream::once(async { Ok::<_, Status>(http_body::Frame::data(head)) });
    let request = signed(
        &world,
        b"m",
        Body::new(StreamBody::new(head.chain(endless))),
    );
    refused(request, Reason::LimitExceeded, "at most").await;
    let read = read.load(std::sync::atomic::Ordering::SeqCst);
    assert!(read <= MESSAGE_BYTES_MAX + 2 * 16_384, "{read}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::new();
    let never = stream::pending::<Result<http_body::Frame<Bytes>, Status>>();
    let request = signed(&world, b"m", Body::new(StreamBody::new(never)));
    let layer = AuthorLayer {
        read_time_max: Duration::from_millis(20),
        ..AuthorLayer::new(intake)
    };
    let status = call_through(layer, request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert!(status.message().contains("did not arrive"), "{status:?}");
}

#[tokio::test]
async fn a_call_that_no_identity_layer_saw_is_refused() {
    let world = World::new();
    let mut request = signed(&world, b"m", body(&frame(b"m"), 9));
    request.extensions_mut().clear();
    refused(request, Reason::Internal, "").await;
}
