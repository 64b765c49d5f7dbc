//! What others may not learn of an alert that went to a named few, and that every read is on the
//! record.

use hub_proto::{
    attachments::DownloadAttachmentRequest,
    audit::{AccessRecorded, RecordKind, audit_event},
    funds::{AlertAction, ListAlertsRequest},
    ledger::event,
};
use hub_tests::{
    World,
    alerts::{self, BANK, OFFICE},
    attachments, meetings,
    raw::{
        Session, reason,
        requests::{USCC, files::upload_as},
    },
};
use prost::Message as _;
use tonic::Code;

/// What an outsider gets to see: lists, searches by organisation, its inbox and its boards.
async fn view(world: &World, session: &Session, inbox: &str) -> String {
    let mut seen = String::new();
    for request in [
        ListAlertsRequest::default(),
        ListAlertsRequest {
            organization: USCC.into(),
            ..ListAlertsRequest::default()
        },
        ListAlertsRequest {
            unacknowledged_by: "agencies/tax".into(),
            page_size: 1,
            ..ListAlertsRequest::default()
        },
    ] {
        let listed = alerts::list(session, &request).await.unwrap();
        seen.push_str(&format!("{listed:?}\n"));
    }
    let told = alerts::told(session, inbox).await;
    seen.push_str(&format!("{told:?}\n"));
    assert!(world.site.agencies().len() > 6);
    seen
}

#[tokio::test]
async fn x_006_an_alert_to_a_few_is_to_others_as_if_there_were_none() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let open = alerts::raised(&world).await;
    let outsiders = [
        (
            meetings::clerk(&world, "finance"),
            "agencies/finance/inbox".to_owned(),
        ),
        (
            meetings::leader(&world, "state-security"),
            "agencies/state-security/inbox".into(),
        ),
        (meetings::office(&world), format!("{OFFICE}/inbox")),
    ];
    let mut before = vec![];
    for (session, inbox) in &outsiders {
        before.push(view(&world, session, inbox).await);
    }
    let few = alerts::named(&world, &["tax", "public-security"]);
    let hidden = alerts::raise(&bank, few).await.unwrap();
    assert!(hidden.is_named);
    let tax = meetings::clerk(&world, "tax");
    alerts::acknowledge(&tax, &hidden.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    let today = alerts::today(&world);
    alerts::take(&tax, &hidden.name, today).await.unwrap();
    for ((session, inbox), before) in outsiders.iter().zip(before) {
        assert_eq!(view(&world, session, inbox).await, before, "{inbox}");
        // An open alert on the same organisation does not point at it.
        let seen = alerts::get(session, &open.name).await.unwrap();
        assert_eq!(seen.possible_duplicates, [""; 0]);
        let refused = alerts::get(session, &hidden.name).await.unwrap_err();
        let never = "alerts/01890a5d-ac96-774b-bcce-b302099a8057";
        let missing = alerts::get(session, never).await.unwrap_err();
        assert_eq!(
            (refused.code(), missing.code()),
            (Code::NotFound, Code::NotFound)
        );
        let same = |text: &str| text.replace(&hidden.name, "X").replace(never, "X");
        assert_eq!(same(refused.message()), same(missing.message()));
        assert_eq!(refused.details().len(), missing.details().len());
        let act = alerts::acknowledge(session, &hidden.name, 1, AlertAction::Checks).await;
        assert_eq!(reason(&act.unwrap_err()), "NOT_FOUND");
    }
    // Those who may see both are told.
    let seen = alerts::get(&tax, &open.name).await.unwrap();
    assert_eq!(seen.possible_duplicates, [&*hidden.name]);
    assert_eq!(alerts::names(&tax).await, [&*hidden.name, &*open.name]);
}

#[tokio::test]
async fn x_006_who_is_no_member_sees_no_alert_at_all() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    for agency in ["health", "leading-group-office", "publicity"] {
        let clerk = meetings::clerk(&world, agency);
        let refused = alerts::get(&clerk, &alert.name).await.unwrap_err();
        assert_eq!(reason(&refused), "NOT_FOUND", "{agency}");
        assert_eq!(alerts::names(&clerk).await, [""; 0]);
        let told = alerts::told(&clerk, &format!("agencies/{agency}/inbox")).await;
        assert_eq!(told, [], "{agency}");
    }
}

fn accesses(world: &World, methods: &str) -> Vec<AccessRecorded> {
    let engine = world.hub().engine();
    let entries = (0..engine.store().head()).map(|index| engine.recorded(index).unwrap().unwrap());
    entries
        .flat_map(|entry| entry.events.clone())
        .filter_map(|event| match event.kind {
            Some(event::Kind::Audit(event)) => event.kind,
            _ => None,
        })
        .map(|audit_event::Kind::AccessRecorded(access)| access)
        .filter(|access| access.method.starts_with(methods))
        .collect()
}

#[tokio::test]
async fn x_006_every_read_of_an_alert_is_on_the_record_and_a_refused_one_is_not() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    assert_eq!(
        accesses(&world, "/hub.funds."),
        [],
        "who writes it does not read it"
    );
    let tax = meetings::clerk(&world, "tax");
    alerts::get(&tax, &alert.name).await.unwrap();
    assert_eq!(alerts::names(&tax).await.len(), 1);
    let recorded = accesses(&world, "/hub.funds.");
    let methods: Vec<&str> = recorded.iter().map(|one| &*one.method).collect();
    assert_eq!(
        methods,
        [
            hub_tests::alerts!("GetAlert"),
            hub_tests::alerts!("ListAlerts")
        ]
    );
    for access in &recorded {
        assert_eq!((&*access.agency, &*access.officer), ("tax", "tax-clerk-1"));
        assert_eq!(access.records.len(), 1);
        assert_eq!(access.records[0].name, alert.name);
        assert_eq!(access.records[0].kind(), RecordKind::Alert);
        assert_eq!(access.records[0].auditors, [BANK]);
    }
    let health = meetings::clerk(&world, "health");
    alerts::get(&health, &alert.name).await.unwrap_err();
    assert_eq!(alerts::names(&health).await.len(), 0);
    assert_eq!(
        accesses(&world, "/hub.funds.").len(),
        2,
        "nothing was shown"
    );
}

#[tokio::test]
async fn x_006_the_documents_of_an_alert_are_for_who_may_read_it_and_reading_one_is_a_read_of_it() {
    let world = World::start().await;
    let mut draft = alerts::draft(&world);
    let file = upload_as(&world, BANK, "analyst", b"a note").await;
    draft.attachments = vec![file.clone()];
    let bank = alerts::analyst(&world);
    let alert = alerts::raise(&bank, draft).await.unwrap();
    let request = DownloadAttachmentRequest {
        notification: alert.notification.clone(),
        sha256: file.sha256,
        offset: 0,
    };
    let method = attachments!("DownloadAttachment");
    let download =
        async |session: &Session| session.first(method, request.encode_to_vec().into()).await;
    // A machine system reads the inbox of its agency, and no alert.
    let machine = Session::new(&world, "tax", "tax-publisher-1", &["publisher"]);
    let told = alerts::told(&machine, "agencies/tax/inbox").await;
    assert_eq!(told[0].name, alert.notification);
    let refused = download(&machine).await.unwrap_err();
    assert_eq!(reason(&refused), "NOT_FOUND");
    assert_eq!(accesses(&world, "/hub.attachments."), []);
    for session in [meetings::clerk(&world, "tax"), meetings::office(&world)] {
        download(&session).await.unwrap();
    }
    let all = accesses(&world, "/hub.attachments.");
    assert_eq!(all.len(), 2);
    for access in all {
        assert_eq!(access.records.len(), 1);
        assert_eq!(access.records[0].name, alert.name);
        assert_eq!(access.records[0].kind(), RecordKind::Alert);
    }
}
