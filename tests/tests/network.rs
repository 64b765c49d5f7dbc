//! A network that fails between clients and the hub: lines that are cut in the midst of a frame, drip, or
//! fall still while both ends believe that they stand.
//!
//! TCP keeps the order of bytes or ends, so nothing can come in another order than it was sent; over two
//! connections, it can: that is what a resumed stream and a repeated call are.
//!
//! `HUB_TEST_SEED` repeats the cuts of a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test: a failure here is a failed test, and its seed is printed"
)]

use std::time::Duration;

use agency_client::{
    Client,
    channels::NotificationDraft,
    outbox::{Outbox, OutboxOptions, Outgoing},
    subscribe::{Event, SubscribeOptions, Subscription},
};
use bytes::Bytes;
use hub_proto::channels::{
    Classification, SubscribeRequest, SubscribeResponse, subscribe_response::Event as Wire,
};
use hub_tests::{
    PURPOSE, World, channels,
    hostile::{self, Field},
    random::Random,
    raw::{
        Raw, Session, eventually, reason,
        requests::{publish, request_id, to_channel},
    },
    relay::{Relay, Weather},
};
use prost::Message as _;
use tokio::sync::oneshot;
use tonic::Streaming;

const CHANNEL: &str = "joint-enforcement";
const PUBLISH: &str = channels!("PublishNotification");

/// Longest that anything here may take: a guard, not a measure.
const PATIENCE: Duration = Duration::from_secs(90);

/// Bytes that a line carries before it is cut: a handshake and the opening of a stream take some 9,000, so
/// some lines are cut in these, and most in a message or its answer.
const CUT_BYTES_MIN: usize = 6_000;
const CUT_BYTES_MAX: usize = 36_000;

/// Bytes of a body: it goes to the hub and comes back in the answer, and both fit before a cut.
const BODY_BYTES_MAX: usize = 4_000;

/// A clerk whose calls go over a relay.
fn over(world: &World, relay: &Relay, agency: &str) -> Client {
    Client::builder(&world.site.profile(agency))
        .endpoint(relay.endpoint())
        .officer(format!("{agency}-clerk-1"))
        .roles(["clerk"])
        .purpose(PURPOSE)
        .build()
        .unwrap()
}

fn draft(title: &str, body_bytes: usize) -> NotificationDraft {
    NotificationDraft::to_channel(CHANNEL)
        .category("coordination")
        .title(title)
        .classification(Classification::Internal)
        .body(vec![b'b'; body_bytes], "text/plain")
}

fn title(number: usize) -> String {
    format!("第 {number} 号")
}

/// The titles of the next deliveries.
async fn take(events: &mut Subscription, count: usize) -> Vec<String> {
    let mut titles = vec![];
    let all = async {
        while titles.len() < count {
            if let Event::Delivery(delivery) = events.next().await.unwrap().unwrap() {
                titles.push(delivery.notification.unwrap().title);
            }
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all come");
    titles
}

/// Cuts a line over and over, wherever it is, until a part of the test is done. There were so many cuts.
async fn while_cut<T>(
    relay: &Relay,
    random: &mut Random,
    part: impl Future<Output = T>,
) -> (T, u64) {
    let before = relay.cuts();
    let cutting = async {
        loop {
            let cuts = relay.cuts();
            let bytes = CUT_BYTES_MIN + random.below(CUT_BYTES_MAX - CUT_BYTES_MIN);
            relay.cut_after(u32::try_from(bytes).unwrap());
            while relay.cuts() == cuts {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    let done = tokio::select! {
        done = tokio::time::timeout(PATIENCE, part) => done.expect("it is done in the end"),
        () = cutting => unreachable!("it goes on"),
    };
    (done, relay.cuts() - before)
}

/// Choices of what is sent, and of where the line is cut.
fn seeded() -> (Random, Random) {
    let seed = hub_tests::seed();
    println!("HUB_TEST_SEED={seed}");
    (Random::new(seed), Random::new(!seed))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_cut_anywhere_goes_on_without_gap_or_repeat() {
    const COUNT: usize = 30;
    let (mut random, mut cutter) = seeded();
    let world = World::start().await;
    let relay = Relay::to(world.hub().address()).await;
    let author = world.clerk("tax");
    // Half of it waits already, half comes while it is read.
    let drafts: Vec<_> = (0..COUNT)
        .map(|number| draft(&title(number), random.below(BODY_BYTES_MAX)))
        .collect();
    let mut drafts = drafts.into_iter();
    for draft in drafts.by_ref().take(COUNT / 2) {
        author.channels().publish(draft).await.unwrap();
    }
    let read = async {
        let reader = over(&world, &relay, "health");
        let mut events = reader.channels().subscribe(SubscribeOptions::default());
        let published = async {
            for draft in drafts {
                author.channels().publish(draft).await.unwrap();
            }
        };
        tokio::join!(take(&mut events, COUNT), published).0
    };
    let (titles, cuts) = while_cut(&relay, &mut cutter, read).await;
    assert_eq!(titles, (0..COUNT).map(title).collect::<Vec<_>>());
    println!("{cuts} cuts");
    assert!(cuts >= 3, "{cuts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outbox_sends_over_a_line_that_is_cut_anywhere_arrives_once() {
    const COUNT: usize = 30;
    let (mut random, mut cutter) = seeded();
    let world = World::start().await;
    let relay = Relay::to(world.hub().address()).await;
    let options = OutboxOptions {
        backoff_max: Duration::from_millis(200),
        ..OutboxOptions::default()
    };
    let outbox = Outbox::open(world.site.path().join("outbox"), options);
    let outbox = outbox.await.unwrap();
    let before = world.hub().engine().store().head();
    for number in 0..COUNT {
        let draft = draft(&title(number), random.below(BODY_BYTES_MAX));
        let outgoing = Outgoing::publish(draft).unwrap();
        outbox.enqueue("s", outgoing).await.unwrap();
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let sending = outbox
        .sender()
        .unwrap()
        .run(over(&world, &relay, "tax"), async {
            // A test that failed has dropped the other end.
            drop(stopped.await);
        });
    let delivered = async {
        while outbox.counts().await.unwrap().delivered < COUNT as u64 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stop.send(()).unwrap();
    };
    let sent = async { tokio::join!(sending, delivered).0.unwrap() };
    let ((), cuts) = while_cut(&relay, &mut cutter, sent).await;
    println!("{cuts} cuts");
    assert!(cuts >= 3, "{cuts}");
    let recorded = world.hub().engine().store().head() - before;
    assert_eq!(recorded, COUNT as u64, "each once");
    let mut events = world
        .clerk("health")
        .channels()
        .subscribe(SubscribeOptions::default());
    let titles = take(&mut events, COUNT).await;
    assert_eq!(titles, (0..COUNT).map(title).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_drips_carries_everything() {
    let world = World::start().await;
    let relay = Relay::to(world.hub().address()).await;
    relay.weather(Weather::Dripping);
    let tax = over(&world, &relay, "tax");
    let sent = tax.channels().publish(draft("滴", 4_000)).await.unwrap();
    let name = sent.notification.as_ref().unwrap().name.clone();
    let found = tax.channels().notification(&name).await.unwrap();
    assert_eq!(found.notification.unwrap().body, vec![b'b'; 4_000]);
}

/// Opens a stream of the channel, live, on a connection over a relay.
async fn follow(session: &Session) -> Streaming<Bytes> {
    let request = SubscribeRequest {
        logs: vec![format!("channels/{CHANNEL}")],
        live_only: true,
        ..SubscribeRequest::default()
    };
    let method = channels!("Subscribe");
    let mut stream = session.open(method, request.encode_to_vec()).await.unwrap();
    let told = stream.message().await.unwrap();
    assert!(told.is_some(), "it has caught up");
    stream
}

/// The position of the next delivery.
async fn next_position(stream: &mut Streaming<Bytes>) -> i64 {
    let next = async {
        loop {
            let message = stream.message().await.unwrap().expect("it goes on");
            let response = SubscribeResponse::decode(message).unwrap();
            if let Some(Wire::Delivery(delivery)) = response.event {
                return delivery.position;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next)
        .await
        .expect("it comes")
}

async fn publish_bytes(author: &Session, bytes: usize) {
    let mut notification = to_channel("coordination", CHANNEL);
    notification.body = vec![b'b'; bytes].into();
    let request = publish(notification, request_id()).encode_to_vec();
    author.call(PUBLISH, request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_behind_a_line_that_fell_still_slows_nobody() {
    const COUNT: i64 = 60;
    let world = World::start().await;
    let relay = Relay::to(world.hub().address()).await;
    let author = Session::new(&world, "tax", "a", &["clerk"]);
    let near = Session::new(&world, "health", "a", &["clerk"]);
    let far = Session {
        raw: Raw::new(relay.address, near.node.tls(&world.site.authority())),
        ..near.clone()
    };
    let (mut fast, mut slow) = (follow(&near).await, follow(&far).await);
    relay.weather(Weather::Still);
    let mut first = None;
    for _ in 0..COUNT {
        publish_bytes(&author, 100_000).await;
        let position = next_position(&mut fast).await;
        first.get_or_insert(position);
    }
    // The fast one has had them all; of the slow one's not even the first has come.
    let first = first.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), slow.message()).await;
    assert!(early.is_err(), "nothing came over a line that is still");
    relay.weather(Weather::Fair);
    for position in first..first + COUNT {
        assert_eq!(next_position(&mut slow).await, position);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_that_are_dead_are_found_and_hold_little() {
    const DEAD: usize = 16;
    /// Of 250 KiB each.
    const COUNT: usize = 140;
    /// They would be 35 MiB for each of the dead, if they waited for it.
    const GROWTH_BYTES_MAX: u64 = 64 << 20;
    let field = Field::with("limits.agency_streams_max = 16\nlimits.keepalive_ms = 2000");
    let relay = Relay::to(field.hub.address()).await;
    let author = field.session("tax");
    // What the hub keeps of the newest entries in any case.
    for _ in 0..COUNT {
        publish_bytes(&author, 256_000).await;
    }
    let mut dead = vec![];
    for _ in 0..DEAD {
        let session = hostile::session(&field.site, relay.address, "health");
        dead.push((follow(&session).await, session));
    }
    let health = field.session("health");
    let request = SubscribeRequest::default().encode_to_vec();
    let open = async || health.open(channels!("Subscribe"), request.clone()).await;
    assert_eq!(reason(&open().await.unwrap_err()), "LIMIT_EXCEEDED");
    let before = field.hub.resident_bytes();
    relay.weather(Weather::Still);
    for _ in 0..COUNT {
        publish_bytes(&author, 256_000).await;
    }
    let grown = field.hub.resident_bytes().saturating_sub(before);
    assert!(grown <= GROWTH_BYTES_MAX, "{} MiB", grown >> 20);
    eventually("the dead are found, and their places free", async || {
        open().await.is_ok()
    })
    .await;
    drop(dead);
    assert!(field.hub.stop(), "the hub stops in order");
}
