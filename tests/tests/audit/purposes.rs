//! What a read is for: said where the charter demands it, and kept.

use futures::StreamExt as _;
use hub::{
    authz,
    charter::Action,
    wire::reads::{Purpose, Restricted},
};
use hub_core::purpose::PURPOSE_HEADER;
use hub_proto::{
    audit::RecordKind,
    channels::{
        GetNotificationRequest, OpenNotificationRequest, SubscribeRequest,
        subscribe_response::Event,
    },
};
use hub_tests::{channels, charter_file, raw};
use tonic::{Code, Request, metadata::MetadataValue};

use super::*;

/// Shanxi's charter, but for the kinds for which a purpose is demanded.
fn site_demanding(kinds: &str) -> Site {
    let text = std::fs::read_to_string(charter_file()).unwrap();
    let from = "purpose_demanded_for = [\"referral\", \"account_information_request\"]";
    assert!(text.contains(from));
    let text = text.replace(from, &format!("purpose_demanded_for = [{kinds}]"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    std::fs::write(&file, text).unwrap();
    Site::with_charter(&file, "")
}

/// A call for a purpose; for none when there is none.
fn for_purpose<M: prost::Message>(
    caller: &Arc<Caller>,
    message: M,
    purpose: Option<&[u8]>,
) -> Request<M> {
    let mut request = call(caller, message);
    request.metadata_mut().remove_bin(PURPOSE_HEADER);
    if let Some(purpose) = purpose {
        let value = MetadataValue::from_bytes(purpose);
        request.metadata_mut().insert_bin(PURPOSE_HEADER, value);
    }
    request
}

fn get(name: &str) -> GetNotificationRequest {
    GetNotificationRequest { name: name.into() }
}

fn assert_demanded(status: &Status, kind: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert_eq!(raw::fields(status), [PURPOSE_HEADER]);
    let text = status.message();
    assert!(text.contains(kind) && text.contains("反洗钱法"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_shanxi_demands_a_purpose_for_referrals_and_account_information() {
    let hall = Hall::new().await;
    let services = &hall.direct.services;
    let caller = hall.officer("public-security", "clerk");
    let roster = services.engine.roster().load_full();
    let access = authz::Access::new(roster, Arc::clone(&caller), hall.direct.clock.now());
    let permit = access.permit(Action::InboxRead).unwrap();
    let method = channels!("GetNotification");
    let read = async |kind: RecordKind, purpose: Option<&[u8]>| {
        let record = Restricted {
            name: "referrals/0190a5c0-0000-7000-8000-000000000001".into(),
            kind,
            auditors: vec!["pboc-branch".parse().unwrap()],
            is_confidential: false,
        };
        let request = for_purpose(&caller, get("x"), purpose);
        let purpose = Purpose::of(&request)?;
        services
            .record_reads(&access, &permit, method, &purpose, &[record])
            .await
    };
    for (kind, text) in [
        (RecordKind::Referral, "referral"),
        (
            RecordKind::AccountInformationRequest,
            "account_information_request",
        ),
    ] {
        for nothing in [None, Some(&b""[..]), Some(b"   ")] {
            let head = services.engine.store().head();
            let refused: Status = read(kind, nothing).await.unwrap_err().into();
            assert_demanded(&refused, text);
            assert_eq!(services.engine.store().head(), head);
        }
        read(kind, Some("案件7".as_bytes())).await.unwrap();
        assert_eq!(hall.own("public-security").await[0].purpose, "案件7");
    }
    for kind in [
        RecordKind::Notification,
        RecordKind::Alert,
        RecordKind::InformationRequest,
    ] {
        read(kind, None).await.unwrap();
        assert_eq!(hall.own("public-security").await[0].purpose, "");
    }
    // A read that no decision was taken on is not shown by oversight.
    let undecided = Restricted {
        name: "alerts/a".into(),
        kind: RecordKind::Alert,
        auditors: vec![],
        is_confidential: false,
    };
    let purpose = Purpose::default();
    let refused = services
        .record_reads(
            &access,
            &permit,
            "/hub.new.v1.New/Get",
            &purpose,
            &[undecided],
        )
        .await;
    assert_eq!(
        refused.unwrap_err().reason,
        hub_core::reason::Reason::Internal
    );
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_demanded_for_notifications_every_way_needs_one_and_no_act_is_done_without() {
    let mut hall = Hall::on(site_demanding("\"notification\"")).await;
    let open = hall.publish("tax", open_notice()).await;
    let sent = hall.send("tax", &["health"]).await;
    let services = &hall.direct.services;
    let clerk = hall.officer("health", "clerk");
    let head = services.engine.store().head();
    let request = for_purpose(&clerk, get(&sent.name), None);
    let refused = services.get_notification(request).await.unwrap_err();
    assert_demanded(&refused, "notification");
    let asked = OpenNotificationRequest {
        name: sent.name.clone(),
        request_id: raw::requests::request_id(),
        ..OpenNotificationRequest::default()
    };
    let request = for_purpose(&clerk, asked.clone(), None);
    let refused = services.open_notification(request).await.unwrap_err();
    assert_demanded(&refused, "notification");
    assert_eq!(services.engine.store().head(), head, "it was not opened");
    // A channel's needs none.
    let request = for_purpose(&clerk, get(&open.name), None);
    services.get_notification(request).await.unwrap();
    // Whoever may not see it learns nothing of what would be demanded.
    let finance = hall.officer("finance", "clerk");
    let request = for_purpose(&finance, get(&sent.name), None);
    let refused = services.get_notification(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    // A machine that subscribes gives one, or gets what needs none.
    let subscribe = async |purpose| {
        let request = for_purpose(&clerk, SubscribeRequest::default(), purpose);
        let stream = services.subscribe(request).await;
        stream.unwrap().into_inner()
    };
    let mut stream = subscribe(None).await;
    let first = stream.next().await.unwrap().unwrap();
    let Some(Event::Delivery(first)) = first.event else {
        panic!("{first:?}")
    };
    assert_eq!(first.notification.unwrap().name, open.name);
    assert_demanded(&stream.next().await.unwrap().unwrap_err(), "notification");
    let mut stream = subscribe(Some("公文系统收文".as_bytes())).await;
    for expected in [&open.name, &sent.name] {
        let next = stream.next().await.unwrap().unwrap();
        let Some(Event::Delivery(next)) = next.event else {
            panic!("{next:?}")
        };
        assert_eq!(next.notification.unwrap().name, *expected);
    }
    assert_eq!(hall.own("health").await[0].purpose, "公文系统收文");
    let request = for_purpose(&clerk, asked, Some("阅办".as_bytes()));
    services.open_notification(request).await.unwrap();
    assert_eq!(hall.own("health").await[0].purpose, "阅办");
    drop(stream);
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_that_is_none_is_refused_on_every_read() {
    let mut hall = Hall::new().await;
    let open = hall.publish("tax", open_notice()).await;
    let clerk = hall.officer("health", "clerk");
    let long = "核".repeat(201);
    for bad in [long.as_bytes(), b"a\nb", &[0xff]] {
        let request = for_purpose(&clerk, get(&open.name), Some(bad));
        let services = &hall.direct.services;
        let refused = services.get_notification(request).await.unwrap_err();
        assert_eq!(raw::fields(&refused), [PURPOSE_HEADER]);
    }
    hall.direct.stop();
}
