//! Agreed items (议定事项) as they are carried out: reports, extensions, closing (JE-080).

use hub_core::names::{AgencyId, Recipient};
use hub_core::{date, reason::Reason};
use hub_proto::{
    channels::{Ask, Attachment, RequestedAction},
    meetings::{
        AgreedItemClosed, AgreedItemKind, ExtensionDecided, ExtensionRequested, MeetingState,
        ProgressReported, TaskState, meetings_event::Kind,
    },
};
use jiff::civil::Date;

use super::{Case, act, notice, notices::end_of_day, recipients, settle, update_meeting};
use crate::{
    domain::{
        Decision, EntryMeta,
        channels::{self, Issue, asks},
        meetings::{
            event,
            rows::{AgreedItemRow, TaskRow},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// Most reports of a unit on an agreed item.
pub const REPORTS_MAX: usize = 50;

/// A decision on an extension.
pub(super) struct Extension<'a> {
    pub(super) unit: &'a AgencyId,
    pub(super) is_granted: bool,
    pub(super) due_on: Date,
    pub(super) reason: &'a str,
}

/// An agreed item.
///
/// # Errors
/// When storage fails.
pub fn item(
    view: &(impl View + ?Sized),
    meeting: &[u8],
    number: u32,
) -> Result<Option<AgreedItemRow>> {
    view.message(&keys::agreed_item(meeting, number))
}

impl Case<'_> {
    fn item_name(&self, number: u32) -> String {
        format!("{}/agreedItems/{number}", self.name)
    }

    /// An item that is being carried out.
    fn open_item(&self, number: u32) -> Result<AgreedItemRow> {
        let name = self.item_name(number);
        let row = item(self.view, self.id(), number)?.ok_or_else(|| Error::not_found(&name))?;
        if row.is_superseded {
            return Err(self.state_refused(format!("{name}: a correction has superseded it")));
        }
        if row.closed.is_some() {
            return Err(self.state_refused(format!("{name}: is closed")));
        }
        Ok(row)
    }

    /// A unit's part of an item.
    fn task<'r>(&self, row: &'r AgreedItemRow, number: u32, unit: &str) -> Result<&'r TaskRow> {
        row.tasks
            .iter()
            .find(|task| task.unit == unit)
            .ok_or_else(|| {
                Error::new(
                    Reason::PermissionDenied,
                    format!(
                        "agencies/{unit} is not responsible for {}",
                        self.item_name(number)
                    ),
                )
            })
    }

    fn carry_out(&self, unit: &[Recipient], due_on: Option<Date>) -> Option<Ask> {
        let due_at = end_of_day(due_on?, self.context.charter.zone());
        let follow_up = self.context.charter.follow_up();
        let now = self.context.now;
        asks::ask(follow_up, unit, RequestedAction::CarryOut, due_at, now)
    }

    fn decision(&self, kind: Kind, told: &[Issue]) -> Result<Decision> {
        let mut events = vec![event(kind)];
        events.extend(channels::issue(self.context, self.view, told)?);
        Ok(Decision::Record(events))
    }
}

fn day(task: &TaskRow) -> Option<Date> {
    task.due_on.as_ref().and_then(date::from_wire)
}

pub(super) fn report(
    case: &Case<'_>,
    number: u32,
    state: TaskState,
    evidence: &[Attachment],
) -> Result<Decision> {
    let row = case.open_item(number)?;
    let task = case.task(&row, number, case.unit())?;
    if task.reports.len() >= REPORTS_MAX {
        let rule = format!("a unit reports at most {REPORTS_MAX} times on an agreed item");
        return Err(Error::field("report", rule));
    }
    let name = case.item_name(number);
    let unit = case.name_of(case.unit());
    let stands = match state {
        TaskState::Done => "已完成",
        _ => "进行中",
    };
    let title = format!("{unit}报告{}议定事项{number}进展：{stands}", case.quoted());
    let body = format!("事项：{name}\n单位：{unit}\n进展：{stands}\n");
    let notice = case.notice_with(name.clone(), title, body, evidence);
    let mut told = vec![Issue::new(case.offices(), notice)];
    if task.state() == TaskState::Done && state != TaskState::Done {
        // What was said to be done is not: it is asked for again.
        let unit = recipients([case.unit()].into_iter());
        let title = format!("{}议定事项{number}未完成，请继续落实", case.quoted());
        told.push(Issue {
            ask: case.carry_out(&unit, day(task)),
            notification: case.notice(name.clone(), title, format!("事项：{name}\n")),
            addressees: unit,
        });
    }
    let reported = ProgressReported {
        meeting: case.id_bytes(),
        item: number,
        unit: case.unit().to_owned(),
        state: state.into(),
        officer: case.permit.officer().to_string(),
    };
    case.decision(Kind::ProgressReported(reported), &told)
}

pub(super) fn request_extension(
    case: &Case<'_>,
    number: u32,
    due_on: Date,
    reason: &str,
) -> Result<Decision> {
    let row = case.open_item(number)?;
    let task = case.task(&row, number, case.unit())?;
    if task.state() == TaskState::Done {
        return Err(case.state_refused(format!(
            "{}: agencies/{} has reported it done",
            case.item_name(number),
            case.unit()
        )));
    }
    let Some(before) = day(task) else {
        let rule = "cannot be extended: the minutes name no day";
        return Err(Error::field("due_on", rule));
    };
    if due_on <= before {
        let rule = format!("must be later than {before}, the day that holds");
        return Err(Error::field("due_on", rule));
    }
    let name = case.item_name(number);
    let unit = case.name_of(case.unit());
    let title = format!("{unit}申请{}议定事项{number}延期至{due_on}", case.quoted());
    let body = format!(
        "事项：{name}\n单位：{unit}\n原时限：{before}\n申请时限：{due_on}\n理由：{reason}\n"
    );
    let told = Issue::new(case.offices(), case.notice(name, title, body));
    let requested = ExtensionRequested {
        meeting: case.id_bytes(),
        item: number,
        unit: case.unit().to_owned(),
        due_on: Some(date::to_wire(due_on)),
    };
    case.decision(Kind::ExtensionRequested(requested), &[told])
}

pub(super) fn decide_extension(
    case: &Case<'_>,
    number: u32,
    extension: &Extension<'_>,
) -> Result<Decision> {
    let row = case.open_item(number)?;
    let unit = extension.unit.as_str();
    let task = row.tasks.iter().find(|task| task.unit == unit);
    let Some(task) = task else {
        return Err(Error::field("unit", "is not responsible for the item"));
    };
    let Some(requested) = task.requested_due_on.as_ref().and_then(date::from_wire) else {
        return Err(case.state_refused(format!(
            "{}: agencies/{unit} waits for no decision on an extension",
            case.item_name(number)
        )));
    };
    if requested != extension.due_on {
        return Err(Error::new(
            Reason::Conflict,
            format!("due_on: {requested} is what is asked for now; read again"),
        ));
    }
    let name = case.item_name(number);
    let to = recipients([unit].into_iter());
    let (result, ask) = if extension.is_granted {
        let said = format!("同意延期至{requested}");
        (said, case.carry_out(&to, Some(requested)))
    } else {
        ("不同意延期".to_owned(), None)
    };
    let title = format!("{}议定事项{number}：{result}", case.quoted());
    let body = format!("事项：{name}\n答复：{result}\n{}\n", extension.reason);
    let told = Issue {
        addressees: to,
        notification: case.notice(name, title, body),
        ask,
    };
    let decided = ExtensionDecided {
        meeting: case.id_bytes(),
        item: number,
        unit: unit.to_owned(),
        is_granted: extension.is_granted,
    };
    case.decision(Kind::ExtensionDecided(decided), &[told])
}

pub(super) fn close(case: &Case<'_>, number: u32, note: &str) -> Result<Decision> {
    let row = case.open_item(number)?;
    let open = row
        .tasks
        .iter()
        .filter(|task| task.state() != TaskState::Done);
    let open: Vec<&str> = open.map(|task| task.unit.as_str()).collect();
    if !open.is_empty() && row.kind() == AgreedItemKind::JointOperation {
        return Err(case.state_refused(format!(
            "{}: a joint operation has a result of every unit (JE-035), and these have not reported \
             it done: {}",
            case.item_name(number),
            case.names_of(open.into_iter())
        )));
    }
    if !open.is_empty() && note.is_empty() {
        let rule = "must say what came of it: not every responsible unit has reported it done";
        return Err(Error::field("note", rule));
    }
    let name = case.item_name(number);
    let title = format!("{}议定事项{number}已办结", case.quoted());
    let body = format!("事项：{name}\n{note}\n");
    let units = row.tasks.iter().map(|task| &*task.unit);
    let units = units.chain(row.assisting_units.iter().map(String::as_str));
    let told = Issue::new(recipients(units), case.notice(name, title, body));
    let closed = AgreedItemClosed {
        meeting: case.id_bytes(),
        item: number,
    };
    case.decision(Kind::AgreedItemClosed(closed), &[told])
}

/// Changes an item, and lets the meeting be followed up.
fn update(
    rows: &mut Overlay<'_>,
    (meeting, number): (&[u8], u32),
    change: impl FnOnce(&mut Overlay<'_>, &mut AgreedItemRow) -> Result<()>,
) -> Result<()> {
    let Some(mut row) = item(rows, meeting, number)? else {
        return Ok(());
    };
    change(rows, &mut row)?;
    rows.put_message(keys::agreed_item(meeting, number), &row);
    update_meeting(rows, meeting, |meeting| {
        if meeting.state() == MeetingState::Issued {
            meeting.set_state(MeetingState::FollowUp);
        }
    })
}

fn task_of<'r>(row: &'r mut AgreedItemRow, unit: &str) -> Option<&'r mut TaskRow> {
    row.tasks.iter_mut().find(|task| task.unit == unit)
}

pub(super) fn reported(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ProgressReported,
) -> Result<()> {
    update(rows, (&event.meeting, event.item), |rows, row| {
        let Some(task) = task_of(row, &event.unit) else {
            return Ok(());
        };
        let was_done = task.state() == TaskState::Done;
        task.state = event.state;
        task.reports.push(act(entry, ""));
        if event.state() == TaskState::Done {
            let asked = task.notification.as_ref();
            settle(rows, asked, &event.unit, RequestedAction::CarryOut)?;
            task.requested_due_on = None;
            task.requested = None;
            if !was_done {
                task.done_at_us = entry.recorded_at.as_microsecond();
            }
        } else {
            task.done_at_us = 0;
            if was_done {
                task.notification = Some(notice(entry, 1));
            }
        }
        Ok(())
    })
}

pub(super) fn extension_requested(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ExtensionRequested,
) -> Result<()> {
    update(rows, (&event.meeting, event.item), |_, row| {
        if let Some(task) = task_of(row, &event.unit) {
            task.requested_due_on = event.due_on;
            task.requested = Some(act(entry, ""));
        }
        Ok(())
    })
}

pub(super) fn extension_decided(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &ExtensionDecided,
) -> Result<()> {
    update(rows, (&event.meeting, event.item), |rows, row| {
        let Some(task) = task_of(row, &event.unit) else {
            return Ok(());
        };
        let requested = task.requested_due_on.take();
        task.requested = None;
        if event.is_granted {
            let asked = task.notification.as_ref();
            settle(rows, asked, &event.unit, RequestedAction::CarryOut)?;
            task.due_on = requested;
            task.notification = Some(notice(entry, 0));
        }
        Ok(())
    })
}

pub(super) fn closed(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &AgreedItemClosed,
) -> Result<()> {
    update(rows, (&event.meeting, event.item), |rows, row| {
        row.closed = Some(act(entry, ""));
        for task in &mut row.tasks {
            task.requested_due_on = None;
            task.requested = None;
            let asked = task.notification.as_ref();
            settle(rows, asked, &task.unit, RequestedAction::CarryOut)?;
        }
        Ok(())
    })
}
