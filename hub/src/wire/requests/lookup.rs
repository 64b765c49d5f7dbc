//! Finding information requests for a caller. What the caller may not see is not found.

use hub_core::names::InformationRequestName;
use hub_proto::{audit::RecordKind, requests::requests_event::Kind};

use crate::{
    authz::{Access, RequestSight},
    charter::Action,
    domain::requests::{InformationRequestRow, id_of},
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    wire::reads::Restricted,
};

/// A request that was found.
#[derive(Debug)]
pub(in crate::wire) struct FoundRequest {
    pub(super) name: InformationRequestName,
    pub(super) row: InformationRequestRow,
    pub(super) sight: RequestSight,
}

impl FoundRequest {
    /// As the record that is about to be read: the auditors of both sides may know of it, as far as the
    /// provider knows of the request.
    pub(in crate::wire) fn restricted(&self) -> Result<Restricted> {
        let mut auditors = vec![self.row.requester_id()?];
        if self.row.is_submitted() {
            auditors.push(self.row.provider_id()?);
        }
        let kind = if self.row.is_account() {
            RecordKind::AccountInformationRequest
        } else {
            RecordKind::InformationRequest
        };
        Ok(Restricted {
            name: self.name.to_string(),
            kind,
            auditors,
            is_confidential: false,
        })
    }
}

/// A request by its name.
///
/// # Errors
/// NOT_FOUND for every request that the caller may not see, whether there is one or not.
pub(in crate::wire) fn request(
    engine: &Engine,
    access: &Access,
    name: InformationRequestName,
) -> Result<FoundRequest> {
    let row = InformationRequestRow::read(engine.store(), name)?;
    seen(access, name, row)?.ok_or_else(|| Error::not_found(&name.to_string()))
}

/// A request as the caller sees it, if at all.
pub(super) fn seen(
    access: &Access,
    name: InformationRequestName,
    row: InformationRequestRow,
) -> Result<Option<FoundRequest>> {
    let (requester, provider) = (row.requester_id()?, row.provider_id()?);
    let sight = access.request(&requester, &provider, row.is_submitted());
    Ok(sight.map(|sight| FoundRequest { name, row, sight }))
}

/// Whether the caller may read an entry that is an act on an information request: what the request says, it
/// says to whoever may read that, whoever got a notice of the act. `None` for any other entry.
///
/// # Errors
/// When storage fails.
pub(in crate::wire) fn reads_entry(
    engine: &Engine,
    access: &Access,
    entry: &Recorded,
) -> Result<Option<bool>> {
    let mut is_act = false;
    for kind in entry.requests_events() {
        is_act = true;
        if !reads_event(engine, access, entry, kind)? {
            return Ok(Some(false));
        }
    }
    Ok(is_act.then_some(true))
}

fn reads_event(engine: &Engine, access: &Access, entry: &Recorded, kind: &Kind) -> Result<bool> {
    let Some(id) = id_of(kind) else {
        // A case that was closed is its agency's own affair.
        return Ok(
            access.is_granted(Action::RequestsRead) && entry.author() == access.agency().as_str()
        );
    };
    let id = <[u8; 16]>::try_from(&**id).ok();
    let Some(id) = id.and_then(hub_core::names::RequestId::from_bytes) else {
        return Ok(false);
    };
    let Ok(found) = request(engine, access, InformationRequestName(id)) else {
        return Ok(false);
    };
    let is_requester = found.sight == RequestSight::Requester;
    let is_author = entry.author() == access.agency().as_str()
        && entry.officer() == access.caller().officer.as_str();
    Ok(match kind {
        // The note of an approval is for the own agency.
        Kind::Submitted(_) | Kind::Rejected(_) => is_requester,
        // An answer about accounts is for the requester, and whoever gave it (FS-053).
        Kind::Consented(_)
        | Kind::Delivered(_)
        | Kind::Refused(_)
        | Kind::CorrectionAnswered(_) => !found.row.is_account() || is_requester || is_author,
        _ => true,
    })
}
