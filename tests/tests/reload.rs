//! What changes while the hub runs: its files, its roster, the day, and the life of tokens. None of
//! it needs a restart, and streams that are open feel it within seconds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test support: a failure here is a failed test"
)]

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use agency_client::{
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use certs::{Ca, LeafSpec, Reason as Why};
use hub::{
    clock::{Clock, SystemClock},
    roster_import,
    tls::{TlsOptions, TlsReloader},
};
use hub_core::{crypto::hex, date, reason::Reason};
use hub_proto::{
    channels::{Classification, SubscribeRequest, SubscribeResponse, subscribe_response},
    members::{
        AppointLiaisonRequest, AppointLiaisonResponse, EnrollNodeRequest, EnrollNodeResponse,
        Liaison, Rank, RevokeNodeRequest, RevokeNodeResponse, RevokeTokenKeyRequest,
        RevokeTokenKeyResponse, WhoAmIRequest, WhoAmIResponse,
    },
};
use hub_tests::{
    Site, TRUST_DOMAIN, World, channels, charter_file,
    clock::Shifted,
    members,
    raw::{
        Node, Raw, Session, eventually, reason,
        requests::{publish, publish_as, request_id, to_addressees, to_channel},
    },
    tokens::Token,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tonic::{Status, Streaming};

const SUBSCRIBE: &str = channels!("Subscribe");

/// "Within seconds": what a stream may take to end. The files are looked at every 100 ms here.
const SECONDS: Duration = Duration::from_secs(5);

async fn who_am_i(session: &Session) -> Result<WhoAmIResponse, Status> {
    session.ask(members!("WhoAmI"), &WhoAmIRequest {}).await
}

/// A stream of everything that an officer may read, read as far as it goes.
async fn caught_up(session: &Session, logs: &[&str]) -> Streaming<bytes::Bytes> {
    let request = SubscribeRequest {
        logs: logs.iter().map(|log| (*log).to_owned()).collect(),
        ..SubscribeRequest::default()
    };
    let mut stream = session
        .open(SUBSCRIBE, request.encode_to_vec())
        .await
        .unwrap();
    loop {
        let message = stream.message().await.unwrap().unwrap();
        let response = SubscribeResponse::decode(message).unwrap();
        if matches!(response.event, Some(subscribe_response::Event::CaughtUp(_))) {
            return stream;
        }
    }
}

/// Why a stream ended; it must not deliver anything before, and must end in time.
async fn end_of(mut stream: Streaming<bytes::Bytes>, within: Duration) -> String {
    let next = tokio::time::timeout(within, stream.message());
    let status = next.await.expect("the stream ends in time").unwrap_err();
    reason(&status)
}

fn append(path: &Path, text: &str) {
    let whole = fs::read_to_string(path).unwrap() + text;
    replace(path, &whole);
}

/// As operators do it: a new file takes the old one's place whole.
fn replace(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_hub_certificate_is_shown_without_a_restart() {
    let world = World::start().await;
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    who_am_i(&session).await.unwrap();
    let before = session.raw.hub_certificate().unwrap();
    world
        .site
        .pki()
        .renew_hub(&["localhost".into(), "127.0.0.1".into()], 5)
        .unwrap();
    let renewed = CertificateDer::from_pem_file(world.site.path().join("pki/hub/hub.pem")).unwrap();
    assert_ne!(before, renewed.to_vec());
    eventually("the new certificate is shown", async || {
        let fresh = Session::new(&world, "tax", "a", &["clerk"]);
        who_am_i(&fresh).await.unwrap();
        fresh.raw.hub_certificate().unwrap() == renewed.to_vec()
    })
    .await;
    who_am_i(&session).await.unwrap();
    assert_eq!(session.raw.hub_certificate().unwrap(), before, "still open");
}

/// RFC 7517, section 5: a set may hold keys for other uses.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_for_tokens_leaves_the_others_of_its_set() {
    let world = World::start().await;
    let file = world.site.path().join("pki/roster/tax/token-keys.json");
    let text = fs::read_to_string(&file).unwrap();
    let mut set: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    keys.insert(
        0,
        serde_json::json!({ "kty": "RSA", "kid": "web", "n": "AQAB", "e": "AQAB" }),
    );
    keys.push(serde_json::json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "second",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    replace(&file, &set.to_string());
    let client = world.client("tax", "tax-admin-1", &["node-admin"]);
    eventually("the key behind it is enrolled", async || {
        let keys = client.members().list_token_keys(None).await.unwrap();
        keys.iter().any(|key| key.name.ends_with("/second"))
    })
    .await;
    let options = TlsOptions::of_pki(&world.site.path().join("pki"));
    let tls = TlsReloader::load(options, Arc::new(SystemClock)).unwrap();
    let engine = world.hub().engine();
    let head = engine.store().head();
    let left_out = roster_import::import(engine, &tls, &world.site.config()).await;
    let [told] = &left_out.unwrap()[..] else {
        panic!("one key is left out");
    };
    let place = format!("{}: left out: keys[0]: must be ", file.display());
    assert!(told.starts_with(&place), "{told}");
    assert_eq!(engine.store().head(), head, "nothing is enrolled twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_authority_comes_and_goes_without_a_restart() {
    let world = World::start().await;
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let second = Ca::generate("second authority", now - hour, now + hour).unwrap();
    let spec = LeafSpec::node(TRUST_DOMAIN, "tax", "node-2", now - hour, now + hour);
    let node = Node::of_leaf(&second.issue(&spec).unwrap());
    let profile = world.site.profile("tax");
    let connect = || Session {
        raw: Raw::new(world.hub().address(), node.tls(&world.site.authority())),
        node: node.clone(),
        token: Token::bound_to(&profile, &node, "a", &["clerk"]).mint(),
    };
    assert_eq!(reason(&who_am_i(&connect()).await.unwrap_err()), "");

    let (bundle, list) = (
        world.site.path().join("pki/ca/ca.pem"),
        world.site.path().join("pki/crl.pem"),
    );
    let (old_bundle, old_list) = (
        fs::read_to_string(&bundle).unwrap(),
        fs::read_to_string(&list).unwrap(),
    );
    // Between the two files nothing fits together; the last good ones stay in force meanwhile.
    append(&bundle, &second.certificate_pem());
    tokio::time::sleep(Duration::from_millis(300)).await;
    who_am_i(&Session::new(&world, "tax", "a", &["clerk"]))
        .await
        .unwrap();
    append(
        &list,
        &second.revocation_list(1, now, now + hour, &[]).unwrap(),
    );
    eventually("the second authority is trusted", async || {
        let status = who_am_i(&connect()).await.unwrap_err();
        reason(&status) == "NODE_NOT_ENROLLED"
    })
    .await;
    let admin = Session::new(&world, "tax", "b", &["node-admin"]);
    let request = EnrollNodeRequest {
        certificate: node.certificate().to_vec().into(),
        request_id: request_id(),
    };
    let _enrolled: EnrollNodeResponse = admin.ask(members!("EnrollNode"), &request).await.unwrap();
    assert_eq!(who_am_i(&connect()).await.unwrap().node, "node-2");

    replace(&list, &old_list);
    replace(&bundle, &old_bundle);
    eventually("the second authority is gone", async || {
        who_am_i(&connect()).await.is_err()
    })
    .await;
    who_am_i(&admin).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_s_open_stream_ends_when_the_revocation_list_names_it() {
    let world = World::start().await;
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    let other = Session::new(&world, "health", "a", &["clerk"]);
    let stream = caught_up(&session, &[]).await;
    let mut stays = caught_up(&other, &[]).await;
    let selector = "tax/node-1".parse().unwrap();
    world
        .site
        .pki()
        .revoke(&selector, Why::KeyCompromise)
        .unwrap();
    assert_eq!(end_of(stream, SECONDS).await, "NODE_REVOKED");
    assert_eq!(
        reason(&who_am_i(&session).await.unwrap_err()),
        "NODE_REVOKED"
    );
    let notice = to_addressees("coordination", &["agencies/health"]);
    publish_as(&world, "finance", "clerk", notice).await;
    let next = tokio::time::timeout(SECONDS, stays.message());
    assert!(
        next.await.unwrap().unwrap().is_some(),
        "others are not touched"
    );
}

async fn revoke_node(world: &World, agency: &str) {
    let officer = Session::new(world, "civil-affairs", "roster-1", &["roster-admin"]);
    let sha256 = hex(&Node::of_profile(&world.site.profile(agency)).fingerprint());
    let request = RevokeNodeRequest {
        name: format!("agencies/{agency}/nodes/node-1/certificates/{sha256}"),
        reason: "lost".into(),
        request_id: request_id(),
    };
    let _revoked: RevokeNodeResponse = officer.ask(members!("RevokeNode"), &request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_s_open_stream_ends_when_it_is_revoked_on_the_ledger() {
    let world = World::start().await;
    let stream = caught_up(&Session::new(&world, "tax", "a", &["clerk"]), &[]).await;
    revoke_node(&world, "tax").await;
    assert_eq!(end_of(stream, SECONDS).await, "NODE_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_with_a_backlog_gets_no_more_of_it_once_it_is_revoked() {
    let world = World::start().await;
    for _ in 0..40 {
        let mut notice = to_addressees("coordination", &["agencies/tax"]);
        notice.body = vec![b'x'; 200_000].into();
        publish_as(&world, "health", "clerk", notice).await;
    }
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    let request = SubscribeRequest::default().encode_to_vec();
    let mut stream = session.open(SUBSCRIBE, request).await.unwrap();
    assert!(stream.message().await.unwrap().is_some());
    revoke_node(&world, "tax").await;
    // What was on its way when the revocation was recorded may still arrive: HTTP/2's window.
    let mut read = 1;
    let status = loop {
        match tokio::time::timeout(SECONDS, stream.message())
            .await
            .unwrap()
        {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("an orderly end tells the reader nothing"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&status), "NODE_REVOKED");
    assert!(read < 20, "{read} of 40 were read after the revocation");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_when_the_token_s_key_is_revoked() {
    let world = World::start().await;
    let stream = caught_up(&Session::new(&world, "tax", "a", &["clerk"]), &[]).await;
    let admin = Session::new(&world, "tax", "b", &["node-admin"]);
    let kid = world.site.profile("tax").token_kid;
    let request = RevokeTokenKeyRequest {
        name: format!("agencies/tax/tokenKeys/{kid}"),
        reason: "lost".into(),
        request_id: request_id(),
    };
    let _revoked: RevokeTokenKeyResponse = admin
        .ask(members!("RevokeTokenKey"), &request)
        .await
        .unwrap();
    assert_eq!(end_of(stream, SECONDS).await, "TOKEN_KEY_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_liaison_s_stream_ends_when_another_is_appointed() {
    let world = World::start().await;
    let leader = Session::new(&world, "tax", "tax-leader-1", &["leader"]);
    let roster = world.hub().engine().roster().load_full();
    let today = roster.day(Timestamp::now());
    let appoint = async |officer: &str, replaces: &str| {
        let request = AppointLiaisonRequest {
            parent: "mechanisms/joint-enforcement".into(),
            liaison: Some(Liaison {
                officer: officer.into(),
                display_name: "甲".into(),
                rank: Rank::Division.into(),
                from_on: Some(date::to_wire(today)),
                ..Liaison::default()
            }),
            replaces: replaces.into(),
            request_id: request_id(),
        };
        let _appointed: AppointLiaisonResponse = leader
            .ask(members!("AppointLiaison"), &request)
            .await
            .unwrap();
    };
    appoint("first", "").await;
    let stream = caught_up(&Session::new(&world, "tax", "first", &["liaison"]), &[]).await;
    appoint("second", "first").await;
    assert_eq!(end_of(stream, SECONDS).await, "PERMISSION_DENIED");
    caught_up(&Session::new(&world, "tax", "second", &["liaison"]), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_when_its_token_does() {
    let world = World::start().await;
    let session = Session::new(&world, "tax", "a", &["clerk"]);
    let now_s = Timestamp::now().as_second();
    let profile = world.site.profile("tax");
    let token = Token::new(&profile, "a", &["clerk"]).claim("exp", now_s + 3);
    let stream = caught_up(&session.with_token(token.mint()), &[]).await;
    let reason = end_of(stream, Duration::from_secs(3) + SECONDS).await;
    assert_eq!(reason, "TOKEN_EXPIRED");
    assert!(Timestamp::now().as_second() >= now_s + 3, "not before");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_resumes_after_its_token_s_end_without_gap_or_repeat() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let office = world.client("civil-affairs", "office-1", &["office"]);
    let send = async || {
        let draft = NotificationDraft::to_channel("all-members")
            .category("work_notice")
            .title("通知")
            .classification(Classification::Internal);
        office.channels().publish(draft).await.unwrap();
    };
    let lost = Arc::new(AtomicI64::new(0));
    let options = SubscribeOptions {
        on_reconnect: Some({
            let (clock, lost) = (Arc::clone(&clock), Arc::clone(&lost));
            Arc::new(move |error| {
                assert_eq!(error.reason(), Some(Reason::TokenExpired), "{error}");
                // A new token is good only on a hub whose clock is not ahead.
                clock.by(SignedDuration::ZERO);
                lost.fetch_add(1, Ordering::SeqCst);
            })
        }),
        ..SubscribeOptions::default()
    };
    let mut stream = world.clerk("tax").channels().subscribe(options);
    let mut positions = vec![];
    for round in 1..=3 {
        send().await;
        send().await;
        while positions.len() < round * 2 {
            let next = tokio::time::timeout(Duration::from_secs(20), stream.next());
            if let Event::Delivery(delivery) = next.await.unwrap().unwrap().unwrap() {
                positions.push(delivery.position);
            }
        }
        // Ten minutes pass on the hub: every token of this minute is over. The stream waits for an
        // instant, so something must happen for it to look at the clock again.
        let before = lost.load(Ordering::SeqCst);
        clock.by(SignedDuration::from_secs(agency_client::TOKEN_LIFE_S + 1));
        wake(&world).await;
        eventually("the stream was lost and is back", async || {
            lost.load(Ordering::SeqCst) > before
        })
        .await;
    }
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
    assert_eq!(lost.load(Ordering::SeqCst), 3);
}

/// Records something that concerns nobody else, so that streams look up.
async fn wake(world: &World) {
    let profile = world.site.profile("health");
    let session = Session::new(world, "health", "a", &["clerk"]);
    let now_s = world.hub().engine().clock().now().as_second();
    let token = Token::new(&profile, "a", &["clerk"])
        .claim("iat", now_s)
        .claim("exp", now_s + 600);
    let notice = to_addressees("coordination", &["agencies/finance"]);
    let request = publish(notice, request_id()).encode_to_vec();
    let session = session.with_token(token.mint());
    // When a stream has been lost already, the clock is right again and this token is not.
    drop(
        session
            .call(channels!("PublishNotification"), request)
            .await,
    );
}

/// Shanxi's charter with lines changed, on a hub whose clock shows three seconds to midnight of the
/// charter's zone, today.
async fn before_midnight(changes: &[(&str, &str)]) -> (World, Arc<Shifted>) {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let today = Timestamp::now().to_zoned(zone.clone()).date();
    let tomorrow = today.tomorrow().unwrap();
    let mut text = fs::read_to_string(charter_file()).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to.replace("TOMORROW", &tomorrow.to_string()));
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let midnight = zone.to_zoned(tomorrow.into()).unwrap().timestamp();
    let clock = Arc::new(Shifted::default());
    let site = Site::with_charter(file.path(), "");
    clock.by(midnight.duration_since(Timestamp::now()) - SignedDuration::from_secs(3));
    let world = World::start_on(site, Arc::clone(&clock) as Arc<dyn Clock>).await;
    (world, clock)
}

/// An officer with a token of the hub's own time.
fn session_at(world: &World, clock: &Shifted, agency: &str, role: &str) -> Session {
    let now_s = clock.now().as_second();
    let profile = world.site.profile(agency);
    let token = Token::new(&profile, "a", &[role])
        .claim("iat", now_s)
        .claim("exp", now_s + 600);
    Session::new(world, agency, "a", &[role]).with_token(token.mint())
}

const TAX_JOINT: &str = "{ agency = \"tax\", from_on = 2021-02-23, notice_duty = \"not_stated\"";
const TAX_FUND: &str = "{ agency = \"tax\", from_on = 2021-02-23, notice_duty = \"yes\"";
const UNTIL: &str = "{ agency = \"tax\", from_on = 2021-02-23, until_on = TOMORROW, notice_duty = ";

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_s_stream_ends_with_its_last_membership() {
    let (joint, fund) = (format!("{UNTIL}\"not_stated\""), format!("{UNTIL}\"yes\""));
    let (world, clock) = before_midnight(&[(TAX_JOINT, &joint), (TAX_FUND, &fund)]).await;
    let session = session_at(&world, &clock, "tax", "clerk");
    let stream = caught_up(&session, &[]).await;
    let ended = end_of(stream, Duration::from_secs(3) + SECONDS).await;
    assert_eq!(ended, "AGENCY_NOT_IN_FORCE");
    let status = who_am_i(&session).await.unwrap_err();
    assert_eq!(reason(&status), "AGENCY_NOT_IN_FORCE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mechanism_s_channel_is_closed_to_a_member_that_leaves_it_at_midnight() {
    let fund = format!("{UNTIL}\"yes\"");
    let (world, clock) = before_midnight(&[(TAX_FUND, &fund)]).await;
    let session = session_at(&world, &clock, "tax", "clerk");
    let stream = caught_up(&session, &["channels/fund-supervision"]).await;
    let stays = caught_up(&session, &["channels/joint-enforcement"]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let office = session_at(&world, &clock, "civil-affairs", "office");
    for channel in ["fund-supervision", "joint-enforcement"] {
        let request = publish(to_channel("work_notice", channel), request_id());
        office
            .call(channels!("PublishNotification"), request.encode_to_vec())
            .await
            .unwrap();
    }
    assert_eq!(end_of(stream, SECONDS).await, "NOT_FOUND");
    let mut stays = stays;
    let next = tokio::time::timeout(SECONDS, stays.message());
    assert!(
        next.await.unwrap().unwrap().is_some(),
        "still a member there"
    );
}
