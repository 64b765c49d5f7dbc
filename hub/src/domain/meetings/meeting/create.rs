//! Making a meeting, confirming a joint one, and opening it for topics.

use hub_core::{
    date,
    names::{AgencyId, MechanismId, MeetingName, Recipient},
    reason::Reason,
};
use hub_proto::{
    ledger::Event,
    meetings::{
        MeetingConfirmed, MeetingCreated, MeetingKind, MeetingState, TopicsOpened,
        meetings_event::Kind,
    },
};
use jiff::{Timestamp, civil::Date};

use super::{Subject, kind_name};
use crate::{
    authz::Permit,
    domain::{
        Context,
        channels::{self, Issue},
        meetings::{event, notices, rows::MeetingRow},
    },
    error::{Error, Result},
    state::view::{Overlay, View},
};

/// A meeting that is to be made.
#[derive(Debug, Clone)]
pub struct Create {
    /// Its name.
    pub meeting: MeetingName,
    /// Its kind.
    pub kind: MeetingKind,
    /// Its title, for the notices.
    pub title: String,
    /// Its mechanisms, that of the office that makes it first.
    pub mechanisms: Vec<MechanismId>,
    /// Its units in the official order, each once.
    pub units: Vec<AgencyId>,
    /// The day.
    pub planned_on: Date,
}

/// Makes a meeting. The other offices of a joint one are asked to confirm it.
pub(super) fn create(
    context: &Context<'_>,
    view: &Overlay<'_>,
    command: &Create,
) -> Result<Vec<Event>> {
    if MeetingRow::read(view, command.meeting)?.is_some() {
        let message = format!("request_id {} is used already", command.meeting.0);
        return Err(Error::new(Reason::RequestIdReused, message));
    }
    if command.planned_on < context.today() {
        let rule = format!("must not be before today, {}", context.today());
        return Err(Error::field("meeting.planned_on", rule));
    }
    let created = event(Kind::MeetingCreated(MeetingCreated {
        meeting: command.meeting.0.as_bytes().to_vec().into(),
        kind: command.kind.into(),
        mechanisms: command.mechanisms.iter().map(ToString::to_string).collect(),
        units: command.units.iter().map(ToString::to_string).collect(),
        planned_on: Some(date::to_wire(command.planned_on)),
    }));
    let others: Vec<Recipient> = command
        .mechanisms
        .iter()
        .skip(1)
        .cloned()
        .map(Recipient::Office)
        .collect();
    let mut events = vec![created];
    if !others.is_empty() {
        let title = format!("请确认联席会议：{}", notices::quoted(&command.title));
        let lines = [
            ("会议", command.title.as_str()),
            ("拟定日期", &command.planned_on.to_string()),
        ];
        let notice = notices::notice(&command.meeting.to_string(), &title, &lines);
        events.extend(channels::issue(
            context,
            view,
            &[Issue::new(others, notice)],
        )?);
    }
    Ok(events)
}

/// Confirms a joint meeting in the name of an office that has not yet (FS-061).
pub(super) fn confirm(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    subject: Subject<'_>,
    mechanism: &MechanismId,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Draft], "FS-061")?;
    let confirmed = &subject.row.confirmed_by;
    if confirmed.iter().any(|one| one == mechanism.as_str()) {
        let message = format!(
            "mechanisms/{mechanism}/office has confirmed {} already",
            subject.name
        );
        return Err(Error::new(Reason::MeetingState, message));
    }
    let own = Recipient::Office(mechanism.clone());
    let mut told = notices::offices(subject.row);
    told.retain(|office| *office != own);
    let name = notices::actor_name(context.charter, &own, subject.row);
    let title = format!("联席会议已确认：{}", notices::quoted(subject.title));
    let lines = [("会议", subject.title), ("确认单位", &name)];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let mut events = vec![event(Kind::MeetingConfirmed(MeetingConfirmed {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        mechanism: mechanism.to_string(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

/// Opens a meeting for topics: its units learn of it and are asked for theirs (JE-072).
pub(super) fn open_topics(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    permit: &Permit,
    subject: Subject<'_>,
    topics_by_at: Option<Timestamp>,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Draft], "")?;
    let row = subject.row;
    let missing: Vec<String> = row
        .mechanisms
        .iter()
        .filter(|one| !row.confirmed_by.contains(one))
        .map(|one| format!("mechanisms/{one}/office"))
        .collect();
    if !missing.is_empty() {
        let message = format!(
            "{} waits for {} to confirm it: a joint meeting needs every office (FS-061)",
            subject.name,
            missing.join(" and ")
        );
        return Err(Error::new(Reason::MeetingState, message));
    }
    let acting = notices::acting_office(context.charter, row, permit);
    let acting = acting.map_or(
        Recipient::Agency(permit.agency().clone()),
        Recipient::Office,
    );
    let by = topics_by_at
        .map(|by| local(context, by))
        .unwrap_or_default();
    let title = format!("征集会议议题：{}", notices::quoted(subject.title));
    let lines = [
        ("会议", subject.title),
        ("类型", kind_name(row.kind(), row.mechanisms.len() > 1)),
        ("拟定日期", &row.day().to_string()),
        ("议题提出时限", &by),
    ];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let told = notices::others(row, &acting);
    let mut events = vec![event(Kind::TopicsOpened(TopicsOpened {
        meeting: subject.name.0.as_bytes().to_vec().into(),
    }))];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

/// An instant as people of the province read it.
pub(in crate::domain::meetings) fn local(context: &Context<'_>, at: Timestamp) -> String {
    at.to_zoned(context.charter.zone().clone())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}
