//! The charter: a province's mechanisms as data.
//!
//! Who the agencies are and what they are called when, which mechanisms they form, which roles
//! their officers have, who may publish and read where, what must be told to whom. Nothing about
//! any one province is in the code: another province is another file.
//!
//! A [`Charter`] exists only when every rule holds: references resolve, each mechanism has one
//! lead, whoever publishes to a channel can read it. What it does not grant is refused.
//!
//! The cast:
//! - `raw`: the file as written, with places in the text.
//! - `build`: from there to the types here, collecting every broken rule.
//! - [`agency`], [`mechanism`], [`role`], [`action`], [`channel`], [`category`], [`meetings`],
//!   [`fund`], [`mod@reference`], [`requests`]: the types.
//! - [`report`]: `hub charter check`.

pub mod action;
pub mod agency;
mod build;
pub mod category;
pub mod channel;
pub mod error;
pub mod follow_up;
pub mod fund;
pub mod mechanism;
pub mod meetings;
mod raw;
pub mod reads;
pub mod reference;
pub mod referrals;
pub mod report;
pub mod requests;
pub mod role;

use std::{fs::File, io::Read as _, path::Path};

use hub_core::{
    crypto::{Digest, sha256},
    document_number::DocumentNumber,
    names::{AgencyId, ChannelId, MechanismId, RoleId},
};
use jiff::{civil::Date, tz::TimeZone};

pub use self::{
    action::Action,
    agency::{Agency, DatedName, Period},
    category::{AdditionalAddressees, Category, CategoryId, Destination, Route, RouteError},
    channel::{Audience, AudienceRule, Channel, Who},
    error::{CharterError, CharterErrors},
    follow_up::FollowUp,
    fund::{AmountBand, FundRules},
    mechanism::{
        AdditionBasis, Director, Duty, LiaisonRank, LiaisonRule, Mechanism, Member, MemberRole,
        MembershipAddition, Office,
    },
    meetings::{CorrespondenceUnits, MeetingRules},
    reads::{ReadRules, RestrictedKind},
    reference::{
        AlertIndicator, ApprovalLevel, BasisKind, Deadline, IndicatorKind, LegalBasis, Mark,
        TimeUnit,
    },
    referrals::ReferralRules,
    report::check_command,
    requests::RequestRules,
    role::{AgencySet, Binding, Role},
};

/// Format of charters that this hub reads.
pub const FORMAT: u32 = 1;

/// Longest charter file in bytes (1 MiB).
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Most agencies.
pub const AGENCIES_MAX: usize = 64;

/// Most mechanisms.
pub const MECHANISMS_MAX: usize = 8;

/// Most channels.
pub const CHANNELS_MAX: usize = 64;

/// Most roles.
pub const ROLES_MAX: usize = 32;

/// Most notification categories.
pub const CATEGORIES_MAX: usize = 256;

/// Most rows of each reference table.
pub const REFERENCE_ROWS_MAX: usize = 256;

/// Most items of a list within a table, such as aliases or audience rules.
pub const LIST_ITEMS_MAX: usize = 64;

/// Most errors that one check reports; further ones are summed up in a last one.
pub const ERRORS_MAX: usize = 500;

/// Longest name or note in characters.
pub const TEXT_CHARS_MAX: usize = 300;

/// The `[charter]` table: where it comes from and where it holds.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    province: String,
    province_en: String,
    zone: TimeZone,
    document_number: DocumentNumber,
    issuer: String,
    adopted_at_meeting: String,
    issued_on: Date,
    legal_basis: Vec<DocumentNumber>,
    soft_words: Vec<String>,
    trust_notes: Vec<String>,
    sources: Vec<String>,
}

/// A charter in which every rule holds.
#[derive(Debug, Clone)]
pub struct Charter {
    sha256: Digest,
    head: Head,
    agencies: Vec<Agency>,
    mechanisms: Vec<Mechanism>,
    roles: Vec<Role>,
    channels: Vec<Channel>,
    categories: Vec<Category>,
    alert_indicators: Vec<AlertIndicator>,
    legal_bases: Vec<LegalBasis>,
    deadlines: Vec<Deadline>,
    follow_up: FollowUp,
    retention_months: Option<u16>,
    meetings: MeetingRules,
    requests: Option<RequestRules>,
    reads: ReadRules,
    fund: Option<FundRules>,
    referrals: ReferralRules,
}

impl Charter {
    /// Reads a charter from its text. `file_name` is for messages only.
    ///
    /// # Errors
    /// Every broken rule with its line, at most [`ERRORS_MAX`]. A file that is no TOML, has unknown
    /// or missing fields, or breaks the limits on its tables gives that error alone; rules between
    /// parts are checked once the parts themselves are sound.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, CharterErrors> {
        let failed = |errors| CharterErrors {
            file: file_name.to_owned(),
            errors,
        };
        if text.len() > FILE_BYTES_MAX {
            return Err(failed(vec![too_long()]));
        }
        let mut check = build::Checker::new(text);
        let raw: raw::RawFile = match toml::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                check.report(
                    error.span().unwrap_or_default(),
                    "",
                    error.message().trim().replace('\n', ", "),
                    "charters/shanxi.toml shows every table and field",
                );
                return Err(failed(check.into_errors()));
            }
        };
        build::limits(&raw, &mut check);
        if !check.is_clean() {
            return Err(failed(check.into_errors()));
        }
        let parts = build::parts(&raw, &mut check);
        let Some(charter) = Self::from_parts(text, parts).filter(|_| check.is_clean()) else {
            return Err(failed(check.into_errors()));
        };
        build::cross_checks(&raw, &charter, &mut check);
        if check.is_clean() {
            Ok(charter)
        } else {
            Err(failed(check.into_errors()))
        }
    }

    /// Reads a charter from a file of at most [`FILE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// As [`Charter::parse`], and one error when the file cannot be read.
    pub fn read(path: &Path) -> Result<Self, CharterErrors> {
        let file_name = path.display().to_string();
        let limit = u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX);
        let mut text = String::new();
        let read = File::open(path)
            .and_then(|file| file.take(limit.saturating_add(1)).read_to_string(&mut text));
        match read {
            Ok(_) => Self::parse(&text, &file_name),
            Err(error) => Err(CharterErrors {
                file: file_name,
                errors: vec![CharterError {
                    line: 1,
                    path: String::new(),
                    rule: format!("the file cannot be read: {error}"),
                    hint: "name a UTF-8 text file of at most 1 MiB".to_owned(),
                }],
            }),
        }
    }

    /// Puts built parts together; `None` when the head is missing.
    fn from_parts(text: &str, parts: build::Parts) -> Option<Self> {
        Some(Self {
            sha256: sha256(&[text.as_bytes()]),
            head: parts.head?,
            agencies: parts.agencies,
            mechanisms: parts.mechanisms,
            roles: parts.roles,
            channels: parts.channels,
            categories: parts.categories,
            alert_indicators: parts.alert_indicators,
            legal_bases: parts.legal_bases,
            deadlines: parts.deadlines,
            follow_up: parts.follow_up,
            retention_months: parts.retention_months,
            meetings: parts.meetings,
            requests: parts.requests,
            reads: parts.reads,
            fund: parts.fund,
            referrals: parts.referrals,
        })
    }

    /// SHA-256 of the file's text.
    #[must_use]
    pub fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// Chinese name of the province.
    #[must_use]
    pub fn province(&self) -> &str {
        &self.head.province
    }

    /// English name of the province.
    #[must_use]
    pub fn province_en(&self) -> &str {
        &self.head.province_en
    }

    /// Time zone of its civil dates.
    #[must_use]
    pub fn zone(&self) -> &TimeZone {
        &self.head.zone
    }

    /// Number of the document that carries the charter (JE-001).
    #[must_use]
    pub fn document_number(&self) -> &DocumentNumber {
        &self.head.document_number
    }

    /// Who issued it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.head.issuer
    }

    /// The meeting that adopted it, without which it could not be in force (JE-002).
    #[must_use]
    pub fn adopted_at_meeting(&self) -> &str {
        &self.head.adopted_at_meeting
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_on(&self) -> Date {
        self.head.issued_on
    }

    /// Documents that it rests on (JE-005).
    #[must_use]
    pub fn legal_basis(&self) -> &[DocumentNumber] {
        &self.head.legal_basis
    }

    /// Words of time that carry no number: they warn and never block.
    #[must_use]
    pub fn soft_words(&self) -> &[String] {
        &self.head.soft_words
    }

    /// What members need not trust the operator for, in words for people.
    #[must_use]
    pub fn trust_notes(&self) -> &[String] {
        &self.head.trust_notes
    }

    /// Requirement ids that it rests on.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.head.sources
    }

    /// Every agency, in the order of the file.
    #[must_use]
    pub fn agencies(&self) -> &[Agency] {
        &self.agencies
    }

    /// An agency by id.
    #[must_use]
    pub fn agency(&self, id: &AgencyId) -> Option<&Agency> {
        self.agencies.iter().find(|agency| agency.id() == id)
    }

    /// An agency by id, by the official name of the day, by an alias, or by an official name of
    /// another day, in this order (JE-013, FS-011). Blanks around the text do not matter.
    #[must_use]
    pub fn find_agency(&self, text: &str, on: Date) -> Option<&Agency> {
        self.agencies
            .iter()
            .filter_map(|agency| Some((agency.match_on(text.trim(), on)?, agency)))
            .min_by_key(|(how, _)| *how)
            .map(|(_, agency)| agency)
    }

    /// Every mechanism, in the order of the file.
    #[must_use]
    pub fn mechanisms(&self) -> &[Mechanism] {
        &self.mechanisms
    }

    /// A mechanism by id.
    #[must_use]
    pub fn mechanism(&self, id: &MechanismId) -> Option<&Mechanism> {
        self.mechanisms.iter().find(|one| one.id() == id)
    }

    /// Every role, in the order of the file.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// A role by id.
    #[must_use]
    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id() == id)
    }

    /// Every channel, in the order of the file.
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// A channel by id.
    #[must_use]
    pub fn channel(&self, id: &ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id() == id)
    }

    /// Every notification category, in the order of the file.
    #[must_use]
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// A notification category by id.
    #[must_use]
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.categories
            .iter()
            .find(|category| category.id().as_str() == id)
    }

    /// Alert indicators.
    #[must_use]
    pub fn alert_indicators(&self) -> &[AlertIndicator] {
        &self.alert_indicators
    }

    /// Legal bases of information requests.
    #[must_use]
    pub fn legal_bases(&self) -> &[LegalBasis] {
        &self.legal_bases
    }

    /// Deadlines.
    #[must_use]
    pub fn deadlines(&self) -> &[Deadline] {
        &self.deadlines
    }

    /// How what is asked of recipients is followed up.
    #[must_use]
    pub fn follow_up(&self) -> &FollowUp {
        &self.follow_up
    }

    /// How meetings are run.
    #[must_use]
    pub fn meetings(&self) -> &MeetingRules {
        &self.meetings
    }

    /// How information requests are handled; `None` when the charter has no `[requests]`, so that none can
    /// be made.
    #[must_use]
    pub fn requests(&self) -> Option<&RequestRules> {
        self.requests.as_ref()
    }

    /// How restricted records are read.
    #[must_use]
    pub fn reads(&self) -> &ReadRules {
        &self.reads
    }

    /// How fund alerts are raised, handled and kept; `None` when the charter has no `[fund]`, so that none
    /// can be raised.
    #[must_use]
    pub fn fund(&self) -> Option<&FundRules> {
        self.fund.as_ref()
    }

    /// How referrals are followed up, and who may refer to whom.
    #[must_use]
    pub fn referrals(&self) -> &ReferralRules {
        &self.referrals
    }

    /// Months after which the text of a notification of a category is sealed; nothing when it is
    /// kept for ever. A category that the charter no longer declares, and the hub's own reminders,
    /// fall under the general rule.
    #[must_use]
    pub fn retention_months(&self, category: &str) -> Option<u16> {
        self.category(category)
            .and_then(Category::retention_months)
            .or(self.retention_months)
    }
}

/// The error of a file that is too long.
fn too_long() -> CharterError {
    CharterError {
        line: 1,
        path: String::new(),
        rule: format!("the file must be at most {FILE_BYTES_MAX} bytes"),
        hint: "a charter is settings, not data: take lists of cases or persons out".to_owned(),
    }
}

#[cfg(test)]
mod tests;
