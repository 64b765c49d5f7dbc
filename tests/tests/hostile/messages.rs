//! Messages: longer than they may be or than they say, compressed, slow, and of bytes that are no text.

use std::time::Duration;

use bytes::Bytes;
use hub::wire::rpc::{Effect, RPCS};
use hub_proto::{channels::Notification, members::WhoAmIRequest};
use hub_tests::{
    channels,
    frames::{END_HEADERS, Kind, frame, message},
    hostile::waves,
    members,
    raw::{
        Session, reason,
        requests::{publish, request_id, to_addressees},
    },
};
use prost::Message as _;
use tonic::{Code, Status, metadata::MetadataMap};

use crate::Siege;

const PUBLISH: &str = channels!("PublishNotification");
const WHO_AM_I: &str = members!("WhoAmI");

/// Longest message of a call.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A client's library cannot tell more of a message than that it is sent.
async fn send(session: &Session, method: &'static str, bytes: Bytes) -> Status {
    let headers = session.headers(method, &bytes);
    session.raw.unary(method, bytes, headers).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_refuses_a_message_that_is_too_long() {
    let siege = Siege::begin().await;
    let clerk = siege.field.session("tax");
    let long = Bytes::from(vec![0; MESSAGE_BYTES_MAX + 1]);
    for rpc in RPCS {
        let status = match rpc.effect {
            Effect::Upload => {
                let once = futures::stream::iter([long.clone()]);
                clerk.upload(rpc.method, once).await.unwrap_err()
            }
            _ => send(&clerk, rpc.method, long.clone()).await,
        };
        assert_eq!(
            status.code(),
            Code::ResourceExhausted,
            "{}: {status:?}",
            rpc.method
        );
        assert_eq!(reason(&status), "LIMIT_EXCEEDED", "{}", rpc.method);
    }
    siege.lift().await;
}

/// Says a call whose message is as given, piece by piece, and whether it is answered though it has not ended.
async fn is_answered(siege: &Siege, method: &str, pieces: Vec<Vec<u8>>) -> bool {
    let attacker = &siege.field.attacker;
    let mut wire = attacker.begin(&[]).await.unwrap();
    let mut block = attacker.call(method);
    if method == PUBLISH {
        for (name, value) in [
            ("author-salt-bin", vec![7; 16]),
            ("author-signature-bin", vec![7; 64]),
        ] {
            use base64::Engine as _;
            let value = base64::engine::general_purpose::STANDARD_NO_PAD.encode(value);
            block.extend(hub_tests::frames::field(name, value));
        }
    }
    let mut said = vec![frame(Kind::Headers, END_HEADERS, 1, &block)];
    said.extend(pieces.iter().map(|piece| frame(Kind::Data, 0, 1, piece)));
    let heard = wire.flood(said).await;
    assert!(!heard.is_closed, "the connection stands: {heard:?}");
    heard.answered.contains(&1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_too_long_or_goes_on_past_its_end_is_not_waited_for() {
    let siege = Siege::begin().await;
    let announced = |length: u32| [&[0], &length.to_be_bytes()[..]].concat();
    for method in [PUBLISH, WHO_AM_I] {
        let too_long = u32::try_from(MESSAGE_BYTES_MAX + 1).unwrap();
        for length in [too_long, u32::MAX] {
            assert!(
                is_answered(&siege, method, vec![announced(length)]).await,
                "{method}"
            );
        }
        let two = [message(b"one"), message(b"two")].concat();
        assert!(is_answered(&siege, method, vec![two]).await, "{method}");
        let limit = u32::try_from(MESSAGE_BYTES_MAX).unwrap();
        // So that it is not for the head alone that it is refused.
        assert!(
            !is_answered(&siege, method, vec![announced(limit)]).await,
            "{method}"
        );
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_compressed_is_refused_and_not_unpacked() {
    let siege = Siege::begin().await;
    let clerk = siege.field.session("tax");
    let refused = async |method: &'static str, encoding: &str, bytes: &[u8]| {
        let bytes = Bytes::copy_from_slice(bytes);
        let mut headers = clerk.headers(method, &bytes);
        headers.insert("grpc-encoding", encoding.parse().unwrap());
        let status = clerk.raw.unary(method, bytes, headers).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{method}: {status:?}");
    };
    let small = waves::gzip_bomb(1_000);
    for rpc in RPCS {
        refused(rpc.method, "gzip", &small).await;
    }
    // 150 MiB of zeros, in as much as a message may have.
    let bomb = waves::gzip_bomb(600_000);
    assert!(bomb.len() < MESSAGE_BYTES_MAX, "{}", bomb.len());
    for encoding in ["gzip", "deflate", "zstd", "snappy", "gzip, gzip", "none"] {
        for method in [PUBLISH, WHO_AM_I, channels!("Subscribe")] {
            refused(method, encoding, &bomb).await;
        }
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused_as_the_caller_s_fault() {
    let siege = Siege::begin().await;
    let clerk = siege.field.session("tax");
    let mut request = publish(
        to_addressees("coordination", &["agencies/health"]),
        request_id(),
    );
    let title = &mut request
        .notification
        .get_or_insert_with(Notification::default)
        .title;
    "MARK".clone_into(title);
    let good = request.encode_to_vec();
    let at = good.windows(4).position(|four| four == b"MARK").unwrap();
    for bad in [
        [0xff, 0xfe, 0xff, 0xfe],
        [0xc0, 0x80, b'a', b'a'],
        [0xed, 0xa0, 0x80, b'a'],
    ] {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&bad);
        let status = send(&clerk, PUBLISH, bytes.into()).await;
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert_eq!(reason(&status), "INVALID_ARGUMENT", "{status:?}");
    }
    // A message that is none at all, to every method.
    for rpc in RPCS.iter().filter(|rpc| rpc.effect != Effect::Upload) {
        for bytes in [&[0xff; 11][..], &[0x0a, 0x7f, 1], &[0x0b]] {
            let status = send(&clerk, rpc.method, Bytes::copy_from_slice(bytes)).await;
            assert_eq!(
                status.code(),
                Code::InvalidArgument,
                "{}: {status:?}",
                rpc.method
            );
            assert_eq!(
                reason(&status),
                "INVALID_ARGUMENT",
                "{}: {status:?}",
                rpc.method
            );
        }
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_any_bytes_are_refused_by_their_rule() {
    let siege = Siege::begin().await;
    let clerk = siege.field.session("tax");
    let call = async |headers: MetadataMap| {
        let request = WhoAmIRequest {}.encode_to_vec();
        let answer = clerk.raw.unary(WHO_AM_I, request.into(), headers).await;
        answer.map_err(|status| reason(&status))
    };
    let with = |name: &'static str, value: &[u8]| {
        let mut headers = MetadataMap::from_headers({
            let mut map = clerk.headers(WHO_AM_I, &[]).into_headers();
            map.insert(name, http::HeaderValue::from_bytes(value).unwrap());
            map
        });
        headers.remove("te");
        headers
    };
    for token in [
        &b"Bearer \xff\xfe"[..],
        b"\xe4\xbb\xa4",
        b"Bearer",
        b"Basic YTpi",
    ] {
        assert_eq!(
            call(with("authorization", token)).await.unwrap_err(),
            "TOKEN_MISSING"
        );
    }
    for purpose in [&b"!!!"[..], b"/////w=="] {
        let answer = call(with("hub-purpose-bin", purpose)).await;
        // WhoAmI reads no record, so it asks for no purpose and looks at none.
        answer.unwrap();
    }
    call(with("x-note", b"\xff\xfe")).await.unwrap();
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_at_a_time() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    let mut wires = vec![];
    for _ in 0..4 {
        let mut wire = attacker.begin(&[]).await.unwrap();
        let block = attacker.call(WHO_AM_I);
        for number in 0..64 {
            let stream = hub_tests::frames::stream_id(number);
            let call = frame(Kind::Headers, END_HEADERS, stream, &block);
            wire.mouth.say(&call).await.unwrap();
        }
        wires.push(wire);
    }
    // As long as it is let: a byte to each stream, every half second. A message of 1,000 is announced.
    let bytes = [0, 0, 0, 3, 0xe8].into_iter().chain(std::iter::repeat(0));
    let drip = async {
        for byte in bytes {
            for wire in &mut wires {
                for number in 0..64 {
                    let stream = hub_tests::frames::stream_id(number);
                    // Refused ones may be written to; the hub does not care.
                    if wire
                        .mouth
                        .say(&frame(Kind::Data, 0, stream, &[byte]))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let dripped = tokio::time::timeout(Duration::from_secs(33), drip).await;
    // After half a minute each has been told that it took too long.
    for wire in &mut wires {
        let heard = wire.listen(hub_tests::frames::QUIET_TIME).await;
        assert!(heard.answered.len() == 64 || heard.is_closed, "{heard:?}");
    }
    drop((dripped, wires));
    siege.lift().await;
}
