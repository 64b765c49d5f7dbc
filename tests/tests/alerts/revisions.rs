//! Corrections and retractions: they reach everyone who saw the alert.

use hub_proto::{
    channels::RequestedAction,
    funds::{AlertAction, AlertState, FindingKind, JointNoticeState, MeasureState},
};
use hub_tests::{
    World,
    alerts::{self, UNITS},
    meetings,
    raw::{fields, reason},
};

#[tokio::test]
async fn every_unit_that_saw_the_alert_acknowledges_its_correction() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let (bank, office) = (alerts::analyst(&world), meetings::office(&world));
    let tax = meetings::clerk(&world, "tax");
    alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    let today = alerts::today(&world);
    alerts::take(&tax, &alert.name, today).await.unwrap();
    alerts::find(&tax, &alert.name, FindingKind::Substantiated)
        .await
        .unwrap();
    alerts::draft_notice(&office, &alert.name, &["tax", "finance"])
        .await
        .unwrap();
    let mut right = alerts::draft(&world);
    right.grounds = "更正后的情况".into();
    right.amount_band = "below_100k".into();
    let stale = alerts::correct(&bank, &alert.name, 2, right.clone()).await;
    assert_eq!(reason(&stale.unwrap_err()), "RECORD_STATE");
    let corrected = alerts::correct(&bank, &alert.name, 1, right).await.unwrap();
    assert_eq!(
        (corrected.state(), corrected.revision),
        (AlertState::Circulated, 2)
    );
    assert_eq!(corrected.grounds, "更正后的情况");
    assert!(
        corrected
            .units
            .iter()
            .all(|unit| unit.acknowledged_at.is_none())
    );
    assert_eq!(corrected.joint_notices[0].state(), JointNoticeState::Lapsed);
    assert!(corrected.measures[0].awaits_review);
    // The revision before is still there to be read.
    let before = alerts::revision(&tax, &alert.name, 1).await.unwrap();
    assert_eq!(
        (before.grounds, before.amount_band),
        (alert.grounds, alert.amount_band)
    );
    assert_eq!(before.notification, alert.notification);
    assert_ne!(corrected.notification, alert.notification);
    for unit in UNITS {
        let clerk = meetings::clerk(&world, unit);
        let asked = alerts::outstanding(&clerk, &format!("agencies/{unit}")).await;
        let handle = asked
            .iter()
            .filter(|one| one.action() == RequestedAction::HandleAlert);
        assert_eq!(
            handle.count(),
            1,
            "{unit}: the correction, and no more the original"
        );
    }
    let old = alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks).await;
    assert_eq!(reason(&old.unwrap_err()), "RECORD_STATE");
    alerts::acknowledge(&tax, &alert.name, 2, AlertAction::Checks)
        .await
        .unwrap();
    let upheld = alerts::review(&tax, &alert.name, 1, false).await.unwrap();
    assert!(!upheld.measures[0].awaits_review);
    assert_eq!(upheld.measures[0].review_reason, "经复核");
    assert_eq!(upheld.measures[0].state(), MeasureState::Open);
    alerts::report(&tax, &alert.name, 1).await.unwrap();
    let early = alerts::close(&office, &alert.name).await.unwrap_err();
    assert!(
        early.message().contains("no finding on revision 2"),
        "{early}"
    );
}

#[tokio::test]
async fn a_retraction_after_two_units_acted_lists_their_measures_to_be_reviewed() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let bank = alerts::analyst(&world);
    let today = alerts::today(&world);
    for unit in ["tax", "finance"] {
        let clerk = meetings::clerk(&world, unit);
        alerts::acknowledge(&clerk, &alert.name, 1, AlertAction::Checks)
            .await
            .unwrap();
        alerts::take(&clerk, &alert.name, today).await.unwrap();
    }
    let office = meetings::office(&world);
    let by_office = alerts::retract(&office, &alert.name).await.unwrap_err();
    assert_eq!(reason(&by_office), "PERMISSION_DENIED");
    let retracted = alerts::retract(&bank, &alert.name).await.unwrap();
    assert_eq!(retracted.state(), AlertState::Retracted);
    let revision = &retracted.revisions[0];
    assert!(revision.is_retraction && revision.reason == "经核实系误报");
    let awaiting = retracted.measures.iter().filter(|one| one.awaits_review);
    assert_eq!(awaiting.count(), 2);
    assert_eq!(
        retracted.grounds, alert.grounds,
        "what was taken back is still shown"
    );
    for (number, unit) in [(1, "tax"), (2, "finance")] {
        let clerk = meetings::clerk(&world, unit);
        let board = format!("agencies/{unit}");
        let told = alerts::told(&clerk, &format!("{board}/inbox")).await;
        assert!(told.iter().any(|one| one.title.contains("撤回")), "{unit}");
        assert!(
            told.iter().any(|one| one.title.contains("请复核")),
            "{unit}"
        );
        let noted = AlertAction::Noted;
        alerts::acknowledge(&clerk, &alert.name, 2, noted)
            .await
            .unwrap();
        alerts::review(&clerk, &alert.name, number, true)
            .await
            .unwrap();
        assert_eq!(alerts::outstanding(&clerk, &board).await, [], "{unit}");
    }
    let seen = alerts::get(&bank, &alert.name).await.unwrap();
    let acknowledged = seen
        .units
        .iter()
        .filter(|one| one.acknowledged_at.is_some());
    assert_eq!(acknowledged.count(), 2, "the others have not yet");
    let again = alerts::retract(&bank, &alert.name).await.unwrap_err();
    assert_eq!(reason(&again), "RECORD_STATE");
}

#[tokio::test]
async fn a_closed_alert_is_opened_by_a_correction_and_may_be_retracted() {
    let world = World::start().await;
    let alert = alerts::raised(&world).await;
    let (bank, office) = (alerts::analyst(&world), meetings::office(&world));
    for unit in UNITS {
        let clerk = meetings::clerk(&world, unit);
        alerts::acknowledge(&clerk, &alert.name, 1, AlertAction::NoAction)
            .await
            .unwrap();
    }
    alerts::close(&office, &alert.name).await.unwrap();
    let draft = alerts::draft(&world);
    let open = alerts::correct(&bank, &alert.name, 1, draft).await.unwrap();
    assert_eq!(open.revisions[0].reason, "期间有误");
    let beyond = alerts::revision(&bank, &alert.name, 3).await.unwrap_err();
    assert_eq!(fields(&beyond), ["revision"]);
    assert_eq!(open.state(), AlertState::Circulated);
    assert_eq!(open.closings.len(), 1, "that it was closed stays on record");
    let retracted = alerts::retract(&bank, &alert.name).await.unwrap();
    assert_eq!(
        (retracted.state(), retracted.revision),
        (AlertState::Retracted, 3)
    );
}
