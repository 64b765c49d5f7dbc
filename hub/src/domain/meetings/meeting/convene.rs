//! The notice of a meeting: sent, changed, answered; and the meeting cancelled.

use hub_core::{
    date,
    names::{AgencyId, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::{Attachment, RequestedAction},
    ledger::Event,
    meetings::{
        AnswerKind, MeetingCancelled, MeetingState, NoticeAnswered, NoticeSent,
        meetings_event::Kind,
    },
};
use jiff::Timestamp;

use super::{Subject, create::local};
use crate::{
    authz::Permit,
    domain::{
        Context,
        channels::{self, Issue, asks},
        meetings::{event, notices},
    },
    error::{Error, Result},
    state::view::{Overlay, View},
};

/// A notice that is to go out.
#[derive(Debug, Clone)]
pub struct Notice {
    /// When the meeting begins.
    pub starts_at: Timestamp,
    /// Where.
    pub place: String,
    /// What it says.
    pub text: String,
    /// Its documents.
    pub documents: Vec<Attachment>,
    /// By when units answer; nothing for the charter's time.
    pub answer_by_at: Option<Timestamp>,
    /// The units in the official order: those of the day on which it begins.
    pub units: Vec<AgencyId>,
    /// The newest notice when the units were looked up; 0 before the first one.
    pub known_revision: u32,
}

/// Sends the first notice.
pub(super) fn convene(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    notice: &Notice,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::TopicsConfirmed], "JE-072")?;
    let title = format!("会议通知：{}", notices::quoted(subject.title));
    send(context, view, permit, subject, notice, (&title, ""))
}

/// Sends a changed notice. Everyone who got the one before gets it, or learns that it is no longer
/// invited; answers are asked anew.
pub(super) fn change(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    notice: &Notice,
    reason: &str,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Convened], "")?;
    let title = format!("会议变更通知：{}", notices::quoted(subject.title));
    send(context, view, permit, subject, notice, (&title, reason))
}

fn send(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    notice: &Notice,
    (title, reason): (&str, &str),
) -> Result<Vec<Event>> {
    let row = subject.row;
    let answer_by = times(context, notice)?;
    let revision = next_revision(subject, notice)?;
    let begins_on = date::on(notice.starts_at, context.charter.zone());
    let sent = event(Kind::NoticeSent(NoticeSent {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        revision,
        units: notice.units.iter().map(ToString::to_string).collect(),
        planned_on: Some(date::to_wire(begins_on)),
        starts_at_us: notice.starts_at.as_microsecond(),
        answer_by_us: answer_by.as_microsecond(),
    }));
    let lines = [
        ("会议", subject.title),
        ("变更原因", reason),
        ("时间", &local(context, notice.starts_at)),
        ("地点", &notice.place),
        ("请于此前答复", &local(context, answer_by)),
        ("内容", &notice.text),
    ];
    let resource = subject.name.to_string();
    let mut told = notices::notice(&resource, title, &lines);
    told.attachments.clone_from(&notice.documents);
    let acting = notices::acting(context.charter, row, permit);
    let units: Vec<Recipient> = notice
        .units
        .iter()
        .cloned()
        .map(Recipient::Agency)
        .collect();
    let mut all = units.clone();
    all.extend(
        notices::offices(row)
            .into_iter()
            .filter(|one| *one != acting),
    );
    // The first one is the notice: its place is where the answers are asked for.
    let mut issues = vec![Issue {
        addressees: all,
        notification: told,
        ask: asks::ask(
            context.charter.follow_up(),
            &units,
            RequestedAction::AnswerNotice,
            answer_by,
            context.now,
        ),
    }];
    for gone in notices::units(row)
        .into_iter()
        .filter(|one| !units.contains(one))
    {
        let title = format!("不再参加会议：{}", notices::quoted(subject.title));
        let lines = [("会议", subject.title), ("原因", reason)];
        let notice = notices::notice(&resource, &title, &lines);
        issues.push(Issue::new(vec![gone], notice));
    }
    let mut events = vec![sent];
    events.extend(channels::issue(context, view, &issues)?);
    Ok(events)
}

/// The number of the notice. The units were looked up beside the one before it.
fn next_revision(subject: Subject<'_>, notice: &Notice) -> Result<u32> {
    let newest = subject.row.notice.as_ref().map_or(0, |sent| sent.revision);
    if notice.known_revision != newest {
        let message = format!(
            "{}: its notice was changed by another call; read again and retry",
            subject.name
        );
        return Err(Error::new(Reason::Conflict, message));
    }
    Ok(newest.saturating_add(1))
}

/// Checks the times of a notice; answers by when units answer.
fn times(context: &Context<'_>, notice: &Notice) -> Result<Timestamp> {
    let Notice {
        starts_at,
        answer_by_at,
        ..
    } = notice;
    if *starts_at <= context.now {
        let rule = format!("must be later than now, {:.0}", context.now);
        return Err(Error::field("notice.starts_at", rule));
    }
    let Some(by) = answer_by_at else {
        let by = context.now.checked_add(context.charter.meetings().answer());
        return Ok(by.unwrap_or(*starts_at).min(*starts_at));
    };
    if *by <= context.now || by > starts_at {
        let rule = format!(
            "must be later than now, {:.0}, and not after the meeting begins",
            context.now
        );
        return Err(Error::field("notice.answer_by_at", rule));
    }
    Ok(*by)
}

/// A unit's answer to the notice.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whose.
    pub unit: AgencyId,
    /// What it is.
    pub kind: AnswerKind,
    /// The notice that is answered.
    pub revision: u32,
    /// Who comes, for the offices.
    pub attendees: String,
    /// Why the unit is excused.
    pub reason: String,
}

pub(super) fn answer(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    permit: &Permit,
    subject: Subject<'_>,
    answer: &Answer,
) -> Result<Vec<Event>> {
    subject.require(&[MeetingState::Convened], "")?;
    let newest = subject.row.notice.as_ref().map_or(0, |sent| sent.revision);
    if answer.revision != newest {
        let message = format!(
            "revision: the newest notice of {} is {newest}; read it and answer that one",
            subject.name
        );
        return Err(Error::new(Reason::Conflict, message));
    }
    let answered = event(Kind::NoticeAnswered(NoticeAnswered {
        meeting: subject.name.0.as_bytes().to_vec().into(),
        unit: answer.unit.to_string(),
        answer: answer.kind.into(),
        revision: answer.revision,
        officer: permit.officer().to_string(),
    }));
    let word = match answer.kind {
        AnswerKind::Deputy => "派员代为出席",
        AnswerKind::Excused => "请假",
        AnswerKind::Attends | AnswerKind::Unspecified => "出席",
    };
    let by = notices::name_of(context.charter, &answer.unit, subject.row);
    let title = format!("会议通知答复：{by}{word}{}", notices::quoted(subject.title));
    let lines = [
        ("会议", subject.title),
        ("单位", &by),
        ("答复", word),
        ("人员", &answer.attendees),
        ("理由", &answer.reason),
    ];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let told = notices::offices(subject.row);
    let mut events = vec![answered];
    events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    Ok(events)
}

/// Cancels a meeting that was not held. Who knows of it is told.
pub(super) fn cancel(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    permit: &Permit,
    subject: Subject<'_>,
    reason: &str,
) -> Result<Vec<Event>> {
    let states = [
        MeetingState::Draft,
        MeetingState::TopicsOpen,
        MeetingState::TopicsConfirmed,
        MeetingState::Convened,
    ];
    subject.require(&states, "")?;
    let acting = notices::acting(context.charter, subject.row, permit);
    let mut told = notices::others(subject.row, &acting);
    if !subject.row.is_announced {
        told.retain(|one| matches!(one, Recipient::Office(_)));
    }
    let title = format!("会议取消：{}", notices::quoted(subject.title));
    let lines = [("会议", subject.title), ("原因", reason)];
    let notice = notices::notice(&subject.name.to_string(), &title, &lines);
    let mut events = vec![event(Kind::MeetingCancelled(MeetingCancelled {
        meeting: subject.name.0.as_bytes().to_vec().into(),
    }))];
    if !told.is_empty() {
        events.extend(channels::issue(context, view, &[Issue::new(told, notice)])?);
    }
    Ok(events)
}
