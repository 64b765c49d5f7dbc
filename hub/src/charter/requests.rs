//! How information requests are handled: settings of the province over the limits of the law.

use hub_core::{names::AgencyId, workdays::Counting};

use super::reference::Deadline;

/// Category of what the hub tells about information requests. The hub alone writes it; the charter cannot
/// declare it.
pub const REQUEST_CATEGORY: &str = "information_request";

/// Longest validity of a request in days (about five years).
pub const VALIDITY_DAYS_MAX: u16 = 1_830;

/// Ids of the rows of `[[deadlines]]` that requests need, each in working days.
pub const DEADLINES: [&str; 4] = [
    "answer_unconditional",
    "answer_conditional",
    "delivery",
    "correction_answer",
];

/// Settings for information requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRules {
    pub(super) counting: Counting,
    pub(super) account_provider: Option<AgencyId>,
    pub(super) validity_days_max: u16,
    pub(super) answer_unconditional: Deadline,
    pub(super) answer_conditional: Deadline,
    pub(super) delivery: Deadline,
    pub(super) correction_answer: Deadline,
}

impl RequestRules {
    /// How working days are counted: whether the day of receipt is the first one. Order 809 does not say;
    /// without a word of the charter it never counts.
    #[must_use]
    pub fn counting(&self) -> Counting {
        self.counting
    }

    /// The agency that answers requests for account information; `None` when there is none (FS-053).
    #[must_use]
    pub fn account_provider(&self) -> Option<&AgencyId> {
        self.account_provider.as_ref()
    }

    /// For how many days from its drafting a request may be valid at most.
    #[must_use]
    pub fn validity_days_max(&self) -> u16 {
        self.validity_days_max
    }

    /// The time to answer a request for what is shared unconditionally.
    #[must_use]
    pub fn answer_unconditional(&self) -> &Deadline {
        &self.answer_unconditional
    }

    /// The time to answer a request for what is shared on conditions, with its extension.
    #[must_use]
    pub fn answer_conditional(&self) -> &Deadline {
        &self.answer_conditional
    }

    /// The time to deliver after consent.
    #[must_use]
    pub fn delivery(&self) -> &Deadline {
        &self.delivery
    }

    /// The time to answer a correction request.
    #[must_use]
    pub fn correction_answer(&self) -> &Deadline {
        &self.correction_answer
    }
}
