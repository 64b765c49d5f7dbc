//! What state keeps of fund alerts. Texts are not here: rows have the index of the entry whose request
//! has them.

use hub_core::names::{AgencyId, AlertName, MechanismId, Recipient};
use hub_proto::{
    common,
    funds::{
        AlertAction, AlertFacts, AlertState, ClosingOutcome, FindingKind, JointNoticeState,
        MeasureState,
    },
};

use crate::{
    domain::{
        channels::log::{NotificationPlace, issued_item},
        meetings::rows::ActRow,
    },
    error::Result,
    state::{
        keys,
        view::{View, ViewExt as _},
    },
};

/// A fund alert.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AlertRow {
    /// Where it stands.
    #[prost(enumeration = "AlertState", tag = "1")]
    pub state: i32,
    /// Agency id of who raised it.
    #[prost(string, tag = "2")]
    pub agency: String,
    /// Mechanism id.
    #[prost(string, tag = "3")]
    pub mechanism: String,
    /// Units that it went to, in the mechanism's order.
    #[prost(message, repeated, tag = "4")]
    pub units: Vec<UnitRow>,
    /// Whether these are a named few.
    #[prost(bool, tag = "5")]
    pub is_named: bool,
    /// Whether the office may see it.
    #[prost(bool, tag = "6")]
    pub is_office_included: bool,
    /// What the revision in force says.
    #[prost(message, optional, tag = "7")]
    pub facts: Option<AlertFacts>,
    /// Its revisions: its raising first.
    #[prost(message, repeated, tag = "8")]
    pub revisions: Vec<RevisionRow>,
    /// What the raising agency answered.
    #[prost(message, repeated, tag = "9")]
    pub information: Vec<ActRow>,
    /// Findings.
    #[prost(message, repeated, tag = "10")]
    pub findings: Vec<FindingRow>,
    /// Measures; numbers count from 1.
    #[prost(message, repeated, tag = "11")]
    pub measures: Vec<MeasureRow>,
    /// Joint notices; numbers count from 1.
    #[prost(message, repeated, tag = "12")]
    pub notices: Vec<NoticeRow>,
    /// Closings.
    #[prost(message, repeated, tag = "13")]
    pub closings: Vec<ClosingRow>,
    /// SHA-256 of the organisation's code; empty once sealed.
    #[prost(bytes = "vec", tag = "14")]
    pub organization_sha256: Vec<u8>,
    /// Whether retention has erased its texts.
    #[prost(bool, tag = "15")]
    pub is_sealed: bool,
    /// How many entries there are of it.
    #[prost(uint32, tag = "16")]
    pub acts_count: u32,
    /// When it ended so that it is to be sealed, microseconds; 0 while it has not.
    #[prost(int64, tag = "17")]
    pub ended_at_us: i64,
}

/// A unit that an alert went to.
#[derive(Clone, PartialEq, prost::Message)]
pub struct UnitRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub agency: String,
    /// Its first acknowledgement of the revision in force.
    #[prost(message, optional, tag = "2")]
    pub acknowledged: Option<ActRow>,
    /// The revision that it acknowledged last; 0 for none.
    #[prost(uint32, tag = "3")]
    pub acknowledged_revision: u32,
    /// What it said last that it does.
    #[prost(enumeration = "AlertAction", tag = "4")]
    pub action: i32,
    /// Where it said so.
    #[prost(message, optional, tag = "5")]
    pub stated: Option<ActRow>,
    /// The entry that asked it last to review its measures; 0 for none.
    #[prost(uint64, tag = "6")]
    pub review_entry: u64,
    /// Number of that notice in its entry.
    #[prost(uint32, tag = "7")]
    pub review_number: u32,
}

/// A revision.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RevisionRow {
    /// What made it.
    #[prost(message, optional, tag = "1")]
    pub act: Option<ActRow>,
    /// Whether it took the alert back.
    #[prost(bool, tag = "2")]
    pub is_retraction: bool,
}

/// A finding.
#[derive(Clone, PartialEq, prost::Message)]
pub struct FindingRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// What.
    #[prost(enumeration = "FindingKind", tag = "2")]
    pub kind: i32,
    /// On which revision.
    #[prost(uint32, tag = "3")]
    pub revision: u32,
    /// Where.
    #[prost(message, optional, tag = "4")]
    pub act: Option<ActRow>,
}

/// A measure.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MeasureRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// Where it stands.
    #[prost(enumeration = "MeasureState", tag = "2")]
    pub state: i32,
    /// By when it is done.
    #[prost(message, optional, tag = "3")]
    pub due_on: Option<common::Date>,
    /// On which revision it was taken.
    #[prost(uint32, tag = "4")]
    pub revision: u32,
    /// Whether it is to be reviewed.
    #[prost(bool, tag = "5")]
    pub awaits_review: bool,
    /// Its taking, whose request has its text.
    #[prost(message, optional, tag = "6")]
    pub taken: Option<ActRow>,
    /// Its report.
    #[prost(message, optional, tag = "7")]
    pub reported: Option<ActRow>,
    /// Its last review.
    #[prost(message, optional, tag = "8")]
    pub reviewed: Option<ActRow>,
}

/// A joint notice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NoticeRow {
    /// Where it stands.
    #[prost(enumeration = "JointNoticeState", tag = "1")]
    pub state: i32,
    /// Who drafted it, a resource name.
    #[prost(string, tag = "2")]
    pub author: String,
    /// Agency ids of those that are asked to sign.
    #[prost(string, repeated, tag = "3")]
    pub units: Vec<String>,
    /// On which revision.
    #[prost(uint32, tag = "4")]
    pub revision: u32,
    /// Its draft, whose request has its text.
    #[prost(message, optional, tag = "5")]
    pub drafted: Option<ActRow>,
    /// Answers.
    #[prost(message, repeated, tag = "6")]
    pub signatures: Vec<SignatureRow>,
    /// Its issue.
    #[prost(message, optional, tag = "7")]
    pub issued: Option<ActRow>,
}

/// A unit's answer to a joint notice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SignatureRow {
    /// Agency id.
    #[prost(string, tag = "1")]
    pub unit: String,
    /// Whether it signs.
    #[prost(bool, tag = "2")]
    pub is_signed: bool,
    /// Where it said so.
    #[prost(message, optional, tag = "3")]
    pub act: Option<ActRow>,
}

/// A closing.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ClosingRow {
    /// What it came to.
    #[prost(enumeration = "ClosingOutcome", tag = "1")]
    pub outcome: i32,
    /// The revision that was closed.
    #[prost(uint32, tag = "2")]
    pub revision: u32,
    /// Where.
    #[prost(message, optional, tag = "3")]
    pub act: Option<ActRow>,
    /// Agency ids of units that had not acknowledged it.
    #[prost(string, repeated, tag = "4")]
    pub unacknowledged: Vec<String>,
}

impl AlertRow {
    /// The row of an alert.
    ///
    /// # Errors
    /// When storage fails.
    pub fn read(view: &(impl View + ?Sized), name: AlertName) -> Result<Option<Self>> {
        view.message(&keys::alert(name.0.as_bytes()))
    }

    /// The revision in force.
    #[must_use]
    pub fn revision(&self) -> u32 {
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }

    /// The entry that raised it.
    #[must_use]
    pub fn raised_entry(&self) -> u64 {
        self.act_of(1).map_or(0, |act| act.entry_index)
    }

    /// What made a revision, counted from 1.
    #[must_use]
    pub fn act_of(&self, revision: u32) -> Option<&ActRow> {
        let at = usize::try_from(revision).ok()?.checked_sub(1)?;
        self.revisions.get(at)?.act.as_ref()
    }

    /// A unit of it.
    #[must_use]
    pub fn unit(&self, agency: &AgencyId) -> Option<&UnitRow> {
        self.units
            .iter()
            .find(|unit| unit.agency == agency.as_str())
    }

    /// Its units.
    #[must_use]
    pub fn unit_ids(&self) -> Vec<AgencyId> {
        let ids = self.units.iter().map(|unit| unit.agency.parse());
        ids.filter_map(Result::ok).collect()
    }

    /// Who raised it.
    #[must_use]
    pub fn author(&self) -> Option<AgencyId> {
        self.agency.parse().ok()
    }

    /// The mechanism whose office may see it.
    #[must_use]
    pub fn office(&self) -> Option<MechanismId> {
        self.mechanism
            .parse()
            .ok()
            .filter(|_| self.is_office_included)
    }

    /// Whether nobody but who raised it and its units may know of it: not the office, nor the body above
    /// the mechanisms.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        !self.is_office_included
    }

    /// Everyone who may see it: units, who raised it, the office.
    #[must_use]
    pub fn viewers(&self) -> Vec<Recipient> {
        let units = self.unit_ids().into_iter().chain(self.author());
        let office = self.office().map(Recipient::Office);
        units.map(Recipient::Agency).chain(office).collect()
    }

    /// The notice that told the units of a revision.
    #[must_use]
    pub fn told(&self, revision: u32) -> Option<NotificationPlace> {
        self.act_of(revision).map(|act| issued_by(act, 0))
    }

    /// Whether the revision in force is acknowledged by a unit.
    #[must_use]
    pub fn is_acknowledged_by(&self, unit: &AgencyId) -> bool {
        self.unit(unit)
            .is_some_and(|unit| unit.acknowledged.is_some())
    }

    /// Measures that may be in the way of its end.
    pub fn pending_measures(&self) -> impl Iterator<Item = &MeasureRow> {
        let measures = self.measures.iter();
        measures.filter(|one| one.awaits_review || one.state() == MeasureState::Open)
    }
}

/// A notice that an act wrote, by its number.
#[must_use]
pub fn issued_by(act: &ActRow, number: u32) -> NotificationPlace {
    NotificationPlace {
        entry_index: act.entry_index,
        item: issued_item(number),
    }
}
