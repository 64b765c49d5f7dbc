//! Rules of meetings that need rows which no call makes easily.

use std::{path::Path, sync::Arc};

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    date,
    names::{RequestId, TopicName},
};
use hub_proto::{
    ledger::{Event, event},
    meetings::{
        AnswerKind, Attendance, MajorIssueState, MeetingHeld, TopicState, meetings_event::Kind,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    charter::{Charter, CorrespondenceUnits},
    domain::{self, EntryMeta, meetings::rows::MajorIssueRow, members::roster::Roster},
    state::{keys, memory::MemoryStore, view::ViewExt as _},
};

const ISSUE: [u8; 16] = [1, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 7];

fn id(number: u8) -> RequestId {
    RequestId::from_bytes([0, 0, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, number]).unwrap()
}

fn store() -> MemoryStore {
    let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
    MemoryStore::new("test", Arc::new(key)).unwrap()
}

fn shanxi(change: impl FnOnce(String) -> String) -> Charter {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charters/shanxi.toml");
    let text = change(std::fs::read_to_string(file).unwrap());
    Charter::parse(&text, "shanxi.toml").unwrap()
}

/// Rows, and the acts that change them.
struct Site<'a> {
    rows: Overlay<'a>,
    charter: Charter,
    now: Timestamp,
    index: u64,
    meeting: MeetingName,
}

impl<'a> Site<'a> {
    fn new(store: &'a MemoryStore, charter: Charter, kind: MeetingKind) -> Self {
        let now: Timestamp = "2026-03-02T02:00:00Z".parse().unwrap();
        let meeting = MeetingName(id(1));
        let units: Vec<_> = ["civil-affairs", "tax", "health", "education"]
            .iter()
            .map(|unit| unit.parse().unwrap())
            .collect();
        let mut site = Self {
            rows: Overlay::new(store),
            charter,
            now,
            index: 0,
            meeting,
        };
        let create = Create {
            meeting,
            kind,
            title: "会议".into(),
            mechanisms: vec!["joint-enforcement".parse().unwrap()],
            units,
            planned_on: date::on(now, site.charter.zone()),
        };
        site.run(&Command::Create(Box::new(create))).unwrap();
        site.act(Act::OpenTopics { topics_by_at: None }).unwrap();
        site
    }

    fn run(&mut self, command: &Command) -> Result<Vec<Event>> {
        let roster = Roster::read(Arc::new(self.charter.clone()), &self.rows, 0).unwrap();
        let context = Context {
            charter: &self.charter,
            roster: &roster,
            now: self.now,
            index: self.index,
            seed: [u8::try_from(self.index).unwrap(); 16],
        };
        let permit = Permit::hub().unwrap();
        let Decision::Record(events) = decide(&context, &self.rows, &permit, command)? else {
            panic!("it was not done before");
        };
        let entry = EntryMeta {
            index: self.index,
            recorded_at: self.now,
            author: "civil-affairs",
            officer: "office-1",
        };
        domain::apply(&mut self.rows, &entry, &events)?;
        self.index += 1;
        Ok(events)
    }

    fn act(&mut self, act: Act) -> Result<Vec<Event>> {
        self.run(&Command::Change(Box::new(Change {
            meeting: self.meeting,
            title: "会议".into(),
            etag: String::new(),
            act,
        })))
    }

    fn row(&self) -> MeetingRow {
        read(&self.rows, self.meeting).unwrap()
    }

    fn propose(&mut self, who: &str) -> Result<Vec<Event>> {
        self.act(Act::Propose(Box::new(Proposal {
            proposer: who.parse().unwrap(),
            title: "议题".into(),
            text: String::new(),
            documents: vec![],
            major_issue: None,
        })))
    }

    fn decide(&mut self, topic: u32, state: TopicState, merged_into: u32) -> Result<Vec<Event>> {
        self.act(Act::Decide(TopicDecision {
            topic,
            title: "议题".into(),
            state,
            merged_into,
            reason: "经研究".into(),
        }))
    }

    fn convene(&mut self) -> Result<Vec<Event>> {
        self.act(Act::Convene(Box::new(Notice {
            starts_at: self.now + SignedDuration::from_hours(2),
            place: "会议室".into(),
            text: String::new(),
            documents: vec![],
            answer_by_at: None,
            units: self.row().unit_ids(),
            known_revision: 0,
        })))
    }

    /// A major issue of the mechanism stands in its office's queue.
    fn flag(&mut self, state: MajorIssueState) {
        let row = MajorIssueRow {
            state: state.into(),
            mechanism: "joint-enforcement".into(),
            flagged_by: "tax".into(),
            ..MajorIssueRow::default()
        };
        self.rows.put_message(keys::major_issue(&ISSUE), &row);
        let office = "mechanisms/joint-enforcement/office";
        let key = keys::seen_by(keys::Kind::MajorIssueOf, office).number(7);
        self.rows.put(key.build(), ISSUE.to_vec());
    }
}

fn reason<T: std::fmt::Debug>(result: Result<T>) -> Reason {
    result.expect_err("it must be refused").reason
}

#[test]
fn je_023_topics_are_not_fixed_while_a_major_issue_has_no_disposition() {
    let store = store();
    let mut site = Site::new(&store, shanxi(|text| text), MeetingKind::Annual);
    site.propose("agencies/tax").unwrap();
    site.decide(1, TopicState::Accepted, 0).unwrap();
    site.flag(MajorIssueState::Flagged);
    let refused = site.act(Act::ConfirmTopics(vec![])).unwrap_err();
    assert_eq!(refused.reason, Reason::MeetingState);
    assert!(refused.message.contains("JE-023"), "{refused}");
    site.flag(MajorIssueState::Closed);
    site.act(Act::ConfirmTopics(vec![])).unwrap();
    assert_eq!(site.row().state(), MeetingState::TopicsConfirmed);
}

#[test]
fn je_023_a_topic_that_is_a_disposition_is_not_declined() {
    let store = store();
    let mut site = Site::new(&store, shanxi(|text| text), MeetingKind::Annual);
    site.flag(MajorIssueState::OnAgenda);
    let office: hub_core::names::Recipient = "mechanisms/joint-enforcement/office".parse().unwrap();
    let issue = hub_core::names::MajorIssueName(RequestId::from_bytes(ISSUE).unwrap());
    let (topic, event) = topics::proposed(
        (site.meeting, &site.row()),
        &office,
        "office-1",
        Some(issue),
        true,
    )
    .unwrap();
    let entry = EntryMeta {
        index: site.index,
        recorded_at: site.now,
        author: "civil-affairs",
        officer: "office-1",
    };
    domain::apply(&mut site.rows, &entry, &[event]).unwrap();
    assert_eq!(site.row().agenda, [topic], "accepted at once");
    let key = keys::major_issue(&ISSUE);
    let mut row: MajorIssueRow = site.rows.message(&key).unwrap().unwrap();
    row.meeting = site.meeting.0.as_bytes().to_vec();
    row.topic = topic;
    site.rows.put_message(key, &row);
    assert_eq!(
        reason(site.decide(topic, TopicState::Declined, 0)),
        Reason::MeetingState
    );
    // It may be dealt with in another topic, and counts as discussed there.
    site.propose("agencies/tax").unwrap();
    site.decide(2, TopicState::Accepted, 0).unwrap();
    site.decide(topic, TopicState::Merged, 2).unwrap();
    site.act(Act::ConfirmTopics(vec![])).unwrap();
    site.convene().unwrap();
    let units = site.row().unit_ids().into_iter();
    let events = site
        .act(Act::Held(Held {
            held_at: site.now,
            attendances: units.map(|unit| (unit, Attendance::Present)).collect(),
            discussed: vec![],
            spoke: vec![],
        }))
        .unwrap();
    assert_eq!(held(&events).discussed_issues, [ISSUE.to_vec()]);
}

fn held(events: &[Event]) -> MeetingHeld {
    let held = events.iter().find_map(|one| match &one.kind {
        Some(event::Kind::Meetings(event)) => match &event.kind {
            Some(Kind::MeetingHeld(held)) => Some(held.clone()),
            _ => None,
        },
        _ => None,
    });
    held.unwrap()
}

/// A meeting by correspondence: tax has commented on a topic, health answers, education is excused,
/// civil affairs is silent.
fn by_correspondence(reading: CorrespondenceUnits) -> Vec<Attendance> {
    let store = store();
    let word = match reading {
        CorrespondenceUnits::Consulted => "consulted",
        CorrespondenceUnits::Answered => "answered",
    };
    let charter = shanxi(|text| {
        let from = "correspondence = \"consulted\"";
        assert!(text.contains(from));
        text.replace(from, &format!("correspondence = \"{word}\""))
    });
    let mut site = Site::new(&store, charter, MeetingKind::Correspondence);
    site.propose("mechanisms/joint-enforcement/office").unwrap();
    site.act(Act::Comment(Comment {
        topic: 1,
        title: "议题".into(),
        author: "agencies/tax".parse().unwrap(),
        text: "同意".into(),
    }))
    .unwrap();
    site.decide(1, TopicState::Accepted, 0).unwrap();
    site.act(Act::ConfirmTopics(vec![])).unwrap();
    site.convene().unwrap();
    for (unit, kind) in [
        ("health", AnswerKind::Attends),
        ("education", AnswerKind::Excused),
    ] {
        site.act(Act::Answer(Answer {
            unit: unit.parse().unwrap(),
            kind,
            revision: 1,
            attendees: String::new(),
            reason: String::new(),
        }))
        .unwrap();
    }
    let act = Act::Held(Held {
        held_at: site.now,
        attendances: vec![],
        discussed: vec![],
        spoke: vec![],
    });
    let events = site.act(act).unwrap();
    let attendances = held(&events).attendances;
    attendances.iter().map(|one| one.attendance()).collect()
}

#[test]
fn je_071_who_attends_by_correspondence_is_the_charters_reading() {
    use Attendance::{Absent, Consulted, Excused};
    assert_eq!(
        by_correspondence(CorrespondenceUnits::Consulted),
        [Consulted; 4]
    );
    assert_eq!(
        by_correspondence(CorrespondenceUnits::Answered),
        [Absent, Consulted, Consulted, Excused]
    );
}

#[test]
fn je_072_a_meeting_has_at_most_60_topics_and_a_topic_100_comments() {
    let store = store();
    let mut site = Site::new(&store, shanxi(|text| text), MeetingKind::Annual);
    for _ in 0..topics::TOPICS_MAX {
        site.propose("agencies/tax").unwrap();
    }
    assert_eq!(
        reason(site.propose("agencies/tax")),
        Reason::InvalidArgument
    );
    let comment = Act::Comment(Comment {
        topic: 60,
        title: "议题".into(),
        author: "agencies/tax".parse().unwrap(),
        text: "同意".into(),
    });
    for _ in 0..topics::COMMENTS_MAX {
        site.act(comment.clone()).unwrap();
    }
    assert_eq!(reason(site.act(comment)), Reason::InvalidArgument);
    let name = TopicName {
        meeting: site.meeting,
        topic: 60,
    };
    assert_eq!(topics::read(&site.rows, name).unwrap().comments.len(), 100);
    let none = TopicName {
        meeting: site.meeting,
        topic: 61,
    };
    assert_eq!(reason(topics::read(&site.rows, none)), Reason::NotFound);
}

#[test]
fn a_notice_that_does_not_know_the_newest_one_is_not_sent() {
    let store = store();
    let mut site = Site::new(&store, shanxi(|text| text), MeetingKind::Annual);
    site.propose("agencies/tax").unwrap();
    site.decide(1, TopicState::Accepted, 0).unwrap();
    site.act(Act::ConfirmTopics(vec![])).unwrap();
    let notice = Notice {
        starts_at: site.now + SignedDuration::from_hours(2),
        place: "会议室".into(),
        text: String::new(),
        documents: vec![],
        answer_by_at: None,
        units: site.row().unit_ids(),
        known_revision: 1,
    };
    let refused = site.act(Act::Convene(Box::new(notice.clone())));
    assert_eq!(reason(refused), Reason::Conflict);
    // Without a time of its own the charter's holds, and never after the beginning.
    let right = Notice {
        known_revision: 0,
        ..notice
    };
    site.act(Act::Convene(Box::new(right.clone()))).unwrap();
    let sent = site.row().notice.unwrap();
    assert_eq!(sent.answer_by_us, right.starts_at.as_microsecond());
    let later = Notice {
        starts_at: site.now + SignedDuration::from_hours(200),
        known_revision: 1,
        ..right.clone()
    };
    let stale = site.act(Act::Change(Box::new(right), "延期".into()));
    assert_eq!(reason(stale), Reason::Conflict);
    let zone = shanxi(|text| text).zone().clone();
    let begins_on = date::on(later.starts_at, &zone);
    site.act(Act::Change(Box::new(later), "延期".into()))
        .unwrap();
    assert_eq!(site.row().day(), begins_on, "the day moves with the start");
    let by = site.now + SignedDuration::from_hours(72);
    assert_eq!(site.row().notice.unwrap().answer_by_us, by.as_microsecond());
}
