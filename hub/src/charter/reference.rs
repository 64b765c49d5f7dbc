//! Tables that the charter carries as settings: alert indicators, legal bases, deadlines.
//!
//! None of them is law by standing here; each row names its source.

use hub_core::names::AgencyId;

/// A sign that may ground a fund alert. A setting, none is law.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertIndicator {
    /// Id, unique in the charter.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Which series it belongs to: the two are never added up (FS-054, X-008).
    pub kind: IndicatorKind,
    /// Where it comes from.
    pub source: String,
}

/// Kind of an alert indicator (FS-054).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndicatorKind {
    /// Abnormal fund movement.
    AbnormalMovement,
    /// Donation from overseas.
    OverseasDonation,
}

/// A power to ask for information (FS-053, Order 809 art. 20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalBasis {
    /// Id, unique in the charter.
    pub id: String,
    /// For which kind of request.
    pub kind: BasisKind,
    /// Who may ask; `None` for every agency.
    pub requester: Option<AgencyId>,
    /// The law and article; empty when each instrument must name its own.
    pub basis: String,
    /// Whether the instrument must name the statute it acts under.
    pub is_named_in_instrument: bool,
    /// When it applies.
    pub condition: String,
    /// Whether it is for charities only.
    pub is_charity_only: bool,
    /// Who approves.
    pub approver: String,
    /// Who approves, of account information; `None` of other data.
    pub approval_level: Option<ApprovalLevel>,
    /// Officers who must act together, at least; 0 of other data.
    pub officers_min: u8,
    /// How well the row is verified.
    pub mark: Mark,
}

/// What may be asked for on a legal basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasisKind {
    /// Government data.
    Data,
    /// Account information of an organisation involved in a case (FS-053).
    AccountInformation,
}

/// Who approves an inquiry for account information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalLevel {
    /// The people's government at the requester's level.
    Government,
    /// The head of the requester's agency.
    AgencyHead,
    /// The head of the bureau at county level or above.
    BureauHead,
    /// Whoever the statute named in the instrument says.
    AsStatute,
}

/// How well a fact is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Full primary text read.
    Primary,
    /// Two or more independent sources.
    Concordant,
    /// One page, a draft or a partial text.
    Single,
    /// Not verified: confirm before use.
    Unverified,
}

/// A time limit that a rule lays down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Id, unique in the charter.
    pub id: String,
    /// What must be done.
    pub name: String,
    /// How long.
    pub amount: u16,
    /// In what.
    pub unit: TimeUnit,
    /// How much longer it may be made, in the same unit.
    pub extension_amount: Option<u16>,
    /// What starts the clock.
    pub starts_at: String,
    /// Law and article.
    pub source: String,
}

/// Unit of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Hours.
    Hour,
    /// Calendar days.
    Day,
    /// Working days of the charter's calendar.
    WorkingDay,
    /// Calendar years.
    Year,
}
