//! Tables of requests.

use agency_client::Lang;
use hub_core::date::{timestamp, to_wire};
use hub_proto::requests::{
    Answer, Deadline, DeadlineKind, DeadlineMove, DeadlineMoveReason, Delivery, RequestKind,
};
use jiff::civil::{Date, date};

use super::*;
use crate::table::Look;

fn out(lang: Lang) -> Out {
    Out {
        json: false,
        lang,
        look: Look::plain(false),
        paints_errors: false,
    }
}

fn deadline(due_on: Date) -> Deadline {
    Deadline {
        kind: DeadlineKind::Answer.into(),
        counted_from_on: Some(to_wire(date(2025, 9, 24))),
        working_days: 10,
        due_on: Some(to_wire(due_on)),
        is_open: true,
        source: "政务数据共享条例第二十一条".into(),
        ..Deadline::default()
    }
}

fn submitted(deadlines: Vec<Deadline>) -> InformationRequest {
    InformationRequest {
        name: "informationRequests/01980000-0000-7000-8000-000000000000".into(),
        requester: "agencies/civil-affairs".into(),
        provider: "agencies/tax".into(),
        purpose: "核对年检材料".into(),
        state: RequestState::Submitted.into(),
        received_at: Some(timestamp("2025-09-24T02:00:00Z".parse().unwrap())),
        deadlines,
        ..InformationRequest::default()
    }
}

#[test]
fn a_list_tells_at_a_glance_who_owes_what_since_when_and_how_long_is_left() {
    let names = Names::default();
    let today = Today::on(date(2025, 9, 30));
    let requests = [submitted(vec![deadline(date(2025, 10, 14))])];
    let en = table(out(Lang::En), &requests, &names, &today);
    let row = en.lines().nth(1).unwrap().split("  ").map(str::trim);
    let row: Vec<&str> = row.filter(|cell| !cell.is_empty()).collect();
    // After 30 September come 8 days off; the 9th, 10th, 11th (made up), 13th and 14th are worked.
    assert_eq!(
        row[..5],
        ["tax", "answer", "2025-09-24", "2025-10-14", "5 wd"],
        "{en}"
    );
    let zh = table(out(Lang::Zh), &requests, &names, &today);
    for told in ["应办单位", "答复", "5 个工作日", "待答复", "核对年检材料"] {
        assert!(zh.contains(told), "{told} in {zh}");
    }
}

#[test]
fn what_is_late_provisional_or_moved_is_marked() {
    let names = Names::default();
    let mut late = deadline(date(2025, 10, 14));
    late.is_overdue = true;
    let text = table(
        out(Lang::En),
        &[submitted(vec![late])],
        &names,
        &Today::on(date(2025, 10, 16)),
    );
    assert!(text.contains("overdue, 2 wd"), "{text}");
    let mut moved = deadline(date(2027, 1, 6));
    moved.is_provisional = true;
    moved.moves = vec![DeadlineMove {
        reason: DeadlineMoveReason::Calendar.into(),
        was_on: Some(to_wire(date(2027, 1, 4))),
        becomes_on: Some(to_wire(date(2027, 1, 6))),
        ..DeadlineMove::default()
    }];
    let request = submitted(vec![moved]);
    let today = Today::on(date(2026, 12, 31));
    let en = show::text(out(Lang::En), &request, &names, &today);
    assert!(
        en.contains("2027-01-06 (provisional) (was 2027-01-04)"),
        "{en}"
    );
    assert!(
        en.contains("answer: 2027-01-04 → 2027-01-06 · a new holiday notice"),
        "{en}"
    );
    // No notice for 2027 is known here: the days that are left are about.
    assert!(en.contains("~4 wd"), "{en}");
    let zh = show::text(out(Lang::Zh), &request, &names, &today);
    assert!(zh.contains("2027-01-06（暂定）（原 2027-01-04）"), "{zh}");
    assert!(zh.contains("节假日安排调整"), "{zh}");
}

#[test]
fn fs_053_what_is_withheld_is_said_to_be() {
    let request = InformationRequest {
        kind: RequestKind::AccountInformation.into(),
        state: RequestState::Delivered.into(),
        answer: Some(Answer {
            is_consent: true,
            is_withheld: true,
            ..Answer::default()
        }),
        delivery: Some(Delivery {
            is_withheld: true,
            officer: "officer-1".into(),
            ..Delivery::default()
        }),
        ..InformationRequest::default()
    };
    let today = Today::on(date(2026, 1, 5));
    let text = show::text(out(Lang::En), &request, &Names::default(), &today);
    assert_eq!(
        text.matches("withheld: shown to the requester").count(),
        2,
        "{text}"
    );
}
