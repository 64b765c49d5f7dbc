//! Deadlines follow the calendar.

use super::*;

/// 10 October 2025 becomes a day off by a notice of the evening before.
const MOVED: &str = "2025-10-10,holiday,x,2025-09-29\n";

fn recompute(number: u64) -> Command {
    Command::Recompute(Recompute {
        request: name(number),
        kind: DeadlineKind::Answer,
        correction: 0,
    })
}

#[test]
fn x_003_a_notice_moves_deadlines_that_run_and_the_day_before_stays_visible() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Conditional);
    bench.submitted(2, SharingAttribute::Conditional);
    bench.answer(2, What::Refuse).unwrap();
    let hub = Permit::hub().unwrap();
    let nothing = bench.run_as(&hub, recompute(1)).unwrap_err();
    assert_eq!(
        nothing.reason,
        Reason::Conflict,
        "it is where the calendar has it"
    );
    let published = Calendar::published().unwrap();
    bench.calendar = published.extended(MOVED).unwrap();
    let early = bench.run_as(&hub, recompute(1)).unwrap_err();
    assert_eq!(
        early.reason,
        Reason::Conflict,
        "the notice is not known yet"
    );
    bench.at("2025-09-29T01:00:00Z");
    let stranger = bench
        .run("civil-affairs", "liaison", recompute(1))
        .unwrap_err();
    assert_eq!(stranger.reason, Reason::PermissionDenied);
    let Decision::Record(events) = bench.run_as(&hub, recompute(1)).unwrap() else {
        panic!("it is recorded");
    };
    assert_eq!(events.len(), 3, "the move, and both sides are told");
    let moved = bench.open(1, DeadlineKind::Answer);
    assert_eq!(moved.due_on(), Some(day("2025-10-15")));
    let step = &moved.moves[0];
    assert_eq!(step.reason(), DeadlineMoveReason::Calendar);
    assert_eq!(step.was_on, Some(date::to_wire(day("2025-10-14"))));
    assert_eq!(step.becomes_on, Some(date::to_wire(day("2025-10-15"))));
    assert_eq!(step.known_from_on, Some(date::to_wire(day("2025-09-29"))));
    assert_eq!(bench.board("agencies/civil-affairs"), [day("2025-10-15")]);
    let again = bench.run_as(&hub, recompute(1)).unwrap_err();
    assert_eq!(again.reason, Reason::Conflict);
    let met = bench.run_as(&hub, recompute(2)).unwrap_err();
    assert_eq!(met.reason, Reason::Conflict, "what is met stays as it was");
    bench.answer(1, What::Refuse).unwrap();
    assert_eq!(bench.board("agencies/civil-affairs"), []);
}

#[test]
fn x_003_past_the_last_notice_a_day_is_provisional_until_the_notice_is_known() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.at("2026-12-24T08:00:00Z");
    bench
        .draft(1, |draft| draft.valid_until = day("2027-06-30"))
        .unwrap();
    bench
        .act("tax", "leader", 1, What::Approve(vec![]))
        .unwrap();
    let due = bench.open(1, DeadlineKind::Answer).due.unwrap();
    assert!(due.is_provisional);
    let next = "2027-01-01,holiday,x,2026-12-28\n2027-05-01,holiday,x,2026-12-28\n\
                2027-10-01,holiday,x,2026-12-28\n";
    bench.calendar = Calendar::published().unwrap().extended(next).unwrap();
    bench.at("2026-12-28T08:00:00Z");
    let hub = Permit::hub().unwrap();
    bench.run_as(&hub, recompute(1)).unwrap();
    let moved = bench.open(1, DeadlineKind::Answer);
    assert!(!moved.due.as_ref().unwrap().is_provisional);
    assert_eq!(moved.due_on(), Some(day("2027-01-08")), "one day off more");
    assert_eq!(
        moved.moves[0].known_from_on,
        Some(date::to_wire(day("2026-12-28")))
    );
}
