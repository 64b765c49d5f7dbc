//! How meetings are run where the texts leave it open: settings of the province, never law.

use std::collections::BTreeMap;

use hub_core::names::MechanismId;
use jiff::SignedDuration;

/// Category of what the hub tells about meetings, minutes and major issues. The hub alone writes it;
/// the charter cannot declare it.
pub const MEETING_CATEGORY: &str = "meeting";

/// Settings for meetings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeetingRules {
    pub(super) answer: SignedDuration,
    pub(super) consent: SignedDuration,
    pub(super) co_sign: SignedDuration,
    pub(super) silence_is_consent: bool,
    pub(super) correspondence: CorrespondenceUnits,
    pub(super) document_words: BTreeMap<MechanismId, String>,
    pub(super) partial_document_words: BTreeMap<MechanismId, String>,
    pub(super) joint_document_word: String,
    pub(super) joint_partial_document_word: String,
    pub(super) annual: BTreeMap<MechanismId, String>,
    pub(super) assigners: Vec<String>,
}

/// Longest time of `[meetings]` in hours (a year).
pub const HOURS_MAX: u16 = 8_784;

/// Longest agency word of a document number, in characters.
pub const DOCUMENT_WORD_CHARACTERS_MAX: usize = 20;

/// Who attends (与会单位) a meeting by correspondence; the texts do not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CorrespondenceUnits {
    /// Every unit that was consulted.
    #[default]
    Consulted,
    /// The units that proposed or commented on a topic, or answered the notice.
    Answered,
}

impl Default for MeetingRules {
    /// Three days to answer a notice, seven to consent or co-sign; silence is no consent.
    fn default() -> Self {
        Self {
            answer: SignedDuration::from_hours(72),
            consent: SignedDuration::from_hours(168),
            co_sign: SignedDuration::from_hours(168),
            silence_is_consent: false,
            correspondence: CorrespondenceUnits::default(),
            document_words: BTreeMap::new(),
            partial_document_words: BTreeMap::new(),
            joint_document_word: String::new(),
            joint_partial_document_word: String::new(),
            annual: BTreeMap::new(),
            assigners: vec![],
        }
    }
}

impl MeetingRules {
    /// How long units have to answer a notice that names no time.
    #[must_use]
    pub fn answer(&self) -> SignedDuration {
        self.answer
    }

    /// How long units have to consent to minutes when the circulation names no time.
    #[must_use]
    pub fn consent(&self) -> SignedDuration {
        self.consent
    }

    /// How long members have to co-sign an escalation.
    #[must_use]
    pub fn co_sign(&self) -> SignedDuration {
        self.co_sign
    }

    /// Whether a unit that has let the time to consent pass counts as agreeing. The text says 同意: by
    /// default only an explicit act counts.
    #[must_use]
    pub fn silence_is_consent(&self) -> bool {
        self.silence_is_consent
    }

    /// Who attends a meeting by correspondence.
    #[must_use]
    pub fn correspondence(&self) -> CorrespondenceUnits {
        self.correspondence
    }

    /// The agency word of the numbers of a mechanism's minutes, or of joint ones; `None` when the charter
    /// names none, so that none can be issued. Meetings of some members have series of their own: a
    /// number that is missed in the series of all would tell the others that there was one.
    #[must_use]
    pub fn document_word(&self, mechanisms: &[MechanismId], is_partial: bool) -> Option<&str> {
        let word = match (mechanisms, is_partial) {
            ([one], false) => self.document_words.get(one),
            ([one], true) => self.partial_document_words.get(one),
            (_, false) => Some(&self.joint_document_word),
            (_, true) => Some(&self.joint_partial_document_word),
        };
        word.map(String::as_str).filter(|word| !word.is_empty())
    }

    /// Where it is laid down that a mechanism meets once a year in principle; `None` when it is not. A
    /// year without such a meeting is warned of, never enforced (JE-070, FS-060).
    #[must_use]
    pub fn annual_source(&self, mechanism: &MechanismId) -> Option<&str> {
        self.annual.get(mechanism).map(String::as_str)
    }

    /// Bodies above the mechanisms that may assign what minutes then state as an agreed item (JE-036).
    #[must_use]
    pub fn assigners(&self) -> &[String] {
        &self.assigners
    }
}
