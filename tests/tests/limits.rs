//! Every limit, at the limit and one past it, and what the answer says: the field and its rule
//! where less would be accepted, a retry hint where later would be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "limits/follow_up.rs"]
mod follow_up;
#[path = "limits/supervision.rs"]
mod supervision;

use std::sync::Arc;

use hub::{
    authz::Permit,
    clock::SystemClock,
    domain::{Command, members as roster},
    engine::{self, Engine, QUEUE_MAX, Submission, entropy::SystemEntropy},
    server::MESSAGE_BYTES_MAX,
    state::memory::MemoryStore,
    wire::status::status,
};
use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, AcknowledgeDeliveryResponse, BatchPublishNotificationsRequest,
        GetNotificationRequest, ListNotificationsRequest, Notification, SubjectOrganization,
        SubscribeRequest,
    },
    ledger::ListEntryHeadersRequest,
    members::WhoAmIRequest,
};
use hub_tests::{
    Site, World, channels, charter_file,
    gated::Gated,
    ledger, members,
    raw::{
        Session, fields, reason,
        requests::{USCC, publish, request_id, request_id_in, to_addressees, to_channel},
        retry_after,
    },
};
use prost::Message as _;
use tokio::sync::oneshot;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const PUBLISH: &str = channels!("PublishNotification");
const BATCH: &str = channels!("BatchPublishNotifications");

struct Bench {
    world: World,
    clerk: Session,
}

impl Bench {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(settings: &str) -> Self {
        let site = Site::with_charter(&charter_file(), settings);
        let world = World::start_on(site, Arc::new(SystemClock)).await;
        let clerk = Session::new(&world, "tax", "tax-clerk-1", &["clerk"]);
        Self { world, clerk }
    }

    fn head(&self) -> u64 {
        self.world.hub().engine().store().head()
    }

    async fn publish(&self, change: impl FnOnce(&mut Notification)) -> Result<(), Status> {
        let mut notification = to_addressees("coordination", &["agencies/health"]);
        change(&mut notification);
        let request = publish(notification, request_id()).encode_to_vec();
        self.clerk.call(PUBLISH, request).await.map(drop)
    }

    /// The change is accepted at the limit, and one past it refused by the field and a rule.
    async fn field(
        &self,
        field: &str,
        rule: &str,
        limit: usize,
        change: impl Fn(&mut Notification, usize),
    ) {
        let head = self.head();
        self.publish(|draft| change(draft, limit)).await.unwrap();
        assert_eq!(self.head(), head + 1, "{field}");
        let status = self
            .publish(|draft| change(draft, limit + 1))
            .await
            .unwrap_err();
        names(&status, field, rule);
        assert_eq!(self.head(), head + 1, "{field}");
    }
}

/// INVALID_ARGUMENT that names the field and the rule.
fn names(status: &Status, field: &str, rule: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(status), "INVALID_ARGUMENT");
    assert_eq!(fields(status), [field], "{status:?}");
    assert!(status.message().contains(rule), "{rule}: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_s_texts() {
    let bench = Bench::new().await;
    let han = |count: usize| "社".repeat(count);
    bench
        .field("notification.title", "1 to 200", 200, |draft, count| {
            draft.title = han(count);
        })
        .await;
    bench
        .field("notification.body", "262144", 262_144, |draft, count| {
            draft.body = vec![b'b'; count].into();
        })
        .await;
    bench
        .field("notification.remedy", "500", 500, |draft, count| {
            draft.remedy = han(count);
        })
        .await;
    bench
        .field("notification.media_type", "127", 127, |draft, count| {
            draft.media_type = format!("text/{}", "p".repeat(count - 5));
        })
        .await;
    bench
        .field("notification.legal_bases", "20", 20, |draft, count| {
            draft.legal_bases = vec![han(500); count];
        })
        .await;
    bench
        .field("notification.legal_bases[0]", "500", 500, |draft, count| {
            draft.legal_bases = vec![han(count)];
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_s_subjects_and_addressees() {
    let bench = Bench::new().await;
    let subject = SubjectOrganization {
        uscc: USCC.into(),
        display_name: "某协会".into(),
    };
    bench
        .field("notification.subjects", "at most 50", 50, |draft, count| {
            draft.subjects = vec![subject.clone(); count];
        })
        .await;
    bench
        .field(
            "notification.subjects[0].display_name",
            "1 to 200",
            200,
            |draft, count| {
                draft.subjects = vec![SubjectOrganization {
                    display_name: "社".repeat(count),
                    ..subject.clone()
                }];
            },
        )
        .await;
    // The charter knows fewer recipients than the limit: at it, only the repeats are refused.
    let many = |count| {
        move |draft: &mut Notification| draft.addressees = vec!["agencies/health".into(); count]
    };
    let status = bench.publish(many(32)).await.unwrap_err();
    assert!(!status.message().contains("at most"), "{status:?}");
    assert_eq!(fields(&status)[0], "notification.addressees[1]");
    assert!(
        status.message().contains("must not be named twice"),
        "{status:?}"
    );
    let status = bench.publish(many(33)).await.unwrap_err();
    names(&status, "notification.addressees", "must be at most 32");
    // Everyone there is, at once.
    let everyone: Vec<String> = bench.world.site.agencies();
    let everyone = everyone.iter().map(|id| format!("agencies/{id}"));
    let offices =
        ["joint-enforcement", "fund-supervision"].map(|id| format!("mechanisms/{id}/office"));
    let all: Vec<String> = everyone.chain(offices).collect();
    bench.publish(|draft| draft.addressees = all).await.unwrap();
}

fn batch(count: usize) -> BatchPublishNotificationsRequest {
    let one = || to_addressees("coordination", &["agencies/health"]);
    BatchPublishNotificationsRequest {
        requests: (0..count).map(|_| publish(one(), request_id())).collect(),
        request_id: request_id(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_1_to_256_items() {
    let bench = Bench::new().await;
    let send = async |count| bench.clerk.call(BATCH, batch(count).encode_to_vec()).await;
    let head = bench.head();
    send(256).await.unwrap();
    assert_eq!(bench.head(), head + 1, "one entry for the whole batch");
    for count in [0, 257] {
        let status = send(count).await.unwrap_err();
        names(&status, "requests", "must be 1 to 256");
    }
    let mut bad = batch(256);
    for item in &mut bad.requests {
        item.notification.as_mut().unwrap().title.clear();
    }
    let status = bench.clerk.call(BATCH, bad.encode_to_vec()).await;
    let status = status.unwrap_err();
    let named = fields(&status);
    assert_eq!(
        named[..2],
        [
            "requests[0].notification.title",
            "requests[1].notification.title"
        ]
    );
    assert_eq!(named.last().unwrap(), "", "the last one counts the rest");
    let left_out = format!("{} more fields break a rule", 257 - named.len());
    let details = status.get_details_bad_request().unwrap();
    let last = &details.field_violations.last().unwrap().description;
    assert!(last.starts_with(&left_out), "{last}");
    assert_eq!(bench.head(), head + 1);
}

/// A batch whose message has exactly so many bytes.
fn batch_of_bytes(bytes: usize) -> Vec<u8> {
    let mut request = batch(6);
    let sizes = |request: &mut BatchPublishNotificationsRequest, body: usize| {
        for item in &mut request.requests {
            item.notification.as_mut().unwrap().body = vec![b'b'; body].into();
        }
    };
    sizes(&mut request, 170_000);
    let missing = bytes - request.encoded_len();
    let last = request.requests.last_mut().unwrap();
    last.notification.as_mut().unwrap().body = vec![b'b'; 170_000 + missing].into();
    let encoded = request.encode_to_vec();
    assert_eq!(encoded.len(), bytes);
    encoded
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_at_most_1_mib() {
    let bench = Bench::new().await;
    let head = bench.head();
    let at_limit = batch_of_bytes(MESSAGE_BYTES_MAX);
    bench.clerk.call(BATCH, at_limit).await.unwrap();
    assert_eq!(bench.head(), head + 1);
    let past = batch_of_bytes(MESSAGE_BYTES_MAX + 1);
    let status = bench.clerk.call(BATCH, past).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "LIMIT_EXCEEDED");
    assert!(status.message().contains("1048576 bytes"), "{status:?}");
    assert_eq!(retry_after(&status), None, "no wait makes it smaller");
    assert_eq!(bench.head(), head + 1);
    // A reading method's message is bounded too, though nobody signs it.
    let name = |bytes: usize| GetNotificationRequest {
        name: "n".repeat(bytes - 4),
    };
    let method = channels!("GetNotification");
    let read = async |request: GetNotificationRequest| {
        let bytes = request.encode_to_vec();
        (
            bytes.len(),
            bench.clerk.call(method, bytes).await.unwrap_err(),
        )
    };
    let (bytes, status) = read(name(MESSAGE_BYTES_MAX)).await;
    assert_eq!(bytes, MESSAGE_BYTES_MAX);
    names(&status, "name", "");
    // What a caller sends is never echoed at full length.
    let agency = hub_proto::members::GetAgencyRequest {
        query: "社".repeat(100_000),
        ..hub_proto::members::GetAgencyRequest::default()
    };
    let answer = bench
        .clerk
        .call(members!("GetAgency"), agency.encode_to_vec());
    let status = answer.await.unwrap_err();
    assert_eq!(reason(&status), "NOT_FOUND");
    let (_, status) = read(name(MESSAGE_BYTES_MAX + 1)).await;
    let refused = [Code::OutOfRange, Code::ResourceExhausted];
    assert!(refused.contains(&status.code()), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages() {
    let bench = Bench::new().await;
    let list = async |page_size| {
        let request = ListNotificationsRequest {
            parent: "channels/all-members".into(),
            page_size,
            ..ListNotificationsRequest::default()
        };
        let method = channels!("ListNotifications");
        bench.clerk.call(method, request.encode_to_vec()).await
    };
    list(500).await.unwrap();
    for size in [501, -1, i32::MIN, i32::MAX] {
        names(&list(size).await.unwrap_err(), "page_size", "0 to 500");
    }
    let auditor = Session::new(&bench.world, "leading-group-office", "a", &["auditor"]);
    let headers = async |page_size| {
        let request = ListEntryHeadersRequest {
            page_size,
            ..ListEntryHeadersRequest::default()
        };
        let method = ledger!("ListEntryHeaders");
        auditor.call(method, request.encode_to_vec()).await
    };
    headers(1000).await.unwrap();
    names(&headers(1001).await.unwrap_err(), "page_size", "0 to 1000");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_a_stream() {
    let bench = Bench::new().await;
    let open = async |count: usize| {
        let request = SubscribeRequest {
            logs: vec!["channels/all-members".into(); count],
            ..SubscribeRequest::default()
        };
        let method = channels!("Subscribe");
        bench
            .clerk
            .first(method, request.encode_to_vec().into())
            .await
    };
    open(32).await.unwrap();
    names(&open(33).await.unwrap_err(), "logs", "at most 32");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_of_an_agency() {
    let bench = Bench::with("limits.agency_streams_max = 2").await;
    let other_officer = Session::new(&bench.world, "tax", "b", &["leader"]);
    let method = channels!("Subscribe");
    let first = bench.clerk.open(method, vec![]).await.unwrap();
    let _second = other_officer.open(method, vec![]).await.unwrap();
    let status = bench.clerk.open(method, vec![]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(reason(&status), "LIMIT_EXCEEDED");
    assert!(retry_after(&status).is_some(), "{status:?}");
    let health = Session::new(&bench.world, "health", "a", &["clerk"]);
    let _theirs = health.open(method, vec![]).await.unwrap();
    drop(first);
    hub_tests::raw::eventually("a closed stream's place is free", async || {
        other_officer.open(method, vec![]).await.is_ok()
    })
    .await;
}

async fn who_am_i(session: &Session) -> Result<bytes::Bytes, Status> {
    let request = WhoAmIRequest {}.encode_to_vec();
    session.call(members!("WhoAmI"), request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn open_connections_of_an_agency_and_in_all() {
    let settings = "limits.agency_connections_max = 2\nlimits.connections_max = 3";
    let bench = Bench::with(settings).await;
    let connect = |agency: &str| Session::new(&bench.world, agency, "a", &["clerk"]);
    let (first, second, third) = (connect("tax"), connect("tax"), connect("tax"));
    who_am_i(&first).await.unwrap();
    who_am_i(&second).await.unwrap();
    let status = who_am_i(&third).await.unwrap_err();
    assert_eq!(reason(&status), "", "closed at the door: {status:?}");
    who_am_i(&first).await.unwrap();

    let other = connect("health");
    who_am_i(&other).await.unwrap();
    assert!(
        who_am_i(&connect("finance")).await.is_err(),
        "a fourth in all"
    );
    drop(second);
    hub_tests::raw::eventually("a closed connection's place is free", async || {
        who_am_i(&third).await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_from_an_address_and_of_a_node() {
    let few = |of| {
        format!("limits.{of}_connections_per_second_max = 1\nlimits.{of}_connections_burst_max = 3")
    };
    for settings in [few("address"), few("node")] {
        let bench = Bench::with(&settings).await;
        let began = tokio::time::Instant::now();
        let mut came = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let session = Session::new(&bench.world, "tax", "a", &["clerk"]);
            came.spawn(async move { who_am_i(&session).await.is_ok() });
        }
        let came = came.join_all().await.into_iter().filter(|came| *came);
        let came = came.count() as u64;
        // Who is due within two seconds waits.
        let due = 3 + 2 + began.elapsed().as_secs() + 1;
        assert!((3..=due).contains(&came), "{settings}: {came} of {due}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_under_way_on_a_connection_wait_for_each_other() {
    let bench = Bench::with("limits.connection_calls_max = 2").await;
    let method = channels!("Subscribe");
    let first = bench.clerk.open(method, vec![]).await.unwrap();
    let _second = bench.clerk.open(method, vec![]).await.unwrap();
    let session = bench.clerk.clone();
    let mut waiting = tokio::spawn(async move { who_am_i(&session).await });
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "one past the limit waits");
    drop(first);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_of_an_agency() {
    let bench = Bench::new().await;
    let mut cursor = hub::domain::channels::cursor::Cursor::default();
    cursor.set("channels/all-members".parse().unwrap(), 0);
    let cursor = cursor.encode(&"tax".parse().unwrap());
    let acknowledge = async |consumer: String| {
        let request = AcknowledgeDeliveryRequest {
            consumer,
            cursor: cursor.clone(),
            request_id: request_id(),
        };
        let method = channels!("AcknowledgeDelivery");
        let answer = bench
            .clerk
            .ask::<AcknowledgeDeliveryResponse>(method, &request);
        answer.await.map(drop)
    };
    for number in 0..16 {
        acknowledge(format!("c-{number}")).await.unwrap();
    }
    let status = acknowledge("c-16".into()).await.unwrap_err();
    names(&status, "consumer", "at most 16 consumers");
    acknowledge("c-15".into()).await.unwrap();
    // The name's own limit is past the one of the count.
    let health = Session::new(&bench.world, "health", "a", &["clerk"]);
    let subscribe = async |length: usize| {
        let request = SubscribeRequest {
            consumer: "c".repeat(length),
            ..SubscribeRequest::default()
        };
        let method = channels!("Subscribe");
        health.first(method, request.encode_to_vec().into()).await
    };
    subscribe(32).await.unwrap();
    names(&subscribe(33).await.unwrap_err(), "consumer", "at most 32");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_s_time() {
    let bench = Bench::new().await;
    let send = async |id: String| {
        let request = publish(to_addressees("coordination", &["agencies/health"]), id);
        bench.clerk.call(PUBLISH, request.encode_to_vec()).await
    };
    send(request_id_in(5 * 60 * 1000 - 2_000)).await.unwrap();
    let status = send(request_id_in(5 * 60 * 1000 + 5_000))
        .await
        .unwrap_err();
    names(&status, "request_id", "more than 5 minutes ahead");
    for id in ["", "7", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"] {
        let status = send(id.into()).await.unwrap_err();
        names(&status, "request_id", "version 7");
    }
    // A day old, and still within what the hub remembers.
    send(request_id_in(-24 * 3_600_000)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_a_call() {
    let bench = Bench::new().await;
    let send = async |bytes: usize| {
        let request = WhoAmIRequest {}.encode_to_vec();
        let method = members!("WhoAmI");
        let mut headers = bench.clerk.headers(method, &request);
        headers.insert("x-note", "n".repeat(bytes).parse().unwrap());
        bench.clerk.raw.unary(method, request.into(), headers).await
    };
    // Token and the rest take some 1.5 KiB of the 16.
    send(14 * 1024).await.unwrap();
    let status = send(16 * 1024).await.unwrap_err();
    assert_eq!(reason(&status), "", "no handler was reached: {status:?}");
    who_am_i(&bench.clerk).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_message_is_refused_not_unpacked() {
    let bench = Bench::new().await;
    let request = publish(
        to_channel("coordination", "joint-enforcement"),
        request_id(),
    );
    let mut headers = bench.clerk.headers(PUBLISH, &request.encode_to_vec());
    headers.insert("grpc-encoding", "gzip".parse().unwrap());
    let answer = bench
        .clerk
        .raw
        .unary(PUBLISH, request.encode_to_vec().into(), headers)
        .await;
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
}

fn submission() -> Submission {
    Submission {
        permit: Permit::hub().unwrap(),
        peer: None,
        authored: None,
        method: "/hub.system.v1/AdoptCharter",
        request_ids: vec![],
        command: Command::Members(roster::Command::AdoptCharter { text: "x".into() }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_the_writer() {
    let key = || SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    let (store, gate) = Gated::new(MemoryStore::new("test", Arc::new(key())).unwrap());
    gate.close();
    let engine = Engine::start(engine::Options {
        store: Arc::new(store),
        charter: Arc::new(hub::charter::Charter::read(&charter_file()).unwrap()),
        clock: Arc::new(SystemClock),
        entropy: Box::new(SystemEntropy),
        key: key(),
        metrics: Arc::default(),
    })
    .unwrap();
    let submit = || {
        let engine = Arc::clone(&engine);
        let (sent, is_sent) = oneshot::channel();
        let task = tokio::spawn(async move {
            let submitted = engine.submit(submission());
            tokio::pin!(submitted);
            // Polled once, it stands in the queue.
            let first = futures::poll!(&mut submitted);
            // Nobody may be waiting to hear it.
            let _heard = sent.send(()).is_ok();
            match first {
                std::task::Poll::Ready(answer) => answer,
                std::task::Poll::Pending => submitted.await,
            }
        });
        (task, is_sent)
    };
    // The writer takes the first and waits at the gate; then the queue fills.
    let mut tasks = vec![submit().0];
    gate.until_the_writer_waits().await;
    for _ in 0..QUEUE_MAX {
        let (task, is_sent) = submit();
        is_sent.await.unwrap();
        tasks.push(task);
    }
    let refused = engine.submit(submission()).await.unwrap_err();
    let refused = status(&refused);
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "LIMIT_EXCEEDED");
    assert!(retry_after(&refused).is_some());
    gate.open();
    for task in tasks {
        task.await
            .unwrap()
            .expect("what is in the queue is recorded");
    }
    assert_eq!(engine.store().head(), QUEUE_MAX as u64 + 1);
    engine.submit(submission()).await.unwrap();
}
