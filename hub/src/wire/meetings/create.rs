//! Making a meeting: who its units are.

use hub_core::names::{AgencyId, MechanismId, MeetingName, Recipient, RequestId};
use hub_proto::meetings::{CreateMeetingRequest, Meeting, MeetingKind};
use jiff::civil::Date;

use super::fields::Fields;
use crate::{
    authz::{Access, Permit},
    domain::{
        meetings::meeting::{Command, Create},
        members::roster::Roster,
    },
    error::{Error, Result},
    wire::parse,
};

/// Longest title in characters.
pub(super) const TITLE_CHARACTERS_MAX: usize = 200;
/// Longest purpose in characters.
const PURPOSE_CHARACTERS_MAX: usize = 4_000;
/// Most mechanisms of a joint meeting.
const MECHANISMS_MAX: usize = 4;
/// Most units of a meeting.
pub(super) const UNITS_MAX: usize = 64;

/// Reads a request to make a meeting.
pub(super) fn command(
    access: &Access,
    request: &CreateMeetingRequest,
) -> Result<(Permit, RequestId, Command)> {
    let Recipient::Office(office) = parse("office", &request.office)? else {
        return Err(Error::field(
            "office",
            "must be mechanisms/{mechanism}/office",
        ));
    };
    let permit = access.convene(std::slice::from_ref(&office))?;
    let request_id: RequestId = parse("request_id", &request.request_id)?;
    let Some(meeting) = &request.meeting else {
        return Err(Error::field("meeting", "must be set"));
    };
    let roster = access.roster();
    let mut fields = Fields::default();
    output_only(&mut fields, meeting);
    fields.require(
        meeting.kind() != MeetingKind::Unspecified,
        "meeting.kind",
        "must be one of the kinds of meetings",
    );
    fields.line("meeting.title", &meeting.title, 1, TITLE_CHARACTERS_MAX);
    fields.text(
        "meeting.purpose",
        &meeting.purpose,
        0,
        PURPOSE_CHARACTERS_MAX,
    );
    fields.instant("meeting.topics_by_at", meeting.topics_by_at.as_ref());
    let mechanisms = mechanisms(roster, &office, &meeting.mechanisms, &mut fields);
    let planned_on = fields.required_day("meeting.planned_on", meeting.planned_on.as_ref());
    let invited = invited(meeting.kind(), &meeting.invited_units, &mut fields);
    let units = planned_on.map_or_else(Vec::new, |on| {
        units(
            roster,
            &mechanisms,
            on,
            invited.as_deref(),
            "meeting.invited_units",
            &mut fields,
        )
    });
    fields.finish()?;
    let create = Create {
        meeting: MeetingName(request_id),
        kind: meeting.kind(),
        title: meeting.title.clone(),
        mechanisms,
        units,
        planned_on: planned_on.unwrap_or_default(),
    };
    Ok((permit, request_id, Command::Create(Box::new(create))))
}

fn output_only(fields: &mut Fields, meeting: &Meeting) {
    let written = Meeting {
        kind: meeting.kind,
        mechanisms: meeting.mechanisms.clone(),
        title: meeting.title.clone(),
        purpose: meeting.purpose.clone(),
        invited_units: meeting.invited_units.clone(),
        planned_on: meeting.planned_on,
        topics_by_at: meeting.topics_by_at,
        ..Meeting::default()
    };
    fields.require(
        written == *meeting,
        "meeting",
        "output-only fields must be empty",
    );
}

/// The mechanisms of a meeting, that of the office first.
fn mechanisms(
    roster: &Roster,
    office: &MechanismId,
    names: &[String],
    fields: &mut Fields,
) -> Vec<MechanismId> {
    let mut found: Vec<MechanismId> = vec![];
    fields.require(
        (1..=MECHANISMS_MAX).contains(&names.len()),
        "meeting.mechanisms",
        format!("must be 1 to {MECHANISMS_MAX}"),
    );
    for (number, name) in names.iter().take(MECHANISMS_MAX).enumerate() {
        let field = format!("meeting.mechanisms[{number}]");
        let id: Option<MechanismId> = name
            .strip_prefix("mechanisms/")
            .and_then(|id| id.parse().ok())
            .filter(|id| roster.charter().mechanism(id).is_some());
        match id {
            Some(id) if found.contains(&id) => fields.broken(&field, "must not be named twice"),
            Some(id) => found.push(id),
            None => fields.broken(&field, "must be mechanisms/{mechanism} of the charter"),
        }
    }
    if let Some(place) = found.iter().position(|id| id == office) {
        let own = found.remove(place);
        found.insert(0, own);
    } else {
        let rule = format!("must have mechanisms/{office}, whose office makes the meeting");
        fields.broken("meeting.mechanisms", rule);
    }
    found
}

/// The invited units: of a partial meeting, and of no other kind.
fn invited(kind: MeetingKind, names: &[String], fields: &mut Fields) -> Option<Vec<AgencyId>> {
    if kind != MeetingKind::Partial {
        let rule = "must be empty: only a partial meeting has some of the members (JE-071)";
        fields.require(names.is_empty(), "meeting.invited_units", rule);
        return None;
    }
    let rule = "must be named: a partial meeting is of some of the members (JE-071)";
    fields.require(!names.is_empty(), "meeting.invited_units", rule);
    Some(agencies(names, "meeting.invited_units", fields))
}

/// Reads agencies, each once.
pub(super) fn agencies(names: &[String], field: &str, fields: &mut Fields) -> Vec<AgencyId> {
    let mut found: Vec<AgencyId> = vec![];
    fields.require(
        names.len() <= UNITS_MAX,
        field,
        format!("must be at most {UNITS_MAX}"),
    );
    for (number, name) in names.iter().take(UNITS_MAX).enumerate() {
        let field = format!("{field}[{number}]");
        let id: Option<AgencyId> = name
            .strip_prefix("agencies/")
            .and_then(|id| id.parse().ok());
        match id {
            Some(id) if found.contains(&id) => fields.broken(&field, "must not be named twice"),
            Some(id) => found.push(id),
            None => fields.broken(&field, "must be agencies/{agency}"),
        }
    }
    found
}

/// The units of a meeting on a day in the official order: the members of its first mechanism, then
/// those of the next that are not among them; each once, also who is a member of both (JE-076). With
/// `invited`, only these.
pub(super) fn units(
    roster: &Roster,
    mechanisms: &[MechanismId],
    on: Date,
    invited: Option<&[AgencyId]>,
    field: &str,
    fields: &mut Fields,
) -> Vec<AgencyId> {
    let mut all: Vec<AgencyId> = vec![];
    for mechanism in mechanisms {
        for member in roster.members(mechanism, on) {
            if !all.contains(&member.agency) {
                all.push(member.agency);
            }
        }
    }
    let Some(invited) = invited else {
        fields.require(
            !all.is_empty(),
            "meeting.planned_on",
            "must be a day on which its mechanisms have members",
        );
        return all;
    };
    for (number, agency) in invited.iter().enumerate() {
        fields.require(
            all.contains(agency),
            &format!("{field}[{number}]"),
            format!("must be a member of the meeting's mechanisms on {on}"),
        );
    }
    all.retain(|agency| invited.contains(agency));
    all
}
