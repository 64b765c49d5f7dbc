//! The charter file as it is written: every value with its place in the text, nothing judged yet.
//!
//! Unknown fields are refused, so that a misspelt rule cannot silently have no effect.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use toml::{Spanned, value::Datetime};

/// A text and its place.
pub(super) type Text = Spanned<String>;

/// A date and its place.
pub(super) type Day = Spanned<Datetime>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    pub(super) charter: Spanned<RawHead>,
    #[serde(default)]
    pub(super) agencies: Vec<Spanned<RawAgency>>,
    #[serde(default)]
    pub(super) mechanisms: Vec<Spanned<RawMechanism>>,
    #[serde(default)]
    pub(super) roles: Vec<Spanned<RawRole>>,
    #[serde(default)]
    pub(super) channels: Vec<Spanned<RawChannel>>,
    #[serde(default)]
    pub(super) categories: Vec<Spanned<RawCategory>>,
    #[serde(default)]
    pub(super) alert_indicators: Vec<Spanned<RawAlertIndicator>>,
    #[serde(default)]
    pub(super) legal_bases: Vec<Spanned<RawLegalBasis>>,
    #[serde(default)]
    pub(super) deadlines: Vec<Spanned<RawDeadline>>,
    pub(super) follow_up: Option<Spanned<RawFollowUp>>,
    pub(super) retention: Option<Spanned<RawRetention>>,
    pub(super) meetings: Option<Spanned<RawMeetings>>,
    pub(super) referrals: Option<Spanned<RawReferrals>>,
    pub(super) fund: Option<Spanned<RawFund>>,
    pub(super) requests: Option<Spanned<RawRequests>>,
    pub(super) reads: Option<Spanned<RawReads>>,
}

/// How information requests are handled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequests {
    pub(super) counting: Option<Text>,
    pub(super) account_provider: Option<Text>,
    pub(super) validity_days_max: Spanned<u16>,
    pub(super) source: Text,
}

/// How restricted records are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReads {
    pub(super) purpose_demanded_for: Vec<Text>,
    pub(super) source: Text,
}

/// How fund alerts are raised, handled and kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFund {
    pub(super) mechanism: Text,
    pub(super) emergency_hours: Spanned<u16>,
    pub(super) acknowledge_hours: Spanned<u16>,
    pub(super) sign_hours: Spanned<u16>,
    #[serde(default)]
    pub(super) is_naming_allowed: bool,
    #[serde(default)]
    pub(super) is_office_told_of_named: bool,
    pub(super) unsubstantiated_retention_months: Spanned<u16>,
    pub(super) currencies: Spanned<Vec<Text>>,
    pub(super) amount_bands: Spanned<Vec<Spanned<RawAmountBand>>>,
    pub(super) source: Text,
}

/// A band of amounts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAmountBand {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
}

/// How referrals are followed up, and who may refer to whom.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReferrals {
    pub(super) acknowledge_hours: Option<Spanned<u16>>,
    pub(super) answer_hours: Option<Spanned<u16>>,
    pub(super) result_hours: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) routes: Vec<Spanned<RawReferralRoute>>,
    pub(super) source: Text,
}

/// Units to which a unit may refer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReferralRoute {
    pub(super) from: Text,
    pub(super) to: Spanned<Vec<Text>>,
}

/// How meetings are run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMeetings {
    pub(super) answer_hours: Option<Spanned<u16>>,
    pub(super) consent_hours: Option<Spanned<u16>>,
    pub(super) co_sign_hours: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) silence_is_consent: bool,
    pub(super) correspondence: Option<Text>,
    #[serde(default)]
    pub(super) document_words: Vec<Spanned<RawDocumentWord>>,
    pub(super) joint_document_word: Option<Text>,
    pub(super) joint_partial_document_word: Option<Text>,
    #[serde(default)]
    pub(super) annual: Vec<Spanned<RawAnnual>>,
    #[serde(default)]
    pub(super) assigners: Vec<Text>,
    pub(super) source: Text,
}

/// A mechanism that is to meet once a year in principle.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnnual {
    pub(super) mechanism: Text,
    pub(super) source: Text,
}

/// The agency word of the numbers of a mechanism's minutes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDocumentWord {
    pub(super) mechanism: Text,
    pub(super) word: Text,
    pub(super) partial_word: Option<Text>,
}

/// How the hub follows up what is asked of recipients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFollowUp {
    pub(super) acknowledge_hours: Spanned<u16>,
    pub(super) remind_before_hours: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) remind_after_hours: Vec<Spanned<u16>>,
    pub(super) source: Text,
}

/// How long the text of notifications is kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    pub(super) months: Spanned<u16>,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHead {
    pub(super) format: Spanned<u32>,
    pub(super) province: Text,
    pub(super) province_en: Text,
    pub(super) time_zone: Text,
    pub(super) document_number: Text,
    pub(super) issuer: Text,
    pub(super) adopted_at_meeting: Option<Text>,
    pub(super) issued_on: Day,
    #[serde(default)]
    pub(super) legal_basis: Vec<Text>,
    #[serde(default)]
    pub(super) soft_words: Vec<Text>,
    #[serde(default)]
    pub(super) trust_notes: Vec<Text>,
    #[serde(default)]
    pub(super) sources: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAgency {
    pub(super) id: Text,
    pub(super) names: Vec<Spanned<RawName>>,
    pub(super) name_en: Text,
    #[serde(default)]
    pub(super) aliases: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawName {
    pub(super) name: Text,
    pub(super) from_on: Option<Day>,
    pub(super) until_on: Option<Day>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMechanism {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
    pub(super) document_number: Text,
    pub(super) parent_body: Text,
    pub(super) office: RawOffice,
    pub(super) membership_addition: RawAddition,
    pub(super) liaison: RawLiaison,
    pub(super) members: Vec<Spanned<RawMember>>,
    #[serde(default)]
    pub(super) member_duties: Vec<Spanned<RawMemberDuty>>,
    #[serde(default)]
    pub(super) sources: Vec<Text>,
}

/// A duty of every member of a mechanism, or of some.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMemberDuty {
    pub(super) duty: Text,
    pub(super) source: Text,
    #[serde(default)]
    pub(super) agencies: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOffice {
    pub(super) names: Spanned<Vec<Text>>,
    pub(super) host: Text,
    pub(super) bureau: Text,
    pub(super) director_post: Text,
    #[serde(default)]
    pub(super) directors: Vec<Spanned<RawDirector>>,
}

/// Who directs an office, and when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDirector {
    pub(super) agency: Text,
    pub(super) officer: Text,
    pub(super) display_name: Text,
    pub(super) post: Text,
    pub(super) from_on: Day,
    pub(super) until_on: Option<Day>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAddition {
    pub(super) basis: Text,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLiaison {
    pub(super) rank: Text,
    pub(super) is_single: bool,
    pub(super) is_rank_override_allowed: bool,
    pub(super) change_category: Text,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) agency: Text,
    pub(super) role: Option<Text>,
    pub(super) from_on: Day,
    pub(super) until_on: Option<Day>,
    pub(super) notice_duty: Option<Text>,
    pub(super) assist_duty: Option<Text>,
    pub(super) duty_source: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRole {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
    pub(super) agencies: Spanned<AllOr>,
    pub(super) binding: Option<Text>,
    pub(super) grants: Vec<Text>,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChannel {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
    pub(super) mechanism: Option<Text>,
    pub(super) publish: Spanned<Vec<Spanned<RawAudienceRule>>>,
    pub(super) read: Spanned<Vec<Spanned<RawAudienceRule>>>,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudienceRule {
    pub(super) who: Spanned<RawWho>,
    pub(super) roles: Spanned<Vec<Text>>,
}

/// `"all_agencies"`, or a table with one of the other keys.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawWho {
    AllAgencies,
    MembersOf(Text),
    NonMembersOf(Text),
    LeadOf(Text),
    OfficeOf(Text),
    Agencies(Spanned<Vec<Text>>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCategory {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
    #[serde(default)]
    pub(super) mechanisms: Vec<Text>,
    pub(super) from: Spanned<Vec<Spanned<RawWho>>>,
    #[serde(default)]
    pub(super) jointly_with: Vec<Text>,
    #[serde(default)]
    pub(super) to: Vec<Text>,
    pub(super) additional_addressees: Option<Text>,
    #[serde(default)]
    pub(super) is_decision: bool,
    pub(super) trigger_word: Option<Text>,
    #[serde(default)]
    pub(super) is_soft: bool,
    pub(super) warn_after_working_days: Option<Spanned<u16>>,
    pub(super) retention_months: Option<Spanned<u16>>,
    #[serde(default)]
    pub(super) sources: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAlertIndicator {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) name_en: Text,
    pub(super) kind: Text,
    pub(super) source: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLegalBasis {
    pub(super) id: Text,
    pub(super) kind: Text,
    pub(super) requester: Option<Text>,
    pub(super) basis: Option<Text>,
    #[serde(default)]
    pub(super) is_named_in_instrument: bool,
    pub(super) condition: Text,
    #[serde(default)]
    pub(super) is_charity_only: bool,
    pub(super) approver: Text,
    pub(super) approval_level: Option<Text>,
    pub(super) officers_min: Option<Spanned<u8>>,
    pub(super) mark: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDeadline {
    pub(super) id: Text,
    pub(super) name: Text,
    pub(super) amount: Spanned<u16>,
    pub(super) unit: Text,
    pub(super) extension_amount: Option<Spanned<u16>>,
    pub(super) starts_at: Text,
    pub(super) source: Text,
}

/// `"all"` or a list of ids.
#[derive(Debug)]
pub(super) enum AllOr {
    /// A single word, to be judged later.
    Word(String),
    /// The list.
    List(Vec<Text>),
}

impl<'de> Deserialize<'de> for AllOr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AllOrVisitor;

        impl<'de> Visitor<'de> for AllOrVisitor {
            type Value = AllOr;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of ids")
            }

            fn visit_str<E>(self, text: &str) -> Result<AllOr, E> {
                Ok(AllOr::Word(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<AllOr, A::Error> {
                let mut list = vec![];
                while let Some(text) = seq.next_element()? {
                    list.push(text);
                }
                Ok(AllOr::List(list))
            }
        }

        deserializer.deserialize_any(AllOrVisitor)
    }
}
