//! What state keeps of meetings. Texts are not here: rows have the index of the entry whose request
//! has them, and they are read from the ledger when something is shown.

use std::str::FromStr;

use hub_core::{
    date,
    names::{AgencyId, MechanismId, MeetingName},
};
use hub_proto::{
    channels::NotificationRef,
    common,
    meetings::{
        AgreedItemKind, AnswerKind, Attendance, DispositionKind, EscalationState, MajorIssueState,
        MeetingKind, MeetingState, MinutesState, TaskState, TopicState,
    },
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::{
    domain::EntryMeta,
    error::Result,
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// Somebody did something, in an entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActRow {
    /// Index of the entry, whose request has the text.
    #[prost(uint64, tag = "1")]
    pub entry_index: u64,
    /// When, microseconds since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "2")]
    pub at_us: i64,
    /// The officer.
    #[prost(string, tag = "3")]
    pub officer: String,
    /// The role, where it matters.
    #[prost(string, tag = "4")]
    pub role: String,
}

/// A meeting.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MeetingRow {
    /// Where it stands.
    #[prost(enumeration = "MeetingState", tag = "1")]
    pub state: i32,
    /// Its kind.
    #[prost(enumeration = "MeetingKind", tag = "2")]
    pub kind: i32,
    /// Mechanism ids, that of the office that made it first.
    #[prost(string, repeated, tag = "3")]
    pub mechanisms: Vec<String>,
    /// Units in the official order.
    #[prost(message, repeated, tag = "4")]
    pub units: Vec<UnitRow>,
    /// The day.
    #[prost(message, optional, tag = "5")]
    pub planned_on: Option<common::Date>,
    /// Its creation, whose request has title and purpose.
    #[prost(message, optional, tag = "6")]
    pub created: Option<ActRow>,
    /// Mechanism ids of the offices that confirmed it.
    #[prost(string, repeated, tag = "7")]
    pub confirmed_by: Vec<String>,
    /// When the topics were fixed, microseconds; 0 for never.
    #[prost(int64, tag = "8")]
    pub topics_confirmed_at_us: i64,
    /// The newest notice, whose request has its text.
    #[prost(message, optional, tag = "9")]
    pub notice: Option<NoticeRow>,
    /// Why it was cancelled: that entry's request.
    #[prost(message, optional, tag = "10")]
    pub cancelled: Option<ActRow>,
    /// That it was held: that entry's request has chair, attendees, observers and points.
    #[prost(message, optional, tag = "11")]
    pub held: Option<ActRow>,
    /// When it began, microseconds; 0 for never.
    #[prost(int64, tag = "12")]
    pub held_at_us: i64,
    /// Major issues that were discussed, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "13")]
    pub discussed_issues: Vec<Vec<u8>>,
    /// How many topics there are.
    #[prost(uint32, tag = "14")]
    pub topics_count: u32,
    /// Accepted topics in their order.
    #[prost(uint32, repeated, tag = "15")]
    pub agenda: Vec<u32>,
    /// How many minutes documents there are.
    #[prost(uint32, tag = "16")]
    pub documents_count: u32,
    /// How many agreed items there are.
    #[prost(uint32, tag = "17")]
    pub items_count: u32,
    /// Counts changes of the meeting, for its etag.
    #[prost(uint64, tag = "18")]
    pub revision: u64,
    /// Whether its units have learned of it.
    #[prost(bool, tag = "19")]
    pub is_announced: bool,
}

impl MeetingRow {
    /// The row of a meeting.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(view: &(impl View + ?Sized), meeting: MeetingName) -> Result<Option<Self>> {
        view.message(&keys::meeting(meeting.0.as_bytes()))
    }

    /// Changes the row, which counts as a change of the meeting. Without a row nothing happens.
    ///
    /// # Errors
    /// When storage fails.
    pub fn update(
        rows: &mut Overlay<'_>,
        meeting: &[u8],
        change: impl FnOnce(&mut Self),
    ) -> Result<()> {
        let key = keys::meeting(meeting);
        if let Some(mut row) = rows.message::<Self>(&key)? {
            change(&mut row);
            row.revision = row.revision.saturating_add(1);
            rows.put_message(key, &row);
        }
        Ok(())
    }

    /// Its mechanisms, that of the office that made it first.
    #[must_use]
    pub fn mechanism_ids(&self) -> Vec<MechanismId> {
        parsed(&self.mechanisms)
    }

    /// Its units, in the official order.
    #[must_use]
    pub fn unit_ids(&self) -> Vec<AgencyId> {
        self.units
            .iter()
            .filter_map(|unit| unit.agency.parse().ok())
            .collect()
    }

    /// Its units if they have learned of it, else nobody.
    #[must_use]
    pub fn knowing_units(&self) -> Vec<AgencyId> {
        if self.is_announced {
            self.unit_ids()
        } else {
            vec![]
        }
    }

    /// What a caller compares with what it has seen.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("m{}", self.revision)
    }

    /// The day on which it is to take place; a damaged one is the beginning of time.
    #[must_use]
    pub fn day(&self) -> Date {
        self.planned_on
            .as_ref()
            .and_then(date::from_wire)
            .unwrap_or(Date::ZERO)
    }

    /// The day of the meeting, whose names units bear (FS-011): that on which it was held, before that
    /// the one on which it is to take place.
    #[must_use]
    pub fn names_on(&self, zone: &TimeZone) -> Date {
        match self.held_at_us {
            0 => self.day(),
            us => Timestamp::from_microsecond(us).map_or(self.day(), |at| date::on(at, zone)),
        }
    }
}

/// The ids that are well-formed, which are all.
fn parsed<T: FromStr>(texts: &[String]) -> Vec<T> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

impl ActRow {
    /// What an entry records.
    #[must_use]
    pub fn new(entry: &EntryMeta<'_>) -> Self {
        Self {
            entry_index: entry.index,
            at_us: entry.recorded_at.as_microsecond(),
            officer: entry.officer.to_owned(),
            role: String::new(),
        }
    }
}

/// A unit of a meeting.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnitRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub agency: String,
    /// Its answer to the newest notice.
    #[prost(enumeration = "AnswerKind", tag = "2")]
    pub answer: i32,
    /// When and by whom; that entry's request has attendees or reason.
    #[prost(message, optional, tag = "3")]
    pub answered: Option<ActRow>,
    /// Whether it was there.
    #[prost(enumeration = "Attendance", tag = "4")]
    pub attendance: i32,
    /// Whether it took part in the topics.
    #[prost(bool, tag = "5")]
    pub has_spoken: bool,
}

/// The newest notice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NoticeRow {
    /// When and by whom it was sent; that entry's request has its text.
    #[prost(message, optional, tag = "1")]
    pub sent: Option<ActRow>,
    /// Counts from 1.
    #[prost(uint32, tag = "2")]
    pub revision: u32,
    /// When the meeting begins, microseconds.
    #[prost(int64, tag = "3")]
    pub starts_at_us: i64,
    /// By when units answer, microseconds.
    #[prost(int64, tag = "4")]
    pub answer_by_us: i64,
    /// The notification that asks for the answers.
    #[prost(message, optional, tag = "5")]
    pub notification: Option<NotificationRef>,
}

/// A topic.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TopicRow {
    /// Where it stands.
    #[prost(enumeration = "TopicState", tag = "1")]
    pub state: i32,
    /// Who proposed it, a resource name.
    #[prost(string, tag = "2")]
    pub proposer: String,
    /// Its proposal, whose request has the text.
    #[prost(message, optional, tag = "3")]
    pub proposed: Option<ActRow>,
    /// The decision, whose request has the reason.
    #[prost(message, optional, tag = "4")]
    pub decided: Option<ActRow>,
    /// The topic it was merged into; 0 for none.
    #[prost(uint32, tag = "5")]
    pub merged_into: u32,
    /// The major issue it comes from, 16 bytes, or empty.
    #[prost(bytes = "vec", tag = "6")]
    pub major_issue: Vec<u8>,
    /// Comments in order.
    #[prost(message, repeated, tag = "7")]
    pub comments: Vec<CommentRow>,
}

/// A comment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CommentRow {
    /// Whose, a resource name.
    #[prost(string, tag = "1")]
    pub author: String,
    /// When and by whom; that entry's request has the text.
    #[prost(message, optional, tag = "2")]
    pub act: Option<ActRow>,
}

/// A document of minutes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MinutesRow {
    /// Where it stands.
    #[prost(enumeration = "MinutesState", tag = "1")]
    pub state: i32,
    /// Versions in order.
    #[prost(message, repeated, tag = "2")]
    pub versions: Vec<VersionRow>,
    /// The version before the units, agreed to, or issued; 0 for none.
    #[prost(uint32, tag = "3")]
    pub circulated_version: u32,
    /// By when units consent, microseconds.
    #[prost(int64, tag = "4")]
    pub consent_by_us: i64,
    /// One for each attending unit.
    #[prost(message, repeated, tag = "6")]
    pub consents: Vec<ConsentRow>,
    /// Objections in order.
    #[prost(message, repeated, tag = "7")]
    pub objections: Vec<ObjectionRow>,
    /// The issue.
    #[prost(message, optional, tag = "8")]
    pub issued: Option<ActRow>,
    /// Agency word, year and serial of its number.
    #[prost(string, tag = "9")]
    pub document_word: String,
    /// Year of its number.
    #[prost(int32, tag = "10")]
    pub year: i32,
    /// Serial of its number.
    #[prost(uint32, tag = "11")]
    pub serial: u32,
    /// The day it bears.
    #[prost(message, optional, tag = "12")]
    pub issued_on: Option<common::Date>,
    /// That it corrects the document before; that entry's request has the reason.
    #[prost(message, optional, tag = "13")]
    pub corrects: Option<ActRow>,
    /// Counts changes of the document, for its etag.
    #[prost(uint64, tag = "14")]
    pub revision: u64,
}

/// A version of minutes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VersionRow {
    /// When and by whom; that entry's request has the content.
    #[prost(message, optional, tag = "1")]
    pub drafted: Option<ActRow>,
    /// SHA-256 of the content.
    #[prost(bytes = "vec", tag = "2")]
    pub content_sha256: Vec<u8>,
    /// When it was circulated, microseconds; 0 for never.
    #[prost(int64, tag = "3")]
    pub circulated_at_us: i64,
    /// How many agreed items it states.
    #[prost(uint32, tag = "4")]
    pub agreed_items_count: u32,
}

/// Where a unit stands on the circulated version.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConsentRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// Its consent.
    #[prost(message, optional, tag = "2")]
    pub agreed: Option<ActRow>,
    /// Its objection.
    #[prost(message, optional, tag = "3")]
    pub objected: Option<ActRow>,
    /// The notification that asks it.
    #[prost(message, optional, tag = "4")]
    pub notification: Option<NotificationRef>,
    /// When it was asked, microseconds.
    #[prost(int64, tag = "5")]
    pub asked_at_us: i64,
    /// Its silence counted as consent when the minutes were issued.
    #[prost(bool, tag = "6")]
    pub is_silent: bool,
}

/// An objection.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ObjectionRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// The version.
    #[prost(uint32, tag = "2")]
    pub version: u32,
    /// When and by whom; that entry's request has the reason.
    #[prost(message, optional, tag = "3")]
    pub act: Option<ActRow>,
    /// When it was withdrawn, microseconds; 0 for never.
    #[prost(int64, tag = "4")]
    pub withdrawn_at_us: i64,
    /// The version that answered it; 0 for none.
    #[prost(uint32, tag = "5")]
    pub answered_by_version: u32,
}

/// An agreed item.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AgreedItemRow {
    /// The document it is from.
    #[prost(uint32, tag = "1")]
    pub document: u32,
    /// Its place in that document's issued content, from 0.
    #[prost(uint32, tag = "2")]
    pub place: u32,
    /// Each responsible unit's part.
    #[prost(message, repeated, tag = "3")]
    pub tasks: Vec<TaskRow>,
    /// Assisting units by agency id.
    #[prost(string, repeated, tag = "4")]
    pub assisting_units: Vec<String>,
    /// By when the minutes ask for it.
    #[prost(message, optional, tag = "5")]
    pub due_on: Option<common::Date>,
    /// Its closing, whose request has the note.
    #[prost(message, optional, tag = "6")]
    pub closed: Option<ActRow>,
    /// A later document replaced it.
    #[prost(bool, tag = "7")]
    pub is_superseded: bool,
    /// What kind of item.
    #[prost(enumeration = "AgreedItemKind", tag = "8")]
    pub kind: i32,
    /// The item of the corrected document that it continues; 0 for none.
    #[prost(uint32, tag = "9")]
    pub continues_item: u32,
    /// The item of a correction that continues it; 0 for none.
    #[prost(uint32, tag = "10")]
    pub continued_by: u32,
}

/// A unit's part of an agreed item.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TaskRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// Where it stands.
    #[prost(enumeration = "TaskState", tag = "2")]
    pub state: i32,
    /// By when, with extensions.
    #[prost(message, optional, tag = "3")]
    pub due_on: Option<common::Date>,
    /// An extension asked for and not decided.
    #[prost(message, optional, tag = "4")]
    pub requested_due_on: Option<common::Date>,
    /// That request, which has the reason.
    #[prost(message, optional, tag = "5")]
    pub requested: Option<ActRow>,
    /// Reports in order; their requests have the text.
    #[prost(message, repeated, tag = "6")]
    pub reports: Vec<ActRow>,
    /// When it was first reported done and has stayed so, microseconds; 0 for never.
    #[prost(int64, tag = "7")]
    pub done_at_us: i64,
    /// The notification that asks for it.
    #[prost(message, optional, tag = "8")]
    pub notification: Option<NotificationRef>,
}

/// How far a series of document numbers has come in a year.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct SeriesRow {
    /// The newest serial.
    #[prost(uint32, tag = "1")]
    pub serial: u32,
}

/// A major issue.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MajorIssueRow {
    /// Where it stands.
    #[prost(enumeration = "MajorIssueState", tag = "1")]
    pub state: i32,
    /// Mechanism id.
    #[prost(string, tag = "2")]
    pub mechanism: String,
    /// Agency id.
    #[prost(string, tag = "3")]
    pub flagged_by: String,
    /// The flagging, whose request has the text.
    #[prost(message, optional, tag = "4")]
    pub flagged: Option<ActRow>,
    /// The newest disposition, whose request has the reason.
    #[prost(message, optional, tag = "5")]
    pub disposed: Option<ActRow>,
    /// What it is.
    #[prost(enumeration = "DispositionKind", tag = "6")]
    pub disposition: i32,
    /// The meeting on whose agenda it is, 16 bytes, or empty.
    #[prost(bytes = "vec", tag = "7")]
    pub meeting: Vec<u8>,
    /// The topic there.
    #[prost(uint32, tag = "8")]
    pub topic: u32,
    /// Meetings that discussed it, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub discussed_at: Vec<Vec<u8>>,
    /// Its escalations, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "10")]
    pub escalations: Vec<Vec<u8>>,
    /// Meetings that have a topic of it, 16 bytes each.
    #[prost(bytes = "vec", repeated, tag = "11")]
    pub topic_at: Vec<Vec<u8>>,
}

/// An escalation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EscalationRow {
    /// Where it stands.
    #[prost(enumeration = "EscalationState", tag = "1")]
    pub state: i32,
    /// The issue, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub major_issue: Vec<u8>,
    /// The meeting, 16 bytes.
    #[prost(bytes = "vec", tag = "3")]
    pub meeting: Vec<u8>,
    /// Agency id of the lead.
    #[prost(string, tag = "4")]
    pub lead_unit: String,
    /// Agency id of the body above.
    #[prost(string, tag = "5")]
    pub addressee: String,
    /// The draft, whose request has the text.
    #[prost(message, optional, tag = "6")]
    pub drafted: Option<ActRow>,
    /// The members asked.
    #[prost(message, repeated, tag = "7")]
    pub co_units: Vec<CoUnitRow>,
    /// That it was sent.
    #[prost(message, optional, tag = "8")]
    pub sent: Option<ActRow>,
    /// The reply, whose request has the text.
    #[prost(message, optional, tag = "9")]
    pub replied: Option<ActRow>,
    /// The notification that asks for co-signatures.
    #[prost(message, optional, tag = "10")]
    pub notification: Option<NotificationRef>,
}

/// A member asked to co-sign.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CoUnitRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// Its answer, whose request has a reason.
    #[prost(message, optional, tag = "2")]
    pub answered: Option<ActRow>,
    /// Whether it signs.
    #[prost(bool, tag = "3")]
    pub is_signed: bool,
}
