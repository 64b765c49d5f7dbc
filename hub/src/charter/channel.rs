//! Channels and their audiences.
//!
//! Whoever may publish to a channel may also read it: positions have no gaps for any reader, so a
//! publisher that could not read would learn from its own receipts what others sent.

use std::collections::BTreeSet;

use hub_core::names::{AgencyId, ChannelId, MechanismId, RoleId};

/// A set of agencies, resolved against dated membership when it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Every agency of the charter.
    AllAgencies,
    /// The members of a mechanism on the day.
    MembersOf(MechanismId),
    /// Agencies that are no members of a mechanism on the day, its parent body left out (JE-063).
    NonMembersOf {
        /// The mechanism.
        mechanism: MechanismId,
        /// Its parent body.
        parent_body: AgencyId,
    },
    /// The lead unit of a mechanism.
    LeadOf {
        /// The mechanism.
        mechanism: MechanismId,
        /// Its lead.
        lead: AgencyId,
    },
    /// The office of a mechanism, that is, the agency that hosts it.
    OfficeOf {
        /// The mechanism.
        mechanism: MechanismId,
        /// The host.
        host: AgencyId,
    },
    /// These agencies.
    Agencies(BTreeSet<AgencyId>),
}

impl Who {
    /// Whether an agency is in the set. `is_member` tells whether that agency is a member of a
    /// mechanism on the day in question.
    pub fn contains(&self, agency: &AgencyId, is_member: impl Fn(&MechanismId) -> bool) -> bool {
        match self {
            Self::AllAgencies => true,
            Self::MembersOf(mechanism) => is_member(mechanism),
            Self::NonMembersOf {
                mechanism,
                parent_body,
            } => agency != parent_body && !is_member(mechanism),
            Self::LeadOf { lead, .. } => agency == lead,
            Self::OfficeOf { host, .. } => agency == host,
            Self::Agencies(agencies) => agencies.contains(agency),
        }
    }
}

/// Some agencies, under some roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceRule {
    /// The agencies.
    pub who: Who,
    /// The roles, any one of which is enough.
    pub roles: BTreeSet<RoleId>,
}

/// Who may read, or publish to, a channel: whoever any rule admits, and no one else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    pub(super) rules: Vec<AudienceRule>,
}

impl Audience {
    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &[AudienceRule] {
        &self.rules
    }

    /// Whether an officer of an agency, under at least one of these roles, is admitted. Roles must
    /// be in force already: the token's, granted to the agency, with their binding checked.
    pub fn matches<'a>(
        &self,
        agency: &AgencyId,
        roles: impl IntoIterator<Item = &'a RoleId> + Clone,
        is_member: impl Fn(&MechanismId) -> bool,
    ) -> bool {
        self.rules.iter().any(|rule| {
            rule.who.contains(agency, &is_member)
                && roles
                    .clone()
                    .into_iter()
                    .any(|role| rule.roles.contains(role))
        })
    }

    /// Whether an agency is admitted under some role: it then is a recipient of the channel.
    pub fn includes(&self, agency: &AgencyId, is_member: impl Fn(&MechanismId) -> bool) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.who.contains(agency, &is_member))
    }
}

/// A channel of the charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub(super) id: ChannelId,
    pub(super) name: String,
    pub(super) name_en: String,
    pub(super) mechanism: Option<MechanismId>,
    pub(super) publish: Audience,
    pub(super) read: Audience,
    pub(super) source: String,
}

impl Channel {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &ChannelId {
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

    /// The mechanism it belongs to; `None` for a channel across mechanisms.
    #[must_use]
    pub fn mechanism(&self) -> Option<&MechanismId> {
        self.mechanism.as_ref()
    }

    /// Who may publish.
    #[must_use]
    pub fn publishers(&self) -> &Audience {
        &self.publish
    }

    /// Who may read.
    #[must_use]
    pub fn audience(&self) -> &Audience {
        &self.read
    }

    /// Where it is laid down.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}
