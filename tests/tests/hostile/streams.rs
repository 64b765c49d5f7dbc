//! Calls: thousands at once, messages that are never finished, and answers that nobody takes.

use hub_proto::channels::{GetNotificationRequest, PublishNotificationResponse};
use hub_tests::{
    channels,
    frames::{END_HEADERS, Heard, Kind, code, frame, stream_id},
    hostile::waves,
    members,
    raw::{
        reason,
        requests::{publish, request_id, to_channel},
    },
};
use prost::Message as _;
use tokio::time::Instant;
use tonic::Code;

use crate::Siege;

/// Calls of one connection that may be under way (`limits.connection_calls_max`).
const CONNECTION_CALLS_MAX: u32 = 256;

/// Calls of one agency that may be under way (`limits.agency_calls_max`).
const AGENCY_CALLS_MAX: usize = 2_048;

/// Refused calls of one node after which its connections are read more slowly (`identity::throttle`).
const REFUSALS_AT_ONCE: usize = 500;

/// The same in a second.
const REFUSALS_PER_SECOND: f64 = 250.0;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_refused_over_and_over_is_not_even_read() {
    const CALLS: u32 = 250;
    const WIRES: u32 = 8;
    let siege = Siege::begin().await;
    let mut attacker = siege.field.attacker.clone();
    attacker.session.token = "no.token.atall".into();
    let block = attacker.call(members!("WhoAmI"));
    let began = Instant::now();
    for _ in 0..WIRES {
        let mut wire = attacker.begin(&[]).await.unwrap();
        for number in 0..CALLS {
            let call = frame(Kind::Headers, END_HEADERS, stream_id(number), &block);
            wire.mouth.say(&call).await.unwrap();
        }
        // Each is answered all the same.
        let mut heard = Heard::default();
        while heard.answered.len() < CALLS as usize {
            heard.note(&wire.ears.next().await.expect("it stays open"));
        }
    }
    // What one connection sent may have been read at once.
    let due = REFUSALS_AT_ONCE as f64 + REFUSALS_PER_SECOND * began.elapsed().as_secs_f64();
    assert!(f64::from(CALLS * (WIRES - 1)) <= due, "{due} were due");
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_streams_of_one_connection() {
    let siege = Siege::begin().await;
    let (wire, heard) = waves::open_calls(&siege.field.attacker, 10_000)
        .await
        .unwrap();
    // Past what may be open, streams are refused; past some of that, the connection is closed.
    assert_eq!(
        heard.reset_codes().into_iter().collect::<Vec<_>>(),
        [code::REFUSED_STREAM]
    );
    assert!(*heard.resets.keys().min().unwrap() > CONNECTION_CALLS_MAX);
    assert!(heard.answered.is_empty(), "{:?}", heard.answered);
    siege.holds().await;
    drop(wire);
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_streams_of_one_agency() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    let (mut wires, mut refused) = (vec![], 0);
    for _ in 0..10 {
        let (wire, heard) = waves::open_calls(attacker, 250).await.unwrap();
        // Of what is refused no more is wanted.
        let codes = heard.reset_codes();
        assert!(codes.iter().all(|one| *one == code::NO_ERROR), "{codes:?}");
        assert!(!heard.is_closed, "{heard:?}");
        refused += heard.answered.len();
        wires.push(wire);
    }
    // The rest wait for their messages.
    assert_eq!(refused, 2_500 - AGENCY_CALLS_MAX);
    siege.holds().await;
    let colleague = siege.field.session("tax");
    let status = colleague
        .call(members!("WhoAmI"), vec![])
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "LIMIT_EXCEEDED");
    assert!(
        status.message().contains("2048 calls under way"),
        "{status:?}"
    );
    // None of those that come now is let in; of most, nothing has been read when the others give up.
    let others = (0..30).map(|_| waves::open_calls(attacker, 250));
    let others = futures::future::join_all(others).await;
    for (wire, heard) in others.into_iter().flatten() {
        assert!(!heard.is_closed, "{heard:?}");
        wires.push(wire);
    }
    siege.holds().await;
    drop(wires);
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_never_finished() {
    let siege = Siege::begin().await;
    let attacker = &siege.field.attacker;
    let (mut wires, mut refused) = (vec![], 0);
    for _ in 0..2 {
        let (wire, heard) = waves::unfinished(attacker, 60, 1_000_000).await.unwrap();
        assert!(!heard.is_closed, "{heard:?}");
        refused += heard.answered.len();
        wires.push(wire);
    }
    // 48 MiB of them are held, whether they are to change anything or only to ask.
    let held = 120 - refused;
    assert!((45..=50).contains(&held), "{held}");
    siege.holds().await;
    drop(wires);
    siege.lift().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_never_taken() {
    let mut siege = Siege::begin().await;
    let clerk = siege.field.session("tax");
    let mut notification = to_channel("coordination", "joint-enforcement");
    notification.body = vec![b'b'; 262_144].into();
    let method = channels!("PublishNotification");
    let request = publish(notification, request_id());
    let answer = clerk.ask::<PublishNotificationResponse>(method, &request);
    let answer = answer.await.unwrap();
    siege.honest.expect_another();
    let name = answer.notification.unwrap().name;
    let request = GetNotificationRequest { name }.encode_to_vec();
    let attacker = &siege.field.attacker;
    let mut wires = vec![];
    for _ in 0..4 {
        let method = channels!("GetNotification");
        let answers = waves::untaken_answers(attacker, 250, method, &request).await;
        let (wire, heard) = answers.unwrap();
        // Refusals are headers, and need no window.
        assert!(!heard.is_closed, "{heard:?}");
        wires.push((wire, heard.answered.len()));
    }
    let held: usize = wires.iter().map(|(_, refused)| 250 - refused).sum();
    assert!(
        (150..=192).contains(&held),
        "{held} answers of 256 KiB are held"
    );
    siege.holds().await;
    drop(wires);
    siege.lift().await;
}
