//! Finding information requests for a caller. What the caller may not see is not found.

use hub_core::names::InformationRequestName;
use hub_proto::audit::RecordKind;

use crate::{
    authz::{Access, RequestSight},
    domain::requests::InformationRequestRow,
    engine::Engine,
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
    pub(super) fn restricted(&self) -> Result<Restricted> {
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
