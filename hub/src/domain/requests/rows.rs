//! What state keeps of information requests. Texts are not here: rows have the index of the entry whose
//! request has them, and they are read from the ledger when something is shown.

use hub_core::{
    date,
    names::{AgencyId, InformationRequestName},
};
use hub_proto::{
    channels::NotificationRef,
    common,
    requests::{
        CaseDigest, DeadlineKind, DeadlineMoveReason, DueDay, RequestKind, RequestState,
        SharingAttribute, WorkingDayCounting,
    },
};
use jiff::civil::Date;

use crate::{
    domain::meetings::rows::ActRow,
    error::{Error, Result},
    state::{
        keys,
        view::{View, ViewExt as _},
    },
};

/// An information request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InformationRequestRow {
    /// Where it stands.
    #[prost(enumeration = "RequestState", tag = "1")]
    pub state: i32,
    /// Its kind.
    #[prost(enumeration = "RequestKind", tag = "2")]
    pub kind: i32,
    /// Its sharing attribute.
    #[prost(enumeration = "SharingAttribute", tag = "3")]
    pub sharing: i32,
    /// Agency id of the requester.
    #[prost(string, tag = "4")]
    pub requester: String,
    /// Agency id of the provider.
    #[prost(string, tag = "5")]
    pub provider: String,
    /// Officer id of the named approver.
    #[prost(string, tag = "6")]
    pub approver: String,
    /// Last day of use.
    #[prost(message, optional, tag = "7")]
    pub valid_until_on: Option<common::Date>,
    /// The case, of account information.
    #[prost(message, optional, tag = "8")]
    pub case_digest: Option<CaseDigest>,
    /// Its drafting, whose request has its texts.
    #[prost(message, optional, tag = "9")]
    pub drafted: Option<ActRow>,
    /// Its approval or rejection.
    #[prost(message, optional, tag = "10")]
    pub decided: Option<ActRow>,
    /// That it was taken back.
    #[prost(message, optional, tag = "11")]
    pub withdrawn: Option<ActRow>,
    /// That everything missing was asked for.
    #[prost(message, optional, tag = "12")]
    pub missing_asked: Option<ActRow>,
    /// That it was given.
    #[prost(message, optional, tag = "13")]
    pub completed: Option<ActRow>,
    /// The extension.
    #[prost(message, optional, tag = "14")]
    pub extended: Option<ActRow>,
    /// Consent or refusal.
    #[prost(message, optional, tag = "15")]
    pub answered: Option<ActRow>,
    /// The delivery; the same act as the consent if it was one.
    #[prost(message, optional, tag = "16")]
    pub delivered: Option<ActRow>,
    /// Corrections asked for.
    #[prost(message, repeated, tag = "17")]
    pub corrections: Vec<CorrectionRow>,
    /// Records of use.
    #[prost(message, repeated, tag = "18")]
    pub uses: Vec<ActRow>,
    /// Suspensions.
    #[prost(message, repeated, tag = "19")]
    pub suspensions: Vec<SuspensionRow>,
    /// The confirmation of disposal.
    #[prost(message, optional, tag = "20")]
    pub disposed: Option<ActRow>,
    /// Deadlines, oldest first.
    #[prost(message, repeated, tag = "21")]
    pub deadlines: Vec<DeadlineRow>,
}

/// A correction request.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CorrectionRow {
    /// That it was asked for.
    #[prost(message, optional, tag = "1")]
    pub requested: Option<ActRow>,
    /// The answer.
    #[prost(message, optional, tag = "2")]
    pub answered: Option<ActRow>,
    /// Whether the data was corrected.
    #[prost(bool, tag = "3")]
    pub is_corrected: bool,
}

/// A suspension of the use.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SuspensionRow {
    /// That it was suspended.
    #[prost(message, optional, tag = "1")]
    pub suspended: Option<ActRow>,
    /// That this was lifted.
    #[prost(message, optional, tag = "2")]
    pub resumed: Option<ActRow>,
}

/// A deadline.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DeadlineRow {
    /// As it was computed last.
    #[prost(message, optional, tag = "1")]
    pub due: Option<DueDay>,
    /// Whether it runs.
    #[prost(bool, tag = "2")]
    pub is_open: bool,
    /// When it was met, microseconds; 0 for never.
    #[prost(int64, tag = "3")]
    pub met_at_us: i64,
    /// The notice that asks for it.
    #[prost(message, optional, tag = "4")]
    pub notification: Option<NotificationRef>,
    /// Of whom it is asked, `agencies/{agency}`.
    #[prost(string, tag = "5")]
    pub recipient: String,
    /// How it was moved, oldest first.
    #[prost(message, repeated, tag = "6")]
    pub moves: Vec<MoveRow>,
}

/// A deadline was moved.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MoveRow {
    /// Why.
    #[prost(enumeration = "DeadlineMoveReason", tag = "1")]
    pub reason: i32,
    /// The day before.
    #[prost(message, optional, tag = "2")]
    pub was_on: Option<common::Date>,
    /// The day since.
    #[prost(message, optional, tag = "3")]
    pub becomes_on: Option<common::Date>,
    /// The day from which the notice that moved it is known.
    #[prost(message, optional, tag = "4")]
    pub known_from_on: Option<common::Date>,
    /// When, microseconds.
    #[prost(int64, tag = "5")]
    pub moved_at_us: i64,
}

/// A case that an agency declared.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CaseRow {
    /// As it was declared.
    #[prost(message, optional, tag = "1")]
    pub digest: Option<CaseDigest>,
    /// That it was closed.
    #[prost(message, optional, tag = "2")]
    pub closed: Option<ActRow>,
}

impl InformationRequestRow {
    /// The row of a request.
    ///
    /// # Errors
    /// NOT_FOUND when there is none.
    pub fn read(view: &(impl View + ?Sized), name: InformationRequestName) -> Result<Self> {
        Self::find(view, name.0.as_bytes())?.ok_or_else(|| Error::not_found(&name.to_string()))
    }

    /// The row of a request by its id, if there is one.
    ///
    /// # Errors
    /// When storage fails.
    pub fn find(view: &(impl View + ?Sized), id: &[u8]) -> Result<Option<Self>> {
        view.message(&keys::information_request(id))
    }

    /// The requester.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn requester_id(&self) -> Result<AgencyId> {
        self.requester.parse().map_err(Error::internal)
    }

    /// The provider.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn provider_id(&self) -> Result<AgencyId> {
        self.provider.parse().map_err(Error::internal)
    }

    /// The last day of use.
    #[must_use]
    pub fn valid_until(&self) -> Date {
        self.valid_until_on
            .as_ref()
            .and_then(date::from_wire)
            .unwrap_or(Date::MIN)
    }

    /// Whether the provider has received it, also if it was taken back since.
    #[must_use]
    pub fn is_submitted(&self) -> bool {
        !matches!(
            self.state(),
            RequestState::Unspecified | RequestState::Drafted | RequestState::Rejected
        ) && self.decided.is_some()
    }

    /// Whether it is for account information.
    #[must_use]
    pub fn is_account(&self) -> bool {
        self.kind() == RequestKind::AccountInformation
    }

    /// The deadline of a kind that runs.
    #[must_use]
    pub fn open(&self, kind: DeadlineKind, correction: u32) -> Option<&DeadlineRow> {
        self.deadlines
            .iter()
            .find(|one| one.is_open && one.is_of(kind, correction))
    }
}

impl DeadlineRow {
    /// Whether it is of a kind, and of a correction request.
    #[must_use]
    pub fn is_of(&self, kind: DeadlineKind, correction: u32) -> bool {
        self.due
            .as_ref()
            .is_some_and(|due| due.kind() == kind && due.correction == correction)
    }

    /// The day.
    #[must_use]
    pub fn due_on(&self) -> Option<Date> {
        date::from_wire(self.due.as_ref()?.due_on.as_ref()?)
    }
}

/// How working days are counted, on the wire.
#[must_use]
pub fn counting_to_wire(counting: hub_core::workdays::Counting) -> WorkingDayCounting {
    match counting {
        hub_core::workdays::Counting::Strict => WorkingDayCounting::Strict,
        hub_core::workdays::Counting::FirstDayCounts => WorkingDayCounting::FirstDayCounts,
    }
}
