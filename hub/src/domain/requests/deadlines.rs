//! Deadlines: computed when a clock starts, and moved when a newer calendar is known.
//!
//! The day that was computed is in the event, so that a replay has no need of the calendar of the day.

use hub_core::{
    date,
    names::InformationRequestName,
    reason::Reason,
    workdays::{Counting, Known},
};
use hub_proto::{
    ledger::Event,
    requests::{
        DeadlineKind, DeadlineRecomputed, DueDay, WorkingDayCounting, requests_event::Kind,
    },
};
use jiff::{Timestamp, civil::Date};

use super::{
    event,
    notices::{Notice, day_of},
    rows::{DeadlineRow, InformationRequestRow, counting_to_wire},
};
use crate::{
    authz::Permit,
    charter::Deadline,
    domain::{Context, channels, meetings::minutes::notices::end_of_day},
    error::{Error, Result},
    state::view::Overlay,
};

/// To move a deadline to where the calendar as known today has it; the hub's own act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recompute {
    /// Of which request.
    pub request: InformationRequestName,
    /// Which deadline.
    pub kind: DeadlineKind,
    /// Of which correction request; 0 for none.
    pub correction: u32,
}

/// A deadline that begins today, with so many working days more than the charter's.
pub(super) fn starting(
    context: &Context<'_>,
    kind: DeadlineKind,
    correction: u32,
    deadline: &Deadline,
) -> Result<DueDay> {
    let counting = rules(context)?.counting();
    counted(
        context,
        &DueDay {
            kind: kind.into(),
            correction,
            counted_from_on: Some(date::to_wire(context.today())),
            working_days: u32::from(deadline.amount),
            counting: counting_to_wire(counting).into(),
            source: deadline.source.clone(),
            ..DueDay::default()
        },
    )
}

/// The last day of use, by whose end disposal is to be confirmed.
pub(super) fn disposal(context: &Context<'_>, row: &InformationRequestRow) -> DueDay {
    let on = row.valid_until();
    DueDay {
        kind: DeadlineKind::Disposal.into(),
        counted_from_on: Some(date::to_wire(context.today())),
        due_on: Some(date::to_wire(on)),
        due_us: end_of_day(on, context.charter.zone()).as_microsecond(),
        source: "政务数据共享条例第二十七条、第二十九条".into(),
        ..DueDay::default()
    }
}

/// The same deadline by so many working days later.
pub(super) fn extended(context: &Context<'_>, due: &DueDay, working_days: u32) -> Result<DueDay> {
    counted(
        context,
        &DueDay {
            working_days: due.working_days.saturating_add(working_days),
            ..due.clone()
        },
    )
}

/// A deadline as the calendar known today has it.
fn counted(context: &Context<'_>, due: &DueDay) -> Result<DueDay> {
    computed(context, due, context.calendar())
}

fn computed(context: &Context<'_>, due: &DueDay, calendar: Known<'_>) -> Result<DueDay> {
    let from = due.counted_from_on.as_ref().and_then(date::from_wire);
    let from = from.ok_or_else(|| Error::internal("a deadline is counted from no day"))?;
    let day = calendar
        .add(from, due.working_days, counting(due))
        .ok_or_else(|| Error::internal("a deadline lies beyond the end of time"))?;
    Ok(DueDay {
        due_on: Some(date::to_wire(day.on)),
        due_us: end_of_day(day.on, context.charter.zone()).as_microsecond(),
        is_provisional: day.is_provisional,
        ..due.clone()
    })
}

fn counting(due: &DueDay) -> Counting {
    match due.counting() {
        WorkingDayCounting::FirstDayCounts => Counting::FirstDayCounts,
        WorkingDayCounting::Strict | WorkingDayCounting::Unspecified => Counting::Strict,
    }
}

/// When the hub reminds of something due next, microseconds; 0 for never.
pub(super) fn next_reminder(context: &Context<'_>, due: &DueDay) -> i64 {
    let due_at = Timestamp::from_microsecond(due.due_us).ok();
    let follow_up = context.charter.follow_up();
    due_at
        .and_then(|due_at| follow_up.next_reminder(due_at, context.now))
        .map_or(0, Timestamp::as_microsecond)
}

/// The charter's settings for requests.
///
/// # Errors
/// When it has none.
pub(super) fn rules<'a>(context: &Context<'a>) -> Result<&'a crate::charter::RequestRules> {
    context.charter.requests().ok_or_else(|| {
        let message = "the charter has no [requests]: there are no information requests";
        Error::new(Reason::RecordState, message)
    })
}

/// Whether a deadline stands where the calendar known on a day does not have it.
#[must_use]
pub fn is_outdated(row: &DeadlineRow, calendar: Known<'_>) -> bool {
    let Some(due) = row.due.as_ref().filter(|due| due.working_days > 0) else {
        return false;
    };
    let from = due.counted_from_on.as_ref().and_then(date::from_wire);
    let day = from.and_then(|from| calendar.add(from, due.working_days, counting(due)));
    row.is_open
        && day.is_some_and(|day| {
            Some(day.on) != row.due_on() || day.is_provisional != due.is_provisional
        })
}

/// Moves a deadline, and tells both sides when its day is another one.
pub(super) fn recompute(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Recompute,
) -> Result<Vec<Event>> {
    if !permit.is_hub() {
        let message = "only the hub itself moves deadlines with the calendar";
        return Err(Error::new(Reason::PermissionDenied, message));
    }
    let row = InformationRequestRow::read(view, command.request)?;
    let open = row.open(command.kind, command.correction);
    let open = open.filter(|open| is_outdated(open, context.calendar()));
    let Some(before) = open.and_then(|open| open.due.as_ref()) else {
        return Err(Error::new(
            Reason::Conflict,
            "the deadline is met, or right already",
        ));
    };
    let due = counted(context, before)?;
    let known_from = known_from(context, before, &due)?;
    let mut events = vec![event(Kind::DeadlineRecomputed(DeadlineRecomputed {
        information_request: command.request.0.as_bytes().to_vec().into(),
        was_on: before.due_on,
        known_from_on: known_from.map(date::to_wire),
        next_remind_at_us: next_reminder(context, &due),
        due: Some(due.clone()),
    }))];
    if before.due_on != due.due_on {
        let since = known_from.map_or_else(String::new, |on| format!("（{on}起知悉）"));
        let step = format!(
            "因节假日安排调整，办理时限由{}改为{}{since}",
            day_of(before),
            day_of(&due)
        );
        let (requester, provider) = (row.requester_id()?, row.provider_id()?);
        let issues = [&provider, &requester]
            .map(|to| Notice::new(command.request, to, permit.agency(), &step).issue(context));
        events.extend(channels::issue(context, view, &issues)?);
    }
    Ok(events)
}

/// The day from which the notice is known that brought a deadline where it is now: since then every
/// version of the calendar has it there. `None` when it was there before the first version, by rows that do
/// not say since when they are known.
fn known_from(context: &Context<'_>, before: &DueDay, now: &DueDay) -> Result<Option<Date>> {
    let calendar = context.roster.calendar();
    let today = context.today();
    let versions: Vec<Date> = calendar.versions().filter(|on| *on <= today).collect();
    let is_there = |known_on| -> Result<bool> {
        let day = computed(context, before, calendar.as_of(known_on))?;
        Ok(day.due_on == now.due_on && day.is_provisional == now.is_provisional)
    };
    let mut found = None;
    for version in versions.into_iter().rev() {
        if !is_there(version)? {
            return Ok(found);
        }
        found = Some(version);
    }
    Ok(found.filter(|_| !is_there(Date::MIN).unwrap_or(false)))
}
