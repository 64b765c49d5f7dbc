//! Who may list what, and how.

use hub_proto::{
    audit::{ListAccessesResponse, RecordKind},
    channels::GetNotificationRequest,
};
use hub_tests::raw;
use jiff::Timestamp;
use tonic::Code;

use super::*;

async fn get(hall: &Hall, agency: &str, name: &str) {
    let caller = hall.officer(agency, "clerk");
    let asked = GetNotificationRequest { name: name.into() };
    let services = &hall.direct.services;
    services
        .get_notification(call(&caller, asked))
        .await
        .unwrap();
    hall.direct.clock.advance_us(1_000_000);
}

fn under(parent: &str) -> ListAccessesRequest {
    ListAccessesRequest {
        parent: parent.into(),
        ..ListAccessesRequest::default()
    }
}

fn readers(accesses: &[Access]) -> Vec<&str> {
    accesses.iter().map(|one| one.reader.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn x_009_every_agency_and_role_lists_its_own_and_nothing_else() {
    let mut hall = Hall::new().await;
    let sent = hall.send("tax", &["health", "finance"]).await;
    for reader in ["health", "finance", "tax"] {
        get(&hall, reader, &sent.name).await;
    }
    let charter = hall.site.charter().clone();
    for agency in charter.agencies() {
        let id = agency.id().as_str();
        for role in charter.roles() {
            if !role.is_granted_to(agency.id()) {
                continue;
            }
            let caller = hall.officer(id, role.id().as_str());
            let own = hall
                .try_list(&caller, under(&format!("agencies/{id}")))
                .await;
            let all = hall.try_list(&caller, under("agencies/-")).await;
            let other = hall.try_list(&caller, under("agencies/tax")).await;
            let what = format!("{id} as {}", role.id());
            let is_denied = |answer: &Result<ListAccessesResponse, Status>| {
                let code = answer.as_ref().unwrap_err().code();
                assert_eq!(code, Code::PermissionDenied, "{what}");
            };
            match role.id().as_str() {
                "access-auditor" => {
                    let expected: &[&str] = match id {
                        "tax" => &["agencies/tax", "agencies/finance", "agencies/health"],
                        "health" => &["agencies/health"],
                        "finance" => &["agencies/finance"],
                        _ => &[],
                    };
                    assert_eq!(readers(&own.unwrap().accesses), expected, "{what}");
                    is_denied(&all);
                    if id != "tax" {
                        let none = hall.try_list(&caller, under("agencies/nobody")).await;
                        let (other, none) = (other.unwrap_err(), none.unwrap_err());
                        assert_eq!(other.code(), Code::NotFound, "{what}");
                        let text = other.message().replace("tax", "nobody");
                        assert_eq!(text, none.message(), "{what}");
                    }
                }
                "auditor" => {
                    assert_eq!(id, "leading-group-office");
                    is_denied(&own);
                    let expected = ["agencies/tax", "agencies/finance", "agencies/health"];
                    assert_eq!(readers(&all.unwrap().accesses), expected);
                    let widest = hall.try_list(&caller, under("")).await.unwrap();
                    assert_eq!(readers(&widest.accesses), expected);
                }
                // A role whose bond is not in force is refused before it is asked what it wants.
                _ => {
                    for answer in [&own, &all, &other] {
                        is_denied(answer);
                    }
                }
            }
        }
    }
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_several_authors_shows_each_of_them_its_own_record_only() {
    let mut hall = Hall::new().await;
    let of_tax = hall.send("tax", &["health"]).await;
    let of_finance = hall.send("finance", &["health"]).await;
    let clerk = hall.officer("health", "clerk");
    let asked = hub_proto::channels::ListNotificationsRequest {
        parent: "agencies/health/inbox".into(),
        ..Default::default()
    };
    let services = &hall.direct.services;
    services
        .list_notifications(call(&clerk, asked))
        .await
        .unwrap();
    let both = [of_tax.name.as_str(), of_finance.name.as_str()];
    assert_eq!(names(&hall.own("health").await[0]), both);
    assert_eq!(names(&hall.own("tax").await[0]), [both[0]]);
    assert_eq!(names(&hall.own("finance").await[0]), [both[1]]);
    assert_eq!(names(&hall.all().await[0]), both);
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_what_they_say_also_with_the_index_made_anew() {
    let mut hall = Hall::new().await;
    let (first, second) = (
        hall.send("tax", &["health", "finance"]).await,
        hall.send("tax", &["health"]).await,
    );
    let began = hall.direct.clock.now();
    hall.direct.clock.advance_us(1_000_000);
    get(&hall, "health", &first.name).await;
    get(&hall, "finance", &first.name).await;
    let middle = hall.direct.clock.now();
    get(&hall, "health", &second.name).await;
    let at = |at: Timestamp| Some(hub_core::date::timestamp(at));
    let none = ListAccessesRequest::default;
    let mut answers = vec![];
    for _ in 0..2 {
        let auditor = hall.officer("tax", "access-auditor");
        let all = hall.officer("leading-group-office", "auditor");
        let health = hall.officer("health", "access-auditor");
        let found = async |caller, request: ListAccessesRequest| {
            let listed = hall.list(caller, request).await;
            let listed = listed.iter();
            let listed = listed.map(|one| (one.reader.clone(), one.records[0].name.clone()));
            listed.collect::<Vec<_>>()
        };
        let row = |reader: &str, of: &Notification| (format!("agencies/{reader}"), of.name.clone());
        let everything = [
            row("health", &second),
            row("finance", &first),
            row("health", &first),
        ];
        for caller in [&auditor, &all] {
            assert_eq!(found(caller, none()).await, everything);
            let record = |of: &Notification| ListAccessesRequest {
                record: of.name.clone(),
                ..none()
            };
            assert_eq!(found(caller, record(&first)).await, everything[1..]);
            assert_eq!(found(caller, record(&second)).await, everything[..1]);
            let reader = ListAccessesRequest {
                reader: "agencies/finance".into(),
                ..none()
            };
            assert_eq!(found(caller, reader).await, everything[1..2]);
            let officer = ListAccessesRequest {
                officer: "health-clerk-1".into(),
                ..none()
            };
            let of_health = [everything[0].clone(), everything[2].clone()];
            assert_eq!(found(caller, officer).await, of_health);
            let kind = |kind: RecordKind| ListAccessesRequest {
                kind: kind.into(),
                ..none()
            };
            let notifications = found(caller, kind(RecordKind::Notification)).await;
            assert_eq!(notifications, everything);
            assert!(found(caller, kind(RecordKind::Alert)).await.is_empty());
            let period = |from: Timestamp, before: Timestamp| ListAccessesRequest {
                read_from: at(from),
                read_before: at(before),
                ..none()
            };
            let late = Timestamp::MAX;
            assert_eq!(found(caller, period(began, middle)).await, everything[1..]);
            assert_eq!(found(caller, period(middle, late)).await, everything[..1]);
            let oldest = ListAccessesRequest {
                oldest_first: true,
                ..none()
            };
            let mut turned = everything.clone();
            turned.reverse();
            assert_eq!(found(caller, oldest).await, turned);
        }
        // An addressee that looks for a record finds its own officers' reads of it.
        let record = ListAccessesRequest {
            record: first.name.clone(),
            ..none()
        };
        assert_eq!(found(&health, record).await, everything[2..]);
        answers.push((hall.own("tax").await, hall.all().await));
        hall.restart().await;
    }
    assert_eq!(answers[0], answers[1], "the same rows from the ledger");
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_stable_while_more_is_read() {
    let mut hall = Hall::new().await;
    let sent = hall.send("tax", &["health"]).await;
    for _ in 0..9 {
        get(&hall, "health", &sent.name).await;
    }
    let auditor = hall.officer("tax", "access-auditor");
    for oldest_first in [false, true] {
        let mut request = ListAccessesRequest {
            page_size: 4,
            oldest_first,
            ..ListAccessesRequest::default()
        };
        let mut indexes = vec![];
        loop {
            let page = hall.try_list(&auditor, request.clone()).await.unwrap();
            assert!(page.accesses.len() <= 4);
            indexes.extend(page.accesses.iter().map(|one| one.entry_index));
            if page.next_page_token.is_empty() {
                break;
            }
            // Another list's token is none.
            let other = ListAccessesRequest {
                officer: "x".into(),
                page_token: page.next_page_token.clone(),
                ..request.clone()
            };
            let refused = hall.try_list(&auditor, other).await.unwrap_err();
            assert_eq!(raw::reason(&refused), "CURSOR_INVALID");
            request.page_token = page.next_page_token;
            if indexes.len() <= 8 {
                get(&hall, "health", &sent.name).await;
            }
        }
        let mut sorted = indexes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), indexes.len(), "nothing is repeated");
        if oldest_first {
            assert_eq!(sorted, indexes);
            assert_eq!(indexes.len(), 13, "what is read meanwhile comes at the end");
        } else {
            assert_eq!(indexes.len(), 9, "what is read meanwhile does not come");
        }
    }
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_for_a_page_is_bounded_and_a_filter_that_finds_nothing_ends() {
    let mut hall = Hall::new().await;
    let sent = hall.send("tax", &["health"]).await;
    for _ in 0..520 {
        get(&hall, "health", &sent.name).await;
    }
    let auditor = hall.officer("tax", "access-auditor");
    let request = ListAccessesRequest {
        officer: "nobody".into(),
        ..ListAccessesRequest::default()
    };
    let first = hall.try_list(&auditor, request.clone()).await.unwrap();
    assert!(first.accesses.is_empty() && !first.next_page_token.is_empty());
    let next = ListAccessesRequest {
        page_token: first.next_page_token,
        ..request
    };
    let last = hall.try_list(&auditor, next).await.unwrap();
    assert!(last.accesses.is_empty() && last.next_page_token.is_empty());
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_fields_are_named() {
    let hall = Hall::new().await;
    let auditor = hall.officer("tax", "access-auditor");
    let none = ListAccessesRequest::default;
    let at = |second| {
        Some(prost_types::Timestamp {
            seconds: second,
            nanos: 0,
        })
    };
    for (field, request) in [
        (
            "record",
            ListAccessesRequest {
                record: "a".repeat(201),
                ..none()
            },
        ),
        (
            "record",
            ListAccessesRequest {
                record: "alerts/a\0b".into(),
                ..none()
            },
        ),
        ("kind", ListAccessesRequest { kind: 99, ..none() }),
        (
            "reader",
            ListAccessesRequest {
                reader: "tax".into(),
                ..none()
            },
        ),
        (
            "officer",
            ListAccessesRequest {
                officer: "a b".into(),
                ..none()
            },
        ),
        (
            "read_before",
            ListAccessesRequest {
                read_from: at(2),
                read_before: at(2),
                ..none()
            },
        ),
        (
            "read_from",
            ListAccessesRequest {
                read_from: at(i64::MAX),
                ..none()
            },
        ),
        (
            "page_size",
            ListAccessesRequest {
                page_size: 201,
                ..none()
            },
        ),
    ] {
        let refused = hall.try_list(&auditor, request).await.unwrap_err();
        assert_eq!(raw::fields(&refused), [field]);
    }
    hall.direct.stop();
}
