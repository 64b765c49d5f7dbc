//! Reads of alerts: of one that went to a named few without the office, nobody above the units learns.

use std::fs;

use hub_core::date::on;
use hub_proto::{
    audit::RecordKind,
    channels::{GetNotificationRequest, ListNotificationsRequest},
    funds::{
        AcknowledgeAlertRequest, Alert, AlertAction, GetAlertRequest, ListAlertsRequest,
        RaiseAlertRequest, alert_service_server::AlertService as _,
    },
    ledger::{GetEntryRequest, ledger_service_server::LedgerService as _},
};
use hub_tests::{
    alerts::{self, BANK},
    charter_file,
};
use jiff::SignedDuration;

use super::*;

/// Raises an alert to some, or to all; gives its name and its entry.
async fn raise(hall: &mut Hall, to: &[&str]) -> (String, u64) {
    hall.direct.clock.advance_us(1_000_000);
    let today = on(hall.direct.clock.now(), hall.site.charter().zone());
    let request = RaiseAlertRequest {
        alert: Some(Alert {
            circulated_to: to.iter().map(|unit| format!("agencies/{unit}")).collect(),
            ..alerts::draft_on(today)
        }),
        request_id: hall.id(),
    };
    let analyst = hall.officer(BANK, "analyst");
    let answer = hall.direct.services.raise_alert(call(&analyst, request));
    let answer = answer.await.unwrap().into_inner();
    let entry = answer.receipt.unwrap().entry_index;
    (answer.alert.unwrap().name, entry)
}

/// Tax reads an alert in every way there is: itself, its notice, its entry, by an act, and by a reminder.
async fn read(hall: &mut Hall, (name, entry): (&str, u64)) -> Vec<String> {
    let tax = hall.officer("tax", "clerk");
    let api = hall.direct.services.clone();
    let request = GetAlertRequest {
        name: name.into(),
        revision: 0,
    };
    let seen = api.get_alert(call(&tax, request)).await.unwrap();
    let notice = seen.into_inner().alert.unwrap().notification;
    let request = GetNotificationRequest {
        name: notice.clone(),
    };
    api.get_notification(call(&tax, request)).await.unwrap();
    let request = GetEntryRequest { entry_index: entry };
    api.get_entry(call(&tax, request)).await.unwrap();
    let request = AcknowledgeAlertRequest {
        name: name.into(),
        revision: 1,
        action: AlertAction::Checks.into(),
        text: String::new(),
        request_id: hall.id(),
    };
    api.acknowledge_alert(call(&tax, request)).await.unwrap();
    vec![name.into(), notice]
}

/// Police, which acknowledges nothing, reads everything that it has, reminders too.
async fn read_all(hall: &Hall) {
    hall.direct.clock.advance_us(
        SignedDuration::from_hours(49)
            .as_micros()
            .try_into()
            .unwrap(),
    );
    let api = &hall.direct.services;
    assert!(hub::reminders::run(&api.engine).await.unwrap() > 1);
    let police = hall.officer("public-security", "clerk");
    let request = ListAlertsRequest::default();
    api.list_alerts(call(&police, request)).await.unwrap();
    let request = ListNotificationsRequest {
        parent: "agencies/public-security/inbox".into(),
        ..ListNotificationsRequest::default()
    };
    api.list_notifications(call(&police, request))
        .await
        .unwrap();
}

/// Records of reads by an agency's officers, sorted and once each.
fn read_by(accesses: &[Access], agency: &str) -> Vec<String> {
    let reader = format!("agencies/{agency}");
    let found = accesses.iter().filter(|one| one.reader == reader);
    let mut found: Vec<String> = found
        .flat_map(|one| one.records.iter().map(|record| record.name.clone()))
        .collect();
    found.sort();
    found.dedup();
    found
}

fn sorted(names: &[&[String]]) -> Vec<String> {
    let mut all = names.concat();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_reads_of_alerts_to_a_few_are_listed_by_the_raising_and_the_reading_agency_only() {
    let mut hall = Hall::new().await;
    let open = raise(&mut hall, &[]).await;
    let few = raise(&mut hall, &["tax", "public-security"]).await;
    let of_open = read(&mut hall, (&open.0, open.1)).await;
    let of_few = read(&mut hall, (&few.0, few.1)).await;
    read_all(&hall).await;
    let both = sorted(&[&of_open, &of_few]);
    for _ in 0..2 {
        assert_eq!(read_by(&hall.own("tax").await, "tax"), both);
        assert_eq!(read_by(&hall.own(BANK).await, "tax"), both);
        assert_eq!(hall.own("finance").await, [], "told of one, and no reader");
        let all = hall.all().await;
        assert_eq!(read_by(&all, "tax"), sorted(&[&of_open]));
        // Police has read both alerts, the notices of both, and a reminder of each or more.
        let own = read_by(&hall.own("public-security").await, "public-security");
        let listed = read_by(&all, "public-security");
        assert!(of_few.iter().all(|name| own.contains(name)), "{own:?}");
        assert!(
            of_open.iter().all(|name| listed.contains(name)),
            "{listed:?}"
        );
        assert!(
            !of_few.iter().any(|name| listed.contains(name)),
            "{listed:?}"
        );
        let reminders = |names: &[String]| {
            let mut names = names.to_vec();
            names.retain(|name| name.starts_with("agencies/hub/"));
            names.len()
        };
        assert!(reminders(&listed) > 0, "{listed:?}");
        assert_eq!(reminders(&own), 2 * reminders(&listed), "{own:?}");
        // Nor by name or kind.
        let auditor = hall.officer("leading-group-office", "auditor");
        for record in &of_few {
            let request = ListAccessesRequest {
                record: record.clone(),
                ..ListAccessesRequest::default()
            };
            assert_eq!(hall.list(&auditor, request).await, []);
        }
        let request = ListAccessesRequest {
            kind: RecordKind::Alert.into(),
            ..ListAccessesRequest::default()
        };
        let of_kind = hall.list(&auditor, request).await;
        assert_eq!(read_by(&of_kind, "tax"), of_open[..1]);
        hall.restart().await;
    }
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_office_is_told_of_alerts_to_a_few_reads_of_them_are_listed_above_it() {
    let text = fs::read_to_string(charter_file()).unwrap();
    let kept_out = "is_office_told_of_named = false";
    assert!(text.contains(kept_out));
    let text = text.replace(kept_out, "is_office_told_of_named = true");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("charter.toml");
    fs::write(&file, text).unwrap();
    let mut hall = Hall::on(Site::with_charter(&file, "")).await;
    let few = raise(&mut hall, &["tax", "public-security"]).await;
    let read = read(&mut hall, (&few.0, few.1)).await;
    assert_eq!(read_by(&hall.all().await, "tax"), sorted(&[&read]));
    hall.direct.stop();
}
