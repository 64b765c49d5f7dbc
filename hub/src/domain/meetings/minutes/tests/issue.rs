//! Issue, numbers, corrections.

use hub_proto::meetings::{MinutesState, TaskState};

use super::*;

#[test]
fn je_074_issue_is_refused_until_every_attending_unit_agreed_to_that_version() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
    bench.circulate(1, 1).unwrap();
    refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
    bench.consent("education", (1, 1), &what).unwrap();
    let why = refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
    assert!(
        why.contains("省民政厅") && !why.contains("省教育厅"),
        "{why}"
    );
    bench.consent("civil-affairs", (1, 1), &what).unwrap();
    refused(bench.issue(1, 2, &what), Reason::Conflict);
    let issued = bench.issue(1, 1, &what).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::Issued);
    assert_eq!(bench.minutes(1).state(), MinutesState::Issued);

    // Absent and excused units get what is issued, with its number in the title.
    let (title, _, told) = &notices(&issued)[0];
    assert!(title.starts_with("晋社管联执办纪〔2026〕1号 "), "{title}");
    let units = UNITS.iter().map(|(unit, _)| format!("agencies/{unit}"));
    let mut all: Vec<String> = units.collect();
    all.push("mechanisms/joint-enforcement/office".into());
    assert_eq!(*told, all);
}

#[test]
fn issued_minutes_never_change_and_are_issued_once() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.through(1, &what);
    let before = (bench.minutes(1), bench.meeting());
    let again = bench.issue(1, 1, &what).unwrap();
    let entry_index = before.0.issued.as_ref().unwrap().entry_index;
    assert_eq!(again, Decision::Already(entry_index));
    refused(bench.draft(1, 1, &what), Reason::MeetingState);
    refused(bench.circulate(1, 1), Reason::MeetingState);
    refused(bench.object("education", 1), Reason::MeetingState);
    refused(bench.withdraw("education", 1), Reason::MeetingState);
    assert_eq!((bench.minutes(1), bench.meeting()), before);
}

#[test]
fn numbers_have_no_gap_and_no_repeat_and_begin_anew_each_year() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    let number = |bench: &Bench<'_>| {
        let row = bench.minutes(1);
        crate::domain::meetings::minutes::issue::document_number(
            &row.document_word,
            row.year,
            row.serial,
        )
    };
    let joint = ["joint-enforcement", "fund-supervision"];
    // 1 January in the province, still 31 December in UTC.
    let new_year: Timestamp = "2026-12-31T16:30:00Z".parse().unwrap();
    let all = MeetingKind::Extraordinary;
    for (at, kind, mechanisms, expected) in [
        (None, all, &joint[..1], "晋社管联执办纪〔2026〕1号"),
        (None, all, &joint[..1], "晋社管联执办纪〔2026〕2号"),
        // What some members agreed leaves no gap that the others could see.
        (
            None,
            MeetingKind::Partial,
            &joint[..1],
            "晋社管联执办专纪〔2026〕1号",
        ),
        (None, all, &joint[1..], "晋社管资监办纪〔2026〕1号"),
        (None, all, &joint[..], "晋社管组联席纪〔2026〕1号"),
        (
            None,
            MeetingKind::Partial,
            &joint[..],
            "晋社管组联席专纪〔2026〕1号",
        ),
        (None, all, &joint[..1], "晋社管联执办纪〔2026〕3号"),
        (
            Some(new_year),
            all,
            &joint[..1],
            "晋社管联执办纪〔2027〕1号",
        ),
    ] {
        bench.now = at.unwrap_or(bench.now);
        bench.held(kind, mechanisms, &UNITS);
        let key = keys::minutes(meeting_name().0.as_bytes(), 1);
        bench.rows.remove(key);
        bench.through(1, &what);
        assert_eq!(number(&bench), expected);
    }
}

#[test]
fn a_series_that_the_charter_does_not_name_issues_nothing() {
    let store = store();
    let word = "  { mechanism = \"fund-supervision\", word = \"晋社管资监办纪\", \
                partial_word = \"晋社管资监办专纪\" },\n";
    let charter = CHARTER.replace(word, "");
    assert_ne!(charter, CHARTER);
    let mut bench = Bench::with_charter(&store, &charter);
    bench.held(MeetingKind::Extraordinary, &["fund-supervision"], &UNITS);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    bench.circulate(1, 1).unwrap();
    for unit in ["civil-affairs", "education"] {
        bench.consent(unit, (1, 1), &what).unwrap();
    }
    refused(bench.issue(1, 1, &what), Reason::MeetingState);
}

#[test]
fn silence_is_no_consent_unless_the_charter_says_so() {
    let silent = CHARTER.replace("silence_is_consent = false", "silence_is_consent = true");
    assert_ne!(silent, CHARTER);
    let what = content("纪要", &[task("a", &["tax"])]);
    for (charter, counts) in [(CHARTER, false), (silent.as_str(), true)] {
        let store = store();
        let mut bench = Bench::with_charter(&store, charter);
        bench.draft(1, 0, &what).unwrap();
        bench.circulate(1, 1).unwrap();
        bench.consent("civil-affairs", (1, 1), &what).unwrap();
        // In time nobody's silence counts.
        refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
        bench.now += SignedDuration::from_hours(24 * 8);
        if counts {
            // An objection is not silence.
            bench.object("education", 1).unwrap();
            refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
            bench.withdraw("education", 1).unwrap();
            bench.issue(1, 1, &what).unwrap();
            let row = bench.minutes(1);
            let silent: Vec<bool> = row.consents.iter().map(|one| one.is_silent).collect();
            assert_eq!(silent, [false, true]);
            let asked = bench.asked("education");
            assert!(
                asked
                    .iter()
                    .all(|one| one.action == RequestedAction::CarryOut)
            );
        } else {
            refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
        }
    }
}

#[test]
fn a_correction_is_a_document_of_its_own_that_cites_the_one_before() {
    let store = store();
    let mut bench = Bench::new(&store);
    let first = content(
        "纪要",
        &[task("a", &["education", "tax"]), task("b", &["tax"])],
    );
    bench.through(1, &first);
    bench.unit("tax", report(2, TaskState::Done)).unwrap();
    bench.unit("tax", report(1, TaskState::Done)).unwrap();
    let correct = |document| Act::Correct {
        document,
        reason: "单位名称有误".into(),
    };
    let begun = bench.office(correct(1)).unwrap();
    let (title, body, _) = &notices(&begun)[0];
    assert!(title.contains("晋社管联执办纪〔2026〕1号"), "{title}");
    assert!(body.contains("单位名称有误"), "{body}");
    refused(bench.office(correct(1)), Reason::MeetingState);
    refused(bench.office(correct(2)), Reason::MeetingState);

    let second = content(
        "纪要（更正）",
        &[
            AgreedItemDraft {
                continues_item: 1,
                ..task("a, corrected", &["education", "tax"])
            },
            task("c", &["health"]),
        ],
    );
    assert!(
        !bench.item(1).is_superseded,
        "until the correction is issued"
    );
    bench.through(2, &second);
    assert_eq!(bench.minutes(2).serial, 2, "the next number of the series");
    assert_eq!(bench.minutes(1).state(), MinutesState::Issued);
    let superseded: Vec<bool> = (1..=4).map(|item| bench.item(item).is_superseded).collect();
    assert_eq!(superseded, [true, true, false, false]);
    assert_eq!(bench.item(1).continued_by, 3);
    assert_eq!(bench.item(2).continued_by, 0);
    // What is continued keeps its progress; what is not begins anew.
    let states: Vec<_> = bench.item(3).tasks.iter().map(|one| one.state()).collect();
    assert_eq!(states, [TaskState::NotStarted, TaskState::Done]);
    assert_eq!(bench.asked("tax"), []);
    assert_eq!(bench.asked("education").len(), 1);
    assert_eq!(bench.asked("health").len(), 1);
    refused(
        bench.unit("tax", report(2, TaskState::Done)),
        Reason::MeetingState,
    );
    assert_eq!(bench.meeting().state(), MeetingState::FollowUp);
}

#[test]
fn an_extension_stays_when_a_correction_asks_for_the_same_day() {
    let store = store();
    let mut bench = Bench::new(&store);
    let first = content("纪要", &[task("a", &["education", "tax"])]);
    bench.through(1, &first);
    extend(&mut bench, "tax", 1);
    bench
        .office(Act::Correct {
            document: 1,
            reason: "错字".into(),
        })
        .unwrap();
    let second = content(
        "纪要",
        &[AgreedItemDraft {
            continues_item: 1,
            ..task("a!", &["education", "tax"])
        }],
    );
    bench.through(2, &second);
    let days: Vec<_> = bench.item(2).tasks.iter().map(|one| one.due_on).collect();
    assert_eq!(days, [Some(day(2026, 9, 30)), Some(day(2026, 10, 15))]);
    let due = |unit: &str| bench.asked(unit).pop().unwrap().due_at.to_string();
    assert_eq!(bench.asked("tax").len(), 1);
    assert_eq!(due("education"), "2026-09-30T15:59:59Z");
    assert_eq!(due("tax"), "2026-10-15T15:59:59Z");
    // Each is asked by its own notice, and done with it when it has reported.
    bench.unit("tax", report(2, TaskState::Done)).unwrap();
    assert!(!bench.is_asked("tax") && bench.is_asked("education"));
}

fn report(item: u32, state: TaskState) -> Act {
    Act::Report {
        item,
        state,
        evidence: vec![],
    }
}

fn extend(bench: &mut Bench<'_>, unit: &str, item: u32) {
    let due_on = jiff::civil::date(2026, 10, 15);
    let ask = Act::RequestExtension {
        item,
        due_on,
        reason: "须待审计".into(),
    };
    bench.unit(unit, ask).unwrap();
    let grant = Act::DecideExtension {
        item,
        unit: unit.parse().unwrap(),
        is_granted: true,
        due_on,
        reason: String::new(),
    };
    bench.office(grant).unwrap();
}

#[test]
fn fs_011_a_unit_bears_the_name_of_the_day_of_the_meeting() {
    let units = [
        ("civil-affairs", Attendance::Present),
        ("pboc-branch", Attendance::Present),
    ];
    for (year, name) in [
        (2022, "中国人民银行太原中心支行"),
        (2024, "中国人民银行山西省分行"),
    ] {
        let store = store();
        let mut bench = Bench::new(&store);
        bench.held(MeetingKind::Annual, &["fund-supervision"], &units);
        let mut row = bench.meeting();
        row.planned_on = Some(day(year, 6, 1));
        bench
            .rows
            .put_message(keys::meeting(meeting_name().0.as_bytes()), &row);
        let what = content("纪要", &[task("a", &["pboc-branch"])]);
        bench.draft(1, 0, &what).unwrap();
        bench.circulate(1, 1).unwrap();
        let consented = bench.consent("pboc-branch", (1, 1), &what).unwrap();
        let (title, ..) = &notices(&consented)[0];
        assert!(title.starts_with(name), "{title}");
    }
}
