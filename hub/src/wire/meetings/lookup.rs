//! Finding meetings for a caller, and reading their texts back from the ledger. What the caller may not
//! see is not found.

use std::sync::Arc;

use hub_core::names::{AgencyId, MechanismId, MeetingName, TopicName};
use hub_proto::meetings::{Attendance, CreateMeetingRequest, Meeting};
use prost::Message;

use super::issues;
use crate::{
    authz::{Access, MeetingSight},
    domain::meetings::{
        minutes,
        rows::{ActRow, MeetingRow},
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
};

/// A meeting that was found.
#[derive(Debug)]
pub(in crate::wire) struct FoundMeeting {
    pub(in crate::wire) name: MeetingName,
    pub(in crate::wire) row: MeetingRow,
    pub(in crate::wire) sight: MeetingSight,
    /// The caller's agency, if it is a unit that may look.
    pub(in crate::wire) unit: Option<AgencyId>,
}

impl FoundMeeting {
    /// One that the caller sees so.
    pub(in crate::wire) fn new(
        access: &Access,
        name: MeetingName,
        row: MeetingRow,
        sight: MeetingSight,
    ) -> Self {
        Self {
            name,
            row,
            sight,
            unit: sight.is_unit.then(|| access.agency().clone()),
        }
    }

    /// Whether the caller looks for a unit that attended, or was consulted.
    pub(in crate::wire) fn has_attended(&self) -> bool {
        let own = self.unit.as_ref();
        let row = self.row.units.iter();
        row.filter(|unit| own.is_some_and(|own| own.as_str() == unit.agency))
            .any(|unit| {
                matches!(
                    unit.attendance(),
                    Attendance::Present | Attendance::Consulted
                )
            })
    }

    /// Its mechanisms.
    pub(in crate::wire) fn mechanisms(&self) -> Vec<MechanismId> {
        self.row.mechanism_ids()
    }

    /// Its units.
    pub(in crate::wire) fn units(&self) -> Vec<AgencyId> {
        self.row.unit_ids()
    }
}

/// A meeting by its name.
///
/// # Errors
/// NOT_FOUND for every meeting that the caller may not see, whether there is one or not.
pub(in crate::wire) fn meeting(
    engine: &Engine,
    access: &Access,
    name: MeetingName,
) -> Result<FoundMeeting> {
    let not_found = || Error::not_found(&name.to_string());
    let row = MeetingRow::read(engine.store(), name)?.ok_or_else(not_found)?;
    let sight = sight(access, &row).ok_or_else(not_found)?;
    Ok(FoundMeeting::new(access, name, row, sight))
}

/// The units that attended.
pub(in crate::wire) fn attending(row: &MeetingRow) -> Vec<AgencyId> {
    let attended = minutes::attending(row).into_iter();
    attended
        .filter_map(|unit| unit.agency.parse().ok())
        .collect()
}

/// How the caller sees a meeting, if at all.
pub(in crate::wire) fn sight(access: &Access, row: &MeetingRow) -> Option<MeetingSight> {
    access.meeting(&row.mechanism_ids(), &row.knowing_units())
}

/// Whether the caller may see the meeting that a resource is or is a topic of, or the issue or the
/// escalation that it is: its documents are for all who may see it, also for a unit that was added
/// after they were told of.
///
/// # Errors
/// When storage fails.
pub(in crate::wire) fn sees_documents(
    engine: &Engine,
    access: &Access,
    resource: &str,
) -> Result<bool> {
    if let Ok(name) = resource.parse() {
        return Ok(issues::lookup::issue(engine, access, name).is_ok());
    }
    if let Ok(name) = resource.parse() {
        return Ok(issues::lookup::escalation(engine, access, name).is_ok());
    }
    let topic = || resource.parse().ok().map(|topic: TopicName| topic.meeting);
    let Some(name) = resource.parse().ok().or_else(topic) else {
        return Ok(false);
    };
    let row = MeetingRow::read(engine.store(), name)?;
    Ok(row.is_some_and(|row| sight(access, &row).is_some()))
}

/// The entry of an act.
///
/// # Errors
/// When storage fails, or it is not there: the rows do not fit the ledger.
pub(in crate::wire) fn entry(engine: &Engine, act: &ActRow) -> Result<Arc<Recorded>> {
    engine
        .recorded(act.entry_index)?
        .ok_or_else(|| Error::internal(format!("entry {} is missing", act.entry_index)))
}

/// The request of an act; empty when its content is sealed.
///
/// # Errors
/// As [`entry`], or when the content is no such request.
pub(in crate::wire) fn request<M: Message + Default>(
    engine: &Engine,
    act: Option<&ActRow>,
) -> Result<M> {
    let Some(act) = act else {
        return Ok(M::default());
    };
    let entry = entry(engine, act)?;
    M::decode(entry.content.request.clone())
        .map_err(|error| Error::internal(format!("entry {}: {error}", act.entry_index)))
}

/// What the office wrote when it made a meeting.
///
/// # Errors
/// As [`request`].
pub(in crate::wire) fn draft(engine: &Engine, row: &MeetingRow) -> Result<Meeting> {
    let request: CreateMeetingRequest = request(engine, row.created.as_ref())?;
    Ok(request.meeting.unwrap_or_default())
}
