//! Fund alerts in tests: officers on raw connections, and an alert brought as far as a test needs it.

use hub_core::date::{on, to_wire};
use hub_proto::{
    channels::{
        Classification, ListNotificationsRequest, ListNotificationsResponse,
        ListOutstandingActionsRequest, ListOutstandingActionsResponse, Notification,
        OutstandingAction, SubjectOrganization,
    },
    funds::{
        AcknowledgeAlertRequest, AcknowledgeAlertResponse, Alert, AlertAction, AlertKind,
        CloseAlertRequest, CloseAlertResponse, Closing, CorrectAlertRequest, CorrectAlertResponse,
        Direction, DraftJointNoticeRequest, DraftJointNoticeResponse, Finding, FindingKind,
        GetAlertRequest, GetAlertResponse, IssueJointNoticeRequest, IssueJointNoticeResponse,
        JointNotice, ListAlertsRequest, ListAlertsResponse, Measure, ProvideInformationRequest,
        ProvideInformationResponse, RaiseAlertRequest, RaiseAlertResponse, RecordFindingRequest,
        RecordFindingResponse, ReportMeasureRequest, ReportMeasureResponse, RetractAlertRequest,
        RetractAlertResponse, ReviewMeasureRequest, ReviewMeasureResponse, Severity,
        SignJointNoticeRequest, SignJointNoticeResponse, TakeMeasureRequest, TakeMeasureResponse,
    },
};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use tonic::Status;

use crate::{
    World, channels,
    raw::{
        Session,
        requests::{USCC, request_id},
    },
};

/// Path of a method of alerts.
#[macro_export]
macro_rules! alerts {
    ($method:literal) => {
        concat!("/hub.funds.v1.AlertService/", $method)
    };
}

/// The agency that raises.
pub const BANK: &str = "pboc-branch";
/// Units that an alert to all members goes to, in the mechanism's order.
pub const UNITS: [&str; 5] = [
    "civil-affairs",
    "public-security",
    "finance",
    "state-security",
    "tax",
];
/// The office that coordinates.
pub const OFFICE: &str = "mechanisms/fund-supervision/office";

/// An analyst of the central-bank branch.
#[must_use]
pub fn analyst(world: &World) -> Session {
    Session::new(world, BANK, "pboc-analyst-1", &["analyst"])
}

/// Today in the province.
#[must_use]
pub fn today(world: &World) -> Date {
    on(Timestamp::now(), world.site.charter().zone())
}

/// An alert that keeps every rule, to all members.
#[must_use]
pub fn draft(world: &World) -> Alert {
    draft_on(today(world))
}

/// An alert that keeps every rule on a day, to all members.
#[must_use]
pub fn draft_on(today: Date) -> Alert {
    Alert {
        organization: Some(SubjectOrganization {
            uscc: USCC.into(),
            display_name: "某某基金会".into(),
        }),
        kind: AlertKind::AbnormalMovement.into(),
        indicator: "flow_out_of_line".into(),
        start_on: Some(to_wire(today.checked_sub(90.days()).unwrap())),
        end_on: Some(to_wire(today)),
        amount_band: "1m_10m".into(),
        currency: "CNY".into(),
        direction: Direction::Out.into(),
        severity: Severity::Routine.into(),
        severity_reason: "流出与项目规模不符".into(),
        grounds: "近三个月资金流出明显高于项目预算".into(),
        source_note: "监测模型提示，经人工复核".into(),
        legal_basis: "晋社管组发〔2021〕2号".into(),
        classification: Classification::Internal.into(),
        ..Alert::default()
    }
}

/// An alert to a named few.
#[must_use]
pub fn named(world: &World, units: &[&str]) -> Alert {
    Alert {
        circulated_to: units
            .iter()
            .map(|unit| format!("agencies/{unit}"))
            .collect(),
        ..draft(world)
    }
}

/// Raises an alert.
///
/// # Errors
/// What the hub answers.
pub async fn raise(session: &Session, alert: Alert) -> Result<Alert, Status> {
    let request = RaiseAlertRequest {
        alert: Some(alert),
        request_id: request_id(),
    };
    let raised: RaiseAlertResponse = session.ask(alerts!("RaiseAlert"), &request).await?;
    Ok(raised.alert.unwrap())
}

/// One that the bank has raised to all members.
pub async fn raised(world: &World) -> Alert {
    raise(&analyst(world), draft(world)).await.unwrap()
}

/// An alert as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn get(session: &Session, name: &str) -> Result<Alert, Status> {
    revision(session, name, 0).await
}

/// A revision of an alert as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn revision(session: &Session, name: &str, revision: i32) -> Result<Alert, Status> {
    let request = GetAlertRequest {
        name: name.into(),
        revision,
    };
    let found: GetAlertResponse = session.ask(alerts!("GetAlert"), &request).await?;
    Ok(found.alert.unwrap())
}

/// A list of alerts.
///
/// # Errors
/// What the hub answers.
pub async fn list(
    session: &Session,
    request: &ListAlertsRequest,
) -> Result<ListAlertsResponse, Status> {
    session.ask(alerts!("ListAlerts"), request).await
}

/// Names of all that somebody may see.
pub async fn names(session: &Session) -> Vec<String> {
    let listed = list(session, &ListAlertsRequest::default()).await.unwrap();
    listed.alerts.into_iter().map(|alert| alert.name).collect()
}

/// Acknowledges the revision in force.
///
/// # Errors
/// What the hub answers.
pub async fn acknowledge(
    session: &Session,
    name: &str,
    revision: i32,
    action: AlertAction,
) -> Result<Alert, Status> {
    let request = AcknowledgeAlertRequest {
        name: name.into(),
        revision,
        action: action.into(),
        text: "经研究".into(),
        request_id: request_id(),
    };
    let answer: AcknowledgeAlertResponse =
        session.ask(alerts!("AcknowledgeAlert"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Answers as the raising agency.
///
/// # Errors
/// What the hub answers.
pub async fn inform(session: &Session, name: &str, text: &str) -> Result<Alert, Status> {
    let request = ProvideInformationRequest {
        name: name.into(),
        text: text.into(),
        request_id: request_id(),
    };
    let answer: ProvideInformationResponse =
        session.ask(alerts!("ProvideInformation"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Drafts a joint notice.
///
/// # Errors
/// What the hub answers.
pub async fn draft_notice(session: &Session, name: &str, units: &[&str]) -> Result<Alert, Status> {
    let request = DraftJointNoticeRequest {
        name: name.into(),
        joint_notice: Some(JointNotice {
            text: "关于某某基金会资金异动的联合通报".into(),
            units: units
                .iter()
                .map(|unit| format!("agencies/{unit}"))
                .collect(),
            ..JointNotice::default()
        }),
        request_id: request_id(),
    };
    let answer: DraftJointNoticeResponse =
        session.ask(alerts!("DraftJointNotice"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Signs the first joint notice, or declines to.
///
/// # Errors
/// What the hub answers.
pub async fn sign_notice(session: &Session, name: &str, declines: bool) -> Result<Alert, Status> {
    let request = SignJointNoticeRequest {
        name: name.into(),
        joint_notice: 1,
        declines,
        reason: if declines {
            "另有意见".into()
        } else {
            String::new()
        },
        request_id: request_id(),
    };
    let answer: SignJointNoticeResponse = session.ask(alerts!("SignJointNotice"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Issues the first joint notice.
///
/// # Errors
/// What the hub answers.
pub async fn issue_notice(session: &Session, name: &str) -> Result<Alert, Status> {
    let request = IssueJointNoticeRequest {
        name: name.into(),
        joint_notice: 1,
        request_id: request_id(),
    };
    let answer: IssueJointNoticeResponse =
        session.ask(alerts!("IssueJointNotice"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Records a finding.
///
/// # Errors
/// What the hub answers.
pub async fn find(session: &Session, name: &str, kind: FindingKind) -> Result<Alert, Status> {
    let request = RecordFindingRequest {
        name: name.into(),
        finding: Some(Finding {
            kind: kind.into(),
            reason: "经核查".into(),
            ..Finding::default()
        }),
        request_id: request_id(),
    };
    let answer: RecordFindingResponse = session.ask(alerts!("RecordFinding"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Takes a measure, to be done by a day.
///
/// # Errors
/// What the hub answers.
pub async fn take(session: &Session, name: &str, due_on: Date) -> Result<Alert, Status> {
    let request = TakeMeasureRequest {
        name: name.into(),
        measure: Some(Measure {
            text: "依法立案查处".into(),
            due_on: Some(to_wire(due_on)),
            ..Measure::default()
        }),
        request_id: request_id(),
    };
    let answer: TakeMeasureResponse = session.ask(alerts!("TakeMeasure"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Reports a measure done.
///
/// # Errors
/// What the hub answers.
pub async fn report(session: &Session, name: &str, measure: i32) -> Result<Alert, Status> {
    let request = ReportMeasureRequest {
        name: name.into(),
        measure,
        text: "已作出处罚决定".into(),
        request_id: request_id(),
    };
    let answer: ReportMeasureResponse = session.ask(alerts!("ReportMeasure"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Upholds or lifts a measure.
///
/// # Errors
/// What the hub answers.
pub async fn review(
    session: &Session,
    name: &str,
    measure: i32,
    lifts: bool,
) -> Result<Alert, Status> {
    let request = ReviewMeasureRequest {
        name: name.into(),
        measure,
        lifts,
        reason: "经复核".into(),
        request_id: request_id(),
    };
    let answer: ReviewMeasureResponse = session.ask(alerts!("ReviewMeasure"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// A closing that another officer has reviewed.
#[must_use]
pub fn closing() -> Closing {
    Closing {
        reason: "各单位意见一致，予以办结".into(),
        reviewer_agency: "agencies/civil-affairs".into(),
        reviewer: "civil-affairs-leader-1".into(),
        ..Closing::default()
    }
}

/// Closes an alert.
///
/// # Errors
/// What the hub answers.
pub async fn close(session: &Session, name: &str) -> Result<Alert, Status> {
    let request = CloseAlertRequest {
        name: name.into(),
        closing: Some(closing()),
        request_id: request_id(),
    };
    let answer: CloseAlertResponse = session.ask(alerts!("CloseAlert"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Corrects a revision of an alert.
///
/// # Errors
/// What the hub answers.
pub async fn correct(
    session: &Session,
    name: &str,
    revision: i32,
    alert: Alert,
) -> Result<Alert, Status> {
    let request = CorrectAlertRequest {
        name: name.into(),
        revision,
        alert: Some(alert),
        reason: "期间有误".into(),
        request_id: request_id(),
    };
    let answer: CorrectAlertResponse = session.ask(alerts!("CorrectAlert"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// Takes an alert back.
///
/// # Errors
/// What the hub answers.
pub async fn retract(session: &Session, name: &str) -> Result<Alert, Status> {
    let request = RetractAlertRequest {
        name: name.into(),
        reason: "经核实系误报".into(),
        request_id: request_id(),
    };
    let answer: RetractAlertResponse = session.ask(alerts!("RetractAlert"), &request).await?;
    Ok(answer.alert.unwrap())
}

/// What the hub told in an inbox about alerts, the newest first.
pub async fn told(session: &Session, log: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: log.into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let listed: ListNotificationsResponse = session
        .ask(channels!("ListNotifications"), &request)
        .await
        .unwrap();
    let mut told = listed.notifications;
    told.retain(|one| one.category == "fund_alert" || one.is_sealed);
    told.sort_by_key(|one| {
        let at = one.published_at.unwrap_or_default();
        std::cmp::Reverse((at.seconds, at.nanos))
    });
    told
}

/// What is outstanding on a board.
pub async fn outstanding(session: &Session, board: &str) -> Vec<OutstandingAction> {
    let request = ListOutstandingActionsRequest {
        parent: board.into(),
        ..ListOutstandingActionsRequest::default()
    };
    let listed: ListOutstandingActionsResponse = session
        .ask(channels!("ListOutstandingActions"), &request)
        .await
        .unwrap();
    listed.outstanding_actions
}
