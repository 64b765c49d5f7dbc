//! What units, the office and the raising agency do about an alert.

use agency_client::{Client, outbox::Outgoing};
use hub_core::date::to_wire;
use hub_proto::funds::{
    AcknowledgeAlertRequest, AlertAction, CloseAlertRequest, Closing, DraftJointNoticeRequest,
    Finding, FindingKind, IssueJointNoticeRequest, JointNotice, Measure, ProvideInformationRequest,
    RecordFindingRequest, ReportMeasureRequest, RetractAlertRequest, ReviewMeasureRequest,
    SignJointNoticeRequest, TakeMeasureRequest,
};

use super::{alert_name, enqueue, print};
use crate::{
    Context,
    args::{
        alert::{AcknowledgeArgs, MeasureCommand, NoticeCommand, ReviewArg},
        meeting::TextArgs,
    },
    correct::tell_id,
    meeting::text_of,
    output::{Done, Failure, Out},
    people::{Units, in_alert},
};

pub(super) async fn acknowledge(context: &Context, args: AcknowledgeArgs) -> Done {
    let action = AlertAction::from(args.action);
    let text = text_of(args.text)?;
    let needs_text = matches!(
        action,
        AlertAction::NoAction | AlertAction::NeedsInformation
    );
    if needs_text && text.trim().is_empty() {
        return Err(Failure::usage(
            "say why nothing is done, or which information is needed, with --text",
            "请用 --text 说明不采取措施的理由，或需要补充的信息",
        ));
    }
    let id = args.once.id();
    let mut request = AcknowledgeAlertRequest {
        name: alert_name(&args.alert),
        revision: args.revision.unwrap_or_default(),
        action: action.into(),
        text,
        request_id: id.clone(),
    };
    if args.outbox {
        return enqueue(context, Outgoing::acknowledge_alert(&request)?).await;
    }
    let client = context.client()?;
    if args.revision.is_none() {
        request.revision = in_force(context.out, &client, &request.name).await?;
    }
    let answer = client.alerts().acknowledge(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

/// The revision in force, and which one it is.
async fn in_force(out: Out, client: &Client, name: &str) -> Result<i32, Failure> {
    let revision = client.alerts().get(name).await?.revision;
    if revision > 1 {
        out.remark(
            format_args!("revision {revision} is acknowledged: agency alert show {name} has it"),
            format_args!("所签收的为第 {revision} 版，见 agency alert show {name}"),
        );
    }
    Ok(revision)
}

pub(super) async fn inform(context: &Context, alert: &str, text: TextArgs, id: String) -> Done {
    let request = ProvideInformationRequest {
        name: alert_name(alert),
        text: text_of(text)?,
        request_id: id.clone(),
    };
    let answer = context
        .client()?
        .alerts()
        .provide_information(request)
        .await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

pub(super) async fn notice(context: &Context, command: NoticeCommand) -> Done {
    match command {
        NoticeCommand::Draft {
            alert,
            units,
            text,
            once,
        } => draft_notice(context, &alert, &units, text_of(text)?, once.id()).await,
        NoticeCommand::Sign { notice, once } => sign(context, &notice, None, once.id()).await,
        NoticeCommand::Decline {
            notice,
            reason,
            once,
        } => sign(context, &notice, Some(reason), once.id()).await,
        NoticeCommand::Issue { notice, once } => {
            let id = once.id();
            let (name, joint_notice) = in_alert(&notice)?;
            let request = IssueJointNoticeRequest {
                name,
                joint_notice,
                request_id: id.clone(),
            };
            let answer = context.client()?.alerts().issue_joint_notice(request).await;
            let answer = tell_id(context, &id, answer)?.response;
            print(context, answer.alert, answer.receipt.as_ref(), &id)
        }
    }
}

async fn draft_notice(
    context: &Context,
    alert: &str,
    units: &[String],
    text: String,
    id: String,
) -> Done {
    if units.len() < 2 {
        return Err(Failure::usage(
            "a joint notice needs two or more units: give --unit once for each (FS-021)",
            "联合通报须由两个以上单位签署：每个单位用一次 --unit（FS-021）",
        ));
    }
    let client = context.client()?;
    let request = DraftJointNoticeRequest {
        name: alert_name(alert),
        joint_notice: Some(JointNotice {
            text,
            units: Units::fetch(&client).await?.all(units)?,
            ..JointNotice::default()
        }),
        request_id: id.clone(),
    };
    let answer = client.alerts().draft_joint_notice(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

/// Signs, or declines with a reason.
async fn sign(context: &Context, notice: &str, declines: Option<String>, id: String) -> Done {
    let (name, joint_notice) = in_alert(notice)?;
    let request = SignJointNoticeRequest {
        name,
        joint_notice,
        declines: declines.is_some(),
        reason: declines.unwrap_or_default(),
        request_id: id.clone(),
    };
    let answer = context.client()?.alerts().sign_joint_notice(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

pub(super) async fn finding(
    context: &Context,
    alert: &str,
    kind: FindingKind,
    reason: String,
    id: String,
) -> Done {
    let request = RecordFindingRequest {
        name: alert_name(alert),
        finding: Some(Finding {
            kind: kind.into(),
            reason,
            ..Finding::default()
        }),
        request_id: id.clone(),
    };
    let answer = context.client()?.alerts().record_finding(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

pub(super) async fn measure(context: &Context, command: MeasureCommand) -> Done {
    match command {
        MeasureCommand::Take {
            alert,
            due,
            text,
            once,
        } => {
            let id = once.id();
            let request = TakeMeasureRequest {
                name: alert_name(&alert),
                measure: Some(Measure {
                    text: text_of(text)?,
                    due_on: Some(to_wire(due)),
                    ..Measure::default()
                }),
                request_id: id.clone(),
            };
            let answer = context.client()?.alerts().take_measure(request).await;
            let answer = tell_id(context, &id, answer)?.response;
            print(context, answer.alert, answer.receipt.as_ref(), &id)
        }
        MeasureCommand::Report {
            measure,
            text,
            outbox,
            once,
        } => report(context, &measure, text_of(text)?, outbox, once.id()).await,
        MeasureCommand::Review {
            measure,
            review,
            reason,
            once,
        } => {
            let id = once.id();
            let (name, measure) = in_alert(&measure)?;
            let request = ReviewMeasureRequest {
                name,
                measure,
                lifts: review == ReviewArg::Lifted,
                reason,
                request_id: id.clone(),
            };
            let answer = context.client()?.alerts().review_measure(request).await;
            let answer = tell_id(context, &id, answer)?.response;
            print(context, answer.alert, answer.receipt.as_ref(), &id)
        }
    }
}

async fn report(
    context: &Context,
    measure: &str,
    text: String,
    by_outbox: bool,
    id: String,
) -> Done {
    let (name, measure) = in_alert(measure)?;
    let request = ReportMeasureRequest {
        name,
        measure,
        text,
        request_id: id.clone(),
    };
    if by_outbox {
        return enqueue(context, Outgoing::report_measure(&request)?).await;
    }
    let answer = context.client()?.alerts().report_measure(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

pub(super) async fn close(
    context: &Context,
    alert: &str,
    reason: String,
    (unit, reviewer): (String, String),
    id: String,
) -> Done {
    let client = context.client()?;
    let request = CloseAlertRequest {
        name: alert_name(alert),
        closing: Some(Closing {
            reason,
            reviewer_agency: Units::fetch(&client).await?.named(&unit)?,
            reviewer,
            ..Closing::default()
        }),
        request_id: id.clone(),
    };
    let answer = tell_id(context, &id, client.alerts().close(request).await)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}

pub(super) async fn retract(context: &Context, alert: &str, reason: String, id: String) -> Done {
    let request = RetractAlertRequest {
        name: alert_name(alert),
        reason,
        request_id: id.clone(),
    };
    let answer = context.client()?.alerts().retract(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.alert, answer.receipt.as_ref(), &id)
}
