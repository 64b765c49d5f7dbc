//! Notification categories and their routes: the table "who notifies whom" as data.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use hub_core::names::{AgencyId, ChannelId, MechanismId, NameError, Recipient};

use super::{
    channel::Who, follow_up::REMINDER_CATEGORY, fund::ALERT_CATEGORY, meetings::MEETING_CATEGORY,
    referrals::REFERRAL_CATEGORY, requests::REQUEST_CATEGORY,
};

/// The categories of the hub's own notices; no charter can declare one of them.
pub const HUB_CATEGORIES: [&str; 5] = [
    REMINDER_CATEGORY,
    MEETING_CATEGORY,
    ALERT_CATEGORY,
    REFERRAL_CATEGORY,
    REQUEST_CATEGORY,
];

/// Longest category id in bytes.
pub const CATEGORY_ID_BYTES_MAX: usize = 64;

/// A notification category, such as `case_result_fund`: 1 to 64 characters of `a-z 0-9 _`, a
/// letter or digit at both ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategoryId(Arc<str>);

impl CategoryId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CategoryId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        if bytes.len() <= CATEGORY_ID_BYTES_MAX
            && bytes.first().is_some_and(plain)
            && bytes.last().is_some_and(plain)
            && bytes.iter().all(|byte| plain(byte) || *byte == b'_')
        {
            Ok(Self(text.into()))
        } else {
            Err(NameError(
                "1 to 64 characters of a-z, 0-9 and _, a letter or digit at both ends",
            ))
        }
    }
}

impl fmt::Display for CategoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CategoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CategoryId({})", self.0)
    }
}

/// What notifications can be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub(super) id: CategoryId,
    pub(super) name: String,
    pub(super) name_en: String,
    pub(super) mechanisms: Vec<MechanismId>,
    pub(super) from: Vec<Who>,
    pub(super) jointly_with: Vec<MechanismId>,
    pub(super) route: Route,
    pub(super) is_decision: bool,
    pub(super) trigger_word: Option<String>,
    pub(super) is_soft: bool,
    pub(super) warn_after_working_days: Option<u16>,
    pub(super) retention_months: Option<u16>,
    pub(super) sources: Vec<String>,
}

impl Category {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &CategoryId {
        &self.id
    }

    /// Chinese name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// English name.
    #[must_use]
    pub fn name_en(&self) -> &str {
        &self.name_en
    }

    /// Mechanisms whose texts lay it down. Category lists are per mechanism (FS-070).
    #[must_use]
    pub fn mechanisms(&self) -> &[MechanismId] {
        &self.mechanisms
    }

    /// Who may send it.
    #[must_use]
    pub fn from(&self) -> &[Who] {
        &self.from
    }

    /// Whether an agency may send it. `is_member` tells whether that agency is a member of a
    /// mechanism on the day in question.
    pub fn admits_sender(
        &self,
        agency: &AgencyId,
        is_member: impl Fn(&MechanismId) -> bool,
    ) -> bool {
        self.from.iter().any(|who| who.contains(agency, &is_member))
    }

    /// Mechanisms of which at least one more member concerned must join in the report (JE-075).
    /// Who joined is told in the body, until escalations have records of their own.
    #[must_use]
    pub fn jointly_with(&self) -> &[MechanismId] {
        &self.jointly_with
    }

    /// Where it goes.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Whether it is a decision notice, which carries its legal bases and the remedy open to the
    /// organisation (JE-041).
    #[must_use]
    pub fn is_decision(&self) -> bool {
        self.is_decision
    }

    /// The word in the text that says when, such as 及时; `None` when the text has none.
    #[must_use]
    pub fn trigger_word(&self) -> Option<&str> {
        self.trigger_word.as_deref()
    }

    /// Whether its time is soft: measured and warned about, never enforced or printed as law.
    #[must_use]
    pub fn is_soft(&self) -> bool {
        self.is_soft
    }

    /// Working days after which the sender is warned; the province's own setting, not law (JE-082).
    #[must_use]
    pub fn warn_after_working_days(&self) -> Option<u16> {
        self.warn_after_working_days
    }

    /// Months after which the text is sealed, if not those of the whole charter.
    #[must_use]
    pub fn retention_months(&self) -> Option<u16> {
        self.retention_months
    }

    /// Requirement ids that it rests on.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }
}

/// Whether a sender may, or must, name addressees beyond the fixed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdditionalAddressees {
    /// It may not.
    #[default]
    Refused,
    /// It may.
    Allowed,
    /// It must name at least one (FS-045, JE-041).
    Required,
}

/// Where a category goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub(super) recipients: Vec<Recipient>,
    pub(super) channels: Vec<ChannelId>,
    pub(super) additional: AdditionalAddressees,
}

/// Where one notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// To a channel.
    Channel(ChannelId),
    /// To the inboxes of these, without repeats, the route's own first.
    Recipients(Vec<Recipient>),
}

/// Why a notification of a category cannot go where its sender wants.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// Both a channel and addressees.
    #[error("name a channel or addressees, not both")]
    Both,
    /// The category does not go to that channel.
    #[error("this category does not go to channels/{channel}{}", beside(.others))]
    Channel {
        /// The channel that the sender named.
        channel: ChannelId,
        /// Channels that it goes to.
        others: Vec<ChannelId>,
    },
    /// The category goes to fixed recipients only.
    #[error("this category does not go to {0}")]
    Addressee(Recipient),
    /// An addressee beyond the fixed ones is missing.
    #[error("name at least one addressee{}", beyond(.0))]
    AddresseeMissing(Vec<Recipient>),
    /// The category goes to more than one place, and the sender named none.
    #[error("this category has no single route: name a channel or addressees")]
    Open,
}

/// `; it goes to a, b`, or that it goes to no channel.
fn beside(channels: &[ChannelId]) -> String {
    if channels.is_empty() {
        return "; it goes to inboxes only".into();
    }
    let names: Vec<String> = channels.iter().map(|id| format!("channels/{id}")).collect();
    format!("; it goes to {}", names.join(", "))
}

/// ` besides a, b`, or nothing.
fn beyond(fixed: &[Recipient]) -> String {
    if fixed.is_empty() {
        return String::new();
    }
    let names: Vec<String> = fixed.iter().map(ToString::to_string).collect();
    format!(" besides {}", names.join(", "))
}

impl Route {
    /// Recipients that always get it.
    #[must_use]
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// Channels that it may be published to.
    #[must_use]
    pub fn channels(&self) -> &[ChannelId] {
        &self.channels
    }

    /// Whether further addressees are refused, allowed or required.
    #[must_use]
    pub fn additional_addressees(&self) -> AdditionalAddressees {
        self.additional
    }

    /// Finds where a notification goes. The route's own recipients are always among the result, so
    /// that a sender cannot leave one out (FS-045).
    ///
    /// # Errors
    /// [`RouteError`] when the category does not allow what the sender named, or needs more.
    pub fn resolve(
        &self,
        channel: Option<&ChannelId>,
        addressees: &[Recipient],
    ) -> Result<Destination, RouteError> {
        if let Some(channel) = channel {
            return if !addressees.is_empty() {
                Err(RouteError::Both)
            } else if self.channels.contains(channel) {
                Ok(Destination::Channel(channel.clone()))
            } else {
                Err(RouteError::Channel {
                    channel: channel.clone(),
                    others: self.channels.clone(),
                })
            };
        }
        let is_fixed = |recipient: &Recipient| self.recipients.contains(recipient);
        let mut further = addressees.iter().filter(|one| !is_fixed(one)).peekable();
        match (self.additional, further.peek()) {
            (AdditionalAddressees::Refused, Some(one)) => {
                return Err(RouteError::Addressee((*one).clone()));
            }
            (AdditionalAddressees::Required, None) => {
                return Err(RouteError::AddresseeMissing(self.recipients.clone()));
            }
            _ => {}
        }
        let mut seen = BTreeSet::new();
        let recipients: Vec<Recipient> = self
            .recipients
            .iter()
            .chain(further)
            .filter(|recipient| seen.insert(*recipient))
            .cloned()
            .collect();
        if !recipients.is_empty() {
            return Ok(Destination::Recipients(recipients));
        }
        match self.channels.as_slice() {
            [only] if self.additional == AdditionalAddressees::Refused => {
                Ok(Destination::Channel(only.clone()))
            }
            _ => Err(RouteError::Open),
        }
    }
}
