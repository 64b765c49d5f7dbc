//! Minutes against the rules, on a meeting that was held.

mod content;
mod issue;
mod items;
mod round;

use std::sync::Arc;

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    names::RequestId,
};
use hub_proto::{
    common,
    meetings::{AgreedItemDraft, AgreedItemKind, MeetingKind, MeetingState, TopicMinutes},
};
use jiff::SignedDuration;

use super::*;
use crate::{
    charter::{Action, Charter},
    dev::site::CHARTER,
    domain::{
        self,
        channels::asks::Outstanding,
        meetings::{self, rows::AgreedItemRow},
        members::roster::Roster,
    },
    error::Error,
    state::memory::MemoryStore,
};

/// Units of the meeting: two attend, one is excused, one is absent.
const UNITS: [(&str, Attendance); 4] = [
    ("civil-affairs", Attendance::Present),
    ("education", Attendance::Present),
    ("health", Attendance::Excused),
    ("tax", Attendance::Absent),
];

fn meeting_name() -> MeetingName {
    let id: RequestId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    MeetingName(id)
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

fn day(year: i32, month: i32, day: i32) -> common::Date {
    common::Date { year, month, day }
}

fn task(text: &str, units: &[&str]) -> AgreedItemDraft {
    AgreedItemDraft {
        text: text.into(),
        responsible_units: units
            .iter()
            .map(|unit| format!("agencies/{unit}"))
            .collect(),
        due_on: Some(day(2026, 9, 30)),
        kind: AgreedItemKind::Task.into(),
        ..AgreedItemDraft::default()
    }
}

fn content(title: &str, items: &[AgreedItemDraft]) -> MinutesContent {
    MinutesContent {
        title: title.into(),
        topics: vec![TopicMinutes {
            title: "议题一".into(),
            paragraphs: vec!["会议讨论了议题一。".into()],
            ..TopicMinutes::default()
        }],
        agreed_items: items.to_vec(),
        ..MinutesContent::default()
    }
}

/// A hub's rules and rows, and the entries that they make.
struct Bench<'a> {
    charter: Charter,
    rows: Overlay<'a>,
    now: Timestamp,
    index: u64,
}

impl<'a> Bench<'a> {
    fn new(store: &'a MemoryStore) -> Self {
        Self::with_charter(store, CHARTER)
    }

    fn with_charter(store: &'a MemoryStore, charter: &str) -> Self {
        let mut bench = Self {
            charter: Charter::parse(charter, "test").unwrap(),
            rows: Overlay::new(store),
            now: "2026-08-03T02:00:00Z".parse().unwrap(),
            index: 10,
        };
        bench.held(MeetingKind::Extraordinary, &["joint-enforcement"], &UNITS);
        bench
    }

    /// Puts a meeting that was held in the place of the one before.
    fn held(&mut self, kind: MeetingKind, mechanisms: &[&str], units: &[(&str, Attendance)]) {
        let row = MeetingRow {
            state: MeetingState::Held.into(),
            kind: kind.into(),
            mechanisms: mechanisms.iter().map(|id| (*id).to_owned()).collect(),
            units: units
                .iter()
                .map(|(agency, attendance)| UnitRow {
                    agency: (*agency).into(),
                    attendance: (*attendance).into(),
                    ..UnitRow::default()
                })
                .collect(),
            planned_on: Some(day(2026, 8, 3)),
            ..MeetingRow::default()
        };
        self.rows
            .put_message(keys::meeting(meeting_name().0.as_bytes()), &row);
    }

    fn meeting(&self) -> MeetingRow {
        let key = keys::meeting(meeting_name().0.as_bytes());
        self.rows.message(&key).unwrap().unwrap()
    }

    fn minutes(&self, document: u32) -> MinutesRow {
        let row = minutes(&self.rows, meeting_name().0.as_bytes(), document);
        row.unwrap().unwrap()
    }

    fn item(&self, number: u32) -> AgreedItemRow {
        let row = super::items::item(&self.rows, meeting_name().0.as_bytes(), number);
        row.unwrap().unwrap()
    }

    /// Decides an act and applies what it makes.
    fn run(&mut self, agency: &str, role: &str, act: Act) -> Result<Decision, Error> {
        let permit = Permit::testing(agency, role, Action::MeetingsRead);
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [7; 16],
        };
        let command = Command {
            meeting: meeting_name(),
            subject: "第一次会议".into(),
            act,
        };
        let command = domain::Command::Meetings(meetings::Command::Minutes(command));
        let decision = domain::decide(&context, &self.rows, &permit, &command)?;
        if let Decision::Record(events) = &decision {
            let entry = EntryMeta {
                index: self.index,
                recorded_at: self.now,
                author: agency,
                officer: permit.officer().as_str(),
            };
            domain::apply(&mut self.rows, &entry, events).unwrap();
            self.index += 1;
            self.now += SignedDuration::from_secs(60);
        }
        Ok(decision)
    }

    fn office(&mut self, act: Act) -> Result<Decision, Error> {
        self.run("civil-affairs", "office", act)
    }

    fn unit(&mut self, unit: &str, act: Act) -> Result<Decision, Error> {
        self.run(unit, "leader", act)
    }

    fn draft(
        &mut self,
        document: u32,
        base: u32,
        what: &MinutesContent,
    ) -> Result<Decision, Error> {
        self.office(Act::Draft(Draft {
            document,
            base_version: base,
            content_sha256: super::content::hash(what),
            agreed_items_count: u32::try_from(what.agreed_items.len()).unwrap(),
            attachments: vec![],
        }))
    }

    fn circulate(&mut self, document: u32, version: u32) -> Result<Decision, Error> {
        self.office(Act::Circulate {
            document,
            version,
            consent_by: None,
            attachments: vec![],
        })
    }

    fn consent(
        &mut self,
        unit: &str,
        (document, version): (u32, u32),
        what: &MinutesContent,
    ) -> Result<Decision, Error> {
        let content_sha256 = super::content::hash(what);
        let act = Act::Consent {
            document,
            version,
            content_sha256,
        };
        self.unit(unit, act)
    }

    fn object(&mut self, unit: &str, version: u32) -> Result<Decision, Error> {
        let act = Act::Object {
            document: 1,
            version,
            reason: "时限不可行".into(),
        };
        self.unit(unit, act)
    }

    fn withdraw(&mut self, unit: &str, version: u32) -> Result<Decision, Error> {
        let act = Act::WithdrawObjection {
            document: 1,
            version,
        };
        self.unit(unit, act)
    }

    fn issue(
        &mut self,
        document: u32,
        version: u32,
        what: &MinutesContent,
    ) -> Result<Decision, Error> {
        self.office(Act::Issue {
            document,
            version,
            content: Box::new(what.clone()),
        })
    }

    /// Drafts, circulates, lets both attending units consent, and issues.
    fn through(&mut self, document: u32, what: &MinutesContent) {
        self.draft(document, 0, what).unwrap();
        self.circulate(document, 1).unwrap();
        for unit in ["civil-affairs", "education"] {
            self.consent(unit, (document, 1), what).unwrap();
        }
        self.issue(document, 1, what).unwrap();
    }

    /// What is outstanding of a unit.
    fn asked(&self, unit: &str) -> Vec<Outstanding> {
        let board = format!("agencies/{unit}");
        let page = asks::page(&self.rows, &board, None, None, 100).unwrap();
        page.into_iter().map(|(_, one)| one).collect()
    }

    fn is_asked(&self, unit: &str) -> bool {
        !self.asked(unit).is_empty()
    }
}

#[track_caller]
fn refused(result: Result<Decision, Error>, reason: Reason) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.reason, reason, "{error}");
    error.message
}

/// The notices of a decision: title, body and addressees of each.
fn notices(decision: &Decision) -> Vec<(String, String, Vec<String>)> {
    use hub_proto::{channels::Notification, channels::channels_event, ledger::event};
    use prost::Message as _;
    let Decision::Record(events) = decision else {
        panic!("{decision:?}");
    };
    let issued = events.iter().filter_map(|event| match &event.kind {
        Some(event::Kind::Channels(event)) => match &event.kind {
            Some(channels_event::Kind::NotificationIssued(issued)) => Some(issued),
            _ => None,
        },
        _ => None,
    });
    issued
        .map(|issued| {
            let notice = Notification::decode(issued.notification.clone()).unwrap();
            let body = String::from_utf8(notice.body.to_vec()).unwrap();
            (notice.title, body, issued.recipients.clone())
        })
        .collect()
}
