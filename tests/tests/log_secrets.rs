//! The log never holds tokens, keys, salts or bodies, whatever filter the operator sets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

#[path = "log_secrets/supervision.rs"]
mod supervision;

use std::{fs, path::Path, process::Stdio};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use hub_core::crypto::hex;
use hub_proto::channels::{
    Classification, CorrectNotificationRequest, CorrectNotificationResponse,
    ListOutstandingActionsRequest, Notification, PublishNotificationResponse,
    RetractNotificationRequest, SearchNotificationsRequest, SubscribeRequest,
};
use hub_proto::meetings::{DraftMinutesRequest, MajorIssue, Meeting, MeetingKind, MinutesContent};
use hub_tests::{
    Site, channels,
    meetings::{self, JOINT, issues},
    minutes,
    process::HubProcess,
    raw::{
        Author, Node, Raw, Session, bearer, reason,
        requests::{meetings::content, publish, request_id, to_addressees},
    },
    tokens::Token,
};
use prost::Message as _;

const PUBLISH: &str = channels!("PublishNotification");

/// Every form in which bytes could stand in a log.
fn forms(bytes: &[u8]) -> Vec<String> {
    let list = format!("{bytes:?}");
    vec![
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        hex(bytes),
        hex(bytes).to_uppercase(),
        list.trim_matches(['[', ']']).to_owned(),
    ]
}

/// What must not be in the log, each with a name for people.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn text(&mut self, name: &str, text: &str) {
        assert!(text.len() >= 12, "{name} is long enough to be looked for");
        self.0.push((name.to_owned(), text.to_owned()));
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        for form in forms(bytes) {
            self.text(name, &form);
        }
    }

    fn token(&mut self, name: &str, token: &str) {
        for part in token.split('.').skip(1) {
            self.text(name, part);
        }
    }

    /// Every private key under a folder, as bytes and as text.
    fn keys_under(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.keys_under(&path);
            } else if path.extension().is_some_and(|extension| extension == "key") {
                let name = path.display().to_string();
                let der = certs::files::read_key(&path).unwrap();
                // PKCS#8 of P-256 has the public key behind the secret; of Ed25519, nothing.
                let secret = match der.len() {
                    48 => &der[16..],
                    138 => &der[36..68],
                    other => panic!("{name}: a key of another kind, {other} bytes"),
                };
                self.bytes(&name, secret);
                // Its text: the line in which the secret begins.
                let pem = fs::read_to_string(&path).unwrap();
                let line = pem.lines().nth(1).unwrap();
                self.text(&name, &line[line.len() - 16..]);
            }
        }
    }

    fn look_in(&self, log: &str) {
        for (name, secret) in &self.0 {
            if let Some(line) = log.lines().find(|line| line.contains(secret.as_str())) {
                let shown: String = line.chars().take(300).collect();
                panic!("the log holds {name}: {shown}");
            }
        }
    }
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

/// Runs a hub under a log filter, makes it handle secrets, and gives its log.
async fn log_of(filter: &str, format: &str) -> (String, Secrets) {
    let site = Site::new();
    let text = fs::read_to_string(site.config_file()).unwrap();
    let log = format!("filter = \"{filter}\"\nformat = \"{format}\"");
    let text = text.replace("filter = \"warn\"", &log);
    fs::write(site.config_file(), text).unwrap();
    let path = site.path().join("hub.log");
    let file = fs::File::create(&path).unwrap();
    let hub = HubProcess::start_logging_to(&site.config_file(), Stdio::from(file));
    let mut secrets = Secrets::default();
    secrets.keys_under(&site.path().join("pki"));
    handle_secrets(&site, &hub, &mut secrets).await;
    hub.terminate();
    let exit = tokio::task::spawn_blocking(move || hub.wait()).await;
    assert_eq!(exit.unwrap().code(), Some(0));
    (fs::read_to_string(path).unwrap(), secrets)
}

/// Good and bad calls with secrets in them.
async fn handle_secrets(site: &Site, hub: &HubProcess, secrets: &mut Secrets) {
    let tax = session(site, hub, "tax");
    let health = session(site, hub, "health");
    secrets.token("tax's token", &tax.token);
    secrets.token("health's token", &health.token);
    let mut bodies = 0;
    let mut message = |classification: Classification| {
        bodies += 1;
        let body = format!("MARKER-BODY-{bodies}-4242-4242");
        let mut notification = to_addressees("coordination", &["agencies/health"]);
        notification.body = body.clone().into_bytes().into();
        notification.classification = classification.into();
        let request = publish(notification, request_id()).encode_to_vec();
        (body, request)
    };
    // Recorded, refused as a secret, refused for its signature, refused for its token.
    let cases = [
        (Classification::Internal, ""),
        (Classification::StateSecret, "CLASSIFICATION_REFUSED"),
        (Classification::Internal, "AUTHOR_SIGNATURE_INVALID"),
        (Classification::Internal, "TOKEN_INVALID"),
    ];
    for (classification, because) in cases {
        let (body, request) = message(classification);
        secrets.text("a body", &body);
        secrets.bytes("a body", body.as_bytes());
        let mut author: Author = tax.node.author(PUBLISH, &request);
        secrets.bytes("an author's salt", &author.salt);
        let mut token = tax.token.clone();
        match because {
            "AUTHOR_SIGNATURE_INVALID" => author.signature[10] ^= 1,
            "TOKEN_INVALID" => token.truncate(token.len() - 4),
            _ => {}
        }
        let mut headers = bearer(&token);
        author.put(&mut headers);
        let answer = tax.raw.unary(PUBLISH, request.into(), headers).await;
        let found = answer.map(drop).map_err(|status| reason(&status));
        let expected = if because.is_empty() {
            Ok(())
        } else {
            Err(because.to_owned())
        };
        assert_eq!(found, expected);
    }
    handle_successors(&tax, &health, secrets).await;
    let host = session(site, hub, "civil-affairs");
    let token = Token::new(&site.profile("civil-affairs"), "c", &["office"]).mint();
    secrets.token("the office's token", &token);
    handle_meetings(site, &tax, &host.with_token(token), secrets).await;
    supervision::handle(site, hub, secrets).await;
    // Read back, over a stream and by list.
    let subscribe = SubscribeRequest::default().encode_to_vec();
    let delivered = health.first(channels!("Subscribe"), subscribe.into()).await;
    let delivered = delivered.unwrap();
    let marker = b"MARKER-BODY-1";
    assert!(
        delivered.windows(marker.len()).any(|part| part == marker),
        "the body went through"
    );
}

/// What is flagged, met over, written down and reported, recorded and refused.
async fn handle_meetings(site: &Site, tax: &Session, office: &Session, secrets: &mut Secrets) {
    let profile = site.profile("tax");
    let leader = tax.with_token(Token::new(&profile, "b", &["leader"]).mint());
    secrets.token("the leader's token", &leader.token);
    let mut marker = |what: &str| {
        let text = format!("标记-{what}-4242-4242");
        secrets.text(what, &text);
        text
    };
    let issue = MajorIssue {
        title: marker("issue-title"),
        text: marker("issue-text"),
        reason: marker("issue-reason"),
        ..issues::issue(JOINT)
    };
    issues::flag(&leader, issue.clone()).await.unwrap();
    let wrong = MajorIssue {
        title: format!("{}\n", issue.title),
        ..issue
    };
    issues::flag(&leader, wrong).await.unwrap_err();
    let today = hub_core::date::on(jiff::Timestamp::now(), site.charter().zone());
    let meeting = Meeting {
        kind: MeetingKind::Annual.into(),
        mechanisms: vec![JOINT.into()],
        title: marker("meeting-title"),
        purpose: marker("meeting-purpose"),
        planned_on: Some(hub_core::date::to_wire(today)),
        ..Meeting::default()
    };
    let meeting = meetings::create(office, meeting).await.unwrap();
    meetings::open(office, &meeting.name).await.unwrap();
    let title = marker("topic-title");
    let topic = meetings::propose(&leader, &meeting.name, "", &title);
    topic.await.unwrap();
    // The meeting was not held: refused, and still not in the log.
    let request = DraftMinutesRequest {
        parent: format!("{}/minutes/1", meeting.name),
        content: Some(MinutesContent {
            title: marker("minutes-title"),
            ..content()
        }),
        request_id: request_id(),
        ..DraftMinutesRequest::default()
    };
    let refused = office.call(minutes!("DraftMinutes"), request.encode_to_vec());
    assert_eq!(reason(&refused.await.unwrap_err()), "MEETING_STATE");
}

/// Titles and reasons of corrections and retractions, recorded and refused, and what is looked for.
async fn handle_successors(tax: &Session, health: &Session, secrets: &mut Secrets) {
    let title = |what: &str| format!("MARKER-TITLE-{what}-4242");
    let reason_of = |what: &str| format!("MARKER-REASON-{what}-4242");
    let titled = |what: &str| {
        let mut notification = to_addressees("coordination", &["agencies/health"]);
        notification.title = title(what);
        notification
    };
    for what in ["first", "better", "stranger"] {
        secrets.text("a title", &title(what));
        secrets.text("a reason", &reason_of(what));
    }
    let sent: PublishNotificationResponse = tax
        .ask(PUBLISH, &publish(titled("first"), request_id()))
        .await
        .unwrap();
    let name = sent.notification.unwrap().name;
    let correct = |what: &str| CorrectNotificationRequest {
        name: name.clone(),
        notification: Some(Notification {
            addressees: vec![],
            ..titled(what)
        }),
        reason: reason_of(what),
        request_id: request_id(),
    };
    let method = channels!("CorrectNotification");
    let stranger = correct("stranger");
    let refused = health.ask::<CorrectNotificationResponse>(method, &stranger);
    let refused = refused.await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");
    let corrected: CorrectNotificationResponse = tax.ask(method, &correct("better")).await.unwrap();
    let late = correct("first");
    let refused = tax.ask::<CorrectNotificationResponse>(method, &late);
    assert_eq!(
        reason(&refused.await.unwrap_err()),
        "NOTIFICATION_SUPERSEDED"
    );
    let retract = RetractNotificationRequest {
        name: corrected.notification.unwrap().name,
        reason: reason_of("first"),
        request_id: request_id(),
    };
    let answer = tax.call(channels!("RetractNotification"), retract.encode_to_vec());
    answer.await.unwrap();
    let listed = ListOutstandingActionsRequest {
        parent: "agencies/health".into(),
        ..ListOutstandingActionsRequest::default()
    };
    let method = channels!("ListOutstandingActions");
    let answer = health.call(method, listed.encode_to_vec()).await.unwrap();
    let marker = reason_of("first");
    let marker = marker.as_bytes();
    assert!(
        answer.windows(marker.len()).any(|part| part == marker),
        "the retraction's title is its reason, and it went through"
    );
    let search = SearchNotificationsRequest {
        title: title("better"),
        ..SearchNotificationsRequest::default()
    };
    let method = channels!("SearchNotifications");
    health.call(method, search.encode_to_vec()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn at_trace_for_everything_the_log_holds_no_secret() {
    let (log, secrets) = log_of("trace", "text").await;
    assert!(log.contains("the hub serves"), "there is a log");
    secrets.look_in(&log);
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_a_dependency_in_the_filter_does_not_open_it() {
    let filter = "trace,h2=trace,hyper=trace,tonic=trace,rustls=trace,sled=trace,tower=trace,\
                  tokio=trace,hyper_util=trace,log=trace,hub=trace";
    let (log, secrets) = log_of(filter, "json").await;
    secrets.look_in(&log);
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line["target"] == "hub::identity::author" && line["level"] == "DEBUG"),
        "the hub's own lines follow the filter"
    );
    for line in &lines {
        let target = line["target"].as_str().unwrap();
        let is_own = target == "hub" || target.starts_with("hub::");
        let level = line["level"].as_str().unwrap();
        assert!(is_own || !["DEBUG", "TRACE"].contains(&level), "{line}");
    }
}

#[test]
fn secrets_are_found_when_they_are_there() {
    let mut secrets = Secrets::default();
    secrets.bytes("a key", &[7; 32]);
    for form in forms(&[7; 32]) {
        let log = format!("INFO something {form} else");
        let found = std::panic::catch_unwind(|| secrets.look_in(&log));
        assert!(found.is_err(), "{form}");
    }
    secrets.look_in("INFO nothing");
}
