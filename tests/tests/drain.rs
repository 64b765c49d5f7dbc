//! Serving and stopping: health, reflection, deadlines, and a drain that loses nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use hub::{
    clock::SystemClock,
    config::Config,
    server,
    state::embedded::{EmbeddedOptions, EmbeddedStore},
    state::store::Store as _,
};
use hub_core::{note::NoteVerifier, reason::Reason};
use hub_proto::channels::{PublishNotificationResponse, SubscribeRequest};
use hub_tests::{
    Site, World, channels, charter_file,
    frames::{self, END_HEADERS, END_STREAM, Kind, Wire, frame},
    members,
    process::{HubProcess, ended, hub_binary},
    raw::{
        Node, Raw, Session, bearer, reason,
        requests::{publish, request_id, to_addressees},
        retry_after,
    },
    tokens::Token,
};
use prost::Message as _;
use tokio::sync::oneshot;
use tonic::{Code, Status, metadata::MetadataMap};

const PUBLISH: &str = channels!("PublishNotification");
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_a_node_without_a_token_and_nobody_else() {
    let world = World::start().await;
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    // HealthCheckRequest.service is field 1; HealthCheckResponse.status 1 is SERVING.
    let ask = async |raw: &Raw, service: &str| {
        let length = u8::try_from(service.len()).unwrap();
        let request = [&[0x0a, length], service.as_bytes()].concat();
        raw.unary(HEALTH, request.into(), MetadataMap::new()).await
    };
    for service in ["", "hub.channels.v1.ChannelService"] {
        let answer = ask(&session.raw, service).await.unwrap();
        assert_eq!(&*answer, [0x08, 1], "{service} is served");
    }
    let status = ask(&session.raw, "hub.none.v1.None").await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let authority = world.site.authority();
    let nobody = hub_tests::raw::tls(&authority, None, &rustls::version::TLS13);
    let nobody = Raw::new(world.hub().address(), nobody);
    assert!(ask(&nobody, "").await.is_err(), "without a certificate");
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let spec = certs::LeafSpec::node(hub_tests::TRUST_DOMAIN, "tax", "n", now - hour, now + hour);
    let stranger = Node::of_leaf(&authority.issue(&spec).unwrap());
    let stranger = Raw::new(world.hub().address(), stranger.tls(&authority));
    let status = ask(&stranger, "").await.unwrap_err();
    assert_eq!(reason(&status), "NODE_NOT_ENROLLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_off_unless_it_is_asked_for_and_never_without_a_token() {
    // ServerReflectionRequest.list_services is field 7.
    let request = bytes::Bytes::from_static(&[0x3a, 0]);
    for is_on in [false, true] {
        let settings = if is_on { "reflection = true" } else { "" };
        let site = Site::with_charter(&charter_file(), settings);
        let world = World::start_on(site, Arc::new(SystemClock)).await;
        let session = Session::new(&world, "tax", "a", &["clerk"]);
        let answer = async |headers| {
            let opened = session.raw.stream(REFLECTION, request.clone(), headers);
            opened.await?.message().await
        };
        let outcome = answer(bearer(&session.token)).await;
        if is_on {
            let listed = outcome.unwrap().unwrap();
            let listed = String::from_utf8_lossy(&listed).into_owned();
            assert!(listed.contains("hub.channels.v1.ChannelService"));
        } else {
            assert_eq!(outcome.unwrap_err().code(), Code::Unimplemented);
        }
        let status = answer(MetadataMap::new()).await.unwrap_err();
        assert_eq!(reason(&status), "TOKEN_MISSING");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_is_honoured_by_the_hub_itself() {
    let world = World::start().await;
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    let author = session.node.author(PUBLISH, b"");
    let base64 = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
    };
    let further = [
        ("grpc-timeout", "300m".to_owned()),
        ("author-salt-bin", base64(&author.salt)),
        ("author-signature-bin", base64(&author.signature)),
    ];
    let mut block = frames::call(PUBLISH, &session.token);
    for (name, value) in further {
        block.extend(frames::field(name, value));
    }
    let config = Arc::new(session.node.tls(&world.site.authority()));
    let mut wire = Wire::connect(world.hub().address(), config).await.unwrap();
    wire.begin(&[]).await.unwrap();
    // The message is announced and never comes. Without a deadline the hub waits half a minute.
    let call = frame(Kind::Headers, END_HEADERS, 1, &block);
    wire.mouth.say(&call).await.unwrap();
    let answered = async {
        loop {
            let frame = wire.ears.next().await.unwrap();
            if frame.is(Kind::Headers) && frame.stream == 1 {
                return frame.flags;
            }
        }
    };
    let flags = tokio::time::timeout(Duration::from_secs(5), answered).await;
    let flags = flags.expect("an answer in time");
    assert_eq!(flags & END_STREAM, END_STREAM, "the call is over");
}

/// A hub in a process of its own, with its settings.
fn process() -> (Site, HubProcess) {
    let site = Site::new();
    let hub = HubProcess::start(&site.config_file());
    (site, hub)
}

fn session(site: &Site, hub: &HubProcess, agency: &str) -> Session {
    let profile = site.profile(agency);
    let node = Node::of_profile(&profile);
    Session {
        raw: Raw::new(hub.address(), node.tls(&site.authority())),
        token: Token::new(&profile, "a", &["clerk"]).mint(),
        node,
    }
}

fn notice() -> bytes::Bytes {
    let to = to_addressees("coordination", &["agencies/health"]);
    publish(to, request_id()).encode_to_vec().into()
}

/// Entries that a stopped hub's folder holds; it must be as a clean stop leaves it.
fn entries_of(config: &Config) -> u64 {
    let key = Arc::new(server::ledger_key(config).unwrap());
    let origin = config.ledger.origin.clone();
    let verifier = certs::vkey::verifier_key(&origin, &key.public_key());
    let report = hub::ledger::fsck(
        &hub::ledger::FsckOptions {
            dir: config.data_dir.clone(),
            verifier: verifier.parse::<NoteVerifier>().unwrap(),
        },
        &mut |_, _| vec![],
        &mut |_| {},
    )
    .unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    let options = EmbeddedOptions {
        dir: config.data_dir.clone(),
        origin,
        key,
    };
    let (store, opened) = EmbeddedStore::open(options).unwrap();
    assert_eq!((opened.torn_bytes_cut, opened.torn_entries_cut), (0, 0));
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    assert_eq!(store.applied(), store.head(), "rows and ledger agree");
    store.head()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_calls_finish_ends_streams_and_leaves_a_clean_folder() {
    let (site, hub) = process();
    let clerk = session(&site, &hub, "tax");
    let reader = session(&site, &hub, "health");
    let subscribe = SubscribeRequest::default().encode_to_vec();
    let mut stream = reader
        .open(channels!("Subscribe"), subscribe)
        .await
        .unwrap();
    assert!(stream.message().await.unwrap().is_some(), "caught up");

    // A call under way: the hub has its headers and waits for the message.
    let message = notice();
    let headers = clerk.headers(PUBLISH, &message);
    let (release, released) = oneshot::channel();
    let raw = clerk.raw.clone();
    let under_way = tokio::spawn(async move {
        let message = async move {
            released.await.unwrap();
            message
        };
        let body = futures::stream::once(message);
        raw.slow_unary(PUBLISH, body, headers).await
    });
    clerk.call(PUBLISH, notice()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;

    hub.terminate();
    let status = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the reader must be told to come again"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&status), Reason::Unavailable.as_str(), "{status:?}");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(retry_after(&status).is_some());
    release.send(()).unwrap();
    let answer = under_way
        .await
        .unwrap()
        .expect("the call under way ends well");
    let answer = PublishNotificationResponse::decode(answer).unwrap();
    let exit = tokio::task::spawn_blocking(move || hub.wait())
        .await
        .unwrap();
    assert_eq!(exit.code(), Some(0));
    let head = entries_of(&site.config());
    assert_eq!(answer.receipt.unwrap().entry_index, head - 1, "recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_loses_nothing_that_was_answered() {
    let (site, hub) = process();
    let mut writers = vec![];
    for agency in ["tax", "finance", "education", "pboc-branch"] {
        let session = session(&site, &hub, agency);
        writers.push(tokio::spawn(async move {
            let mut indices = vec![];
            loop {
                match session.ask(PUBLISH, &decoded(&notice())).await {
                    Ok(answer) => {
                        let answer: PublishNotificationResponse = answer;
                        indices.push(answer.receipt.unwrap().entry_index);
                    }
                    Err(status) => return (indices, status),
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    hub.terminate();
    let mut answered = vec![];
    for writer in writers {
        let (indices, status): (Vec<u64>, Status) = writer.await.unwrap();
        // Told by the hub, or by the connection's end in one of the ways that the client's HTTP/2 has
        // of putting it.
        let ends = [
            Code::Unavailable,
            Code::Unknown,
            Code::Cancelled,
            Code::Internal,
        ];
        assert!(ends.contains(&status.code()), "{status:?}");
        assert!(indices.len() > 5, "it was under load: {}", indices.len());
        answered.extend(indices);
    }
    let exit = tokio::task::spawn_blocking(move || hub.wait())
        .await
        .unwrap();
    assert_eq!(exit.code(), Some(0));
    let head = entries_of(&site.config());
    assert!(answered.iter().all(|index| *index < head));
    let distinct: std::collections::BTreeSet<u64> = answered.iter().copied().collect();
    assert_eq!(distinct.len(), answered.len());
}

fn decoded(bytes: &[u8]) -> hub_proto::channels::PublishNotificationRequest {
    hub_proto::channels::PublishNotificationRequest::decode(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_never_ends_does_not_keep_the_hub_from_stopping() {
    let site = Site::with_charter(&charter_file(), "");
    let text = std::fs::read_to_string(site.config_file()).unwrap();
    let short = text.replace("drain_ms_max = 5000", "drain_ms_max = 500");
    std::fs::write(site.config_file(), short).unwrap();
    let hub = HubProcess::start(&site.config_file());
    let clerk = session(&site, &hub, "tax");
    clerk.call(members!("WhoAmI"), vec![]).await.unwrap();
    let message = notice();
    let headers = clerk.headers(PUBLISH, &message);
    let raw = clerk.raw.clone();
    let stuck = tokio::spawn(async move {
        let never = futures::stream::pending();
        raw.slow_unary(PUBLISH, never, headers).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    hub.terminate();
    let exit = tokio::task::spawn_blocking(move || hub.wait());
    let exit = tokio::time::timeout(Duration::from_secs(5), exit).await;
    assert_eq!(exit.expect("it stops in time").unwrap().code(), Some(0));
    assert!(stuck.await.unwrap().is_err());
    entries_of(&site.config());
}

/// A hub told to stop as soon as it has touched its data does so in order, whether it serves by then or
/// not, and so does the one that finds what it left.
#[test]
fn a_hub_told_to_stop_while_it_starts_stops_in_order() {
    let site = Site::new();
    let data = site.path().join("data");
    for _ in 0..3 {
        let mut hub = Command::new(hub_binary())
            .args(["serve", "--config"])
            .arg(site.config_file())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut tries = 0;
        while !data.join("lock").exists() && tries < 2000 {
            std::thread::sleep(Duration::from_millis(5));
            tries += 1;
        }
        let kill = Command::new("kill")
            .args(["-TERM", &hub.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
        let exit = ended(&mut hub);
        assert!(exit.success(), "{exit}");
        std::fs::remove_file(data.join("lock")).unwrap();
    }
    assert!(HubProcess::start(&site.config_file()).stop());
}
