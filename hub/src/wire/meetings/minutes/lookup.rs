//! Finding minutes and agreed items for a caller. What the caller may not see is not found.

use hub_core::names::{AgencyId, AgreedItemName, MinutesName};
use hub_proto::meetings::{DraftMinutesRequest, MinutesContent, MinutesState};

use crate::{
    authz::Access,
    domain::meetings::{
        minutes::{self, items, round},
        rows::{AgreedItemRow, MinutesRow},
    },
    engine::Engine,
    error::{Error, Result},
    wire::meetings::lookup::{self, FoundMeeting},
};

/// Minutes that were found.
#[derive(Debug)]
pub(super) struct FoundMinutes {
    pub(super) meeting: FoundMeeting,
    pub(super) name: MinutesName,
    pub(super) row: MinutesRow,
}

impl FoundMinutes {
    /// Whether the caller sees a version: the office all, units that attended those that have been
    /// before them, other units the issued one.
    pub(super) fn sees_version(&self, version: u32) -> bool {
        let row = round::version_row(&self.row, version);
        let is_issued =
            self.row.state() == MinutesState::Issued && self.row.circulated_version == version;
        row.is_some_and(|row| {
            self.meeting.sight.is_office
                || (self.meeting.has_attended() && row.circulated_at_us != 0)
                || is_issued
        })
    }
}

/// Minutes by their name.
///
/// # Errors
/// NOT_FOUND for all that the caller may not see, whether there are such or not.
pub(super) fn minutes(engine: &Engine, access: &Access, name: MinutesName) -> Result<FoundMinutes> {
    let meeting = lookup::meeting(engine, access, name.meeting)?;
    let not_found = || Error::not_found(&name.to_string());
    let row = minutes::minutes(engine.store(), name.meeting.0.as_bytes(), name.document)?;
    let row = row.ok_or_else(not_found)?;
    let is_out = row.versions.iter().any(|one| one.circulated_at_us != 0);
    let is_issued = row.state() == MinutesState::Issued;
    if !(meeting.sight.is_office || is_issued || (meeting.has_attended() && is_out)) {
        return Err(not_found());
    }
    Ok(FoundMinutes { meeting, name, row })
}

/// What was asked for when a version was drafted.
pub(super) fn drafted(
    engine: &Engine,
    row: &MinutesRow,
    version: u32,
) -> Result<DraftMinutesRequest> {
    let drafted = round::version_row(row, version).and_then(|row| row.drafted.as_ref());
    lookup::request(engine, drafted)
}

/// What a version says; empty when there is none.
pub(super) fn content(engine: &Engine, row: &MinutesRow, version: u32) -> Result<MinutesContent> {
    Ok(drafted(engine, row, version)?.content.unwrap_or_default())
}

/// An agreed item that was found.
#[derive(Debug)]
pub(super) struct FoundItem {
    pub(super) meeting: FoundMeeting,
    pub(super) name: AgreedItemName,
    pub(super) row: AgreedItemRow,
}

impl FoundItem {
    /// The units that are responsible.
    pub(super) fn responsible(&self) -> Vec<AgencyId> {
        let tasks = self.row.tasks.iter();
        tasks.filter_map(|task| task.unit.parse().ok()).collect()
    }
}

/// An agreed item by its name.
///
/// # Errors
/// NOT_FOUND for all that the caller may not see, whether there are such or not.
pub(super) fn item(engine: &Engine, access: &Access, name: AgreedItemName) -> Result<FoundItem> {
    let meeting = lookup::meeting(engine, access, name.meeting)?;
    let row = items::item(engine.store(), name.meeting.0.as_bytes(), name.item)?;
    let row = row.ok_or_else(|| Error::not_found(&name.to_string()))?;
    Ok(FoundItem { meeting, name, row })
}
