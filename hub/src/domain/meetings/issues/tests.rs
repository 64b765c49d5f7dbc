//! Issues and escalations against the rules.

use std::sync::Arc;

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    names::{MeetingName, RequestId},
};
use hub_proto::meetings::{
    Attendance, EscalationState, MeetingHeld, MeetingState, meetings_event::Kind,
};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    charter::{Action, Charter},
    dev::site::CHARTER,
    domain::{
        self, EntryMeta,
        channels::asks,
        meetings::{
            self,
            rows::{MeetingRow, UnitRow},
        },
        members::roster::Roster,
    },
    state::memory::MemoryStore,
};

const UNITS: [&str; 3] = ["civil-affairs", "tax", "health"];

fn id(number: u64) -> RequestId {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
        .parse()
        .unwrap()
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

const ISSUE: u64 = 1;
const MEETING: u64 = 2;
const ESCALATION: u64 = 3;

/// A meeting open for topics, and an issue that tax flagged.
struct Bench<'a> {
    charter: Charter,
    rows: Overlay<'a>,
    now: Timestamp,
    index: u64,
}

impl<'a> Bench<'a> {
    fn new(store: &'a MemoryStore) -> Self {
        let mut bench = Self {
            charter: Charter::parse(CHARTER, "test").unwrap(),
            rows: Overlay::new(store),
            now: "2026-08-03T02:00:00Z".parse().unwrap(),
            index: 10,
        };
        let units = UNITS.map(|agency| UnitRow {
            agency: agency.into(),
            ..UnitRow::default()
        });
        let row = MeetingRow {
            state: MeetingState::TopicsOpen.into(),
            mechanisms: vec!["joint-enforcement".into()],
            units: units.into(),
            is_announced: true,
            ..MeetingRow::default()
        };
        let key = keys::meeting(id(MEETING).as_bytes());
        bench.rows.put_message(key, &row);
        let flag = Command::Flag(Box::new(Flag {
            issue: MajorIssueName(id(ISSUE)),
            mechanism: "joint-enforcement".parse().unwrap(),
            title: "问题".into(),
            text: "内容".into(),
            reason: "理由".into(),
            documents: vec![],
        }));
        bench.run("tax", flag).unwrap();
        bench
    }

    fn run(&mut self, agency: &str, command: Command) -> Result<Decision> {
        let permit = Permit::testing(agency, "leader", Action::MeetingsRead);
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [7; 16],
        };
        let command = domain::Command::Meetings(meetings::Command::Issues(command));
        let decision = domain::decide(&context, &self.rows, &permit, &command)?;
        if let Decision::Record(events) = &decision {
            self.apply(agency, events);
        }
        Ok(decision)
    }

    fn apply(&mut self, author: &str, events: &[hub_proto::ledger::Event]) {
        let entry = EntryMeta {
            index: self.index,
            recorded_at: self.now,
            author,
            officer: "officer-1",
        };
        domain::apply(&mut self.rows, &entry, events).unwrap();
        self.index += 1;
        self.now += SignedDuration::from_secs(60);
    }

    fn dispose(&mut self, kind: DispositionKind) -> Result<Decision> {
        let agenda = (kind == DispositionKind::Agenda).then(|| Agenda {
            meeting: MeetingName(id(MEETING)),
            title: "会议".into(),
        });
        let dispose = Dispose {
            issue: MajorIssueName(id(ISSUE)),
            title: "问题".into(),
            documents: vec![],
            kind,
            reason: "经研究".into(),
            agenda,
        };
        self.run("civil-affairs", Command::Dispose(Box::new(dispose)))
    }

    fn hold(&mut self) {
        let event = meetings::event(Kind::MeetingHeld(MeetingHeld {
            meeting: id(MEETING).as_bytes().to_vec().into(),
            held_at_us: self.now.as_microsecond(),
            attendances: UNITS
                .map(|unit| hub_proto::meetings::UnitAttendance {
                    unit: unit.into(),
                    attendance: Attendance::Present.into(),
                })
                .into(),
            discussed_issues: vec![id(ISSUE).as_bytes().to_vec().into()],
        }));
        self.apply("civil-affairs", &[event]);
    }

    fn draft(&mut self, units: &[&str]) -> Result<Decision> {
        let draft = Draft {
            report: self.report(),
            issue: MajorIssueName(id(ISSUE)),
            meeting: MeetingName(id(MEETING)),
            co_units: units.iter().map(|unit| unit.parse().unwrap()).collect(),
        };
        self.run("civil-affairs", Command::Draft(Box::new(draft)))
    }

    fn report(&self) -> Report {
        Report {
            escalation: EscalationName(id(ESCALATION)),
            title: "报告".into(),
            text: "内容".into(),
            documents: vec![],
        }
    }

    fn sign(&mut self, unit: &str, is_signed: bool) -> Result<Decision> {
        let answer = Answer {
            escalation: EscalationName(id(ESCALATION)),
            title: "报告".into(),
            is_signed,
            reason: "理由".into(),
        };
        self.run(unit, Command::CoSign(answer))
    }

    fn send(&mut self) -> Result<Decision> {
        let report = self.report();
        self.run("civil-affairs", Command::Send(Box::new(report)))
    }

    fn issue(&self) -> MajorIssueRow {
        issue(&self.rows, MajorIssueName(id(ISSUE))).unwrap()
    }

    fn waiting(&self) -> usize {
        let of = "joint-enforcement".parse().unwrap();
        undisposed(&self.rows, &of).unwrap().len()
    }
}

#[track_caller]
fn refused(result: Result<Decision>, reason: Reason, source: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.reason, reason, "{error}");
    assert!(error.message.contains(source), "{error}");
}

#[test]
fn je_023_every_issue_waits_for_one_disposition() {
    let store = store();
    let mut bench = Bench::new(&store);
    assert_eq!(bench.waiting(), 1);
    let other = "fund-supervision".parse().unwrap();
    assert_eq!(undisposed(&bench.rows, &other).unwrap(), []);
    bench.dispose(DispositionKind::Agenda).unwrap();
    assert_eq!(bench.waiting(), 0);
    assert_eq!(bench.issue().state(), MajorIssueState::OnAgenda);
    let row = MeetingRow::read(&bench.rows, MeetingName(id(MEETING))).unwrap();
    assert_eq!(row.unwrap().agenda, [1], "the same act made the topic");
    bench.dispose(DispositionKind::Close).unwrap();
    let closed = bench.dispose(DispositionKind::Agenda);
    refused(closed, Reason::MeetingState, "CLOSED");
}

#[test]
fn je_075_no_report_before_a_held_meeting_or_without_a_member() {
    let store = store();
    let mut bench = Bench::new(&store);
    let early = bench.dispose(DispositionKind::Escalate);
    refused(early, Reason::MeetingState, "JE-075");
    bench.dispose(DispositionKind::Agenda).unwrap();
    refused(bench.draft(&["tax"]), Reason::MeetingState, "JE-075");
    bench.hold();
    assert_eq!(bench.issue().state(), MajorIssueState::Discussed);
    refused(bench.draft(&[]), Reason::InvalidArgument, "JE-075");
    let lead = bench.draft(&["civil-affairs"]);
    refused(lead, Reason::InvalidArgument, "JE-075");
    let uninvited = bench.draft(&["education"]);
    refused(uninvited, Reason::InvalidArgument, "unit of the meeting");
    bench.draft(&["tax", "health"]).unwrap();
    assert_eq!(bench.issue().state(), MajorIssueState::Escalated);
    let under_way = bench.dispose(DispositionKind::Close);
    refused(under_way, Reason::MeetingState, "under way");
}

#[test]
fn je_075_a_report_is_sent_when_all_have_answered_and_one_has_signed() {
    let store = store();
    let mut bench = Bench::new(&store);
    bench.dispose(DispositionKind::Agenda).unwrap();
    bench.hold();
    bench.draft(&["tax", "health"]).unwrap();
    let asked = |bench: &Bench<'_>, unit: &str| {
        let board = format!("agencies/{unit}");
        let page = asks::page(&bench.rows, &board, None, None, 9).unwrap();
        page.len()
    };
    assert_eq!(asked(&bench, "tax"), 1);
    refused(bench.send(), Reason::MeetingState, "tax, health");
    bench.sign("tax", false).unwrap();
    assert_eq!(asked(&bench, "tax"), 0);
    refused(bench.send(), Reason::MeetingState, "health");
    bench.sign("health", false).unwrap();
    refused(bench.send(), Reason::MeetingState, "JE-075");
    bench.sign("health", true).unwrap();
    let again = bench.sign("health", true).unwrap();
    assert!(matches!(again, Decision::Already(_)), "{again:?}");
    bench.send().unwrap();
    let row = escalation(&bench.rows, EscalationName(id(ESCALATION))).unwrap();
    assert_eq!(row.state(), EscalationState::Sent);
    assert_eq!(row.addressee, "leading-group-office");
    let late = bench.sign("tax", true);
    refused(late, Reason::MeetingState, "SENT");
}
