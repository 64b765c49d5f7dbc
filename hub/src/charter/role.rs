//! Roles: what an officer may do, and in which agencies the role exists.

use std::collections::BTreeSet;

use hub_core::names::{AgencyId, RoleId};

use super::action::Action;

/// A role of officers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub(super) id: RoleId,
    pub(super) name: String,
    pub(super) name_en: String,
    pub(super) agencies: AgencySet,
    pub(super) binding: Option<Binding>,
    pub(super) grants: BTreeSet<Action>,
    pub(super) source: String,
}

/// Agencies that something holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgencySet {
    /// Every agency of the charter.
    All,
    /// These.
    Named(BTreeSet<AgencyId>),
}

impl AgencySet {
    /// Whether an agency is among them.
    #[must_use]
    pub fn contains(&self, agency: &AgencyId) -> bool {
        match self {
            Self::All => true,
            Self::Named(agencies) => agencies.contains(agency),
        }
    }
}

/// A condition on the officer, beyond the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// The officer is the appointed liaison of the agency in some mechanism today. The role ends
    /// with the appointment (JE-028).
    AppointedLiaison,
}

impl Role {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &RoleId {
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

    /// Where it is laid down, or why it is there.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it allows an action.
    #[must_use]
    pub fn grants(&self, action: Action) -> bool {
        self.grants.contains(&action)
    }

    /// Everything it allows.
    #[must_use]
    pub fn actions(&self) -> &BTreeSet<Action> {
        &self.grants
    }

    /// Whether an agency may give it to its officers.
    #[must_use]
    pub fn is_granted_to(&self, agency: &AgencyId) -> bool {
        self.agencies.contains(agency)
    }

    /// The agencies that may give it to their officers.
    #[must_use]
    pub fn agencies(&self) -> &AgencySet {
        &self.agencies
    }

    /// The condition on the officer, if there is one.
    #[must_use]
    pub fn binding(&self) -> Option<Binding> {
        self.binding
    }
}
