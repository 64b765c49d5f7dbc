//! A meeting that was held: who was there, what was discussed; and one that is closed.

use std::collections::BTreeSet;

use hub_core::{
    names::{AgencyId, MajorIssueName},
    reason::Reason,
};
use hub_proto::{
    ledger::Event,
    meetings::{
        AnswerKind, Attendance, MeetingClosed, MeetingHeld, MeetingKind, MeetingState,
        MinutesState, TopicState, UnitAttendance, meetings_event::Kind,
    },
};
use jiff::Timestamp;

use super::{Subject, create::local, topics};
use crate::{
    authz::Permit,
    charter::CorrespondenceUnits,
    domain::{
        Context,
        channels::{self, Issue},
        meetings::{
            event, notices,
            rows::{AgreedItemRow, MajorIssueRow, MinutesRow, UnitRow},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// What the office records of a meeting that was held.
#[derive(Debug, Clone)]
pub struct Held {
    /// When it began.
    pub held_at: Timestamp,
    /// Attendance by unit; empty for a meeting by correspondence.
    pub attendances: Vec<(AgencyId, Attendance)>,
    /// Major issues that were discussed besides those of its topics.
    pub discussed: Vec<MajorIssueName>,
    /// Who else spoke, for checking: units and topics that points name.
    pub spoke: Vec<(String, u32)>,
}

pub(super) fn held(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    held: &Held,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Convened], "JE-072")?;
    let row = subject.row;
    if held.held_at > context.now {
        let rule = format!("must not be later than now, {:.0}", context.now);
        return Err(Error::field("held_at", rule));
    }
    if held.held_at.as_microsecond() < row.topics_confirmed_at_us {
        let rule = "must not be before the topics were confirmed (JE-072)";
        return Err(Error::field("held_at", rule));
    }
    let attendances = attendances(context, subject, held)?;
    for (number, (unit, topic)) in held.spoke.iter().enumerate() {
        if !row.units.iter().any(|one| one.agency == *unit) || *topic > row.topics_count {
            let field = format!("speaker_points[{number}]");
            let rule = "must name a unit of the meeting, and a topic of it or 0";
            return Err(Error::field(field, rule));
        }
    }
    let count = |wanted: Attendance| {
        let of = attendances.iter().filter(|one| one.attendance() == wanted);
        of.count().to_string()
    };
    let title = format!("会议已召开：{}", notices::quoted(subject.title));
    let is_by_correspondence = row.kind() == MeetingKind::Correspondence;
    let attended = if is_by_correspondence {
        format!("征求意见{}家", count(Attendance::Consulted))
    } else {
        format!(
            "出席{}家，请假{}家，缺席{}家",
            count(Attendance::Present),
            count(Attendance::Excused),
            count(Attendance::Absent)
        )
    };
    let lines = [
        ("会议", subject.title),
        ("时间", &local(context, held.held_at)),
        ("参会情况", &attended),
    ];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let acting = notices::acting(context.charter, row, permit);
    let told = notices::others(row, &acting);
    let mut events = vec![event(Kind::MeetingHeld(MeetingHeld {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        held_at_us: held.held_at.as_microsecond(),
        attendances,
        discussed_issues: discussed(view, subject, &held.discussed)?,
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

/// Every unit's attendance: as the office records it, or, by correspondence, as the charter reads it.
fn attendances(
    context: &Context<'_>,
    subject: Subject<'_>,
    held: &Held,
) -> Result<Vec<UnitAttendance>> {
    let row = subject.row;
    let shown = |unit: &UnitRow, attendance: Attendance| UnitAttendance {
        unit: unit.agency.clone(),
        attendance: attendance.into(),
    };
    let found: Vec<UnitAttendance> = if row.kind() == MeetingKind::Correspondence {
        if !held.attendances.is_empty() {
            let rule = "must be empty: nobody attends a meeting by correspondence (JE-071)";
            return Err(Error::field("units", rule));
        }
        let reading = context.charter.meetings().correspondence();
        let units = row.units.iter();
        units
            .map(|unit| shown(unit, consulted(unit, reading)))
            .collect()
    } else {
        let named: BTreeSet<&str> = held
            .attendances
            .iter()
            .map(|(unit, _)| unit.as_str())
            .collect();
        let own: BTreeSet<&str> = row.units.iter().map(|unit| unit.agency.as_str()).collect();
        if named != own || held.attendances.len() != own.len() {
            let rule = "must name every unit of the meeting once, and no other";
            return Err(Error::field("units", rule));
        }
        let of = |unit: &UnitRow| {
            let recorded = held.attendances.iter();
            let mut recorded = recorded.filter(|(one, _)| one.as_str() == unit.agency);
            recorded
                .next()
                .map_or(Attendance::Absent, |(_, attendance)| *attendance)
        };
        row.units.iter().map(|unit| shown(unit, of(unit))).collect()
    };
    let attends = [Attendance::Present, Attendance::Consulted];
    if !found.iter().any(|one| attends.contains(&one.attendance())) {
        let rule = "must have at least one unit that attended: minutes need its consent (JE-074)";
        return Err(Error::field("units", rule));
    }
    Ok(found)
}

/// How a unit took part in a meeting by correspondence.
fn consulted(unit: &UnitRow, reading: CorrespondenceUnits) -> Attendance {
    match (reading, unit.answer()) {
        (CorrespondenceUnits::Consulted, _)
        | (CorrespondenceUnits::Answered, AnswerKind::Attends | AnswerKind::Deputy) => {
            Attendance::Consulted
        }
        (CorrespondenceUnits::Answered, _) if unit.has_spoken => Attendance::Consulted,
        (CorrespondenceUnits::Answered, AnswerKind::Excused) => Attendance::Excused,
        (CorrespondenceUnits::Answered, AnswerKind::Unspecified) => Attendance::Absent,
    }
}

/// The major issues that were discussed: those that the office names, and those of the agenda, also by
/// way of topics that were merged.
fn discussed(
    view: &Overlay<'_>,
    subject: Subject<'_>,
    named: &[MajorIssueName],
) -> Result<Vec<bytes::Bytes>> {
    let row = subject.row;
    let mut found: BTreeSet<Vec<u8>> = BTreeSet::new();
    for (number, name) in named.iter().enumerate() {
        let issue: Option<MajorIssueRow> = view.message(&keys::major_issue(name.0.as_bytes()))?;
        if !issue.is_some_and(|issue| row.mechanisms.contains(&issue.mechanism)) {
            let field = format!("discussed_issues[{number}]");
            let rule = "must be a major issue of the meeting's mechanism";
            return Err(Error::field(field, rule));
        }
        found.insert(name.0.as_bytes().to_vec());
    }
    for (_, topic) in topics::all(view, subject.name.0.as_bytes(), row)? {
        let is_on = matches!(topic.state(), TopicState::Accepted | TopicState::Merged);
        if is_on && !topic.major_issue.is_empty() {
            found.insert(topic.major_issue);
        }
    }
    Ok(found.into_iter().map(Into::into).collect())
}

/// Closes a meeting: its minutes are issued, and every agreed item is closed.
pub(super) fn close(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Issued, MeetingState::FollowUp], "JE-080")?;
    let row = subject.row;
    let meeting = subject.name.0.as_bytes();
    let refused = |message: String| Err(Error::new(Reason::MeetingState, message));
    for document in 1..=row.documents_count {
        let minutes: Option<MinutesRow> = view.message(&keys::minutes(meeting, document))?;
        if minutes.is_some_and(|minutes| minutes.state() != MinutesState::Issued) {
            return refused(format!(
                "{}/minutes/{document} are not issued; {} cannot be closed before",
                subject.name, subject.name
            ));
        }
    }
    let mut open = vec![];
    for item in 1..=row.items_count {
        let found: Option<AgreedItemRow> = view.message(&keys::agreed_item(meeting, item))?;
        if found.is_some_and(|found| found.closed.is_none() && !found.is_superseded) {
            open.push(item.to_string());
        }
    }
    if !open.is_empty() {
        return refused(format!(
            "agreed items {} of {} are open; close them first (JE-080)",
            open.join(", "),
            subject.name
        ));
    }
    let title = format!("会议办结：{}", notices::quoted(subject.title));
    let lines = [("会议", subject.title), ("办结", "议定事项均已办结")];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let acting = notices::acting(context.charter, row, permit);
    let told = notices::others(row, &acting);
    let mut events = vec![event(Kind::MeetingClosed(MeetingClosed {
        meeting: meeting.to_vec().into(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}
