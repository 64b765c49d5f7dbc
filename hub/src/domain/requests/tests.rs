//! Information requests against the rules, each at its limit and one past it.

mod accounts;
mod calendar;

use std::sync::Arc;

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    date,
    names::RequestId,
    workdays::Calendar,
};
use hub_proto::{
    channels::RequestedAction,
    requests::{ApprovalLevel, DeadlineKind, DeadlineMoveReason, RequestKind, SharingAttribute},
};
use jiff::{SignedDuration, Timestamp};

use super::{draft::Account, rows::DeadlineRow, *};
use crate::{
    charter::{Action, Charter},
    dev::site::CHARTER,
    domain::{self, channels::asks, members::roster::Roster},
    state::memory::MemoryStore,
};

const ORGANIZATION: &str = "51100000500008957Y";

fn id(number: u64) -> RequestId {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
        .parse()
        .unwrap()
}

fn name(number: u64) -> InformationRequestName {
    InformationRequestName(id(number))
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

/// Tax asks civil affairs on the afternoon of 24 September 2025, or public security the central bank.
struct Bench<'a> {
    charter: Charter,
    calendar: Calendar,
    rows: Overlay<'a>,
    now: Timestamp,
    index: u64,
}

impl<'a> Bench<'a> {
    fn new(store: &'a MemoryStore) -> Self {
        Self::under(store, CHARTER)
    }

    fn under(store: &'a MemoryStore, charter: &str) -> Self {
        Self {
            charter: Charter::parse(charter, "test").unwrap(),
            calendar: Calendar::published().unwrap(),
            rows: Overlay::new(store),
            now: "2025-09-24T08:00:00Z".parse().unwrap(),
            index: 10,
        }
    }

    fn run_as(&mut self, permit: &Permit, command: Command) -> Result<Decision> {
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let roster = roster.with_calendar(Arc::new(self.calendar.clone()));
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [7; 16],
        };
        let command = domain::Command::Requests(command);
        let decision = domain::decide(&context, &self.rows, permit, &command)?;
        if let Decision::Record(events) = &decision {
            let entry = EntryMeta {
                index: self.index,
                recorded_at: self.now,
                author: permit.agency().as_str(),
                officer: permit.officer().as_str(),
            };
            domain::apply(&mut self.rows, &entry, events).unwrap();
            self.index += 1;
            self.now += SignedDuration::from_secs(60);
        }
        Ok(decision)
    }

    fn run(&mut self, agency: &str, role: &str, command: Command) -> Result<Decision> {
        let permit = Permit::testing(agency, role, Action::RequestsRead);
        self.run_as(&permit, command)
    }

    fn act(&mut self, agency: &str, role: &str, number: u64, what: What) -> Result<Decision> {
        let request = name(number);
        self.run(agency, role, Command::Act(Box::new(Act { request, what })))
    }

    /// A draft of tax, changed.
    fn draft(&mut self, number: u64, change: impl FnOnce(&mut Draft)) -> Result<Decision> {
        let mut draft = data(number);
        change(&mut draft);
        self.run("tax", "clerk", Command::Draft(Box::new(draft)))
    }

    /// A request that civil affairs has received.
    fn submitted(&mut self, number: u64, sharing: SharingAttribute) {
        self.draft(number, |draft| draft.sharing = sharing).unwrap();
        let approve = What::Approve(vec![]);
        self.act("tax", "leader", number, approve).unwrap();
    }

    /// A request whose data tax has.
    fn delivered(&mut self, number: u64) {
        self.submitted(number, SharingAttribute::Conditional);
        self.answer(number, What::Consent(Some(vec![]))).unwrap();
    }

    fn answer(&mut self, number: u64, what: What) -> Result<Decision> {
        self.act("civil-affairs", "liaison", number, what)
    }

    fn make(&mut self, number: u64, what: What) -> Result<Decision> {
        self.act("tax", "clerk", number, what)
    }

    fn inquiry(&mut self, number: u64, change: impl FnOnce(&mut Draft)) -> Result<Decision> {
        self.inquiry_of("public-security", number, change)
    }

    fn inquiry_of(
        &mut self,
        agency: &str,
        number: u64,
        change: impl FnOnce(&mut Draft),
    ) -> Result<Decision> {
        let mut draft = inquiry(number);
        draft.approver = format!("{agency}-leader").parse().unwrap();
        change(&mut draft);
        self.run(agency, "clerk", Command::Draft(Box::new(draft)))
    }

    fn row(&self, number: u64) -> InformationRequestRow {
        InformationRequestRow::read(&self.rows, name(number)).unwrap()
    }

    fn open(&self, number: u64, kind: DeadlineKind) -> DeadlineRow {
        self.row(number).open(kind, 0).unwrap().clone()
    }

    fn due_on(&self, number: u64, kind: DeadlineKind) -> Date {
        self.open(number, kind).due_on().unwrap()
    }

    /// Days on the board of who is asked.
    fn board(&self, board: &str) -> Vec<Date> {
        let page = asks::page(&self.rows, board, None, None, 100).unwrap();
        let asked = page.into_iter().map(|(_, one)| one);
        asked
            .map(|one| {
                assert_eq!(one.action, RequestedAction::AnswerRequest);
                date::on(one.due_at, self.charter.zone())
            })
            .collect()
    }

    fn is_running(&self, number: u64) -> bool {
        use crate::state::view::View as _;
        let key = crate::state::keys::running_deadlines(id(number).as_bytes());
        self.rows.row(&key).unwrap().is_some()
    }

    fn at(&mut self, text: &str) {
        self.now = text.parse().unwrap();
    }
}

fn data(number: u64) -> Draft {
    Draft {
        request: name(number),
        provider: "civil-affairs".parse().unwrap(),
        kind: RequestKind::Data,
        sharing: SharingAttribute::Conditional,
        legal_basis: "data_sharing".into(),
        has_instrument_basis: false,
        valid_until: day("2025-12-31"),
        approver: "tax-leader".parse().unwrap(),
        organizations: vec![],
        account: None,
        documents: vec![],
    }
}

fn inquiry(number: u64) -> Draft {
    Draft {
        provider: "pboc-branch".parse().unwrap(),
        kind: RequestKind::AccountInformation,
        legal_basis: "public_security_case".into(),
        has_instrument_basis: true,
        organizations: vec![ORGANIZATION.into()],
        account: Some(Account {
            case_number: "某公立字〔2025〕7号".into(),
            opened_on: day("2025-09-01"),
            organizations: vec![ORGANIZATION.into()],
            officers: ["a", "b"].map(|one| one.parse().unwrap()).into(),
            approval_level: ApprovalLevel::AsStatute,
            approved_on: day("2025-09-23"),
            is_charity: false,
        }),
        ..data(number)
    }
}

fn account(draft: &mut Draft) -> &mut Account {
    draft.account.as_mut().unwrap()
}

#[track_caller]
fn breaks(result: Result<Decision>, field: &str, source: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidArgument, "{error}");
    let fields: Vec<&str> = error.violations.iter().map(|one| &*one.field).collect();
    assert_eq!(fields, [field], "{error}");
    assert!(error.violations[0].rule.contains(source), "{error}");
}

#[track_caller]
fn stops(result: Result<Decision>, source: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.reason, Reason::RecordState, "{error}");
    assert!(error.message.contains(source), "{error}");
}

#[test]
fn order_809_art_20_a_request_needs_a_basis_a_provider_and_an_end() {
    let store = store();
    let mut bench = Bench::new(&store);
    let at = |field: &str| format!("information_request.{field}");
    let own = bench.draft(1, |draft| draft.provider = "tax".parse().unwrap());
    breaks(own, &at("provider"), "itself");
    let unknown = bench.draft(1, |draft| draft.provider = "nobody".parse().unwrap());
    breaks(unknown, &at("provider"), "charter");
    let none = bench.draft(1, |draft| draft.legal_basis = "whim".into());
    breaks(none, &at("legal_basis"), "art. 20");
    let other_kind = bench.draft(1, |draft| draft.legal_basis = "tax_collection".into());
    breaks(other_kind, &at("legal_basis"), "data_sharing");
    let statute = bench.draft(1, |draft| draft.has_instrument_basis = true);
    breaks(statute, &at("instrument_basis"), "must be empty");
    for over in ["2025-09-23", "2026-09-26"] {
        let over = bench.draft(1, |draft| draft.valid_until = day(over));
        breaks(over, &at("valid_until_on"), "366 days");
    }
    for (number, until) in [(1, "2025-09-24"), (2, "2026-09-25")] {
        bench
            .draft(number, |draft| draft.valid_until = day(until))
            .unwrap();
    }
    let again = bench.draft(1, |_| {}).unwrap_err();
    assert_eq!(again.reason, Reason::RequestIdReused);
}

#[test]
fn order_809_art_20_two_officers_draft_and_approve_and_only_then_it_is_received() {
    let store = store();
    let mut bench = Bench::new(&store);
    let own = bench.draft(1, |draft| draft.approver = "tax-clerk".parse().unwrap());
    breaks(own, "information_request.approver", "art. 20");
    bench.draft(1, |_| {}).unwrap();
    let approve = || What::Approve(vec![]);
    for (role, source) in [("clerk", "who drafted it"), ("liaison", "names tax-leader")] {
        for what in [approve(), What::Reject] {
            let refused = bench.act("tax", role, 1, what).unwrap_err();
            assert_eq!(refused.reason, Reason::PermissionDenied);
            assert!(refused.message.contains(source), "{refused}");
        }
    }
    assert!(!bench.row(1).is_submitted());
    assert_eq!(bench.board("agencies/civil-affairs"), []);
    stops(bench.answer(1, What::Refuse), "DRAFTED");
    bench.act("tax", "leader", 1, approve()).unwrap();
    assert!(bench.row(1).is_submitted());
    assert_eq!(bench.board("agencies/civil-affairs").len(), 1);
    stops(bench.act("tax", "leader", 1, approve()), "SUBMITTED");
    // Rejected for good; the provider never learns of it.
    bench.draft(2, |_| {}).unwrap();
    bench.act("tax", "leader", 2, What::Reject).unwrap();
    assert!(!bench.row(2).is_submitted());
    stops(bench.act("tax", "leader", 2, approve()), "REJECTED");
    // A draft whose validity is over is not approved.
    bench
        .draft(3, |draft| draft.valid_until = day("2025-09-24"))
        .unwrap();
    bench.at("2025-09-24T16:00:00Z");
    stops(bench.act("tax", "leader", 3, approve()), "valid until");
}

/// The example: received on Wednesday 24 September 2025.
#[test]
fn order_809_art_21_answers_are_due_in_1_or_10_working_days_from_receipt() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Unconditional);
    bench.submitted(2, SharingAttribute::Conditional);
    assert_eq!(bench.due_on(1, DeadlineKind::Answer), day("2025-09-25"));
    assert_eq!(bench.due_on(2, DeadlineKind::Answer), day("2025-10-14"));
    let due = bench.open(2, DeadlineKind::Answer).due.unwrap();
    assert_eq!((due.working_days, due.is_provisional), (10, false));
    let end: Timestamp = "2025-10-14T15:59:59Z".parse().unwrap();
    assert_eq!(
        due.due_us,
        end.as_microsecond(),
        "the end of the day in the province"
    );
    let board = [day("2025-09-25"), day("2025-10-14")];
    assert_eq!(bench.board("agencies/civil-affairs"), board);
    assert_eq!(
        bench.board("agencies/tax/sent"),
        board,
        "the requester sees who owes what"
    );
}

#[test]
fn x_003_the_charter_says_whether_the_day_of_receipt_counts() {
    let store = store();
    let text = CHARTER.replace("counting = \"strict\"", "counting = \"first_day_counts\"");
    let mut bench = Bench::under(&store, &text);
    bench.submitted(1, SharingAttribute::Unconditional);
    bench.submitted(2, SharingAttribute::Conditional);
    assert_eq!(bench.due_on(1, DeadlineKind::Answer), day("2025-09-24"));
    assert_eq!(bench.due_on(2, DeadlineKind::Answer), day("2025-10-13"));
}

#[test]
fn order_809_art_21_what_is_missing_is_asked_for_once_and_the_clock_starts_anew() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Conditional);
    bench.answer(1, What::AskForMissing).unwrap();
    assert_eq!(bench.board("agencies/civil-affairs"), [], "no clock runs");
    assert!(!bench.is_running(1));
    for what in [What::Refuse, What::Consent(None), What::AskForMissing] {
        stops(bench.answer(1, what), "INCOMPLETE");
    }
    bench.at("2025-10-09T02:00:00Z");
    bench.make(1, What::Complete(vec![])).unwrap();
    assert_eq!(bench.due_on(1, DeadlineKind::Answer), day("2025-10-22"));
    assert_eq!(bench.row(1).deadlines.len(), 2);
    assert_eq!(bench.row(1).deadlines[0].met_at_us, 0, "stopped, not met");
    stops(bench.answer(1, What::AskForMissing), "art. 21");
    bench.answer(1, What::Refuse).unwrap();
    assert_eq!(bench.board("agencies/civil-affairs"), []);
    let met = bench.row(1).deadlines[1].met_at_us;
    assert!(met > 0, "a refusal with reasons answers in time");
}

#[test]
fn order_809_art_21_the_time_is_extended_once_by_at_most_10_and_before_it_is_over() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Unconditional);
    stops(bench.answer(1, What::Extend(1)), "conditional");
    bench.submitted(2, SharingAttribute::Conditional);
    for over in [0, 11] {
        breaks(
            bench.answer(2, What::Extend(over)),
            "working_days",
            "1 to 10",
        );
    }
    bench.answer(2, What::Extend(10)).unwrap();
    assert_eq!(bench.due_on(2, DeadlineKind::Answer), day("2025-10-28"));
    let moved = &bench.open(2, DeadlineKind::Answer).moves;
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].reason(), DeadlineMoveReason::Extension);
    assert_eq!(moved[0].was_on, Some(date::to_wire(day("2025-10-14"))));
    let board = [day("2025-09-25"), day("2025-10-28")];
    assert_eq!(bench.board("agencies/civil-affairs"), board);
    stops(bench.answer(2, What::Extend(1)), "once");
    for (number, second) in [(3, "2025-10-14T15:59:59Z"), (4, "2025-10-14T16:00:00Z")] {
        bench.at("2025-09-24T08:00:00Z");
        bench.submitted(number, SharingAttribute::Conditional);
        bench.at(second);
        let extended = bench.answer(number, What::Extend(1));
        assert_eq!(extended.is_ok(), number == 3, "{extended:?}");
    }
}

#[test]
fn order_809_art_22_data_is_delivered_within_20_working_days_of_consent_or_with_it() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Conditional);
    stops(bench.answer(1, What::Deliver(vec![])), "art. 22");
    bench.answer(1, What::Consent(None)).unwrap();
    assert_eq!(bench.due_on(1, DeadlineKind::Delivery), day("2025-10-28"));
    assert_eq!(bench.board("agencies/civil-affairs"), [day("2025-10-28")]);
    stops(bench.make(1, What::RecordUse), "CONSENTED");
    bench.answer(1, What::Deliver(vec![])).unwrap();
    assert_eq!(bench.board("agencies/civil-affairs"), []);
    assert_eq!(
        bench.board("agencies/tax"),
        [day("2025-12-31")],
        "disposal is asked for"
    );
    assert!(
        !bench.is_running(1),
        "the calendar moves no last day of use"
    );
    bench.delivered(2);
    let row = bench.row(2);
    let kinds: Vec<DeadlineKind> = row
        .deadlines
        .iter()
        .map(|one| one.due.as_ref().unwrap().kind())
        .collect();
    assert_eq!(kinds, [DeadlineKind::Answer, DeadlineKind::Disposal]);
    assert!(row.deadlines[0].met_at_us > 0);
    // Nothing is delivered after the last day of use.
    bench.submitted(3, SharingAttribute::Conditional);
    bench.answer(3, What::Consent(None)).unwrap();
    bench.at("2025-12-31T16:00:00Z");
    stops(bench.answer(3, What::Deliver(vec![])), "valid until");
}

#[test]
fn a_request_is_taken_back_until_it_is_answered() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Conditional);
    bench.make(1, What::Withdraw).unwrap();
    assert_eq!(bench.board("agencies/civil-affairs"), []);
    assert!(!bench.is_running(1));
    stops(bench.answer(1, What::Consent(None)), "WITHDRAWN");
    bench.draft(2, |_| {}).unwrap();
    bench.make(2, What::Withdraw).unwrap();
    assert!(
        !bench.row(2).is_submitted(),
        "of a draft the provider knows nothing"
    );
    bench.submitted(3, SharingAttribute::Conditional);
    bench.answer(3, What::Consent(None)).unwrap();
    stops(bench.make(3, What::Withdraw), "CONSENTED");
}

#[test]
fn order_809_art_21_what_can_no_longer_be_given_is_refused_at_the_end_of_the_validity() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.submitted(1, SharingAttribute::Conditional);
    bench.answer(1, What::AskForMissing).unwrap();
    bench.submitted(2, SharingAttribute::Conditional);
    bench.answer(2, What::Consent(None)).unwrap();
    bench.at("2025-12-31T15:59:59Z");
    stops(bench.answer(1, What::Refuse), "INCOMPLETE");
    stops(bench.answer(2, What::Refuse), "CONSENTED");
    for number in [1, 2] {
        bench.at("2025-12-31T16:00:00Z");
        bench.answer(number, What::Refuse).unwrap();
        assert!(!bench.is_running(number));
    }
    assert_eq!(bench.board("agencies/civil-affairs"), []);
}

#[test]
fn order_809_art_25_use_ends_with_the_validity() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.delivered(1);
    bench.at("2025-12-31T15:59:59Z");
    bench.make(1, What::RecordUse).unwrap();
    bench.at("2025-12-31T16:00:00Z");
    stops(bench.make(1, What::RecordUse), "valid until 2025-12-31");
    assert_eq!(bench.row(1).uses.len(), 1);
}

#[test]
fn uses_corrections_and_suspensions_are_bounded() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.delivered(1);
    for _ in 0..USES_MAX {
        bench.make(1, What::RecordUse).unwrap();
    }
    stops(bench.make(1, What::RecordUse), "100 records");
    for _ in 0..CORRECTIONS_MAX {
        bench.make(1, What::RequestCorrection).unwrap();
    }
    stops(bench.make(1, What::RequestCorrection), "20 correction");
    for _ in 0..SUSPENSIONS_MAX {
        bench.answer(1, What::Suspend).unwrap();
        bench.answer(1, What::Resume).unwrap();
    }
    stops(bench.answer(1, What::Suspend), "20");
}

#[test]
fn order_809_art_26_corrections_are_answered_in_10_working_days_and_once() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.delivered(1);
    bench.make(1, What::RequestCorrection).unwrap();
    bench.make(1, What::RequestCorrection).unwrap();
    let row = bench.row(1);
    let due = row.open(DeadlineKind::Correction, 2).unwrap();
    assert_eq!(due.due_on(), Some(day("2025-10-14")));
    let answer = |correction| {
        What::AnswerCorrection(CorrectionAnswer {
            correction,
            is_corrected: true,
            documents: vec![],
        })
    };
    for over in [0, 3] {
        breaks(
            bench.answer(1, answer(over)),
            "correction",
            "2 correction requests",
        );
    }
    bench.answer(1, answer(2)).unwrap();
    stops(bench.answer(1, answer(2)), "art. 26");
    let row = bench.row(1);
    assert!(row.open(DeadlineKind::Correction, 1).is_some());
    assert!(row.open(DeadlineKind::Correction, 2).is_none());
    assert!(row.corrections[1].is_corrected && !row.corrections[0].is_corrected);
    assert_eq!(bench.board("agencies/civil-affairs"), [day("2025-10-14")]);
}

#[test]
fn order_809_art_27_the_use_is_suspended_with_a_reason_and_resumed() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.delivered(1);
    stops(bench.answer(1, What::Resume), "DELIVERED");
    bench.answer(1, What::Suspend).unwrap();
    stops(bench.make(1, What::RecordUse), "SUSPENDED");
    stops(bench.answer(1, What::Suspend), "SUSPENDED");
    bench.answer(1, What::Resume).unwrap();
    bench.make(1, What::RecordUse).unwrap();
}

#[test]
fn order_809_art_29_disposal_ends_use_and_what_is_open() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.delivered(1);
    bench.make(1, What::RequestCorrection).unwrap();
    bench.at("2025-09-26T08:00:00Z");
    for over in ["2025-09-23", "2025-09-27"] {
        let over = bench.make(1, What::Dispose(day(over)));
        breaks(over, "disposal.disposed_on", "from the day of the delivery");
    }
    bench.make(1, What::Dispose(day("2025-09-24"))).unwrap();
    assert_eq!(bench.board("agencies/tax"), []);
    assert_eq!(
        bench.board("agencies/civil-affairs"),
        [],
        "the correction has ended"
    );
    assert!(!bench.is_running(1));
    for what in [
        What::RecordUse,
        What::RequestCorrection,
        What::Dispose(day("2025-09-26")),
    ] {
        stops(bench.make(1, what), "DISPOSED");
    }
    // Also while the use is suspended, and after the last day of use.
    bench.at("2025-09-24T08:00:00Z");
    bench.delivered(2);
    bench.answer(2, What::Suspend).unwrap();
    bench.at("2026-01-04T08:00:00Z");
    bench.make(2, What::Dispose(day("2026-01-04"))).unwrap();
}
