//! Alerts against the rules.

mod lives;
mod rules;

use std::sync::Arc;

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    date,
    names::{MechanismId, RequestId},
};
use hub_proto::{
    channels::{Attachment, Classification, RequestedAction},
    funds::{Alert, AlertAsk, AlertKind, Direction, Severity},
    ledger::Event,
};
use jiff::{SignedDuration, Timestamp};

use super::{content::Content, texts::Checks, *};
use crate::{
    charter::{Action, Charter},
    dev::site::CHARTER,
    domain::{self, EntryMeta, channels::asks, members::roster::Roster, sealing},
    state::memory::MemoryStore,
};

/// Who raises.
const BANK: &str = "pboc-branch";
/// Whom an alert goes to, in the mechanism's order.
const UNITS: [&str; 5] = [
    "civil-affairs",
    "public-security",
    "finance",
    "state-security",
    "tax",
];
const USCC: &str = "51100000500008957Y";

fn id(number: u64) -> RequestId {
    format!("01890a5d-ac96-774b-bcce-{number:012x}")
        .parse()
        .unwrap()
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

fn organization() -> SubjectOrganization {
    SubjectOrganization {
        uscc: USCC.into(),
        display_name: "某某基金会".into(),
    }
}

/// An alert that keeps every rule.
fn written() -> Alert {
    let day = |month, day| Some(date::to_wire(jiff::civil::date(2026, month, day)));
    Alert {
        organization: Some(organization()),
        kind: AlertKind::AbnormalMovement.into(),
        indicator: "flow_out_of_line".into(),
        start_on: day(4, 1),
        end_on: day(6, 30),
        amount_band: "1m_10m".into(),
        currency: "CNY".into(),
        direction: Direction::Out.into(),
        severity: Severity::Routine.into(),
        severity_reason: "流出与项目规模不符".into(),
        grounds: "近三个月资金流出明显高于项目预算".into(),
        source_note: "监测模型提示，经人工复核".into(),
        asks: vec![AlertAsk {
            unit: "agencies/tax".into(),
            text: "请核对公益性支出申报".into(),
        }],
        legal_basis: "晋社管组发〔2021〕2号".into(),
        classification: Classification::Internal.into(),
        ..Alert::default()
    }
}

struct Bench<'a> {
    charter: Charter,
    rows: Overlay<'a>,
    now: Timestamp,
    index: u64,
    log: Vec<(Timestamp, String, Vec<Event>)>,
}

impl<'a> Bench<'a> {
    fn new(store: &'a MemoryStore) -> Self {
        Self::with(store, CHARTER)
    }

    fn with(store: &'a MemoryStore, charter: &str) -> Self {
        Self {
            charter: Charter::parse(charter, "test").unwrap(),
            rows: Overlay::new(store),
            now: "2026-08-03T02:00:00Z".parse().unwrap(),
            index: 10,
            log: vec![],
        }
    }

    /// One that went to all, raised by the bank.
    fn raised(store: &'a MemoryStore) -> Self {
        let mut bench = Self::new(store);
        bench.raise(|_| {}).unwrap();
        bench
    }

    fn content(&self, change: impl FnOnce(&mut Alert)) -> Result<Content> {
        let mut alert = written();
        change(&mut alert);
        let today = date::on(self.now, self.charter.zone());
        let fund = self.charter.fund().unwrap();
        content::check(&self.charter, fund, today, &alert, Checks::default())
    }

    fn raise(&mut self, change: impl FnOnce(&mut Alert)) -> Result<Decision> {
        self.raise_as(BANK, 1, change)
    }

    fn raise_as(
        &mut self,
        agency: &str,
        number: u64,
        change: impl FnOnce(&mut Alert),
    ) -> Result<Decision> {
        let content = self.content(change)?;
        let alert = AlertName(id(number));
        let raise = Raise { alert, content };
        self.run(agency, Command::Raise(Box::new(raise)))
    }

    fn correct(&mut self, revision: u32, change: impl FnOnce(&mut Alert)) -> Result<Decision> {
        let content = self.content(change)?;
        let correct = Correct {
            alert: AlertName(id(1)),
            revision,
            content,
        };
        self.run(BANK, Command::Correct(Box::new(correct)))
    }

    fn act(&mut self, agency: &str, what: What) -> Result<Decision> {
        let act = Act {
            alert: AlertName(id(1)),
            organization: organization(),
            what,
        };
        self.run(agency, Command::Act(Box::new(act)))
    }

    fn run(&mut self, agency: &str, command: Command) -> Result<Decision> {
        let permit = Permit::testing(agency, "officer", Action::AlertsHandle);
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [7; 16],
        };
        let decision = domain::decide(&context, &self.rows, &permit, &command.into())?;
        if let Decision::Record(events) = &decision {
            self.apply(agency, events.clone());
        }
        Ok(decision)
    }

    fn apply(&mut self, author: &str, events: Vec<Event>) {
        let entry = EntryMeta {
            index: self.index,
            recorded_at: self.now,
            author,
            officer: "officer-1",
        };
        domain::apply(&mut self.rows, &entry, &events).unwrap();
        self.log.push((self.now, author.to_owned(), events));
        self.index += 1;
        self.now += SignedDuration::from_secs(60);
    }

    fn row(&self) -> AlertRow {
        alert(&self.rows, AlertName(id(1))).unwrap()
    }

    fn acknowledge(&mut self, unit: &str, action: AlertAction) -> Result<Decision> {
        let revision = self.row().revision();
        self.act(unit, What::Acknowledge { revision, action })
    }

    fn checks(&mut self, unit: &str) {
        self.acknowledge(unit, AlertAction::Checks).unwrap();
    }

    fn close(&mut self) -> Result<Decision> {
        let office: MechanismId = "fund-supervision".parse().unwrap();
        self.act(
            "civil-affairs",
            What::Close {
                by: Recipient::Office(office),
                reviewer_agency: BANK.parse().unwrap(),
                reviewer: "pboc-reviewer".parse().unwrap(),
            },
        )
    }

    fn due(&self) -> Date {
        date::on(self.now, self.charter.zone())
    }

    /// What is asked of an agency: what, and of which entry.
    fn asked(&self, agency: &str) -> Vec<RequestedAction> {
        let board = format!("agencies/{agency}");
        let page = asks::page(&self.rows, &board, None, None, 99).unwrap();
        page.into_iter().map(|(_, one)| one.action).collect()
    }

    /// Whom the last entry told, a list for each notice.
    fn told(&self) -> Vec<Vec<String>> {
        let (_, _, events) = self.log.last().unwrap();
        events
            .iter()
            .filter_map(|event| match &event.kind {
                Some(event::Kind::Channels(event)) => match &event.kind {
                    Some(hub_proto::channels::channels_event::Kind::NotificationIssued(one)) => {
                        Some(one.recipients.clone())
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }
}

/// The rule that a call broke.
fn reason(result: Result<Decision>) -> (Reason, String) {
    let error = result.expect_err("it must be refused");
    (error.reason, error.message)
}

fn is_record_state(result: Result<Decision>, says: &str) {
    let (reason, message) = reason(result);
    assert_eq!(reason, Reason::RecordState, "{message}");
    assert!(message.contains(says), "{message}");
}

/// The fields that a call broke.
fn fields<T: std::fmt::Debug>(result: Result<T>) -> Vec<String> {
    let error = result.expect_err("it must be refused");
    assert_eq!(error.reason, Reason::InvalidArgument, "{error}");
    let violations = error.violations.into_iter();
    violations.map(|one| one.field).collect()
}

fn attachment(number: u8) -> Attachment {
    Attachment {
        sha256: hub_core::crypto::hex(&[number; 32]),
        file_name: "说明.pdf".into(),
        media_type: "application/pdf".into(),
        size_bytes: 1,
    }
}

fn office() -> String {
    "mechanisms/fund-supervision/office".into()
}

fn agencies(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| format!("agencies/{id}")).collect()
}
