//! Mechanisms: who belongs to them, under whom, and how members and liaisons come and go.

use hub_core::{
    document_number::DocumentNumber,
    names::{AgencyId, MechanismId, OfficerId},
};
use jiff::civil::Date;

use super::{agency::Period, category::CategoryId};

/// A mechanism: agencies that work together under a charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mechanism {
    pub(super) id: MechanismId,
    pub(super) name: String,
    pub(super) name_en: String,
    pub(super) document_number: DocumentNumber,
    pub(super) parent_body: AgencyId,
    pub(super) lead: AgencyId,
    pub(super) office: Office,
    pub(super) membership_addition: MembershipAddition,
    pub(super) liaison: LiaisonRule,
    pub(super) members: Vec<Member>,
    pub(super) member_duties: Vec<MemberDuty>,
    pub(super) sources: Vec<String>,
}

/// The office of a mechanism (JE-020).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// Names it goes by (JE-029). They hold within its mechanism only: two offices may share one.
    pub names: Vec<String>,
    /// The agency that hosts it.
    pub host: AgencyId,
    /// The bureau within the host.
    pub bureau: String,
    /// Post whose holder directs it (JE-026).
    pub director_post: String,
    /// Who has held it; one at a time.
    pub directors: Vec<Director>,
}

/// Who directs an office by virtue of a post of its host (JE-026). One person may direct two offices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Director {
    /// The agency, which is the host.
    pub agency: AgencyId,
    /// The officer.
    pub officer: OfficerId,
    /// Name in the directory.
    pub display_name: String,
    /// The post.
    pub post: String,
    /// When.
    pub period: Period,
}

impl Office {
    /// Who directs it on a day, if the charter names anybody.
    #[must_use]
    pub fn director_on(&self, on: Date) -> Option<&Director> {
        let mut directors = self.directors.iter();
        directors.find(|director| director.period.contains(on))
    }
}

/// What an addition of a member must rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipAddition {
    /// The kind of basis.
    pub basis: AdditionBasis,
    /// Where that is laid down.
    pub source: String,
}

/// The kind of basis for a new member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdditionBasis {
    /// An enforcement case that needs it (JE-014).
    Case,
    /// A decision of the leading group, by document number (FS-013).
    LeadingGroupDecision,
}

/// Rules for liaisons (JE-027, JE-028).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiaisonRule {
    /// The rank a liaison has.
    pub rank: LiaisonRank,
    /// Whether a unit has one at a time and no more.
    pub is_single: bool,
    /// Whether another rank is accepted with a reason.
    pub is_rank_override_allowed: bool,
    /// Category under which the office is told of a change.
    pub change_category: CategoryId,
    /// Where that is laid down.
    pub source: String,
}

/// Rank that a liaison must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiaisonRank {
    /// Division-level cadre (处级干部).
    Division,
    /// Any.
    Any,
}

/// A member that the charter itself names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The agency.
    pub agency: AgencyId,
    /// Lead or member.
    pub role: MemberRole,
    /// When it is a member.
    pub period: Period,
    /// Whether its clause obliges it to notify the lead of what it does in its own field; `None`
    /// when the catalogue of requirements has no such clause.
    pub notice_duty: Option<Duty>,
    /// Whether its clause obliges it to assist.
    pub assist_duty: Option<Duty>,
    /// Clause that lays down the duties.
    pub duty_source: Option<String>,
}

/// A duty that a clause lays upon members (JE-030).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDuty {
    /// What it is.
    pub duty: String,
    /// The clause.
    pub source: String,
    /// On whom; empty for every member.
    pub agencies: Vec<AgencyId>,
}

/// Role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberRole {
    /// The lead unit (JE-011).
    Lead,
    /// Any other.
    Member,
}

/// What a clause says about a duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It states the duty.
    Yes,
    /// It does not state it: nothing is owed, and nothing is forbidden (JE-053, JE-054).
    NotStated,
}

impl Mechanism {
    /// What lies upon a member: every member's duties, then its own (JE-030).
    pub fn duties_of<'a>(&'a self, agency: &'a AgencyId) -> impl Iterator<Item = &'a MemberDuty> {
        let (all, own): (Vec<_>, Vec<_>) = self
            .member_duties
            .iter()
            .filter(|duty| duty.agencies.is_empty() || duty.agencies.contains(agency))
            .partition(|duty| duty.agencies.is_empty());
        all.into_iter().chain(own)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &MechanismId {
        &self.id
    }

    /// Official Chinese name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// English name.
    #[must_use]
    pub fn name_en(&self) -> &str {
        &self.name_en
    }

    /// Number of the document that set it up (JE-001).
    #[must_use]
    pub fn document_number(&self) -> &DocumentNumber {
        &self.document_number
    }

    /// The body it answers to (JE-010).
    #[must_use]
    pub fn parent_body(&self) -> &AgencyId {
        &self.parent_body
    }

    /// The lead unit (JE-011).
    #[must_use]
    pub fn lead(&self) -> &AgencyId {
        &self.lead
    }

    /// Its office.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// What a new member must rest on.
    #[must_use]
    pub fn membership_addition(&self) -> &MembershipAddition {
        &self.membership_addition
    }

    /// Rules for its liaisons.
    #[must_use]
    pub fn liaison(&self) -> &LiaisonRule {
        &self.liaison
    }

    /// The charter's own members in official order, the lead first. Those added later are on the
    /// ledger.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The charter's own members in force on a day, in official order.
    pub fn members_on(&self, on: Date) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(move |member| member.period.contains(on))
    }

    /// The charter's own entry for an agency.
    #[must_use]
    pub fn member(&self, agency: &AgencyId) -> Option<&Member> {
        self.members.iter().find(|member| member.agency == *agency)
    }

    /// Requirement ids that it rests on.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}
