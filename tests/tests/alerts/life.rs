//! The life of an alert: raised, handled jointly, closed.

use std::sync::Arc;

use hub::clock::Clock;
use hub_proto::{
    channels::RequestedAction,
    funds::{
        AlertAction, AlertKind, AlertState, ClosingOutcome, FindingKind, JointNoticeState,
        ListAlertsRequest, MeasureState, Severity,
    },
};
use hub_tests::{
    Site, World,
    alerts::{self, BANK, OFFICE, UNITS},
    clock::Shifted,
    meetings,
    raw::{Session, fields, reason, requests::files::upload_as},
    tokens::{LIFE_S, Token},
};
use jiff::{SignedDuration, Timestamp};

#[tokio::test]
async fn fs_012_an_anomaly_is_a_record_of_its_own_with_all_that_was_written() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let mut draft = alerts::draft(&world);
    draft.attachments = vec![upload_as(&world, BANK, "analyst", b"a note").await];
    let acts = world.acts();
    let raised = alerts::raise(&bank, draft.clone()).await.unwrap();
    assert_eq!(world.acts(), acts + 1, "one entry for alert and notices");
    assert_eq!(raised.state(), AlertState::Circulated);
    assert_eq!((raised.revision, raised.is_named), (1, false));
    assert_eq!(raised.author, format!("agencies/{BANK}"));
    let units: Vec<&str> = raised.units.iter().map(|one| &*one.unit).collect();
    assert_eq!(units, UNITS.map(|unit| format!("agencies/{unit}")));
    for unit in UNITS {
        let clerk = meetings::clerk(&world, unit);
        let seen = alerts::get(&clerk, &raised.name).await.unwrap();
        assert_eq!(seen, raised, "{unit}");
        let told = alerts::told(&clerk, &format!("agencies/{unit}/inbox")).await;
        assert_eq!(told[0].resource, raised.name);
        assert_eq!(told[0].name, raised.notification);
        let body = String::from_utf8(told[0].body.to_vec()).unwrap();
        assert!(
            !body.contains(&draft.grounds),
            "texts are read with the alert"
        );
        let asked = alerts::outstanding(&clerk, &format!("agencies/{unit}")).await;
        assert_eq!(asked[0].action(), RequestedAction::HandleAlert);
        assert_eq!(asked[0].due_at, raised.units[0].acknowledge_by_at);
    }
    let office = meetings::office(&world);
    let told = alerts::told(&office, &format!("{OFFICE}/inbox")).await;
    assert_eq!(told[0].resource, raised.name);
    // What was written is shown as it was written.
    let written = hub_proto::funds::Alert {
        grounds: raised.grounds.clone(),
        ..draft.clone()
    };
    assert_eq!(written, draft);
    assert_eq!(raised.attachments, draft.attachments);
    assert_eq!(raised.organization, draft.organization);
}

#[tokio::test]
async fn fs_054_an_overseas_donation_is_a_series_of_its_own() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let mut donation = alerts::draft(&world);
    donation.indicator = "overseas_donation_unfiled".into();
    let mixed = alerts::raise(&bank, donation.clone()).await.unwrap_err();
    assert_eq!(fields(&mixed), ["alert.kind"]);
    assert!(mixed.message().contains("FS-054"), "{mixed}");
    donation.kind = AlertKind::OverseasDonation.into();
    let donation = alerts::raise(&bank, donation).await.unwrap();
    let movement = alerts::raised(&world).await;
    for (kind, only) in [
        (AlertKind::OverseasDonation, &donation.name),
        (AlertKind::AbnormalMovement, &movement.name),
    ] {
        let request = ListAlertsRequest {
            kind: kind.into(),
            ..ListAlertsRequest::default()
        };
        let listed = alerts::list(&bank, &request).await.unwrap().alerts;
        assert_eq!(listed.len(), 1);
        assert_eq!(&listed[0].name, only);
    }
    // Another indicator is no duplicate.
    assert_eq!(movement.possible_duplicates, [""; 0]);
}

#[tokio::test]
async fn fs_021_a_joint_notice_goes_out_with_two_signatures_and_to_all_who_may_see_the_alert() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let office = meetings::office(&world);
    let (tax, finance) = (
        meetings::leader(&world, "tax"),
        meetings::leader(&world, "finance"),
    );
    let one = alerts::draft_notice(&office, &alert.name, &["tax"]).await;
    assert_eq!(fields(&one.unwrap_err()), ["joint_notice.units"]);
    let drafted = alerts::draft_notice(&office, &alert.name, &["tax", "finance"]).await;
    let drafted = drafted.unwrap().joint_notices.remove(0);
    assert_eq!(drafted.state(), JointNoticeState::Drafted);
    assert_eq!(drafted.author, OFFICE);
    let asked = alerts::outstanding(&tax, "agencies/tax").await;
    assert!(
        asked
            .iter()
            .any(|one| one.action() == RequestedAction::CoSign)
    );
    alerts::sign_notice(&tax, &alert.name, false).await.unwrap();
    let early = alerts::issue_notice(&office, &alert.name)
        .await
        .unwrap_err();
    assert_eq!(reason(&early), "RECORD_STATE");
    assert!(early.message().contains("FS-021"), "{early}");
    // Who was not asked does not sign.
    let other = meetings::leader(&world, "public-security");
    let outside = alerts::sign_notice(&other, &alert.name, false).await;
    assert_eq!(reason(&outside.unwrap_err()), "PERMISSION_DENIED");
    alerts::sign_notice(&finance, &alert.name, false)
        .await
        .unwrap();
    let issued = alerts::issue_notice(&office, &alert.name).await.unwrap();
    let notice = &issued.joint_notices[0];
    assert_eq!(notice.state(), JointNoticeState::Issued);
    assert_eq!(notice.signatures.len(), 2);
    assert!(notice.signatures.iter().all(|one| one.is_signed));
    for unit in UNITS.into_iter().chain([BANK]) {
        let clerk = meetings::clerk(&world, unit);
        let told = alerts::told(&clerk, &format!("agencies/{unit}/inbox")).await;
        let newest = told
            .iter()
            .find(|one| one.title.contains("联合通报："))
            .unwrap();
        let body = String::from_utf8(newest.body.to_vec()).unwrap();
        assert!(body.contains(&notice.text), "{unit}: {body}");
        assert!(body.contains("省税务局、省财政厅"), "{body}");
    }
}

#[tokio::test]
async fn fs_021_whoever_drafted_a_joint_notice_may_issue_it_and_a_measure_links_back() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let tax = meetings::leader(&world, "tax");
    let drafted = alerts::draft_notice(&tax, &alert.name, &["tax", BANK]).await;
    assert_eq!(drafted.unwrap().joint_notices[0].author, "agencies/tax");
    alerts::sign_notice(&tax, &alert.name, false).await.unwrap();
    let bank = meetings::leader(&world, BANK);
    alerts::sign_notice(&bank, &alert.name, false)
        .await
        .unwrap();
    let stranger = meetings::leader(&world, "finance");
    let refused = alerts::issue_notice(&stranger, &alert.name).await;
    assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    alerts::issue_notice(&tax, &alert.name).await.unwrap();
    alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    let today = alerts::today(&world);
    let taken = alerts::take(&tax, &alert.name, today).await.unwrap();
    assert_eq!(taken.name, alert.name);
    let told = alerts::told(&tax, "agencies/tax/inbox").await;
    let to_do = told
        .iter()
        .find(|one| one.title.contains("请落实"))
        .unwrap();
    assert_eq!(
        to_do.resource, alert.name,
        "the measure links back to the alert"
    );
}

#[tokio::test]
async fn fs_023_an_emergency_shows_who_has_not_acknowledged_within_the_charters_time() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let bank = alerts::analyst(&world);
    let mut draft = alerts::named(&world, &["tax"]);
    draft.severity = Severity::Emergency.into();
    let few = alerts::raise(&bank, draft.clone()).await.unwrap_err();
    assert_eq!(fields(&few), ["alert.circulated_to"]);
    draft.circulated_to.clear();
    let alert = alerts::raise(&bank, draft).await.unwrap();
    let raised = alert.raised_at.unwrap().seconds;
    for unit in &alert.units {
        let by = unit.acknowledge_by_at.unwrap().seconds;
        assert_eq!(by - raised, 2 * 3_600, "two hours, as the charter says");
        assert_eq!(unit.notified_at, alert.raised_at, "all at once");
    }
    let tax = meetings::clerk(&world, "tax");
    alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    let overdue = async |shift: i64| -> Vec<String> {
        let office = later(&world, "civil-affairs", "office", shift);
        let seen = alerts::get(&office, &alert.name).await.unwrap();
        let late = seen.units.into_iter().filter(|unit| unit.is_overdue);
        late.map(|unit| unit.unit).collect()
    };
    clock.by(SignedDuration::from_mins(119));
    assert_eq!(overdue(119).await, [""; 0]);
    clock.by(SignedDuration::from_mins(121));
    let late = UNITS.iter().filter(|unit| **unit != "tax");
    let late: Vec<String> = late.map(|unit| format!("agencies/{unit}")).collect();
    assert_eq!(overdue(121).await, late);
    // late is shown and never in the way.
    let finance = later(&world, "finance", "clerk", 121);
    alerts::acknowledge(&finance, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    assert!(!overdue(121).await.contains(&"agencies/finance".into()));
}

/// An officer whose token is of so many minutes later, as the hub's clock is.
fn later(world: &World, agency: &str, role: &str, minutes: i64) -> Session {
    let profile = world.site.profile(agency);
    let now_s = Timestamp::now().as_second() + minutes * 60;
    let token = Token::new(&profile, &format!("{agency}-{role}-1"), &[role])
        .claim("iat", now_s)
        .claim("exp", now_s + LIFE_S);
    Session::new(world, agency, "unused", &[role]).with_token(token.mint())
}

#[tokio::test]
async fn fs_034_civil_affairs_takes_a_measure_and_the_alert_is_closed_when_it_is_done() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let unit = meetings::clerk(&world, "civil-affairs");
    let office = meetings::office(&world);
    alerts::acknowledge(&unit, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    let found = alerts::find(&unit, &alert.name, FindingKind::Substantiated).await;
    assert_eq!(found.unwrap().state(), AlertState::Found);
    let today = alerts::today(&world);
    let yesterday = alerts::take(&unit, &alert.name, today.yesterday().unwrap()).await;
    assert_eq!(fields(&yesterday.unwrap_err()), ["measure.due_on"]);
    let taken = alerts::take(&unit, &alert.name, today).await.unwrap();
    let measure = &taken.measures[0];
    assert_eq!(measure.state(), MeasureState::Open);
    assert_eq!(measure.unit, "agencies/civil-affairs");
    assert_eq!((measure.revision, measure.is_overdue), (1, false));
    let asked = alerts::outstanding(&unit, "agencies/civil-affairs").await;
    let actions: Vec<_> = asked.iter().map(|one| one.action()).collect();
    assert!(
        actions.contains(&RequestedAction::CarryOutMeasure),
        "{actions:?}"
    );
    let early = alerts::close(&office, &alert.name).await.unwrap_err();
    assert_eq!(reason(&early), "RECORD_STATE");
    let other = meetings::clerk(&world, "tax");
    let not_own = alerts::report(&other, &alert.name, 1).await.unwrap_err();
    assert_eq!(fields(&not_own), ["measure"]);
    let done = alerts::report(&unit, &alert.name, 1).await.unwrap();
    assert_eq!(done.measures[0].state(), MeasureState::Done);
    assert_eq!(done.measures[0].report, "已作出处罚决定");
    let asked = alerts::outstanding(&unit, "agencies/civil-affairs").await;
    let is_measure = |one: &RequestedAction| *one == RequestedAction::CarryOutMeasure;
    assert!(
        !asked
            .iter()
            .map(|one| one.action())
            .any(|one| is_measure(&one))
    );
    let closed = alerts::close(&office, &alert.name).await.unwrap();
    assert_eq!(closed.state(), AlertState::Closed);
    let closing = &closed.closings[0];
    assert_eq!(closing.outcome(), ClosingOutcome::Substantiated);
    assert_eq!(closing.reviewer, "civil-affairs-leader-1");
    assert_eq!(closing.unacknowledged_units.len(), 4);
}

#[tokio::test]
async fn a_unit_that_needs_more_information_is_answered_and_all_are_told() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let (tax, bank) = (meetings::clerk(&world, "tax"), alerts::analyst(&world));
    let needs = AlertAction::NeedsInformation;
    let asked = alerts::acknowledge(&tax, &alert.name, 1, needs)
        .await
        .unwrap();
    let unit = asked
        .units
        .iter()
        .find(|one| one.unit == "agencies/tax")
        .unwrap();
    assert_eq!((unit.action(), &*unit.text), (needs, "经研究"));
    let told = alerts::told(&bank, "agencies/pboc-branch/inbox").await;
    assert!(told[0].title.contains("需补充信息"), "{}", told[0].title);
    let answered = alerts::inform(&bank, &alert.name, "收款方为同一负责人设立的机构").await;
    let answered = answered.unwrap();
    assert_eq!(answered.information[0].text, "收款方为同一负责人设立的机构");
    let finance = meetings::clerk(&world, "finance");
    let told = alerts::told(&finance, "agencies/finance/inbox").await;
    assert!(told[0].title.contains("补充信息"), "{}", told[0].title);
    // The reason is required where one is due.
    let silent = hub_proto::funds::AcknowledgeAlertRequest {
        name: alert.name.clone(),
        revision: 1,
        action: AlertAction::NoAction.into(),
        text: String::new(),
        request_id: hub_tests::raw::requests::request_id(),
    };
    let refused = finance
        .ask::<hub_proto::funds::AcknowledgeAlertResponse>(
            hub_tests::alerts!("AcknowledgeAlert"),
            &silent,
        )
        .await;
    assert_eq!(fields(&refused.unwrap_err()), ["text"]);
}

#[tokio::test]
async fn duplicates_are_pointed_out_and_not_merged() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let first = alerts::raised(&world).await;
    assert_eq!(first.possible_duplicates, [""; 0]);
    let second = alerts::raised(&world).await;
    assert_eq!(second.possible_duplicates, [&*first.name]);
    assert_ne!(first.name, second.name);
    // A period that does not touch is none.
    let mut earlier = alerts::draft(&world);
    let end = alerts::today(&world)
        .checked_sub(jiff::Span::new().days(91))
        .unwrap();
    earlier.start_on = Some(hub_core::date::to_wire(end));
    earlier.end_on = earlier.start_on;
    let earlier = alerts::raise(&bank, earlier).await.unwrap();
    assert_eq!(earlier.possible_duplicates, [""; 0]);
    alerts::retract(&bank, &first.name).await.unwrap();
    let again = alerts::get(&bank, &second.name).await.unwrap();
    assert_eq!(
        again.possible_duplicates, [""; 0],
        "a retracted one is none"
    );
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_the_first_one_was() {
    let world = World::start().await;
    let bank = alerts::analyst(&world);
    let request = hub_proto::funds::RaiseAlertRequest {
        alert: Some(alerts::draft(&world)),
        request_id: hub_tests::raw::requests::request_id(),
    };
    let method = hub_tests::alerts!("RaiseAlert");
    let first: hub_proto::funds::RaiseAlertResponse = bank.ask(method, &request).await.unwrap();
    let second: hub_proto::funds::RaiseAlertResponse = bank.ask(method, &request).await.unwrap();
    assert_eq!(first.receipt, second.receipt);
    assert_eq!(alerts::names(&bank).await.len(), 1);
}
