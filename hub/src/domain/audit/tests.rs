//! Accesses: who records them, and who may list them.

use std::sync::Arc;

use hub_core::crypto::{SigningKey, generate_ed25519_pkcs8};
use jiff::Timestamp;

use super::*;
use crate::{
    charter::Action,
    state::{memory::MemoryStore, store::Store as _},
};

fn record(name: &str, kind: RecordKind, auditors: &[&str]) -> AccessedRecord {
    AccessedRecord {
        name: name.into(),
        kind: kind.into(),
        auditors: auditors.iter().map(ToString::to_string).collect(),
        is_confidential: false,
    }
}

fn access(agency: &str, records: Vec<AccessedRecord>) -> AccessRecorded {
    AccessRecorded {
        agency: agency.into(),
        officer: format!("{agency}-1"),
        records,
        ..AccessRecorded::default()
    }
}

fn of(count: usize) -> Command {
    let record = record("alerts/a", RecordKind::Alert, &[]);
    Command {
        access: access("tax", vec![record; count]),
    }
}

#[test]
fn only_the_hub_records_an_access_and_only_one_of_something() {
    let hub = Permit::hub().unwrap();
    assert!(decide(&hub, &of(1)).is_ok());
    assert!(decide(&hub, &of(RECORDS_MAX)).is_ok());
    assert!(decide(&hub, &of(0)).is_err());
    assert!(decide(&hub, &of(RECORDS_MAX + 1)).is_err());
    let officer = Permit::testing("tax", "clerk", Action::InboxRead);
    let refused = decide(&officer, &of(1)).unwrap_err();
    assert_eq!(refused.reason, Reason::PermissionDenied);
}

/// Applies accesses as entries 0, 1, ….
fn applied(accesses: &[AccessRecorded]) -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    let store = MemoryStore::new("test", Arc::new(key)).unwrap();
    let mut rows = Overlay::new(&store);
    for (index, access) in (0..).zip(accesses) {
        let entry = EntryMeta {
            index,
            recorded_at: Timestamp::UNIX_EPOCH,
            author: "hub",
            officer: "",
        };
        let kind = Some(audit_event::Kind::AccessRecorded(access.clone()));
        apply(&mut rows, &entry, &AuditEvent { kind });
    }
    let changes = rows.take_changes();
    store.replay(1, changes).unwrap();
    store
}

fn listed(store: &MemoryStore, viewer: &str, record: Option<&str>) -> Vec<u64> {
    let selection = Selection {
        viewer,
        record,
        from: 0,
        before: u64::MAX,
        direction: Direction::Forward,
    };
    let store: &dyn crate::state::store::Store = store;
    page(store, &selection, 100).unwrap()
}

#[test]
fn x_006_an_access_is_listed_for_the_reader_the_records_agency_and_the_body_above() {
    let notification = "agencies/health/notifications/n";
    let store = applied(&[
        access(
            "tax",
            vec![record(notification, RecordKind::Notification, &["health"])],
        ),
        access(
            "tax",
            vec![record("alerts/a", RecordKind::Alert, &["pboc-taiyuan"])],
        ),
    ]);
    assert_eq!(listed(&store, "tax", None), [0, 1]);
    assert_eq!(listed(&store, "health", None), [0]);
    assert_eq!(listed(&store, "pboc-taiyuan", None), [1]);
    assert_eq!(listed(&store, ANY, None), [0, 1]);
    assert_eq!(listed(&store, "finance", None), [0_u64; 0]);
    // By record: the author and the body above find exactly its accesses.
    assert_eq!(listed(&store, "health", Some(notification)), [0]);
    assert_eq!(listed(&store, ANY, Some(notification)), [0]);
    assert_eq!(listed(&store, "pboc-taiyuan", Some("alerts/a")), [1]);
    assert_eq!(listed(&store, "tax", Some("alerts/a")), [1]);
    assert_eq!(listed(&store, "finance", Some("alerts/a")), [0_u64; 0]);
    // A reader looks for a notification among all it may list: nothing of others' reads is there.
    assert_eq!(listed(&store, "tax", Some(notification)), [0, 1]);
    assert_eq!(listed(&store, "finance", Some(notification)), [0_u64; 0]);
}

#[test]
fn fs_036_a_referral_or_request_and_its_notices_are_for_the_agencies_concerned_only() {
    let mut notice = record(
        "agencies/hub/notifications/n",
        RecordKind::Notification,
        &[],
    );
    notice.is_confidential = true;
    let confidential = [
        record("referrals/r", RecordKind::Referral, &["pboc-taiyuan"]),
        record(
            "informationRequests/i",
            RecordKind::InformationRequest,
            &["pboc-taiyuan"],
        ),
        record(
            "informationRequests/i",
            RecordKind::AccountInformationRequest,
            &["pboc-taiyuan"],
        ),
        notice.clone(),
        record("x/y", RecordKind::Unspecified, &[]),
    ];
    for one in confidential {
        let access = access("public-security", vec![one.clone()]);
        assert!(!may_list(ANY, &access, &one), "{one:?}");
        assert!(!may_list("civil-affairs", &access, &one), "{one:?}");
        assert!(may_list("public-security", &access, &one), "{one:?}");
        let store = applied(std::slice::from_ref(&access));
        assert_eq!(listed(&store, ANY, None), [0_u64; 0], "{one:?}");
        assert_eq!(listed(&store, ANY, Some(&one.name)), [0_u64; 0], "{one:?}");
        assert_eq!(listed(&store, "public-security", None), [0], "{one:?}");
        let by_record = listed(&store, "public-security", Some(&one.name));
        assert_eq!(by_record, [0], "{one:?}");
        let is_concerned = one.auditors == ["pboc-taiyuan"];
        assert_eq!(
            listed(&store, "pboc-taiyuan", None).len(),
            usize::from(is_concerned)
        );
    }
    // Its author finds it by its name too, when it was sent in an agency's name.
    let mut sent = record(
        "agencies/pboc-taiyuan/notifications/n",
        RecordKind::Notification,
        &["pboc-taiyuan"],
    );
    sent.is_confidential = true;
    let store = applied(&[access("public-security", vec![sent.clone()])]);
    assert_eq!(listed(&store, "pboc-taiyuan", Some(&sent.name)), [0]);
    assert_eq!(listed(&store, ANY, Some(&sent.name)), [0_u64; 0]);
    // In one access with something open only that is listed.
    let open = record(
        "agencies/tax/notifications/n",
        RecordKind::Notification,
        &[],
    );
    let both = access("public-security", vec![open.clone(), notice.clone()]);
    assert!(may_list(ANY, &both, &open));
    assert!(!may_list(ANY, &both, &notice));
}

#[test]
fn a_page_keeps_to_its_bounds_in_both_directions() {
    let one = access("tax", vec![record("alerts/a", RecordKind::Alert, &[])]);
    let store = applied(&vec![one; 10]);
    let store: &dyn crate::state::store::Store = &store;
    let selection = |from, before, direction| Selection {
        viewer: "tax",
        record: None,
        from,
        before,
        direction,
    };
    let forward = selection(2, 6, Direction::Forward);
    assert_eq!(page(store, &forward, 3).unwrap(), [2, 3, 4]);
    let backward = selection(2, 6, Direction::Backward);
    assert_eq!(page(store, &backward, 3).unwrap(), [5, 4, 3]);
    let none = selection(6, 6, Direction::Forward);
    assert!(page(store, &none, 3).unwrap().is_empty());
}
