//! That a meeting was held, and its closing.

use hub_core::names::{AgencyId, MajorIssueName};
use hub_proto::{
    common::Receipt,
    meetings::{
        Attendance, CloseMeetingRequest, Meeting, MeetingKind, MeetingUnit,
        RecordMeetingHeldRequest,
    },
};
use jiff::Timestamp;

use super::{convene::attendees, create::UNITS_MAX, fields::Fields};
use crate::{
    authz::Access,
    domain::meetings::meeting::{Act, Held},
    error::Result,
    wire::{Call, Services},
};

/// Longest name of who presided, or of an observer, in characters.
const PERSON_CHARACTERS_MAX: usize = 100;
/// Most observers.
const OBSERVERS_MAX: usize = 30;
/// Most points of speakers.
const POINTS_MAX: usize = 100;
/// Longest point in characters.
const POINT_CHARACTERS_MAX: usize = 1_000;
/// Most major issues that the office names besides those of the topics.
const ISSUES_MAX: usize = 60;

impl Services {
    pub(super) async fn record_held(
        &self,
        call: Call,
        access: &Access,
        request: &RecordMeetingHeldRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let held = held(request, found.row.kind())?;
        let ids = (&*request.etag, &*request.request_id);
        let act = Act::Held(held);
        let entry = self.change_meeting(call, permit, &found, ids, act).await?;
        self.shown_meeting(access, found.name, &entry)
    }

    pub(super) async fn close(
        &self,
        call: Call,
        access: &Access,
        request: &CloseMeetingRequest,
    ) -> Result<(Meeting, Receipt)> {
        let found = self.find_meeting(access, "name", &request.name)?;
        let permit = access.convene(&found.mechanisms())?;
        let ids = (&*request.etag, &*request.request_id);
        let entry = self
            .change_meeting(call, permit, &found, ids, Act::Close)
            .await?;
        self.shown_meeting(access, found.name, &entry)
    }
}

fn held(request: &RecordMeetingHeldRequest, kind: MeetingKind) -> Result<Held> {
    let mut fields = Fields::default();
    fields.require(request.held_at.is_some(), "held_at", "must be set");
    let held_at = fields.instant("held_at", request.held_at.as_ref());
    let chair_min = usize::from(kind != MeetingKind::Correspondence);
    fields.line("chair", &request.chair, chair_min, PERSON_CHARACTERS_MAX);
    let rule = format!("must be at most {OBSERVERS_MAX}");
    fields.require(request.observers.len() <= OBSERVERS_MAX, "observers", rule);
    for (number, observer) in request.observers.iter().take(OBSERVERS_MAX).enumerate() {
        fields.line(
            &format!("observers[{number}]"),
            observer,
            1,
            PERSON_CHARACTERS_MAX,
        );
    }
    let attendances = units(&mut fields, &request.units);
    let spoke = points(&mut fields, request);
    let rule = format!("must be at most {ISSUES_MAX}");
    let names = &request.discussed_issues;
    fields.require(names.len() <= ISSUES_MAX, "discussed_issues", rule);
    let discussed: Vec<MajorIssueName> = names
        .iter()
        .take(ISSUES_MAX)
        .enumerate()
        .filter_map(|(number, name)| fields.parsed(&format!("discussed_issues[{number}]"), name))
        .collect();
    fields.finish()?;
    Ok(Held {
        held_at: held_at.unwrap_or(Timestamp::UNIX_EPOCH),
        attendances,
        discussed,
        spoke,
    })
}

fn units(fields: &mut Fields, units: &[MeetingUnit]) -> Vec<(AgencyId, Attendance)> {
    let rule = format!("must be at most {UNITS_MAX}");
    fields.require(units.len() <= UNITS_MAX, "units", rule);
    let mut found = vec![];
    for (number, unit) in units.iter().take(UNITS_MAX).enumerate() {
        let field = |name: &str| format!("units[{number}].{name}");
        let is_written = unit.display_name.is_empty() && unit.answer.is_none();
        let rule = "output-only fields must be empty";
        fields.require(is_written, &format!("units[{number}]"), rule);
        let min = match unit.attendance() {
            Attendance::Present => Some(1),
            Attendance::Excused | Attendance::Absent => None,
            Attendance::Unspecified | Attendance::Consulted => {
                let rule = "must be ATTENDANCE_PRESENT, ATTENDANCE_EXCUSED or ATTENDANCE_ABSENT";
                fields.broken(&field("attendance"), rule);
                None
            }
        };
        match min {
            Some(min) => attendees(fields, &field("attendees"), &unit.attendees, min),
            None => {
                let rule = "must be empty unless the unit was present";
                fields.require(unit.attendees.is_empty(), &field("attendees"), rule);
            }
        }
        match agency(&unit.agency) {
            Some(agency) => found.push((agency, unit.attendance())),
            None => fields.broken(&field("agency"), "must be agencies/{agency}"),
        }
    }
    found
}

fn agency(name: &str) -> Option<AgencyId> {
    name.strip_prefix("agencies/")
        .and_then(|id| id.parse().ok())
}

/// Checks points; answers whose they are and to which topic they belong.
fn points(fields: &mut Fields, request: &RecordMeetingHeldRequest) -> Vec<(String, u32)> {
    let points = &request.speaker_points;
    let rule = format!("must be at most {POINTS_MAX}");
    fields.require(points.len() <= POINTS_MAX, "speaker_points", rule);
    let mut found = vec![];
    for (number, point) in points.iter().take(POINTS_MAX).enumerate() {
        let field = |name: &str| format!("speaker_points[{number}].{name}");
        fields.text(&field("text"), &point.text, 1, POINT_CHARACTERS_MAX);
        match (agency(&point.agency), u32::try_from(point.topic)) {
            (Some(agency), Ok(topic)) => found.push((agency.to_string(), topic)),
            (None, _) => fields.broken(&field("agency"), "must be agencies/{agency}"),
            (_, Err(_)) => fields.broken(&field("topic"), "must not be negative"),
        }
    }
    found
}
