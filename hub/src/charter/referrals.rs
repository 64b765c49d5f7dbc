//! Referrals: soft times, and who may refer to whom. Settings of the province, never law.

use std::collections::BTreeMap;

use hub_core::names::AgencyId;
use jiff::SignedDuration;

/// Category of what the hub tells about referrals. The hub alone writes it; the charter cannot declare
/// it.
pub const REFERRAL_CATEGORY: &str = "referral";

/// Longest time of `[referrals]` in hours (a year).
pub const HOURS_MAX: u16 = 8_784;

/// Most routes, and most units of one.
pub const ROUTES_MAX: usize = 256;

/// Settings for referrals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferralRules {
    pub(super) acknowledge: SignedDuration,
    pub(super) answer: SignedDuration,
    pub(super) result: SignedDuration,
    pub(super) routes: BTreeMap<AgencyId, Vec<AgencyId>>,
}

impl Default for ReferralRules {
    /// A day to acknowledge, seven to answer, ninety for the result; every member may refer to every
    /// other.
    fn default() -> Self {
        Self {
            acknowledge: SignedDuration::from_hours(24),
            answer: SignedDuration::from_hours(168),
            result: SignedDuration::from_hours(2_160),
            routes: BTreeMap::new(),
        }
    }
}

impl ReferralRules {
    /// How long the addressee has to acknowledge before it counts as late; nothing is blocked then.
    #[must_use]
    pub fn acknowledge(&self) -> SignedDuration {
        self.acknowledge
    }

    /// How long a side has to answer before it counts as late.
    #[must_use]
    pub fn answer(&self) -> SignedDuration {
        self.answer
    }

    /// How long the result may take before it counts as late.
    #[must_use]
    pub fn result(&self) -> SignedDuration {
        self.result
    }

    /// Whether a unit may refer to another: to any, unless the charter names routes from it.
    #[must_use]
    pub fn is_route(&self, from: &AgencyId, to: &AgencyId) -> bool {
        self.routes.get(from).is_none_or(|named| named.contains(to))
    }
}
