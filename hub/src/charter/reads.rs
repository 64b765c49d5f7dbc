//! Reads of restricted records: of which kinds the reader must say what it reads for.

use std::collections::BTreeSet;

/// A kind of restricted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestrictedKind {
    /// A notification to named addressees, whatever it tells of.
    Notification,
    /// A fund alert.
    Alert,
    /// A referral.
    Referral,
    /// An information request.
    InformationRequest,
    /// An account-information request.
    AccountInformationRequest,
}

impl RestrictedKind {
    /// Every kind with its text in the charter.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("notification", Self::Notification),
        ("alert", Self::Alert),
        ("referral", Self::Referral),
        ("information_request", Self::InformationRequest),
        (
            "account_information_request",
            Self::AccountInformationRequest,
        ),
    ];

    /// The text in the charter, such as `account_information_request`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, kind)| *kind == self)
            .map_or("", |(text, _)| text)
    }
}

/// How restricted records are read. By default no purpose is demanded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadRules {
    pub(super) purpose_demanded_for: BTreeSet<RestrictedKind>,
    pub(super) source: String,
}

impl ReadRules {
    /// Where it is laid down that a purpose must be said for a kind of record; `None` when it need not
    /// be.
    #[must_use]
    pub fn purpose_demanded(&self, kind: RestrictedKind) -> Option<&str> {
        let is_demanded = self.purpose_demanded_for.contains(&kind);
        is_demanded.then_some(self.source.as_str())
    }
}
