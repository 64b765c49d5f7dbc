//! Acts on an alert, from the first acknowledgement to the seal.

use hub_proto::funds::{ClosingOutcome, JointNoticeState, MeasureState};

use super::*;

const HANDLE: RequestedAction = RequestedAction::HandleAlert;
const SIGN: RequestedAction = RequestedAction::CoSign;
const CARRY_OUT: RequestedAction = RequestedAction::CarryOutMeasure;

fn find(kind: FindingKind) -> What {
    What::Find(kind)
}

fn draft(units: &[&str]) -> What {
    What::Draft {
        author: Recipient::Office("fund-supervision".parse().unwrap()),
        units: units.iter().map(|unit| unit.parse().unwrap()).collect(),
    }
}

fn sign(notice: u32, is_signed: bool) -> What {
    What::Sign { notice, is_signed }
}

fn issue(notice: u32) -> What {
    What::Issue {
        notice,
        by: Recipient::Office("fund-supervision".parse().unwrap()),
        text: "联合通报".into(),
    }
}

#[test]
fn an_acknowledgement_settles_what_was_asked_and_may_be_said_anew() {
    let store = store();
    let mut bench = Bench::raised(&store);
    for unit in UNITS {
        assert_eq!(bench.asked(unit), [HANDLE], "{unit}");
    }
    assert_eq!(bench.asked(BANK), []);
    bench.acknowledge("tax", AlertAction::NoAction).unwrap();
    assert_eq!(bench.asked("tax"), []);
    assert_eq!(bench.asked("finance"), [HANDLE]);
    assert_eq!(bench.told(), [[agencies(&[BANK]), vec![office()]].concat()]);
    let first = bench.row().units[4].acknowledged.clone();
    assert_eq!(bench.row().state(), AlertState::UnderHandling);
    bench.checks("tax");
    let own = bench.row().units[4].clone();
    assert_eq!(
        (own.acknowledged.clone(), own.action()),
        (first, AlertAction::Checks)
    );
    let other = What::Acknowledge {
        revision: 2,
        action: AlertAction::Checks,
    };
    is_record_state(bench.act("tax", other), "revision 1");
    let noted = bench.acknowledge("tax", AlertAction::Noted);
    assert_eq!(fields(noted), ["action"]);
}

#[test]
fn x_004_an_acknowledgement_after_its_time_is_taken_all_the_same() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.now += SignedDuration::from_hours(24 * 30);
    bench.checks("tax");
}

#[test]
fn a_finding_needs_a_unit_that_has_said_it_checks() {
    let store = store();
    let mut bench = Bench::raised(&store);
    let substantiated = || find(FindingKind::Substantiated);
    is_record_state(bench.act("tax", substantiated()), "not acknowledged");
    bench.acknowledge("tax", AlertAction::NoAction).unwrap();
    is_record_state(bench.act("tax", substantiated()), "checks");
    bench.checks("tax");
    bench.act("tax", substantiated()).unwrap();
    assert_eq!(bench.row().state(), AlertState::Found);
    let mut others = agencies(&UNITS[..4]);
    others.extend([format!("agencies/{BANK}"), office()]);
    assert_eq!(bench.told(), [others]);
}

#[test]
fn fs_021_a_joint_notice_needs_two_units_and_two_signatures() {
    let store = store();
    let mut bench = Bench::raised(&store);
    for too_few in [&[][..], &["tax"]] {
        let refused = bench.act("civil-affairs", draft(too_few));
        let error = refused.unwrap_err();
        assert_eq!(error.violations[0].field, "joint_notice.units");
        assert!(error.message.contains("FS-021"), "{error}");
    }
    let refused = bench.act("civil-affairs", draft(&["tax", "tax"]));
    assert_eq!(fields(refused), ["joint_notice.units[1]"]);
    let refused = bench.act("civil-affairs", draft(&["tax", "health"]));
    assert_eq!(fields(refused), ["joint_notice.units[1]"]);
    bench
        .act("civil-affairs", draft(&["tax", "finance", BANK]))
        .unwrap();
    assert_eq!(bench.told(), [agencies(&["tax", "finance", BANK])]);
    assert_eq!(bench.asked(BANK), [SIGN], "who raised it may sign too");
    is_record_state(bench.act("civil-affairs", issue(1)), "FS-021");
    bench.act("tax", sign(1, true)).unwrap();
    is_record_state(bench.act("civil-affairs", issue(1)), "has 1 signatures");
    bench.act("finance", sign(1, false)).unwrap();
    is_record_state(bench.act("civil-affairs", issue(1)), "has 1 signatures");
    is_record_state(bench.act("finance", sign(1, true)), "already");
    let again = bench.act("finance", sign(1, false)).unwrap();
    assert!(matches!(again, Decision::Already(_)));
    bench.act(BANK, sign(1, true)).unwrap();
    assert_eq!(bench.asked("tax"), [HANDLE]);
    bench.act("civil-affairs", issue(1)).unwrap();
    let mut all = agencies(&UNITS);
    all.push(format!("agencies/{BANK}"));
    assert_eq!(
        bench.told(),
        [all],
        "everyone but the office, which issued it"
    );
    is_record_state(bench.act("civil-affairs", issue(1)), "ISSUED");
    assert_eq!(
        fields(bench.act("civil-affairs", issue(2))),
        ["joint_notice"]
    );
}

#[test]
fn fs_021_who_has_not_signed_when_it_is_issued_is_asked_no_more() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench
        .act(
            "civil-affairs",
            draft(&["tax", "finance", "public-security"]),
        )
        .unwrap();
    bench.act("tax", sign(1, true)).unwrap();
    bench.act("finance", sign(1, true)).unwrap();
    assert_eq!(bench.asked("public-security").len(), 2);
    bench.act("civil-affairs", issue(1)).unwrap();
    assert_eq!(bench.asked("public-security"), [HANDLE]);
}

#[test]
fn fs_034_a_measure_is_asked_of_the_unit_that_takes_it_until_it_reports() {
    let store = store();
    let mut bench = Bench::raised(&store);
    let today = bench.due();
    let yesterday = today.yesterday().unwrap();
    let take = |day| What::Take(day);
    is_record_state(bench.act("civil-affairs", take(today)), "not acknowledged");
    bench.checks("civil-affairs");
    let refused = bench.act("civil-affairs", take(yesterday));
    assert_eq!(fields(refused), ["measure.due_on"]);
    let far = today.checked_add(jiff::Span::new().years(10)).unwrap();
    let refused = bench.act("civil-affairs", take(far.tomorrow().unwrap()));
    assert_eq!(fields(refused), ["measure.due_on"]);
    bench.act("civil-affairs", take(today)).unwrap();
    assert_eq!(bench.asked("civil-affairs"), [CARRY_OUT]);
    assert_eq!(bench.told()[0], agencies(&["civil-affairs"]));
    // Only whoever took it reports it.
    bench.checks("tax");
    assert_eq!(fields(bench.act("tax", What::Report(1))), ["measure"]);
    bench.act("civil-affairs", What::Report(1)).unwrap();
    assert_eq!(bench.asked("civil-affairs"), []);
    is_record_state(bench.act("civil-affairs", What::Report(1)), "not open");
    let review = What::Review {
        measure: 1,
        is_lifted: true,
    };
    is_record_state(bench.act("civil-affairs", review), "does not await");
}

#[test]
fn a_closing_needs_a_finding_or_that_every_unit_does_nothing() {
    let store = store();
    let mut bench = Bench::raised(&store);
    is_record_state(bench.close(), "no finding");
    for unit in &UNITS[..4] {
        bench.acknowledge(unit, AlertAction::NoAction).unwrap();
    }
    is_record_state(bench.close(), "no finding");
    bench.acknowledge("tax", AlertAction::NoAction).unwrap();
    bench.close().unwrap();
    let row = bench.row();
    assert_eq!(row.state(), AlertState::Closed);
    assert_eq!(row.closings[0].outcome(), ClosingOutcome::NoAction);
    assert!(row.ended_at_us > 0);
    for what in [
        What::Inform,
        find(FindingKind::Substantiated),
        draft(&["tax", "finance"]),
    ] {
        is_record_state(bench.act("tax", what), "CLOSED");
    }
    is_record_state(bench.close(), "CLOSED");
    is_record_state(bench.acknowledge("tax", AlertAction::Checks), "CLOSED");
}

#[test]
fn the_outcome_is_that_of_the_findings_that_stand() {
    use FindingKind::{Referred, Substantiated, Unsubstantiated};
    let cases = [
        (
            vec![("tax", Unsubstantiated)],
            ClosingOutcome::Unsubstantiated,
        ),
        (
            vec![("tax", Unsubstantiated), ("finance", Referred)],
            ClosingOutcome::Referred,
        ),
        (
            vec![("tax", Referred), ("finance", Substantiated)],
            ClosingOutcome::Substantiated,
        ),
        // Of each unit the last one.
        (
            vec![("tax", Substantiated), ("tax", Unsubstantiated)],
            ClosingOutcome::Unsubstantiated,
        ),
    ];
    for (findings, outcome) in cases {
        let store = store();
        let mut bench = Bench::raised(&store);
        bench.checks("tax");
        bench.checks("finance");
        for (unit, kind) in findings {
            bench.act(unit, find(kind)).unwrap();
        }
        assert_eq!(close::outcome(&bench.row()), Some(outcome));
        bench.close().unwrap();
        let closing = bench.row().closings[0].clone();
        assert_eq!(closing.unacknowledged.len(), 3);
        assert_eq!(bench.row().ended_at_us > 0, close::is_for_a_time(outcome));
        assert_eq!(
            bench.asked("public-security"),
            [],
            "nothing is asked any more"
        );
    }
}

#[test]
fn a_closing_waits_for_measures_and_names_another_officer() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench.act("tax", find(FindingKind::Substantiated)).unwrap();
    bench.act("tax", What::Take(bench.due())).unwrap();
    is_record_state(bench.close(), "1 measures");
    bench.act("tax", What::Report(1)).unwrap();
    let close = |agency: &str, officer: &str| What::Close {
        by: Recipient::Office("fund-supervision".parse().unwrap()),
        reviewer_agency: agency.parse().unwrap(),
        reviewer: officer.parse().unwrap(),
    };
    let office = "civil-affairs";
    let own = bench.act(office, close(office, "civil-affairs-officer"));
    assert_eq!(fields(own), ["closing.reviewer"]);
    let outsider = bench.act(office, close("health", "somebody"));
    assert_eq!(fields(outsider), ["closing.reviewer_agency"]);
    bench.act(office, close(office, "somebody-else")).unwrap();
}

#[test]
fn a_correction_reaches_everyone_again_and_measures_are_reviewed() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench.checks("finance");
    bench.act("tax", What::Take(bench.due())).unwrap();
    bench.act("finance", What::Take(bench.due())).unwrap();
    bench.act("finance", What::Report(2)).unwrap();
    bench.act("tax", find(FindingKind::Substantiated)).unwrap();
    bench
        .act("civil-affairs", draft(&["tax", "finance"]))
        .unwrap();
    is_record_state(bench.correct(2, |_| {}), "revision 1");
    let moved = bench.correct(1, |one| {
        one.organization.as_mut().unwrap().uscc = "53220000500104519Q".into();
    });
    assert_eq!(fields(moved), ["alert.organization.uscc"]);
    let few = agencies(&["tax"]);
    let renamed = bench.correct(1, |one| one.circulated_to = few);
    assert_eq!(fields(renamed), ["alert.circulated_to"]);
    bench
        .correct(1, |one| one.severity = Severity::Emergency.into())
        .unwrap();
    let mut all = agencies(&UNITS);
    all.push(office());
    let told = bench.told();
    assert_eq!(told[0], all);
    assert_eq!(told[1..], [agencies(&["finance"]), agencies(&["tax"])]);
    let row = bench.row();
    assert_eq!((row.state(), row.revision()), (AlertState::Circulated, 2));
    assert_eq!(row.notices[0].state(), JointNoticeState::Lapsed);
    assert!(row.units.iter().all(|unit| unit.acknowledged.is_none()));
    assert!(row.measures.iter().all(|one| one.awaits_review));
    assert_eq!(close::outcome(&row), None, "findings were on revision 1");
    // Tax owes: an acknowledgement, its measure, and the review of it.
    let mut asked = bench.asked("tax");
    asked.sort();
    assert_eq!(asked, [HANDLE, CARRY_OUT, CARRY_OUT]);
    is_record_state(bench.act("tax", What::Report(1)), "awaits review");
    let review = |measure, is_lifted| What::Review { measure, is_lifted };
    bench.act("tax", review(1, false)).unwrap();
    let mut asked = bench.asked("tax");
    asked.sort();
    assert_eq!(asked, [HANDLE, CARRY_OUT], "upheld: still to be done");
    bench.act("tax", What::Report(1)).unwrap();
    assert_eq!(bench.asked("tax"), [HANDLE]);
    bench.act("finance", review(2, true)).unwrap();
    assert_eq!(bench.row().measures[1].state(), MeasureState::Lifted);
    assert_eq!(bench.asked("finance"), [HANDLE]);
}

#[test]
fn a_correction_opens_a_closed_alert_and_a_named_one_is_no_emergency() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench
        .act("tax", find(FindingKind::Unsubstantiated))
        .unwrap();
    bench.close().unwrap();
    let far = Timestamp::MAX;
    assert_eq!(sealed::due(&bench.rows, far).unwrap().len(), 1);
    bench.correct(1, |_| {}).unwrap();
    assert_eq!(bench.row().state(), AlertState::Circulated);
    assert_eq!(sealed::due(&bench.rows, far).unwrap().len(), 0);
    let few = agencies(&["tax"]);
    let mut bench = Bench::new(&store);
    bench.raise(|one| one.circulated_to = few).unwrap();
    let refused = bench.correct(1, |one| one.severity = Severity::Emergency.into());
    assert_eq!(fields(refused), ["alert.severity"]);
    let refused = bench.correct(1, |one| one.asks[0].unit = "agencies/finance".into());
    assert_eq!(fields(refused), ["alert.asks[0].unit"]);
}

#[test]
fn a_retraction_is_for_good_and_acknowledged_by_all_who_saw_the_alert() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench.act("tax", What::Take(bench.due())).unwrap();
    bench.act(BANK, What::Retract).unwrap();
    let row = bench.row();
    assert_eq!((row.state(), row.revision()), (AlertState::Retracted, 2));
    assert!(row.measures[0].awaits_review);
    for unit in UNITS {
        assert!(bench.asked(unit).contains(&HANDLE), "{unit}");
    }
    let checks = bench.acknowledge("finance", AlertAction::Checks);
    assert_eq!(fields(checks), ["action"]);
    bench.acknowledge("finance", AlertAction::Noted).unwrap();
    assert_eq!(bench.asked("finance"), []);
    let again = bench.acknowledge("finance", AlertAction::Noted).unwrap();
    assert!(matches!(again, Decision::Already(_)));
    is_record_state(bench.act(BANK, What::Retract), "RETRACTED");
    is_record_state(bench.correct(2, |_| {}), "RETRACTED");
    is_record_state(bench.close(), "RETRACTED");
    // It is kept until nothing of it is to be reviewed.
    assert_eq!(sealed::due(&bench.rows, Timestamp::MAX).unwrap().len(), 0);
    let review = What::Review {
        measure: 1,
        is_lifted: true,
    };
    bench.act("tax", review).unwrap();
    assert_eq!(sealed::due(&bench.rows, Timestamp::MAX).unwrap().len(), 1);
}

#[test]
fn acts_measures_and_the_like_are_limited() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    let key = crate::state::keys::alert(id(1).as_bytes());
    let mut row = bench.row();
    row.acts_count = ACTS_MAX;
    bench.rows.put_message(key.clone(), &row);
    is_record_state(bench.act(BANK, What::Inform), "4000 acts");
    is_record_state(bench.correct(1, |_| {}), "4000 acts");
    row.acts_count = ACTS_MAX - 1;
    row.measures = vec![rows::MeasureRow::default(); MEASURES_MAX];
    row.information = vec![Default::default(); INFORMATION_MAX];
    row.findings = vec![rows::FindingRow::default(); FINDINGS_MAX];
    row.notices = vec![rows::NoticeRow::default(); JOINT_NOTICES_MAX];
    bench.rows.put_message(key.clone(), &row);
    let due = bench.due();
    is_record_state(bench.act("tax", What::Take(due)), "60 measures");
    is_record_state(bench.act(BANK, What::Inform), "50 answers");
    is_record_state(bench.act("tax", find(FindingKind::Referred)), "60 findings");
    is_record_state(
        bench.act("tax", draft(&["tax", "finance"])),
        "12 joint notices",
    );
    let revision = row.revisions[0].clone();
    row.revisions = vec![revision; REVISIONS_MAX];
    bench.rows.put_message(key.clone(), &row);
    is_record_state(bench.correct(50, |_| {}), "50 revisions");
    row.acts_count = ACTS_MAX;
    bench.rows.put_message(key, &row);
    bench.act(BANK, What::Retract).unwrap();
}

#[test]
fn what_is_sealed_says_no_more_whom_it_was_about_and_replays_to_the_same_rows() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench
        .act("tax", find(FindingKind::Unsubstantiated))
        .unwrap();
    let raised = bench.row().raised_entry();
    let early = seal(&mut bench, vec![raised]);
    assert_eq!(reason(early).0, Reason::Conflict, "it has not ended");
    bench.close().unwrap();
    let entries = sealed::due(&bench.rows, Timestamp::MAX).unwrap().remove(0);
    assert_eq!(entries, [10, 11, 12, 13]);
    let part = seal(&mut bench, vec![raised]);
    assert_eq!(reason(part).0, Reason::Conflict, "as a whole or not at all");
    seal(&mut bench, entries.clone()).unwrap();
    let row = bench.row();
    assert!(row.is_sealed && row.organization_sha256.is_empty());
    assert_eq!(sealed::due(&bench.rows, Timestamp::MAX).unwrap().len(), 0);
    for what in [What::Inform, What::Retract] {
        let refused = bench.act(BANK, what);
        assert_eq!(reason(refused).0, Reason::ContentSealed);
    }
    let refused = bench.correct(1, |_| {});
    assert_eq!(reason(refused).0, Reason::ContentSealed);
    // The ledger is replayed from residues.
    let mut again = Bench::new(&store);
    for (number, (at, author, events)) in bench.log.clone().into_iter().enumerate() {
        let index = 10 + number as u64;
        let events = if entries.contains(&index) {
            residue(&events)
        } else {
            events
        };
        (again.now, again.index) = (at, index);
        again.apply(&author, events);
    }
    let rows = |bench: &mut Bench<'_>| {
        let rows = bench.rows.take_changes().into_iter();
        rows.filter_map(|(key, value)| Some((key, value?)))
            .collect::<Vec<_>>()
    };
    let (live, replayed) = (rows(&mut bench), rows(&mut again));
    assert_eq!(live, replayed);
    let hash = content::organization_sha256(&USCC.parse().unwrap());
    let holds = |bytes: &[u8]| bytes.windows(32).any(|window| window == hash);
    assert!(live.iter().all(|(key, value)| !holds(key) && !holds(value)));
}

#[test]
fn what_was_done_since_an_order_was_put_together_stops_it() {
    let store = store();
    let mut bench = Bench::raised(&store);
    bench.checks("tax");
    bench
        .act("tax", find(FindingKind::Unsubstantiated))
        .unwrap();
    bench.close().unwrap();
    let cutoff = bench.now;
    let before = sealed::due(&bench.rows, cutoff).unwrap().remove(0);
    // It ended anew: its period begins anew.
    bench.act(BANK, What::Retract).unwrap();
    assert_eq!(sealed::due(&bench.rows, cutoff).unwrap().len(), 0);
    let whole = [before.clone(), vec![14]].concat();
    let early = seal_before(&mut bench, whole.clone(), cutoff);
    assert_eq!(reason(early).0, Reason::Conflict, "not long enough ago");
    let partly = seal(&mut bench, before);
    assert_eq!(
        reason(partly).0,
        Reason::Conflict,
        "the retraction would stay"
    );
    // A unit acknowledges the retraction at last, with a text and a notice.
    let noted = What::Acknowledge {
        revision: 2,
        action: AlertAction::Noted,
    };
    bench.act("finance", noted).unwrap();
    let partly = seal(&mut bench, whole.clone());
    assert_eq!(reason(partly).0, Reason::Conflict, "and so would this");
    seal(&mut bench, [whole, vec![15]].concat()).unwrap();
    assert!(bench.row().is_sealed);
}

fn seal(bench: &mut Bench<'_>, entries: Vec<u64>) -> Result<Decision> {
    let cutoff = bench.now;
    seal_before(bench, entries, cutoff)
}

fn seal_before(bench: &mut Bench<'_>, entries: Vec<u64>, cutoff: Timestamp) -> Result<Decision> {
    let roster = Roster::read(Arc::new(bench.charter.clone()), &bench.rows, 0).unwrap();
    let context = Context {
        charter: &bench.charter,
        roster: &roster,
        now: bench.now,
        index: bench.index,
        seed: [7; 16],
    };
    let command = domain::Command::Seal(sealing::Command {
        entries,
        rule: "test".into(),
        cutoff,
    });
    let hub = Permit::hub().unwrap();
    let decision = domain::decide(&context, &bench.rows, &hub, &command)?;
    if let Decision::Record(events) = &decision {
        bench.apply("hub", events.clone());
    }
    Ok(decision)
}

/// What stays of events.
fn residue(events: &[Event]) -> Vec<Event> {
    use hub_proto::ledger::{EntryContent, EntryHeader, EventList};
    use prost::Message as _;
    let header = EntryHeader {
        method: "/hub.funds.v1.AlertService/RaiseAlert".into(),
        ..EntryHeader::default()
    };
    assert!(sealing::is_sealable(&header, events));
    let list = EventList {
        events: events.to_vec(),
    };
    let content = EntryContent {
        events: list.encode_to_vec().into(),
        ..EntryContent::default()
    };
    let residue = sealing::residue(&header, &content, events, 14);
    let residue = EntryContent::decode(residue).unwrap();
    EventList::decode(residue.events).unwrap().events
}
