//! What one agency may ask of the hub in a second, and how much of the writer's queue it may take:
//! at the limit, past it, and without anyone else paying for it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use certs::LeafSpec;
use futures::stream::{FuturesUnordered, StreamExt as _};
use hub::{
    clock::{Clock, ManualClock, SystemClock},
    engine::AGENCY_QUEUE_MAX,
    state::memory::MemoryStore,
};
use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
use hub_proto::channels::channel_service_server::ChannelService as _;
use hub_tests::{
    Site, TRUST_DOMAIN, World, charter_file,
    direct::{Direct, SameEntropy, call},
    gated::Gated,
    members,
    raw::{
        Node, Raw, Session, bearer, reason,
        requests::{publish, to_addressees},
        retry_after,
    },
    tokens::Token,
};
use jiff::{SignedDuration, Timestamp};
use tonic::{Code, Status};
use uuid::{ContextV7, Uuid};

const WHO: &str = members!("WhoAmI");

/// The system's dates, and a measure of time that moves only when it is told to.
#[derive(Debug, Default)]
struct Paced(AtomicU64);

impl Paced {
    fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap();
        self.0.fetch_add(ns, Ordering::SeqCst);
    }
}

impl Clock for Paced {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// A hub that lets an agency make three calls at once and two a second.
async fn world() -> (World, Arc<Paced>) {
    let clock = Arc::new(Paced::default());
    let settings = "limits.agency_calls_per_second_max = 2\nlimits.agency_calls_burst_max = 3";
    let site = Site::with_charter(&charter_file(), settings);
    let world = World::start_on(site, Arc::clone(&clock) as Arc<dyn Clock>).await;
    (world, clock)
}

fn is_limited(status: &Status, after: Duration) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(status), "LIMIT_EXCEEDED");
    assert_eq!(retry_after(status), Some(after), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_an_agency_in_a_second() {
    let (world, clock) = world().await;
    let session = |agency, officer| Session::new(&world, agency, officer, &["clerk"]);
    let (first, second) = (session("tax", "a"), session("tax", "b"));
    for caller in [&first, &second, &first] {
        caller.call(WHO, vec![]).await.unwrap();
    }
    // All officers and connections of the agency count together, and health checks with them.
    let half = Duration::from_millis(500);
    is_limited(&first.call(WHO, vec![]).await.unwrap_err(), half);
    is_limited(&second.call(WHO, vec![]).await.unwrap_err(), half);
    let health = "/grpc.health.v1.Health/Check";
    let check = first.raw.unary(health, vec![].into(), bearer(&first.token));
    is_limited(&check.await.unwrap_err(), half);

    let other = session("health", "a");
    for _ in 0..3 {
        other.call(WHO, vec![]).await.unwrap();
    }
    // The hint is right: just before it nothing, at it one call and no more.
    clock.advance(half - Duration::from_millis(100));
    let early = second.call(WHO, vec![]).await.unwrap_err();
    is_limited(&early, Duration::from_millis(100));
    clock.advance(Duration::from_millis(100));
    second.call(WHO, vec![]).await.unwrap();
    is_limited(&second.call(WHO, vec![]).await.unwrap_err(), half);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_uses_up_nothing_and_a_bad_token_does() {
    let (world, clock) = world().await;
    let profile = world.site.profile("tax");
    // A certificate of the same authority that names the agency and is not enrolled.
    let now = SystemClock.now();
    let hour = SignedDuration::from_hours(1);
    let spec = LeafSpec::node(TRUST_DOMAIN, "tax", "stranger", now - hour, now + hour);
    let authority = world.site.authority();
    let stranger = Node::of_leaf(&authority.issue(&spec).unwrap());
    let raw = Raw::new(world.hub().address(), stranger.tls(&authority));
    let token = Token::bound_to(&profile, &stranger, "a", &["clerk"]).mint();
    for _ in 0..5 {
        let refused = raw.unary(WHO, vec![].into(), bearer(&token)).await;
        assert_eq!(reason(&refused.unwrap_err()), "NODE_NOT_ENROLLED");
    }
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    let forger = clerk.with_token("no.token.atall".into());
    for _ in 0..3 {
        let refused = forger.call(WHO, vec![]).await.unwrap_err();
        assert_eq!(reason(&refused), "TOKEN_INVALID");
    }
    let refused = clerk.call(WHO, vec![]).await.unwrap_err();
    is_limited(&refused, Duration::from_millis(500));
    clock.advance(Duration::from_millis(500));
    clerk.call(WHO, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_waits_as_the_hint_says_and_gets_through() {
    let settings = "limits.agency_calls_per_second_max = 20\nlimits.agency_calls_burst_max = 2";
    let site = Site::with_charter(&charter_file(), settings);
    let world = World::start_on(site, Arc::new(SystemClock)).await;
    let clerk = world.clerk("tax");
    for _ in 0..6 {
        clerk.members().who_am_i().await.unwrap();
    }
    let text = world.hub().metrics().encode().unwrap();
    let refused = "method=\"hub.members.v1.MembersService/WhoAmI\",code=\"RESOURCE_EXHAUSTED\"";
    assert!(text.contains(refused), "it was refused in between: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_s_share_of_the_writer_s_queue() {
    let site = Site::new();
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    let (store, gate) = Gated::new(MemoryStore::new(TRUST_DOMAIN, Arc::new(key)).unwrap());
    let clock = ManualClock::at(SystemClock.now());
    let direct = Direct::start(&site, Arc::new(store), clock, Box::new(SameEntropy)).await;
    let head = direct.services.engine.store().head();
    let caller = |agency: &str| direct.caller(&site, agency, "a", &["clerk"]);
    let (tax, health) = (caller("tax"), caller("health"));
    let context = ContextV7::new();
    let send = |caller, to| {
        let at = uuid::Timestamp::from_unix(&context, direct.unix_ms() / 1000, 0);
        let id = Uuid::new_v7(at).to_string();
        let request = publish(to_addressees("coordination", &[to]), id);
        let services = &direct.services;
        Box::pin(async move { services.publish_notification(call(caller, request)).await })
    };
    gate.close();
    // The writer takes the first and waits; then the agency's share fills.
    let mut waiting = FuturesUnordered::new();
    let mut first = send(&tax, "agencies/finance");
    assert!(futures::poll!(&mut first).is_pending());
    waiting.push(first);
    gate.until_the_writer_waits().await;
    for _ in 0..AGENCY_QUEUE_MAX {
        let mut next = send(&tax, "agencies/finance");
        assert!(futures::poll!(&mut next).is_pending());
        waiting.push(next);
    }
    assert_eq!(direct.services.engine.queue_depth(), AGENCY_QUEUE_MAX);
    let mut past = send(&tax, "agencies/finance");
    let Poll::Ready(Err(refused)) = futures::poll!(&mut past) else {
        panic!("one past the share is refused at once");
    };
    is_limited(&refused, Duration::from_millis(200));
    let mut theirs = send(&health, "agencies/finance");
    assert!(
        futures::poll!(&mut theirs).is_pending(),
        "there is room for another"
    );
    waiting.push(theirs);

    gate.open();
    let sent = waiting.len();
    while let Some(answer) = waiting.next().await {
        answer.expect("what is in the queue is recorded");
    }
    assert_eq!(direct.services.engine.store().head(), head + sent as u64);
    send(&tax, "agencies/finance").await.unwrap();
    direct.stop();
}
