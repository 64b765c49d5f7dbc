//! Major issues and escalations in tests.

use hub_proto::meetings::{
    CoSignEscalationRequest, CoSignEscalationResponse, DisposeMajorIssueRequest,
    DisposeMajorIssueResponse, Disposition, DispositionKind, DraftEscalationRequest,
    DraftEscalationResponse, Escalation, EscalationReply, FlagMajorIssueRequest,
    FlagMajorIssueResponse, GetEscalationRequest, GetEscalationResponse, GetMajorIssueRequest,
    GetMajorIssueResponse, ListEscalationsRequest, ListEscalationsResponse, ListMajorIssuesRequest,
    ListMajorIssuesResponse, MajorIssue, Meeting, MeetingKind, ReplyToEscalationRequest,
    ReplyToEscalationResponse, SendEscalationRequest, SendEscalationResponse,
    WithdrawEscalationRequest, WithdrawEscalationResponse,
};
use tonic::Status;

use super::{JOINT, held, office, record_held};
use crate::{
    World,
    raw::{Session, requests::request_id},
};

/// Path of a method of major issues.
#[macro_export]
macro_rules! issues {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MajorIssueService/", $method)
    };
}

/// The leading group's office, which replies.
#[must_use]
pub fn leading_group(world: &World) -> Session {
    let agency = "leading-group-office";
    Session::new(world, agency, "desk-1", &["leading-group-desk"])
}

/// An issue that keeps every rule.
#[must_use]
pub fn issue(mechanism: &str) -> MajorIssue {
    MajorIssue {
        mechanism: mechanism.into(),
        title: "跨部门执法依据不一致".into(),
        text: "两部门对同一行为适用的依据不同".into(),
        reason: "涉及多个部门，已影响三起案件".into(),
        ..MajorIssue::default()
    }
}

/// Flags an issue.
///
/// # Errors
/// What the hub answers.
pub async fn flag(session: &Session, issue: MajorIssue) -> Result<MajorIssue, Status> {
    let request = FlagMajorIssueRequest {
        major_issue: Some(issue),
        request_id: request_id(),
    };
    let flagged: FlagMajorIssueResponse = session.ask(issues!("FlagMajorIssue"), &request).await?;
    Ok(flagged.major_issue.unwrap())
}

/// Gives an issue a disposition; `meeting` is for an agenda.
///
/// # Errors
/// What the hub answers.
pub async fn dispose(
    session: &Session,
    name: &str,
    kind: DispositionKind,
    meeting: &str,
) -> Result<MajorIssue, Status> {
    let request = DisposeMajorIssueRequest {
        name: name.into(),
        disposition: Some(Disposition {
            kind: kind.into(),
            reason: "经研究".into(),
            meeting: meeting.into(),
            ..Disposition::default()
        }),
        request_id: request_id(),
    };
    let disposed: DisposeMajorIssueResponse =
        session.ask(issues!("DisposeMajorIssue"), &request).await?;
    Ok(disposed.major_issue.unwrap())
}

/// An issue as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn get(session: &Session, name: &str) -> Result<MajorIssue, Status> {
    let request = GetMajorIssueRequest { name: name.into() };
    let found: GetMajorIssueResponse = session.ask(issues!("GetMajorIssue"), &request).await?;
    Ok(found.major_issue.unwrap())
}

/// A page of issues.
///
/// # Errors
/// What the hub answers.
pub async fn list(
    session: &Session,
    request: &ListMajorIssuesRequest,
) -> Result<ListMajorIssuesResponse, Status> {
    session.ask(issues!("ListMajorIssues"), request).await
}

/// Names of the issues that somebody sees.
pub async fn names(session: &Session) -> Vec<String> {
    let request = ListMajorIssuesRequest::default();
    let listed = list(session, &request).await.unwrap();
    let issues = listed.major_issues.into_iter();
    issues.map(|issue| issue.name).collect()
}

/// An escalation that keeps every rule.
#[must_use]
pub fn report(issue: &str, meeting: &str, co_units: &[&str]) -> Escalation {
    Escalation {
        major_issue: issue.into(),
        meeting: meeting.into(),
        co_units: co_units
            .iter()
            .map(|unit| format!("agencies/{unit}"))
            .collect(),
        title: "关于统一执法依据的报告".into(),
        text: "建议由领导小组研究明确".into(),
        ..Escalation::default()
    }
}

/// Drafts an escalation.
///
/// # Errors
/// What the hub answers.
pub async fn draft(session: &Session, escalation: Escalation) -> Result<Escalation, Status> {
    let request = DraftEscalationRequest {
        escalation: Some(escalation),
        request_id: request_id(),
    };
    let drafted: DraftEscalationResponse =
        session.ask(issues!("DraftEscalation"), &request).await?;
    Ok(drafted.escalation.unwrap())
}

/// Signs, or declines for a reason.
///
/// # Errors
/// What the hub answers.
pub async fn co_sign(session: &Session, name: &str, declines: bool) -> Result<Escalation, Status> {
    let request = CoSignEscalationRequest {
        name: name.into(),
        declines,
        reason: if declines {
            "不属本部门职责".into()
        } else {
            String::new()
        },
        request_id: request_id(),
    };
    let signed: CoSignEscalationResponse =
        session.ask(issues!("CoSignEscalation"), &request).await?;
    Ok(signed.escalation.unwrap())
}

/// Sends a draft.
///
/// # Errors
/// What the hub answers.
pub async fn send(session: &Session, name: &str) -> Result<Escalation, Status> {
    let request = SendEscalationRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let sent: SendEscalationResponse = session.ask(issues!("SendEscalation"), &request).await?;
    Ok(sent.escalation.unwrap())
}

/// Takes a draft back.
///
/// # Errors
/// What the hub answers.
pub async fn withdraw(session: &Session, name: &str) -> Result<Escalation, Status> {
    let request = WithdrawEscalationRequest {
        name: name.into(),
        request_id: request_id(),
    };
    let withdrawn: WithdrawEscalationResponse =
        session.ask(issues!("WithdrawEscalation"), &request).await?;
    Ok(withdrawn.escalation.unwrap())
}

/// Replies.
///
/// # Errors
/// What the hub answers.
pub async fn reply(session: &Session, name: &str) -> Result<Escalation, Status> {
    let request = ReplyToEscalationRequest {
        name: name.into(),
        reply: Some(EscalationReply {
            text: "同意，请牵头单位会同有关部门落实".into(),
            document_number: "晋社管组发〔2026〕3号".into(),
            ..EscalationReply::default()
        }),
        request_id: request_id(),
    };
    let replied: ReplyToEscalationResponse =
        session.ask(issues!("ReplyToEscalation"), &request).await?;
    Ok(replied.escalation.unwrap())
}

/// An escalation as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn get_escalation(session: &Session, name: &str) -> Result<Escalation, Status> {
    let request = GetEscalationRequest { name: name.into() };
    let found: GetEscalationResponse = session.ask(issues!("GetEscalation"), &request).await?;
    Ok(found.escalation.unwrap())
}

/// Names of the escalations that somebody sees.
///
/// # Errors
/// What the hub answers.
pub async fn escalations(session: &Session) -> Result<Vec<String>, Status> {
    let request = ListEscalationsRequest::default();
    let listed: ListEscalationsResponse = session.ask(issues!("ListEscalations"), &request).await?;
    let found = listed.escalations.into_iter();
    Ok(found.map(|escalation| escalation.name).collect())
}

/// An issue that tax flagged and a partial meeting of these units discussed, all present.
pub async fn discussed(world: &World, invited: &[&str]) -> (MajorIssue, Meeting) {
    let office = office(world);
    let flagged = flag(&super::leader(world, "tax"), issue(JOINT))
        .await
        .unwrap();
    let meeting = super::opened(world, MeetingKind::Partial, JOINT, invited).await;
    dispose(
        &office,
        &flagged.name,
        DispositionKind::Agenda,
        &meeting.name,
    )
    .await
    .unwrap();
    super::confirm_topics(&office, &meeting.name, "")
        .await
        .unwrap();
    let convened = super::convene(&office, &meeting.name).await.unwrap();
    let meeting = record_held(&office, &held(&convened, invited))
        .await
        .unwrap();
    let flagged = get(&office, &flagged.name).await.unwrap();
    (flagged, meeting)
}
