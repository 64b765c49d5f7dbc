//! What the hub tells of itself to whoever scrapes it, what it keeps to itself, and that the dashboard
//! and the alerts ask for what there is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{collections::BTreeSet, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use hub::{clock::SystemClock, exporter::CONNECTIONS_MAX};
use hub_proto::channels::{
    AcknowledgeDeliveryRequest, AcknowledgeDeliveryResponse, PublishNotificationResponse,
    SubjectOrganization,
};
use hub_tests::{
    Site, World, channels, charter_file, members,
    raw::{
        Session, eventually,
        requests::{USCC, publish, request_id, to_addressees},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: hub\r\n\r\n";

async fn world() -> (World, SocketAddr) {
    let site = Site::with_charter(&charter_file(), "metrics.listen = \"127.0.0.1:0\"");
    let world = World::start_on(site, Arc::new(SystemClock)).await;
    let address = world.hub().metrics_address().expect("metrics are on");
    (world, address)
}

/// Sends a request and reads until the end of the connection.
async fn http(address: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    read(&mut tcp).await
}

async fn read(tcp: &mut TcpStream) -> String {
    let mut answer = vec![];
    let reading = tcp.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(30), reading).await;
    read.expect("an answer in time").unwrap();
    String::from_utf8(answer).unwrap()
}

async fn scrape(address: SocketAddr) -> String {
    let answer = http(address, GET).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(body.ends_with("# EOF\n"), "{body}");
    body.to_owned()
}

/// The value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let start = format!("{series} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start))?;
    line.parse().ok()
}

/// Every kind of certificate says how many days it has left.
fn all_certificates_have_their_days(text: &str) {
    let days = |labels: &str| value(text, &format!("hub_certificate_expiry_days{{{labels}}}"));
    let within = |days: Option<f64>, most: f64| {
        let days = days.expect("it is there");
        assert!(days > most - 1.5 && days <= most, "{days} of {most}");
    };
    within(days("kind=\"hub\""), 397.0);
    within(days("kind=\"authority\""), 3650.0);
    within(days("kind=\"revocation_list\""), 365.0);
    within(days("kind=\"node\",agency=\"tax\",node=\"node-1\""), 397.0);
}

/// The series of a method's calls that ended with a code.
fn call(method: &str, code: &str) -> String {
    format!(
        "hub_rpc_calls_total{{method=\"hub.channels.v1.ChannelService/{method}\",code=\"{code}\"}}"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_tells_how_the_hub_is() {
    let (world, address) = world().await;
    let clerk = Session::new(&world, "tax", "tax-clerk-1", &["clerk"]);
    let health = Session::new(&world, "health", "health-clerk-1", &["clerk"]);
    for _ in 0..3 {
        let draft = to_addressees("coordination", &["agencies/health"]);
        let request = publish(draft, request_id());
        let method = channels!("PublishNotification");
        let _sent: PublishNotificationResponse = clerk.ask(method, &request).await.unwrap();
    }
    let mut cursor = hub::domain::channels::cursor::Cursor::default();
    cursor.set("agencies/health/inbox".parse().unwrap(), 1);
    let acknowledge = AcknowledgeDeliveryRequest {
        consumer: "oa".into(),
        cursor: cursor.encode(&"health".parse().unwrap()),
        request_id: request_id(),
    };
    let method = channels!("AcknowledgeDelivery");
    let _at: AcknowledgeDeliveryResponse = health.ask(method, &acknowledge).await.unwrap();
    let mut stream = health.open(channels!("Subscribe"), vec![]).await.unwrap();
    // What it reads of the inbox is on the ledger before it comes: after this the head stands still.
    stream.message().await.unwrap().unwrap();
    let nothing = clerk.call(channels!("GetNotification"), vec![]).await;
    nothing.unwrap_err();

    let text = scrape(address).await;
    let is = |series: &str, expected: f64| {
        let found = value(&text, series);
        assert_eq!(found, Some(expected), "{series}\n{text}");
    };
    is(&call("PublishNotification", "OK"), 3.0);
    is(&call("GetNotification", "INVALID_ARGUMENT"), 1.0);
    let opened =
        "hub_rpc_duration_seconds_count{method=\"hub.channels.v1.ChannelService/Subscribe\"}";
    is(opened, 1.0);
    is(
        "hub_consumer_lag_notifications{agency=\"health\",consumer=\"oa\"}",
        2.0,
    );
    is("hub_subscriptions{agency=\"health\"}", 1.0);
    is("hub_subscriptions{agency=\"tax\"}", 0.0);
    is("hub_connections{agency=\"tax\"}", 1.0);
    is("hub_writes_accepted", 1.0);
    is("hub_commit_failures_total", 0.0);
    is("hub_writer_queue_submissions", 0.0);
    let head = u32::try_from(world.hub().engine().store().head()).unwrap();
    is("hub_ledger_entries", head.into());
    let commits = value(&text, "hub_commit_duration_seconds_count").unwrap();
    assert!((4.0..=head.into()).contains(&commits), "{commits}");
    all_certificates_have_their_days(&text);
    assert!(value(&text, "process_resident_memory_bytes").unwrap() > 1_000_000.0);
    assert!(value(&text, "process_open_fds").unwrap() > 3.0);
    assert!(value(&text, "hub_data_free_bytes").unwrap() > 1_000_000.0);

    drop(stream);
    let ended = call("Subscribe", "CANCELLED");
    eventually("a stream that its reader left has ended", async || {
        let text = scrape(address).await;
        value(&text, &ended) == Some(1.0)
            && value(&text, "hub_subscriptions{agency=\"health\"}") == Some(0.0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_nothing_of_what_is_written() {
    let (world, address) = world().await;
    let clerk = Session::new(&world, "tax", "an-officer-17", &["clerk"]);
    let mut draft = to_addressees("coordination", &["agencies/health"]);
    draft.title = "a-title-of-its-own".into();
    draft.body = b"a-body-of-its-own".to_vec().into();
    draft.subjects = vec![SubjectOrganization {
        uscc: USCC.into(),
        display_name: "an-organisation-of-its-own".into(),
    }];
    let request = publish(draft, request_id());
    let method = channels!("PublishNotification");
    let sent: PublishNotificationResponse = clerk.ask(method, &request).await.unwrap();
    let name = sent.notification.unwrap().name;
    let text = scrape(address).await;
    for secret in [
        "of-its-own",
        USCC,
        "an-officer-17",
        request.request_id.as_str(),
        name.as_str(),
        clerk.token.as_str(),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_metrics_is_answered() {
    let (world, address) = world().await;
    let answer = async |request: &str| http(address, request).await;
    let found = answer("GET / HTTP/1.1\r\nHost: hub\r\n\r\n").await;
    assert!(found.starts_with("HTTP/1.1 404 "), "{found}");
    for method in ["POST", "PUT", "HEAD", "DELETE"] {
        let refused = answer(&format!("{method} /metrics HTTP/1.1\r\nHost: hub\r\n\r\n")).await;
        assert!(refused.starts_with("HTTP/1.1 405 "), "{method}: {refused}");
        assert!(refused.to_ascii_lowercase().contains("allow: get"));
    }
    let long = format!(
        "GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(16 * 1024)
    );
    let refused = answer(&long).await;
    assert!(refused.starts_with("HTTP/1.1 431 "), "{refused}");
    scrape(address).await;
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_scrapers_are_bounded() {
    let (_world, address) = world().await;
    let mut idle = vec![];
    for _ in 0..CONNECTIONS_MAX {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    // The kernel takes one more; the hub does not, until another is gone.
    let mut waiting = tokio::spawn(scrape(address));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "one past the limit waits");
    idle.pop();
    waiting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_listens_unless_told_to() {
    let world = World::start().await;
    assert_eq!(world.hub().metrics_address(), None);
}

/// Names of metrics in a text, without what their series add.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("hub_") || word.starts_with("process_");
    let ends = ["_total", "_bucket", "_sum", "_count"];
    words
        .filter(is_metric)
        .map(|word| {
            let base = ends.iter().find_map(|end| word.strip_suffix(end));
            base.unwrap_or(word).to_owned()
        })
        .collect()
}

fn deploy(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The queries of a dashboard.
fn queries(dashboard: &serde_json::Value, found: &mut Vec<String>) {
    match dashboard {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "expr" => found.push(text.into()),
                    _ => queries(value, found),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_every_metric_and_no_other() {
    let (world, address) = world().await;
    let clerk = Session::new(&world, "tax", "a", &["clerk"]);
    clerk.call(members!("WhoAmI"), vec![]).await.unwrap();
    let text = scrape(address).await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exported: Vec<&str> = types.filter_map(|line| line.split(' ').next()).collect();
    let exported = names(&exported.join(" "));
    assert!(exported.len() > 15, "{exported:?}");

    let dashboard = serde_json::from_str(&deploy("grafana-dashboard.json")).unwrap();
    let mut asked = vec![];
    queries(&dashboard, &mut asked);
    assert_eq!(names(&asked.join(" ")), exported);

    let alerts = names(&deploy("alerts.yml"));
    let unknown: Vec<&String> = alerts.difference(&exported).collect();
    assert!(unknown.is_empty(), "alerts ask for {unknown:?}");
    for needed in [
        "hub_certificate_expiry_days",
        "hub_writes_accepted",
        "hub_consumer_lag_notifications",
        "hub_writer_queue_submissions",
        "hub_commit_duration_seconds",
    ] {
        assert!(alerts.contains(needed), "no alert on {needed}");
    }
}

#[test]
fn every_panel_has_an_id_and_a_place_of_its_own() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&deploy("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<u64> = panels
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{}", panel["title"]);
        for y in place("y")..place("y") + place("h") {
            for x in place("x")..place("x") + place("w") {
                assert!(taken.insert((x, y)), "{} covers another", panel["title"]);
            }
        }
    }
}
