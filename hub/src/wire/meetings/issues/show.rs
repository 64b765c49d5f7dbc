//! Issues and escalations as callers see them: rows, with the texts read back from the ledger.

use hub_core::names::{EscalationName, MajorIssueName, MeetingName, TopicName};
use hub_proto::meetings::{
    CoSignEscalationRequest, CoSignature, DecideTopicRequest, DisposeMajorIssueRequest,
    Disposition, DispositionKind, DraftEscalationRequest, Escalation, EscalationReply,
    FlagMajorIssueRequest, MajorIssue, MajorIssueState, ReplyToEscalationRequest,
};

use super::lookup::{self, FoundEscalation, FoundIssue};
use crate::{
    authz::Access,
    domain::meetings::{
        issues,
        rows::{CoUnitRow, EscalationRow, MajorIssueRow},
    },
    engine::Engine,
    error::Result,
    wire::meetings::{lookup as texts, show, topics},
};

/// What whoever flagged an issue wrote.
pub(super) fn flagged(engine: &Engine, row: &MajorIssueRow) -> Result<MajorIssue> {
    let request: FlagMajorIssueRequest = texts::request(engine, row.flagged.as_ref())?;
    Ok(request.major_issue.unwrap_or_default())
}

/// What the lead wrote.
pub(super) fn drafted(engine: &Engine, row: &EscalationRow) -> Result<Escalation> {
    let request: DraftEscalationRequest = texts::request(engine, row.drafted.as_ref())?;
    Ok(request.escalation.unwrap_or_default())
}

/// An issue as the caller sees it, with or without texts and documents.
pub(super) fn issue(
    engine: &Engine,
    access: &Access,
    found: &FoundIssue,
    is_whole: bool,
) -> Result<MajorIssue> {
    let row = &found.row;
    let written = flagged(engine, row)?;
    let flagged = row.flagged.as_ref();
    let name = found.name.to_string();
    let mut discussed_at = vec![];
    for meeting in &row.discussed_at {
        let is_seen = found.sees_meetings || lookup::sees_meeting(engine, access, meeting)?;
        let meeting = lookup::id(meeting).filter(|_| is_seen);
        discussed_at.extend(meeting.map(|id| MeetingName(id).to_string()));
    }
    let sees_agenda = found.sees_meetings
        || row.meeting.is_empty()
        || lookup::sees_meeting(engine, access, &row.meeting)?;
    let mut escalations = vec![];
    for name in row.escalations.iter().filter_map(|id| lookup::id(id)) {
        let name = EscalationName(name);
        let row = issues::escalation(engine.store(), name)?;
        if lookup::sees(access, &FoundEscalation { name, row }) {
            escalations.push(name.to_string());
        }
    }
    let mut shown = MajorIssue {
        mechanism: format!("mechanisms/{}", row.mechanism),
        title: written.title,
        flagged_by: format!("agencies/{}", row.flagged_by),
        officer: flagged.map(|act| act.officer.clone()).unwrap_or_default(),
        flagged_at: show::at(flagged),
        state: state(row, sees_agenda, !discussed_at.is_empty()).into(),
        disposition: match sees_agenda {
            true => disposition(engine, row, is_whole)?,
            false => None,
        },
        discussed_at,
        escalations,
        ..MajorIssue::default()
    };
    if is_whole {
        shown.text = written.text;
        shown.reason = written.reason;
        shown.documents = written.documents;
    }
    if let Some(act) = flagged {
        shown.notification = topics::told(&*texts::entry(engine, act)?, &name);
    }
    shown.name = name;
    Ok(shown)
}

/// Where an issue stands as far as the caller may know: a meeting that it may not see does not show.
fn state(row: &MajorIssueRow, sees_agenda: bool, sees_discussion: bool) -> MajorIssueState {
    match row.state() {
        MajorIssueState::Discussed if sees_discussion => MajorIssueState::Discussed,
        MajorIssueState::Discussed | MajorIssueState::OnAgenda
            if sees_agenda && row.disposition() == DispositionKind::Agenda =>
        {
            MajorIssueState::OnAgenda
        }
        MajorIssueState::Discussed | MajorIssueState::OnAgenda => MajorIssueState::Flagged,
        state => state,
    }
}

/// The newest disposition. That of an accepted topic was written with the decision.
fn disposition(
    engine: &Engine,
    row: &MajorIssueRow,
    is_whole: bool,
) -> Result<Option<Disposition>> {
    let Some(act) = &row.disposed else {
        return Ok(None);
    };
    let reason = if !is_whole {
        String::new()
    } else if texts::entry(engine, act)?
        .header
        .method
        .ends_with("/DecideTopic")
    {
        texts::request::<DecideTopicRequest>(engine, Some(act))?.reason
    } else {
        let request: DisposeMajorIssueRequest = texts::request(engine, Some(act))?;
        request.disposition.unwrap_or_default().reason
    };
    let meeting = lookup::id(&row.meeting).map(MeetingName);
    let topic = meeting.map(|meeting| TopicName {
        meeting,
        topic: row.topic,
    });
    Ok(Some(Disposition {
        kind: row.disposition,
        reason,
        meeting: meeting.map(|name| name.to_string()).unwrap_or_default(),
        topic: topic.map(|name| name.to_string()).unwrap_or_default(),
        decided_at: show::at(Some(act)),
        officer: act.officer.clone(),
    }))
}

/// An escalation as the caller sees it, with or without texts and documents.
pub(super) fn escalation(
    engine: &Engine,
    found: &FoundEscalation,
    is_whole: bool,
) -> Result<Escalation> {
    let row = &found.row;
    let written = drafted(engine, row)?;
    let agency = |id: &str| format!("agencies/{id}");
    let issue = lookup::id(&row.major_issue).map(|id| MajorIssueName(id).to_string());
    let meeting = lookup::id(&row.meeting).map(|id| MeetingName(id).to_string());
    let name = found.name.to_string();
    let mut shown = Escalation {
        major_issue: issue.unwrap_or_default(),
        meeting: meeting.unwrap_or_default(),
        co_units: row.co_units.iter().map(|unit| agency(&unit.unit)).collect(),
        title: written.title,
        lead_unit: agency(&row.lead_unit),
        addressee: agency(&row.addressee),
        state: row.state,
        drafted_at: show::at(row.drafted.as_ref()),
        sent_at: show::at(row.sent.as_ref()),
        ..Escalation::default()
    };
    for unit in &row.co_units {
        shown
            .co_signatures
            .extend(signature(engine, unit, is_whole)?);
    }
    if let Some(act) = &row.drafted {
        shown.notification = topics::told(&*texts::entry(engine, act)?, &name);
    }
    if is_whole {
        shown.text = written.text;
        shown.documents = written.documents;
    }
    if let Some(act) = &row.replied {
        let request: ReplyToEscalationRequest = texts::request(engine, Some(act))?;
        let written = request.reply.unwrap_or_default();
        let mut reply = EscalationReply {
            document_number: written.document_number,
            replied_at: show::at(Some(act)),
            officer: act.officer.clone(),
            notification: topics::told(&*texts::entry(engine, act)?, &name),
            ..EscalationReply::default()
        };
        if is_whole {
            reply.text = written.text;
            reply.documents = written.documents;
        }
        shown.reply = Some(reply);
    }
    shown.name = name;
    Ok(shown)
}

fn signature(engine: &Engine, unit: &CoUnitRow, is_whole: bool) -> Result<Option<CoSignature>> {
    let Some(act) = &unit.answered else {
        return Ok(None);
    };
    let mut reason = String::new();
    if is_whole {
        reason = texts::request::<CoSignEscalationRequest>(engine, Some(act))?.reason;
    }
    Ok(Some(CoSignature {
        unit: format!("agencies/{}", unit.unit),
        is_signed: unit.is_signed,
        reason,
        signed_at: show::at(Some(act)),
        officer: act.officer.clone(),
    }))
}
