//! Finding alerts for a caller, and reading their texts back from the ledger. What the caller may not see
//! is not found.

use hub_core::names::{AlertName, RequestId};
use hub_proto::{
    audit::RecordKind,
    channels::SubjectOrganization,
    funds::{Alert, CorrectAlertRequest, DraftJointNoticeRequest, JointNotice, RaiseAlertRequest},
};

use crate::{
    authz::{Access, AlertParties},
    domain::funds::{
        self,
        rows::{AlertRow, NoticeRow},
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    wire::{meetings::lookup as texts, reads::Restricted},
};

/// An alert that was found.
#[derive(Debug)]
pub(in crate::wire) struct Found {
    pub(in crate::wire) name: AlertName,
    pub(in crate::wire) row: AlertRow,
    pub(in crate::wire) parties: AlertParties,
}

impl Found {
    /// An alert, whoever may see it.
    pub(super) fn new(name: AlertName, row: AlertRow) -> Result<Self> {
        let author = row.author();
        let author = author.ok_or_else(|| Error::internal(format!("{name} of no agency")))?;
        let parties = AlertParties {
            author,
            units: row.unit_ids(),
            office: row.office(),
        };
        Ok(Self { name, row, parties })
    }

    /// As a read of it is recorded: whoever raised it may know who reads it. Where not even the office may
    /// know of the alert, nobody above it does.
    pub(in crate::wire) fn restricted(&self) -> Restricted {
        Restricted {
            name: self.name.to_string(),
            kind: RecordKind::Alert,
            auditors: vec![self.parties.author.clone()],
            is_confidential: self.row.is_confidential(),
        }
    }

    /// Whom it is about; empty once it is sealed.
    pub(super) fn organization(&self, engine: &Engine) -> Result<SubjectOrganization> {
        let written = written(engine, &self.row, self.row.revision())?;
        Ok(written.organization.unwrap_or_default())
    }
}

/// An alert by its name.
///
/// # Errors
/// NOT_FOUND for every alert that the caller may not see, whether there is one or not.
pub(in crate::wire) fn alert(engine: &Engine, access: &Access, name: AlertName) -> Result<Found> {
    let not_found = || Error::not_found(&name.to_string());
    let row = AlertRow::read(engine.store(), name)?.ok_or_else(not_found)?;
    let found = Found::new(name, row)?;
    if access.alert(&found.parties).is_none() {
        return Err(not_found());
    }
    Ok(found)
}

/// The alert on which an entry of the ledger is an act, if it is one.
pub(in crate::wire) fn of_entry(entry: &Recorded) -> Option<AlertName> {
    let id = funds::alert_of(entry.funds_events().next()?);
    let id = RequestId::from_bytes((**id).try_into().ok()?)?;
    Some(AlertName(id))
}

/// What its author wrote, as a revision has it: a retraction leaves the text as it was.
pub(super) fn written(engine: &Engine, row: &AlertRow, revision: u32) -> Result<Alert> {
    let revisions = (1_u32..).zip(&row.revisions);
    let newest = revisions
        .take_while(|(number, _)| *number <= revision)
        .filter(|(_, one)| !one.is_retraction)
        .last();
    let Some((number, one)) = newest else {
        return Ok(Alert::default());
    };
    let act = one.act.as_ref();
    let alert = match number {
        1 => texts::request::<RaiseAlertRequest>(engine, act)?.alert,
        _ => texts::request::<CorrectAlertRequest>(engine, act)?.alert,
    };
    Ok(alert.unwrap_or_default())
}

/// What the drafter of a joint notice wrote.
pub(super) fn notice(engine: &Engine, row: &NoticeRow) -> Result<JointNotice> {
    let request: DraftJointNoticeRequest = texts::request(engine, row.drafted.as_ref())?;
    Ok(request.joint_notice.unwrap_or_default())
}
