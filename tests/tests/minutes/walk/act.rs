//! Which act comes next, and how it goes out.

use std::collections::BTreeSet;

use hub_proto::meetings::{
    AgreedItemKind, CreateMeetingRequest, CreateMeetingResponse, IssueMinutesResponse, MeetingKind,
    MinutesContent,
};
use prost::Message;

use super::{
    FUND, JOINT, Sent, Walk, is_over,
    model::{Act, Actor, Meeting, Planned, Stand, Text},
    office, request, unit,
};
use crate::hall::{agency, content, meeting, meeting_method, sha, task, today_and};

/// The number that an issue was answered with.
pub(super) fn document_number(act: &Act, answer: &bytes::Bytes) -> String {
    if !matches!(act, Act::Issue(..)) {
        return String::new();
    }
    let answer = IssueMinutesResponse::decode(answer.clone()).unwrap();
    answer.minutes.unwrap().document_number
}

/// What a version says, for the hub: the text is told apart by its number.
pub(super) fn written(number: usize, planned: &[Planned]) -> MinutesContent {
    let items: Vec<_> = planned
        .iter()
        .map(|one| {
            let units: Vec<&str> = one.units.iter().map(String::as_str).collect();
            let mut item = task(&format!("事项 {number}"), &units);
            item.due_on = Some(today_and(one.due));
            item.continues_item = i32::try_from(one.continues).unwrap();
            if one.is_joint {
                item.kind = AgreedItemKind::JointOperation.into();
                item.lead_unit = agency(units[0]);
            }
            item
        })
        .collect();
    let mut what = content(&format!("纪要 {number}"), &items);
    // There may be no topic yet.
    what.topics[0].topic = 0;
    what
}

impl Walk {
    pub(super) async fn create(&mut self) {
        let way = self.random.below(5);
        let (kind, mechanisms, invited): (MeetingKind, &[&'static str], Vec<&str>) = match way {
            0 => (MeetingKind::Annual, &["joint-enforcement"], vec![]),
            1 => (MeetingKind::Correspondence, &["fund-supervision"], vec![]),
            2 => (
                MeetingKind::Extraordinary,
                &["fund-supervision", "joint-enforcement"],
                vec![],
            ),
            _ => {
                let first = self.random.below(9);
                let invited = JOINT[first..first + 4].to_vec();
                (MeetingKind::Partial, &["joint-enforcement"], invited)
            }
        };
        let units: BTreeSet<&str> = match mechanisms {
            [_, _] => JOINT.iter().chain(&FUND).copied().collect(),
            _ if !invited.is_empty() => invited.iter().copied().collect(),
            ["fund-supervision"] => FUND.into(),
            _ => JOINT.into(),
        };
        let id = self.uuid();
        let sent = Sent {
            who: office(),
            method: meeting_method!("CreateMeeting"),
            bytes: CreateMeetingRequest {
                office: format!("mechanisms/{}/office", mechanisms[0]),
                meeting: Some(meeting(kind, mechanisms, &invited)),
                request_id: id,
            }
            .encode_to_vec(),
        };
        let answer = self.send(&sent).await.unwrap();
        let made = CreateMeetingResponse::decode(answer)
            .unwrap()
            .meeting
            .unwrap();
        assert_eq!(made.units.len(), units.len(), "each unit once (JE-076)");
        self.done.push(sent);
        self.recorded += 1;
        self.meetings.push(Meeting {
            name: made.name,
            state: "MEETING_STATE_DRAFT",
            mechanisms: mechanisms.to_vec(),
            is_by_correspondence: kind == MeetingKind::Correspondence,
            confirmed: [mechanisms[0]].into(),
            units: units.into_iter().map(str::to_owned).collect(),
            ..Meeting::default()
        });
    }

    /// A meeting, an act and who does it: mostly what the meeting waits for.
    pub(super) fn choose(&mut self) -> (usize, Actor, Act) {
        let live: Vec<usize> = (0..self.meetings.len())
            .filter(|place| !is_over(&self.meetings[*place]))
            .collect();
        let place = if live.is_empty() || self.random.percent(3) {
            self.random.below(self.meetings.len())
        } else {
            *self.random.pick(&live)
        };
        let row = self.meetings[place].clone();
        if self.random.percent(72) {
            let (who, act) = self.sensible(&row);
            return (place, who, act);
        }
        let act = self.any(&row);
        let who = self.anybody();
        (place, who, act)
    }

    fn anybody(&mut self) -> Actor {
        if self.random.percent(35) {
            return office();
        }
        let all: Vec<&str> = JOINT.iter().chain(&FUND).copied().collect();
        let agency = *self.random.pick(&all);
        let role = *self.random.pick(&["leader", "leader", "clerk"]);
        unit(agency, role)
    }

    fn member(&mut self, row: &Meeting) -> Actor {
        let agency = self.random.pick(&row.units).clone();
        unit(&agency, "leader")
    }

    /// What the meeting waits for.
    fn sensible(&mut self, row: &Meeting) -> (Actor, Act) {
        match row.state {
            "MEETING_STATE_DRAFT" => {
                let missing = row
                    .mechanisms
                    .iter()
                    .find(|one| !row.confirmed.contains(**one));
                (office(), missing.map_or(Act::Open, |one| Act::Confirm(one)))
            }
            "MEETING_STATE_TOPICS_OPEN" => self.of_topics(row),
            "MEETING_STATE_TOPICS_CONFIRMED" => (office(), Act::Convene),
            "MEETING_STATE_CONVENED" if self.random.percent(60) => (self.member(row), Act::Answer),
            "MEETING_STATE_CONVENED" => (office(), Act::Held(self.attended(row))),
            "MEETING_STATE_HELD" => (office(), self.draft(row, 1)),
            "MEETING_STATE_ISSUED" | "MEETING_STATE_FOLLOW_UP" => self.of_follow_up(row),
            "MEETING_STATE_CLOSED" | "MEETING_STATE_CANCELLED" => (office(), self.any(row)),
            _ => self.of_minutes(row, 1),
        }
    }

    fn of_topics(&mut self, row: &Meeting) -> (Actor, Act) {
        let open = row.topics.iter().position(Option::is_none);
        match open {
            Some(place) if self.random.percent(70) => {
                (office(), Act::Decide(place + 1, self.random.percent(70)))
            }
            _ if row.topics.is_empty() || self.random.percent(30) => {
                (self.member(row), Act::Propose)
            }
            _ if !row.topics.contains(&Some(true)) => (office(), Act::Decide(1, true)),
            _ => (office(), Act::ConfirmTopics),
        }
    }

    /// At least one unit attended.
    fn attended(&mut self, row: &Meeting) -> BTreeSet<String> {
        if row.is_by_correspondence {
            return row.units.iter().cloned().collect();
        }
        let certain = self.random.pick(&row.units).clone();
        let units = row.units.iter();
        units
            .filter(|unit| **unit == certain || self.random.percent(45))
            .cloned()
            .collect()
    }

    fn draft(&mut self, row: &Meeting, doc: usize) -> Act {
        let base = row.docs.get(doc - 1).map_or(0, |doc| doc.texts.len());
        let base = if self.random.percent(8) {
            base + 1
        } else {
            base
        };
        let count = [0, 1, 1, 2, 2, 3][self.random.below(6)];
        let mut free: Vec<usize> = (1..=row.items.len())
            .filter(|number| row.items[number - 1].doc + 1 == doc)
            .collect();
        let mut items = vec![];
        for _ in 0..count {
            let mut units: Vec<String> = (0..=self.random.below(3))
                .map(|_| self.random.pick(&row.units).clone())
                .collect();
            units.sort();
            units.dedup();
            let continues = if !free.is_empty() && self.random.percent(60) {
                free.swap_remove(self.random.below(free.len()))
            } else {
                0
            };
            items.push(Planned {
                is_joint: units.len() > 1 && self.random.percent(40),
                units,
                due: *self.random.pick(&[20, 30]),
                continues,
            });
        }
        self.texts += 1;
        let what = written(self.texts, &items);
        let text = Text {
            sha256: sha(&what),
            items,
            was_circulated: false,
        };
        Act::Draft(doc, base, text, self.texts.to_string())
    }

    /// What a document that is not issued waits for.
    fn of_minutes(&mut self, row: &Meeting, number: usize) -> (Actor, Act) {
        let Some(doc) = row.docs.get(number - 1).filter(|doc| !doc.texts.is_empty()) else {
            return (office(), self.draft(row, number));
        };
        let newest = doc.texts.len();
        if doc.before == 0 {
            let is_ready = !doc.texts[newest - 1].items.is_empty();
            if is_ready && self.random.percent(85) {
                return (office(), Act::Circulate(number, newest));
            }
            return (office(), self.draft(row, number));
        }
        if self.random.percent(2) {
            return (office(), self.draft(row, number));
        }
        let pending: Vec<&String> = doc
            .stands
            .iter()
            .filter(|(_, stand)| **stand != Stand::Agreed)
            .map(|(unit, _)| unit)
            .collect();
        if pending.is_empty() {
            if self.random.percent(15) {
                let who = self.random.pick(&row.units).clone();
                return (unit(&who, "leader"), Act::Object(number, doc.before));
            }
            return (office(), Act::Issue(number, doc.before));
        }
        if self.random.percent(6) {
            // Too early.
            return (office(), Act::Issue(number, doc.before));
        }
        let who = (*self.random.pick(&pending)).clone();
        let sha256 = doc.texts[doc.before - 1].sha256.clone();
        let act = match doc.stands[&who] {
            Stand::Objected => Act::Withdraw(number, doc.before),
            _ if self.random.percent(6) => Act::Object(number, doc.before),
            _ => Act::Consent(number, doc.before, sha256),
        };
        (unit(&who, "leader"), act)
    }

    fn of_follow_up(&mut self, row: &Meeting) -> (Actor, Act) {
        let newest = row.docs.len();
        if !row.docs[newest - 1].is_issued && self.random.percent(75) {
            return self.of_minutes(row, newest);
        }
        let open: Vec<usize> = (1..=row.items.len())
            .filter(|number| {
                let item = &row.items[number - 1];
                !item.is_closed && !item.is_superseded
            })
            .collect();
        if open.is_empty() {
            return (office(), Act::Close);
        }
        if self.random.percent(8) && newest < 3 {
            return (office(), Act::Correct(newest));
        }
        let number = *self.random.pick(&open);
        let item = &row.items[number - 1];
        let units: Vec<&String> = item.parts.keys().collect();
        let of = (*self.random.pick(&units)).clone();
        let part = &item.parts[&of];
        match (part.wanted, self.random.below(10)) {
            (Some(day), 0..=5) => {
                let is_granted = self.random.percent(60);
                (office(), Act::DecideExtension(number, of, is_granted, day))
            }
            (_, 0..=4) => (
                unit(&of, "clerk"),
                Act::Report(number, self.random.percent(65)),
            ),
            (_, 5 | 6) => (unit(&of, "leader"), Act::Extend(number, part.due + 10)),
            _ => (office(), Act::CloseItem(number, self.random.percent(70))),
        }
    }

    /// Anything, with numbers that may exist.
    fn any(&mut self, row: &Meeting) -> Act {
        let doc = 1 + self.random.below(row.docs.len() + 1);
        let texts = row.docs.get(doc - 1).map_or(0, |doc| doc.texts.len());
        let version = 1 + self.random.below(texts + 1);
        let sha256 = match row
            .docs
            .get(doc - 1)
            .and_then(|doc| doc.texts.get(version - 1))
        {
            Some(text) if self.random.percent(80) => text.sha256.clone(),
            _ => "0".repeat(64),
        };
        let item = 1 + self.random.below(row.items.len() + 1);
        let due = *self.random.pick(&[20, 30, 40]);
        match self.random.below(22) {
            0 => Act::Open,
            1 | 2 => Act::Propose,
            3 if !row.topics.is_empty() => {
                let topic = 1 + self.random.below(row.topics.len());
                Act::Decide(topic, self.random.percent(50))
            }
            4 => Act::ConfirmTopics,
            5 => Act::Convene,
            6 => Act::Answer,
            7 => Act::Held(self.attended(row)),
            8 if self.random.percent(30) => Act::Cancel,
            9 => Act::Close,
            10 | 11 => self.draft(row, doc),
            12 => Act::Circulate(doc, version),
            13 | 14 => Act::Consent(doc, version, sha256),
            15 => Act::Object(doc, version),
            16 => Act::Withdraw(doc, version),
            17 => Act::Issue(doc, version),
            18 => Act::Correct(doc),
            19 => Act::Report(item, self.random.percent(50)),
            20 => Act::Extend(item, due),
            21 => {
                let unit = self.random.pick(&row.units).clone();
                Act::DecideExtension(item, unit, self.random.percent(50), due)
            }
            _ => Act::CloseItem(item, self.random.percent(50)),
        }
    }

    /// An act as it goes out.
    pub(super) fn request(&self, place: usize, who: &Actor, act: &Act, id: &str) -> Sent {
        let row = &self.meetings[place];
        let (method, bytes) = match act {
            Act::Draft(..)
            | Act::Circulate(..)
            | Act::Consent(..)
            | Act::Object(..)
            | Act::Withdraw(..)
            | Act::Issue(..)
            | Act::Correct(_) => request::of_minutes(row, act, id),
            Act::Report(..) | Act::Extend(..) | Act::DecideExtension(..) | Act::CloseItem(..) => {
                request::of_item(row, act, id)
            }
            _ => request::of_meeting(row, act, id),
        };
        Sent {
            who: who.clone(),
            method,
            bytes,
        }
    }
}
