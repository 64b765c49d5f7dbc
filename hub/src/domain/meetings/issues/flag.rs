//! Flagging a major issue, and what the office does about it (JE-023).

use hub_core::{
    names::{MajorIssueName, MechanismId, MeetingName, Recipient, TopicName},
    reason::Reason,
};
use hub_proto::{
    channels::Attachment,
    ledger::Event,
    meetings::{
        DispositionKind, EscalationState, MajorIssueDisposed, MajorIssueFlagged, MajorIssueState,
        MeetingState, meetings_event::Kind,
    },
};

use super::{issue, refused, word};
use crate::{
    authz::Permit,
    domain::{
        Context,
        channels::{self, Issue},
        meetings::{
            event,
            meeting::{self, topics},
            notices,
            rows::{EscalationRow, MajorIssueRow},
        },
    },
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};

/// An issue that a member flags.
#[derive(Debug, Clone)]
pub struct Flag {
    /// Its name.
    pub issue: MajorIssueName,
    /// To whose office.
    pub mechanism: MechanismId,
    /// Its title.
    pub title: String,
    /// What it is.
    pub text: String,
    /// Why it is major.
    pub reason: String,
    /// Its documents.
    pub documents: Vec<Attachment>,
}

/// What the office does about an issue.
#[derive(Debug, Clone)]
pub struct Dispose {
    /// About which.
    pub issue: MajorIssueName,
    /// Its title, for the notices.
    pub title: String,
    /// Its documents, which go with the topic that is made of it.
    pub documents: Vec<Attachment>,
    /// What.
    pub kind: DispositionKind,
    /// Why.
    pub reason: String,
    /// The meeting; only for an agenda.
    pub agenda: Option<Agenda>,
}

/// The meeting on whose agenda an issue goes.
#[derive(Debug, Clone)]
pub struct Agenda {
    /// Which.
    pub meeting: MeetingName,
    /// Its title, for the notices.
    pub title: String,
}

pub(super) fn flag(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Flag,
) -> Result<Vec<Event>> {
    let name = command.issue;
    if view.row(&keys::major_issue(name.0.as_bytes()))?.is_some() {
        let message = format!("request_id {} is used already", name.0);
        return Err(Error::new(Reason::RequestIdReused, message));
    }
    let by = context.charter.agency(permit.agency());
    let by = by.map_or_else(String::new, |agency| {
        agency.name_on(context.today()).to_owned()
    });
    let title = format!("重大问题：{}", notices::quoted(&command.title));
    let lines = [
        ("问题", command.title.as_str()),
        ("提出单位", &by),
        ("认定为重大的理由", &command.reason),
        ("内容", &command.text),
        (
            "办理要求",
            "请提出处理意见：列入会议议题、报领导小组或说明理由办结",
        ),
    ];
    let mut notice = notices::notice(&name.to_string(), &title, &lines);
    notice.attachments.clone_from(&command.documents);
    let mut events = vec![event(Kind::MajorIssueFlagged(MajorIssueFlagged {
        major_issue: name.0.as_bytes().to_vec().into(),
        mechanism: command.mechanism.to_string(),
        flagged_by: permit.agency().to_string(),
        officer: permit.officer().to_string(),
    }))];
    let office = [Recipient::Office(command.mechanism.clone())];
    events.extend(channels::issue(
        context,
        view,
        &[Issue::new(office, notice)],
    )?);
    Ok(events)
}

pub(super) fn dispose(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Dispose,
) -> Result<Vec<Event>> {
    let row = issue(view, command.issue)?;
    check_state(view, command, &row)?;
    let mut events = vec![];
    let mut told = vec![];
    let mut topic = 0;
    if let Some(agenda) = &command.agenda {
        let (number, event, notice) = to_agenda(context, view, permit, command, agenda, &row)?;
        topic = number;
        events.push(event);
        told.push(notice);
    }
    let meeting = command.agenda.as_ref().map(|agenda| agenda.meeting);
    let mechanism = row.mechanism.parse().ok();
    let mechanism = mechanism.and_then(|id| context.charter.mechanism(&id));
    let lead = mechanism.filter(|_| command.kind == DispositionKind::Escalate);
    events.push(event(Kind::MajorIssueDisposed(MajorIssueDisposed {
        major_issue: command.issue.0.as_bytes().to_vec().into(),
        kind: command.kind.into(),
        meeting: meeting
            .map_or_else(Vec::new, |meeting| meeting.0.as_bytes().to_vec())
            .into(),
        topic,
        officer: permit.officer().to_string(),
        lead_unit: lead.map_or_else(String::new, |of| of.lead().to_string()),
    })));
    let what = match command.kind {
        DispositionKind::Agenda => "列入会议议题",
        DispositionKind::Escalate => "报领导小组",
        DispositionKind::Close | DispositionKind::Unspecified => "办结",
    };
    let title = format!(
        "重大问题处理意见（{what}）：{}",
        notices::quoted(&command.title)
    );
    let agenda = command.agenda.as_ref();
    let lines = [
        ("问题", command.title.as_str()),
        ("处理", what),
        ("会议", agenda.map_or("", |agenda| &agenda.title)),
        ("说明", &command.reason),
    ];
    let notice = notices::notice(&command.issue.to_string(), &title, &lines);
    if let Ok(flagged_by) = row.flagged_by.parse() {
        told.push(Issue::new([Recipient::Agency(flagged_by)], notice));
    }
    events.extend(channels::issue(context, view, &told)?);
    Ok(events)
}

/// Refuses a disposition that where the issue stands does not allow.
fn check_state(view: &Overlay<'_>, command: &Dispose, row: &MajorIssueRow) -> Result<()> {
    let name = command.issue;
    let state = row.state();
    let stands = || word(state.as_str_name(), "MAJOR_ISSUE_STATE_").to_owned();
    if state == MajorIssueState::Closed {
        return Err(refused(format!("{name} is CLOSED; flag it anew (JE-023)")));
    }
    if state == MajorIssueState::Escalated {
        for id in &row.escalations {
            let found: Option<EscalationRow> = view.message(&keys::escalation(id))?;
            let is_under_way = found.is_some_and(|found| {
                matches!(
                    found.state(),
                    EscalationState::Drafted | EscalationState::Sent
                )
            });
            if is_under_way {
                let message = format!("{name} is {}: its report is under way", stands());
                return Err(refused(message));
            }
        }
    }
    if command.kind == DispositionKind::Escalate && row.discussed_at.is_empty() {
        let message = format!(
            "{name} is {}: no meeting has discussed it yet, which a report to the leading group \
             needs (JE-075)",
            stands()
        );
        return Err(refused(message));
    }
    let agenda = command.agenda.as_ref();
    let is_there = agenda.is_some_and(|agenda| {
        state == MajorIssueState::OnAgenda && row.meeting == agenda.meeting.0.as_bytes()
    });
    if is_there {
        return Err(refused(format!("{name} is on that agenda already")));
    }
    Ok(())
}

/// Makes an accepted topic of the issue, and tells everyone in the meeting.
fn to_agenda(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Dispose,
    agenda: &Agenda,
    row: &MajorIssueRow,
) -> Result<(u32, Event, Issue)> {
    let name = agenda.meeting;
    let of = meeting::read(view, name)?;
    let field = "disposition.meeting";
    if !of.mechanisms.contains(&row.mechanism) {
        return Err(Error::field(
            field,
            "must be a meeting of the issue's mechanism",
        ));
    }
    meeting::require_state(name, &of, &[MeetingState::TopicsOpen], "JE-072")?;
    if !of.units.iter().any(|unit| unit.agency == row.flagged_by) {
        let rule = "must be a meeting to which the unit that flagged the issue is called";
        return Err(Error::field(field, rule));
    }
    let acting = notices::acting(context.charter, &of, permit);
    let officer = permit.officer().as_str();
    let (topic, event) =
        topics::proposed((name, &of), &acting, officer, Some(command.issue), true)?;
    let resource = TopicName {
        meeting: name,
        topic,
    };
    let title = format!("重大问题列入议题：{}", notices::quoted(&command.title));
    let lines = [("会议", agenda.title.as_str()), ("议题", &command.title)];
    let mut notice = notices::notice(&resource.to_string(), &title, &lines);
    notice.attachments.clone_from(&command.documents);
    let told = notices::others(&of, &acting);
    Ok((topic, event, Issue::new(told, notice)))
}
