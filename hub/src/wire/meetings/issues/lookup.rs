//! Finding issues and escalations for a caller. What the caller may not see is not found.

use hub_core::names::{
    AgencyId, EscalationName, MajorIssueName, MechanismId, MeetingName, RequestId,
};
use hub_proto::meetings::{DispositionKind, EscalationState};

use crate::{
    authz::Access,
    domain::meetings::{
        issues,
        rows::{EscalationRow, MajorIssueRow, MeetingRow},
    },
    engine::Engine,
    error::{Error, Result},
    wire::meetings::lookup,
};

/// An issue that was found.
#[derive(Debug)]
pub(in crate::wire) struct FoundIssue {
    pub(super) name: MajorIssueName,
    pub(super) row: MajorIssueRow,
    /// Whether the caller sees every meeting that bears on it: as its office, or as the lead that is to
    /// report it.
    pub(super) sees_meetings: bool,
}

impl FoundIssue {
    pub(super) fn mechanism(&self) -> Result<MechanismId> {
        self.row.mechanism.parse().map_err(Error::internal)
    }
}

/// An escalation that was found.
#[derive(Debug)]
pub(in crate::wire) struct FoundEscalation {
    pub(super) name: EscalationName,
    pub(super) row: EscalationRow,
}

impl FoundEscalation {
    pub(super) fn lead(&self) -> Vec<AgencyId> {
        self.row.lead_unit.parse().into_iter().collect()
    }

    pub(super) fn co_units(&self) -> Vec<AgencyId> {
        let units = self.row.co_units.iter();
        units.filter_map(|unit| unit.unit.parse().ok()).collect()
    }

    pub(super) fn addressee(&self) -> Vec<AgencyId> {
        self.row.addressee.parse().into_iter().collect()
    }
}

/// An id of a row.
pub(super) fn id(bytes: &[u8]) -> Option<RequestId> {
    RequestId::from_bytes(bytes.try_into().ok()?)
}

/// An issue by its name.
///
/// # Errors
/// NOT_FOUND for every issue that the caller may not see, whether there is one or not.
pub(in crate::wire) fn issue(
    engine: &Engine,
    access: &Access,
    name: MajorIssueName,
) -> Result<FoundIssue> {
    let row = issues::issue(engine.store(), name)?;
    seen(engine, access, name, row)?.ok_or_else(|| Error::not_found(&name.to_string()))
}

/// An issue as the caller sees it, if at all.
pub(super) fn seen(
    engine: &Engine,
    access: &Access,
    name: MajorIssueName,
    row: MajorIssueRow,
) -> Result<Option<FoundIssue>> {
    let mechanism: MechanismId = row.mechanism.parse().map_err(Error::internal)?;
    let flagged_by: Vec<AgencyId> = row.flagged_by.parse().into_iter().collect();
    let charter = access.roster().charter();
    let lead = charter.mechanism(&mechanism).map(|found| found.lead());
    let is_to_report = row.disposition() == DispositionKind::Escalate;
    let lead: Vec<AgencyId> = lead.filter(|_| is_to_report).into_iter().cloned().collect();
    let own = access.meeting(std::slice::from_ref(&mechanism), &flagged_by);
    let is_office = own.is_some_and(|own| own.is_office);
    let sees_meetings = is_office || access.meeting(&[], &lead).is_some();
    let mut is_seen = own.is_some() || sees_meetings;
    for meeting in row.topic_at.iter().chain(&row.discussed_at) {
        is_seen = is_seen || sees_meeting(engine, access, meeting)?;
    }
    Ok(is_seen.then_some(FoundIssue {
        name,
        row,
        sees_meetings,
    }))
}

/// Whether the caller may see a meeting.
pub(super) fn sees_meeting(engine: &Engine, access: &Access, meeting: &[u8]) -> Result<bool> {
    let Some(id) = id(meeting) else {
        return Ok(false);
    };
    let row = MeetingRow::read(engine.store(), MeetingName(id))?;
    Ok(row.is_some_and(|row| lookup::sight(access, &row).is_some()))
}

/// An escalation by its name.
///
/// # Errors
/// NOT_FOUND for every escalation that the caller may not see, whether there is one or not.
pub(in crate::wire) fn escalation(
    engine: &Engine,
    access: &Access,
    name: EscalationName,
) -> Result<FoundEscalation> {
    let row = issues::escalation(engine.store(), name)?;
    let found = FoundEscalation { name, row };
    if sees(access, &found) {
        Ok(found)
    } else {
        Err(Error::not_found(&name.to_string()))
    }
}

/// Whether the caller may see an escalation: as the lead, as a member that was asked, or, once it is
/// sent, as whom it went to.
pub(super) fn sees(access: &Access, found: &FoundEscalation) -> bool {
    let mut viewers = found.lead();
    viewers.extend(found.co_units());
    let sent = [EscalationState::Sent, EscalationState::Answered];
    if sent.contains(&found.row.state()) {
        viewers.extend(found.addressee());
    }
    access.meeting(&[], &viewers).is_some()
}
