//! Agreed items as they are carried out.

use hub_proto::meetings::TaskState;

use super::*;

fn report(item: u32, state: TaskState) -> Act {
    Act::Report {
        item,
        state,
        evidence: vec![],
    }
}

fn close(item: u32, note: &str) -> Act {
    Act::CloseItem {
        item,
        note: note.into(),
    }
}

fn ask_until(item: u32, due_on: Date) -> Act {
    Act::RequestExtension {
        item,
        due_on,
        reason: "须待审计".into(),
    }
}

fn answer(unit: &str, is_granted: bool, due_on: Date) -> Act {
    Act::DecideExtension {
        item: 1,
        unit: unit.parse().unwrap(),
        is_granted,
        due_on,
        reason: "不同意".into(),
    }
}

#[test]
fn je_080_each_responsible_unit_is_asked_until_it_has_reported_done() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["education", "tax"])]);
    bench.through(1, &what);
    let asked = bench.asked("tax");
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].action, RequestedAction::CarryOut);
    // The end of the day in the province.
    assert_eq!(asked[0].due_at.to_string(), "2026-09-30T15:59:59Z");
    refused(
        bench.unit("health", report(1, TaskState::Done)),
        Reason::PermissionDenied,
    );

    bench.unit("tax", report(1, TaskState::InProgress)).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::FollowUp);
    assert!(bench.is_asked("tax"));
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    assert!(!bench.is_asked("tax") && bench.is_asked("education"));
    let first = bench.item(1).tasks[1].done_at_us;
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    assert_eq!(bench.item(1).tasks[1].done_at_us, first, "it was done then");
    // What was said to be done and is not is asked for again.
    bench.unit("tax", report(1, TaskState::InProgress)).unwrap();
    assert!(bench.is_asked("tax"));
    assert_eq!(bench.item(1).tasks[1].done_at_us, 0);
    assert_eq!(bench.item(1).tasks[1].reports.len(), 4);
}

#[test]
fn je_080_the_office_agrees_to_an_extension_or_does_not() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.through(1, &content("纪要", &[task("a", &["education", "tax"])]));
    let (before, later) = (
        jiff::civil::date(2026, 9, 30),
        jiff::civil::date(2026, 10, 15),
    );
    refused(
        bench.office(answer("tax", true, later)),
        Reason::MeetingState,
    );
    refused(
        bench.unit("tax", ask_until(1, before)),
        Reason::InvalidArgument,
    );
    refused(
        bench.unit("health", ask_until(1, later)),
        Reason::PermissionDenied,
    );
    bench.unit("tax", ask_until(1, later)).unwrap();
    refused(bench.office(answer("tax", true, before)), Reason::Conflict);
    bench.office(answer("tax", false, later)).unwrap();
    assert_eq!(bench.item(1).tasks[1].due_on, Some(day(2026, 9, 30)));
    bench.unit("tax", ask_until(1, later)).unwrap();
    bench.office(answer("tax", true, later)).unwrap();
    let row = bench.item(1);
    assert_eq!(row.tasks[1].due_on, Some(day(2026, 10, 15)));
    assert_eq!(row.tasks[0].due_on, Some(day(2026, 9, 30)));
    let asked = bench.asked("tax");
    assert_eq!(
        asked.len(),
        1,
        "by the new day, and no longer by the old one"
    );
    assert_eq!(asked[0].due_at.to_string(), "2026-10-15T15:59:59Z");
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    assert!(!bench.is_asked("tax"));
    refused(
        bench.unit("tax", ask_until(1, date(2026, 11))),
        Reason::MeetingState,
    );
}

fn date(year: i16, month: i8) -> Date {
    jiff::civil::date(year, month, 1)
}

#[test]
fn je_080_the_office_closes_and_says_why_when_something_is_left() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.through(1, &content("纪要", &[task("a", &["education", "tax"])]));
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    refused(bench.office(close(1, "")), Reason::InvalidArgument);
    bench.office(close(1, "并入下一年度")).unwrap();
    assert!(!bench.is_asked("education"));
    refused(bench.office(close(1, "x")), Reason::MeetingState);
    refused(
        bench.unit("tax", report(1, TaskState::Done)),
        Reason::MeetingState,
    );
    refused(
        bench.unit("tax", ask_until(1, date(2026, 12))),
        Reason::MeetingState,
    );
}

#[test]
fn je_035_a_joint_operation_has_a_result_of_every_unit() {
    let store = store();
    let mut bench = Bench::new(&store);
    let operation = AgreedItemDraft {
        kind: AgreedItemKind::JointOperation.into(),
        lead_unit: "agencies/education".into(),
        ..task("联合检查", &["education", "tax"])
    };
    bench.through(1, &content("纪要", &[operation]));
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    let why = refused(bench.office(close(1, "够了")), Reason::MeetingState);
    assert!(why.contains("JE-035") && why.contains("省教育厅"), "{why}");
    bench.unit("education", report(1, TaskState::Done)).unwrap();
    bench.office(close(1, "")).unwrap();
}

#[test]
fn an_item_without_a_day_asks_nothing_by_a_time() {
    let store = store();
    let mut bench = Bench::new(&store);
    let item = AgreedItemDraft {
        due_on: None,
        ..task("a", &["tax"])
    };
    bench.through(1, &content("纪要", &[item]));
    assert!(!bench.is_asked("tax"));
    let asked = bench.unit("tax", ask_until(1, date(2026, 12)));
    refused(asked, Reason::InvalidArgument);
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    bench.unit("tax", report(1, TaskState::InProgress)).unwrap();
    assert!(!bench.is_asked("tax"));
}

#[test]
fn reports_at_the_limit_and_past_it() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.through(1, &content("纪要", &[task("a", &["tax"])]));
    for _ in 0..super::super::items::REPORTS_MAX {
        bench.unit("tax", report(1, TaskState::InProgress)).unwrap();
    }
    let past = bench.unit("tax", report(1, TaskState::InProgress));
    refused(past, Reason::InvalidArgument);
}
