//! An alert to which there was nothing is sealed once the charter's time is over: gone from view and from
//! the disk, while the ledger goes on proving that it was sealed and not altered.

use std::{fs, path::Path, sync::Arc};

use hub::{clock::Clock, fsck, rebuild, reminders, retention};
use hub_proto::funds::{AlertAction, AlertState, ClosingOutcome, FindingKind, ListAlertsRequest};
use hub_tests::{
    Site, World,
    alerts::{self, BANK, UNITS},
    clock::Shifted,
    meetings,
    raw::{
        reason,
        requests::{USCC, files::upload_as},
    },
};
use jiff::SignedDuration;

/// Stands in texts that are to be erased, and nowhere else.
const SECRET: &str = "须清除之预警";

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

async fn seal(world: &World) -> u64 {
    let hub = world.hub();
    let report = retention::run(hub.engine(), hub.search()).await.unwrap();
    report.sealed
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = fs::read(&path).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

fn is_green(world: &World) {
    let report = fsck::fsck(&world.site.config(), &mut |_| {}).unwrap();
    let found = format!("{report:?}");
    assert!(report.is_clean(), "{found}");
}

async fn unsubstantiated(world: &World) -> String {
    let mut draft = alerts::draft(world);
    draft.grounds = SECRET.into();
    draft.organization.as_mut().unwrap().display_name = SECRET.into();
    draft.attachments = vec![upload_as(world, BANK, "analyst", b"a note").await];
    let bank = alerts::analyst(world);
    let alert = alerts::raise(&bank, draft).await.unwrap();
    let tax = meetings::clerk(world, "tax");
    alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
        .await
        .unwrap();
    alerts::inform(&bank, &alert.name, SECRET).await.unwrap();
    alerts::find(&tax, &alert.name, FindingKind::Unsubstantiated)
        .await
        .unwrap();
    let office = meetings::office(world);
    alerts::close(&office, &alert.name).await.unwrap();
    alert.name
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsubstantiated_alert_is_sealed_after_the_charters_months() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let kept = alerts::raised(&world).await;
    let name = unsubstantiated(&world).await;
    // A reminder repeats the title of what it is of: it goes too.
    clock.by(days(3));
    let reminded = reminders::run(world.hub().engine()).await.unwrap();
    assert!(reminded > 0);
    clock.by(days(700));
    assert_eq!(seal(&world).await, 0, "24 months are not over");
    assert!(holds(&world.site.data_dir(), SECRET.as_bytes()));
    clock.by(days(740));
    assert!(
        seal(&world).await >= 5,
        "raised, two acts, answered, closed"
    );
    assert_eq!(seal(&world).await, 0);
    clock.by(SignedDuration::ZERO);
    let tax = meetings::clerk(&world, "tax");
    let left = alerts::get(&tax, &name).await.unwrap();
    assert!(left.is_sealed && left.organization.is_none());
    assert_eq!(left.state(), AlertState::Closed);
    assert_eq!(left.closings[0].outcome(), ClosingOutcome::Unsubstantiated);
    assert_eq!(left.findings[0].kind(), FindingKind::Unsubstantiated);
    assert!(left.raised_at.is_some() && left.closings[0].closed_at.is_some());
    let shown = format!("{left:?}");
    assert!(!shown.contains(SECRET) && !shown.contains(USCC), "{shown}");
    assert_eq!(left.attachments, []);
    let told = alerts::told(&tax, "agencies/tax/inbox").await;
    assert!(!format!("{told:?}").contains(SECRET));
    // It is not found by whom it was about, and pointed out to nobody.
    let on = ListAlertsRequest {
        organization: USCC.into(),
        ..ListAlertsRequest::default()
    };
    let listed = alerts::list(&tax, &on).await.unwrap().alerts;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].name, kept.name);
    let open = alerts::get(&tax, &kept.name).await.unwrap();
    assert_eq!(open.possible_duplicates, [""; 0]);
    let bank = alerts::analyst(&world);
    let refused = alerts::retract(&bank, &name).await.unwrap_err();
    assert_eq!(reason(&refused), "CONTENT_SEALED");
    world.stop().await;
    assert!(!holds(&world.site.data_dir(), SECRET.as_bytes()));
    is_green(&world);
    // Rows from the residues alone are the same.
    let report = rebuild::rebuild(&world.site.config()).unwrap();
    drop(report);
    is_green(&world);
    world.restart().await;
    let tax = meetings::clerk(&world, "tax");
    assert_eq!(alerts::get(&tax, &name).await.unwrap(), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_substantiated_open_or_to_be_reviewed_is_kept() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let (bank, office) = (alerts::analyst(&world), meetings::office(&world));
    let tax = meetings::clerk(&world, "tax");
    let mut names = vec![];
    for kind in [FindingKind::Substantiated, FindingKind::Referred] {
        let alert = alerts::raised(&world).await;
        alerts::acknowledge(&tax, &alert.name, 1, AlertAction::Checks)
            .await
            .unwrap();
        alerts::find(&tax, &alert.name, kind).await.unwrap();
        alerts::close(&office, &alert.name).await.unwrap();
        names.push(alert.name);
    }
    names.push(alerts::raised(&world).await.name);
    // Closed, and opened again by a correction.
    let reopened = unsubstantiated(&world).await;
    let draft = alerts::draft(&world);
    alerts::correct(&bank, &reopened, 1, draft).await.unwrap();
    names.push(reopened);
    let retracted = alerts::raised(&world).await.name;
    alerts::acknowledge(&tax, &retracted, 1, AlertAction::Checks)
        .await
        .unwrap();
    alerts::take(&tax, &retracted, alerts::today(&world))
        .await
        .unwrap();
    alerts::retract(&bank, &retracted).await.unwrap();
    names.push(retracted.clone());
    clock.by(days(740));
    assert_eq!(seal(&world).await, 0);
    clock.by(SignedDuration::ZERO);
    let tax = meetings::clerk(&world, "tax");
    for name in &names {
        assert!(!alerts::get(&tax, name).await.unwrap().is_sealed, "{name}");
    }
    // Once its measure is reviewed, the retracted one goes.
    alerts::review(&tax, &retracted, 1, true).await.unwrap();
    clock.by(days(740));
    assert!(seal(&world).await >= 4);
    clock.by(SignedDuration::ZERO);
    assert!(alerts::get(&tax, &retracted).await.unwrap().is_sealed);
    assert_eq!(UNITS.len(), 5);
    world.stop().await;
    is_green(&world);
}
