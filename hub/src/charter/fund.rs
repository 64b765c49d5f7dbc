//! How fund alerts are raised, handled and kept: settings of the province, never law.

use hub_core::names::MechanismId;
use jiff::SignedDuration;

/// Category of what the hub tells about fund alerts. The hub alone writes it; the charter cannot declare
/// it.
pub const ALERT_CATEGORY: &str = "fund_alert";

/// Longest time of `[fund]` in hours (a year).
pub const HOURS_MAX: u16 = 8_784;

/// Most amount bands.
pub const AMOUNT_BANDS_MAX: usize = 32;

/// Characters of a currency code (ISO 4217).
pub const CURRENCY_CHARACTERS: usize = 3;

/// Settings for fund alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundRules {
    pub(super) mechanism: MechanismId,
    pub(super) emergency: SignedDuration,
    pub(super) acknowledge: SignedDuration,
    pub(super) sign: SignedDuration,
    pub(super) is_naming_allowed: bool,
    pub(super) is_office_told_of_named: bool,
    pub(super) unsubstantiated_retention_months: u16,
    pub(super) currencies: Vec<String>,
    pub(super) amount_bands: Vec<AmountBand>,
}

/// A band of amounts: as close as an alert comes to a sum (FS-051).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmountBand {
    /// Id, unique in the charter.
    pub id: String,
    /// Chinese name.
    pub name: String,
    /// English name.
    pub name_en: String,
}

impl FundRules {
    /// The mechanism whose members handle alerts, and whose office coordinates.
    #[must_use]
    pub fn mechanism(&self) -> &MechanismId {
        &self.mechanism
    }

    /// How long units have to acknowledge an emergency (FS-023).
    #[must_use]
    pub fn emergency(&self) -> SignedDuration {
        self.emergency
    }

    /// How long units have to acknowledge any other alert.
    #[must_use]
    pub fn acknowledge(&self) -> SignedDuration {
        self.acknowledge
    }

    /// How long units have to sign a joint notice (FS-021).
    #[must_use]
    pub fn sign(&self) -> SignedDuration {
        self.sign
    }

    /// Whether an alert may go to a named few instead of all members.
    #[must_use]
    pub fn is_naming_allowed(&self) -> bool {
        self.is_naming_allowed
    }

    /// Whether the office sees an alert that went to a named few.
    #[must_use]
    pub fn is_office_told_of_named(&self) -> bool {
        self.is_office_told_of_named
    }

    /// Months after its end after which an alert to which there was nothing is sealed.
    #[must_use]
    pub fn unsubstantiated_retention_months(&self) -> u16 {
        self.unsubstantiated_retention_months
    }

    /// Currencies that an alert may name.
    #[must_use]
    pub fn currencies(&self) -> &[String] {
        &self.currencies
    }

    /// Bands of amounts, in the charter's order.
    #[must_use]
    pub fn amount_bands(&self) -> &[AmountBand] {
        &self.amount_bands
    }

    /// A band by its id.
    #[must_use]
    pub fn amount_band(&self, id: &str) -> Option<&AmountBand> {
        self.amount_bands.iter().find(|band| band.id == id)
    }
}
