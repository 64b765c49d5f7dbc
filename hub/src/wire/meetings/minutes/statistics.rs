//! Attendance and completion per unit in a period (JE-080).

use std::collections::BTreeSet;

use hub_core::{
    date,
    names::{AgencyId, MechanismId, MeetingName, RequestId},
};
use hub_proto::meetings::{
    Attendance, GetMeetingStatisticsRequest, GetMeetingStatisticsResponse, MeetingKind, TaskState,
    UnitStatistics,
};
use jiff::{Timestamp, civil::Date};

use super::{items, show};
use crate::{
    authz::Access,
    domain::meetings::rows::{AgreedItemRow, MeetingRow, TaskRow},
    engine::Engine,
    error::{Error, Result},
    state::{
        keys::{self, Kind},
        store::Direction,
    },
    wire::{meetings::fields::Fields, parse_name},
};

/// Meetings that are read at a time.
const ROWS_PAGE: usize = 256;

/// The days that are looked at: from the first until before the last.
#[derive(Debug, Clone, Copy)]
struct Days {
    from_on: Date,
    until_on: Date,
}

impl Days {
    fn contains(self, on: Date) -> bool {
        self.from_on <= on && on < self.until_on
    }
}

/// Attendance and completion: of every member for an office of the mechanism, else of the caller's own
/// unit.
pub(super) fn statistics(
    engine: &Engine,
    access: &Access,
    request: &GetMeetingStatisticsRequest,
) -> Result<GetMeetingStatisticsResponse> {
    let mechanism: MechanismId = parse_name("name", "mechanisms", &request.name)?;
    let mut fields = Fields::default();
    let from_on = fields.required_day("from_on", request.from_on.as_ref());
    let until_on = fields.required_day("until_on", request.until_on.as_ref());
    if let (Some(from_on), Some(until_on)) = (from_on, until_on) {
        fields.require(from_on < until_on, "until_on", "must be later than from_on");
    }
    fields.finish()?;
    let days = Days {
        from_on: from_on.unwrap_or_default(),
        until_on: until_on.unwrap_or_default(),
    };
    let roster = access.roster();
    let last_on = days.until_on.yesterday().unwrap_or(days.from_on);
    let members = roster.members(&mechanism, last_on);
    let members: Vec<AgencyId> = members.into_iter().map(|member| member.agency).collect();
    let sight = access.meeting(std::slice::from_ref(&mechanism), &members);
    let sight = sight.ok_or_else(|| Error::not_found(&request.name))?;
    let (viewer, units) = if sight.is_office {
        (format!("mechanisms/{mechanism}/office"), members)
    } else {
        let own = access.agency().clone();
        (format!("agencies/{own}"), vec![own])
    };
    let mut counted: Vec<UnitStatistics> = units
        .iter()
        .map(|unit| UnitStatistics {
            unit: format!("agencies/{unit}"),
            ..UnitStatistics::default()
        })
        .collect();
    let charter = roster.charter();
    let on = |us: i64| {
        let at = Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH);
        date::on(at, charter.zone())
    };
    let of = (&mechanism, request.all_members_only);
    let is_in = |us: i64| us != 0 && days.contains(on(us));
    let (meetings, meetings_held_count) = count_meetings(engine, &viewer, of, &mut counted, is_in)?;
    let now = engine.clock().now();
    let today = show::today(charter, now);
    for (name, row) in items::due_before(engine, &viewer, &date::to_wire(days.until_on))? {
        if row.is_superseded || !meetings.contains(&name.meeting) {
            continue;
        }
        for unit in &mut counted {
            let task = row
                .tasks
                .iter()
                .find(|task| unit.unit.strip_prefix("agencies/") == Some(&task.unit));
            if let Some(task) = task {
                count_task(unit, &row, task, (days, today), on);
            }
        }
    }
    Ok(GetMeetingStatisticsResponse {
        units: counted,
        counted_at: Some(date::timestamp(now)),
        meetings_held_count,
    })
}

/// Counts the meetings of a mechanism that a viewer may see. Answers which they are, and how many of them
/// were held in the period.
fn count_meetings(
    engine: &Engine,
    viewer: &str,
    (mechanism, all_members_only): (&MechanismId, bool),
    counted: &mut [UnitStatistics],
    is_in: impl Fn(i64) -> bool,
) -> Result<(BTreeSet<MeetingName>, i32)> {
    let mut meetings = BTreeSet::new();
    let mut held_count = 0;
    for (name, row) in meetings_of(engine, viewer)? {
        let is_left_out = all_members_only && row.kind() == MeetingKind::Partial;
        if is_left_out || !row.mechanism_ids().contains(mechanism) {
            continue;
        }
        meetings.insert(name);
        if is_in(row.held_at_us) {
            more(&mut held_count);
            for unit in counted.iter_mut() {
                count_meeting(unit, &row);
            }
        }
    }
    Ok((meetings, held_count))
}

fn more(count: &mut i32) {
    *count = count.saturating_add(1);
}

fn count_meeting(unit: &mut UnitStatistics, row: &MeetingRow) {
    if row.kind() == MeetingKind::Correspondence {
        return;
    }
    let called = row
        .units
        .iter()
        .find(|one| unit.unit.strip_prefix("agencies/") == Some(&one.agency));
    let Some(called) = called else { return };
    more(&mut unit.meetings_count);
    match called.attendance() {
        Attendance::Present => more(&mut unit.present_count),
        Attendance::Excused => more(&mut unit.excused_count),
        _ => {}
    }
}

fn count_task(
    unit: &mut UnitStatistics,
    row: &AgreedItemRow,
    task: &TaskRow,
    (days, today): (Days, Date),
    on: impl Fn(i64) -> Date,
) {
    let due_on = task.due_on.as_ref().and_then(date::from_wire);
    let Some(due_on) = due_on.filter(|day| days.contains(*day)) else {
        return;
    };
    more(&mut unit.tasks_count);
    if task.state() == TaskState::Done {
        more(&mut unit.done_count);
        if on(task.done_at_us) <= due_on {
            more(&mut unit.done_in_time_count);
        }
    } else if items::is_overdue(row, task, today) {
        more(&mut unit.overdue_count);
    }
}

/// Every meeting that a viewer may see.
fn meetings_of(engine: &Engine, viewer: &str) -> Result<Vec<(MeetingName, MeetingRow)>> {
    let (mut from, to) = keys::seen_by(Kind::MeetingOf, viewer).range();
    let mut found = vec![];
    loop {
        let rows = engine
            .store()
            .scan(&from, &to, Direction::Forward, ROWS_PAGE)?;
        for (_, value) in &rows {
            let id = <[u8; 16]>::try_from(&**value).ok();
            let Some(name) = id.and_then(RequestId::from_bytes).map(MeetingName) else {
                continue;
            };
            let row = MeetingRow::read(engine.store(), name)?;
            found.extend(row.map(|row| (name, row)));
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_PAGE => from = [key, [0].as_slice()].concat(),
            _ => return Ok(found),
        }
    }
}
