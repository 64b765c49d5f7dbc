//! Drafts, circulation, consent, objection.

use hub_proto::meetings::MinutesState;

use super::*;

#[test]
fn je_073_minutes_without_an_agreed_item_are_not_circulated() {
    let store = store();
    let mut bench = Bench::new(&store);
    let empty = content("纪要", &[]);
    bench.draft(1, 0, &empty).unwrap();
    let why = refused(bench.circulate(1, 1), Reason::MeetingState);
    assert!(why.contains("JE-073"), "{why}");
    bench
        .draft(1, 1, &content("纪要", &[task("a", &["tax"])]))
        .unwrap();
    bench.circulate(1, 2).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::ConsentRound);
}

#[test]
fn je_073_minutes_are_drafted_once_the_meeting_was_held() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    for state in [
        MeetingState::Draft,
        MeetingState::TopicsOpen,
        MeetingState::TopicsConfirmed,
        MeetingState::Convened,
        MeetingState::Cancelled,
    ] {
        let key = keys::meeting(meeting_name().0.as_bytes());
        let mut row = bench.meeting();
        row.set_state(state);
        bench.rows.put_message(key, &row);
        refused(bench.draft(1, 0, &what), Reason::MeetingState);
    }
}

#[test]
fn je_074_attending_units_are_asked_and_nobody_else() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    let circulated = bench.circulate(1, 1).unwrap();
    let asked: Vec<bool> = UNITS.iter().map(|(unit, _)| bench.is_asked(unit)).collect();
    assert_eq!(asked, [true, true, false, false]);
    let told = &notices(&circulated)[0].2;
    assert_eq!(
        *told,
        [
            "agencies/civil-affairs",
            "agencies/education",
            "mechanisms/joint-enforcement/office"
        ]
    );
    for absent in ["health", "tax", "finance"] {
        let answer = bench.consent(absent, (1, 1), &what);
        refused(answer, Reason::PermissionDenied);
        refused(bench.object(absent, 1), Reason::PermissionDenied);
    }
}

#[test]
fn je_074_any_new_version_clears_all_consents_and_nobody_is_asked_any_longer() {
    let store = store();
    let mut bench = Bench::new(&store);
    let first = content("纪要", &[task("a", &["tax"])]);
    let second = content("纪要", &[task("b", &["tax"])]);
    bench.draft(1, 0, &first).unwrap();
    bench.circulate(1, 1).unwrap();
    bench.consent("civil-affairs", (1, 1), &first).unwrap();
    assert!(!bench.is_asked("civil-affairs") && bench.is_asked("education"));

    let drafted = bench.draft(1, 1, &second).unwrap();
    assert_eq!(
        notices(&drafted).len(),
        2,
        "the units learn that the round is over"
    );
    assert_eq!(bench.minutes(1).state(), MinutesState::Draft);
    assert_eq!(bench.minutes(1).consents, []);
    assert!(!bench.is_asked("education"));
    refused(bench.consent("education", (1, 1), &first), Reason::Conflict);

    bench.circulate(1, 2).unwrap();
    let agreed = |bench: &Bench<'_>| {
        let row = bench.minutes(1);
        row.consents
            .iter()
            .filter(|one| one.agreed.is_some())
            .count()
    };
    assert_eq!(agreed(&bench), 0);
    refused(bench.consent("education", (1, 1), &first), Reason::Conflict);
    refused(bench.consent("education", (1, 2), &first), Reason::Conflict);
    bench.consent("education", (1, 2), &second).unwrap();
    assert_eq!(agreed(&bench), 1);
    assert_eq!(bench.meeting().state(), MeetingState::ConsentRound);
    bench.consent("civil-affairs", (1, 2), &second).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::Agreed);
    // Also what all have agreed to can be drafted anew.
    bench.draft(1, 2, &first).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::MinutesDraft);
    refused(bench.issue(1, 2, &second), Reason::Conflict);
}

#[test]
fn of_two_drafters_one_is_told_to_read_again() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    refused(bench.draft(1, 1, &what), Reason::Conflict);
    bench.draft(1, 0, &what).unwrap();
    refused(bench.draft(1, 0, &what), Reason::Conflict);
    refused(bench.circulate(1, 2), Reason::Conflict);
    bench.draft(1, 1, &what).unwrap();
    refused(bench.circulate(1, 1), Reason::Conflict);
    bench.circulate(1, 2).unwrap();
    refused(bench.circulate(1, 2), Reason::MeetingState);
}

#[test]
fn an_objection_is_withdrawn_or_answered_by_a_new_version() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    bench.circulate(1, 1).unwrap();
    bench.consent("civil-affairs", (1, 1), &what).unwrap();
    bench.object("education", 1).unwrap();
    assert!(!bench.is_asked("education"), "it has answered");
    refused(bench.object("education", 1), Reason::MeetingState);
    refused(
        bench.consent("education", (1, 1), &what),
        Reason::MeetingState,
    );
    bench.withdraw("education", 1).unwrap();
    assert_eq!(bench.asked("education").len(), 1, "it is asked again");
    refused(bench.withdraw("education", 1), Reason::MeetingState);
    bench.consent("education", (1, 1), &what).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::Agreed);

    // Before the issue an agreed unit can still object.
    bench.object("civil-affairs", 1).unwrap();
    assert_eq!(bench.meeting().state(), MeetingState::ConsentRound);
    refused(bench.issue(1, 1, &what), Reason::MinutesNotAgreed);
    bench.draft(1, 1, &what).unwrap();
    bench.circulate(1, 2).unwrap();
    let row = bench.minutes(1);
    let answers: Vec<_> = row
        .objections
        .iter()
        .map(|one| (one.withdrawn_at_us > 0, one.answered_by_version))
        .collect();
    assert_eq!(answers, [(true, 0), (false, 2)]);
}

#[test]
fn a_consent_again_is_the_same_consent() {
    let store = store();
    let mut bench = Bench::new(&store);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    bench.circulate(1, 1).unwrap();
    let index = bench.index;
    bench.consent("education", (1, 1), &what).unwrap();
    let again = bench.consent("education", (1, 1), &what).unwrap();
    assert_eq!(again, Decision::Already(index));
}

#[test]
fn who_was_consulted_attends_a_meeting_by_correspondence() {
    let store = store();
    let mut bench = Bench::new(&store);
    let units = [
        ("civil-affairs", Attendance::Consulted),
        ("education", Attendance::Consulted),
        ("tax", Attendance::Absent),
    ];
    bench.held(MeetingKind::Correspondence, &["joint-enforcement"], &units);
    let what = content("纪要", &[task("a", &["tax"])]);
    bench.draft(1, 0, &what).unwrap();
    bench.circulate(1, 1).unwrap();
    let row = bench.minutes(1);
    let asked: Vec<&str> = row.consents.iter().map(|one| one.unit.as_str()).collect();
    assert_eq!(asked, ["civil-affairs", "education"]);
}

#[test]
fn je_074_nothing_is_circulated_when_nobody_attended() {
    let store = store();
    let mut bench = Bench::new(&store);
    let units = [("tax", Attendance::Absent)];
    bench.held(MeetingKind::Extraordinary, &["joint-enforcement"], &units);
    bench
        .draft(1, 0, &content("纪要", &[task("a", &["tax"])]))
        .unwrap();
    refused(bench.circulate(1, 1), Reason::MeetingState);
}

#[test]
fn the_time_to_consent_lies_ahead() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench
        .draft(1, 0, &content("纪要", &[task("a", &["tax"])]))
        .unwrap();
    let circulate = |consent_by| Act::Circulate {
        document: 1,
        version: 1,
        consent_by: Some(consent_by),
        attachments: vec![],
    };
    let now = bench.now;
    refused(bench.office(circulate(now)), Reason::InvalidArgument);
    bench
        .office(circulate(now + SignedDuration::from_secs(1)))
        .unwrap();
}
