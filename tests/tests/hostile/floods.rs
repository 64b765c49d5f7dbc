//! Frames: what is no HTTP/2, what is too much of it, and headers that do not end.

use std::time::Duration;

use hub_tests::{
    frames::{END_HEADERS, END_STREAM, Kind, PREFACE, code, field, frame, message},
    hostile::waves::{self, Chatter, Endless},
    members,
};

use crate::Siege;

const WHO_AM_I: &str = members!("WhoAmI");

/// No hub of a test takes longer to close a connection: a guard, not a measure.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_broken_off_at_once() {
    let siege = Siege::begin().await;
    for _ in 0..3 {
        // Each call that the hub had begun ends with its stream; many that it had not, and it closes.
        let heard = waves::rapid_resets(&siege.field.attacker, 10_000).await;
        let heard = heard.unwrap();
        assert!(heard.answered.is_empty(), "{heard:?}");
        assert_eq!(heard.go_away, Some(code::ENHANCE_YOUR_CALM), "{heard:?}");
        assert!(heard.is_closed);
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_the_hub_is_made_to_break_off() {
    let siege = Siege::begin().await;
    let heard = waves::provoked_resets(&siege.field.attacker, 3_000).await;
    let heard = heard.unwrap();
    assert_eq!(heard.go_away, Some(code::ENHANCE_YOUR_CALM), "{heard:?}");
    assert!(heard.is_closed && heard.resets.len() < 1_000, "{heard:?}");
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_only_keep_the_hub_busy() {
    let siege = Siege::begin().await;
    for what in Chatter::ALL {
        let heard = waves::chatter(&siege.field.attacker, what, 20_000).await;
        let heard = heard.unwrap();
        if what == Chatter::Pings {
            assert_eq!(heard.pongs, 20_000, "each is answered");
        }
        assert!(!heard.is_closed, "{what:?}: {heard:?}");
        siege.holds().await;
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_does_not_listen_is_closed() {
    // Twice as long, and who takes nothing of what is written to it is dead.
    let siege = Siege::with("limits.keepalive_ms = 1000").await;
    // More answers than the system keeps on their way.
    let mut wire = waves::deaf_chatter(&siege.field.attacker, 2_000_000)
        .await
        .unwrap();
    siege.holds().await;
    let closed = async {
        let ping = frame(Kind::Ping, 0, 0, &[7; 8]);
        while wire.mouth.say(&ping).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(CLOSE_TIME_MAX, closed)
        .await
        .expect("the hub closes");
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_end_or_are_longer_than_they_look() {
    let siege = Siege::begin().await;
    for what in Endless::ALL {
        let (wire, heard) = waves::endless_headers(&siege.field.attacker, what, 10_000)
            .await
            .unwrap();
        assert_eq!(heard.go_away, Some(code::ENHANCE_YOUR_CALM), "{what:?}");
        assert!(heard.is_closed && heard.answered.is_empty(), "{what:?}");
        siege.holds().await;
        drop(wire);
    }
    siege.lift().await;
}

/// What breaks the protocol.
fn broken(call: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let headers = |flags, stream, block: &[u8]| frame(Kind::Headers, flags, stream, block);
    let mut huge = frame(Kind::Data, 0, 1, &[]);
    huge[..3].copy_from_slice(&[0xff; 3]);
    let open = headers(END_HEADERS, 1, call);
    let opened = |then: Vec<u8>| [open.clone(), then].concat();
    let window = |stream, growth: [u8; 4]| frame(Kind::WindowUpdate, 0, stream, &growth);
    let two = |first: Vec<u8>, second: Vec<u8>| [first, second].concat();
    vec![
        ("data without a stream", frame(Kind::Data, 0, 0, b"x")),
        ("headers without a stream", headers(END_HEADERS, 0, call)),
        ("a stream of the hub's own", headers(END_HEADERS, 2, call)),
        ("a window of no stream", window(9, [0, 0, 0, 1])),
        ("a window that grows by nothing", window(0, [0; 4])),
        ("a ping of seven bytes", frame(Kind::Ping, 0, 0, &[7; 7])),
        (
            "settings of five bytes",
            frame(Kind::Settings, 0, 0, &[0; 5]),
        ),
        (
            "a reset of three bytes",
            opened(frame(Kind::RstStream, 0, 1, &[0; 3])),
        ),
        ("a frame of 16 MiB", opened(huge)),
        (
            "a continuation of nothing",
            frame(Kind::Continuation, 0, 1, &[]),
        ),
        (
            "headers between headers",
            two(headers(0, 1, call), headers(END_HEADERS, 3, call)),
        ),
        (
            "headers that cannot be unpacked",
            headers(END_HEADERS, 1, &[0xff; 100]),
        ),
        (
            "a stream that goes back",
            two(headers(END_HEADERS, 5, call), headers(END_HEADERS, 3, call)),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_2() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    // What the hub says of it.
    let codes = [
        code::PROTOCOL_ERROR,
        code::FRAME_SIZE_ERROR,
        code::COMPRESSION_ERROR,
    ];
    for (what, bytes) in broken(&attacker.call(WHO_AM_I)) {
        let mut wire = attacker.begin(&[]).await.unwrap();
        let heard = wire.flood([bytes]).await;
        let said = heard.go_away.is_some_and(|code| codes.contains(&code));
        assert!(said && heard.is_closed, "{what}: {heard:?}");
        assert!(heard.answered.is_empty(), "{what}: {heard:?}");
    }
    for (what, instead) in [
        (
            "HTTP/1.1",
            b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        ),
        (
            "noise",
            (0..4_096_u32).map(|at| (at * 7 % 251) as u8).collect(),
        ),
        (
            "a preface that goes wrong at its end",
            [&PREFACE[..22], b"\n\n"].concat(),
        ),
    ] {
        let mut wire = attacker.connect().await.unwrap();
        wire.mouth.say(&instead).await.unwrap();
        let heard = wire.listen(CLOSE_TIME_MAX).await;
        assert!(heard.is_closed, "{what}: {heard:?}");
    }
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_fields_that_must_not_be() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    // A field with such a name or value makes the call malformed (RFC 9113 section 8.2): it ends without an
    // answer, or the connection does.
    for (name, value) in [
        ("X-Upper", &b"v"[..]),
        ("x-line", b"a\r\nb"),
        ("x-nul", b"a\0b"),
        ("connection", b"keep-alive"),
        (":status", b"200"),
        ("x bad", b"v"),
    ] {
        let mut wire = attacker.begin(&[]).await.unwrap();
        let block = [attacker.call(WHO_AM_I), field(name, value)].concat();
        let said = [
            frame(Kind::Headers, END_HEADERS, 1, &block),
            frame(Kind::Data, END_STREAM, 1, &message(&[])),
        ];
        let heard = wire.flood(said).await;
        let ended = heard.go_away.or(heard.resets.get(&1).copied());
        assert_eq!(ended, Some(code::PROTOCOL_ERROR), "{name}: {heard:?}");
        assert!(heard.answered.is_empty(), "{name}: {heard:?}");
    }
    siege.lift().await;
}
