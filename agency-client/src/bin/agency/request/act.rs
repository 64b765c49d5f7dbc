//! Acts on a request that is there.

use agency_client::outbox::Outgoing;
use hub_core::date::to_wire;
use hub_proto::{
    channels::Attachment,
    common::Receipt,
    requests::{
        AnswerCorrectionRequest, ApproveInformationRequestRequest, AskForMissingRequest,
        CloseCaseRequest, CompleteInformationRequestRequest, ConfirmDisposalRequest,
        ConsentToInformationRequestRequest, DeliverInformationRequest, DeliveredData, Disposal,
        ExtendAnswerTimeRequest, InformationRequest, RecordUseRequest,
        RefuseInformationRequestRequest, RequestCorrectionRequest, RequestState, ResumeUseRequest,
        SuspendUseRequest, UseRecord, WithdrawInformationRequestRequest,
    },
};
use serde_json::json;

use super::{STREAM, name_of, show};
use crate::{
    Context,
    args::meeting::TextArgs,
    args::request::{
        AnswerCorrectionArgs, ConsentArgs, CorrectionOutcome, DisposeDataArgs, DocumentArgs,
        RecordUseArgs, RequestCommand,
    },
    attach,
    correct::tell_id,
    json::{self, requests as form},
    meeting::{act_rows, tell_next, text_of},
    names::Names,
    outbox,
    output::{Done, Failure},
    table::pairs,
};

/// Makes the call of a request whose answer has the request and a receipt, and prints that.
macro_rules! act {
    ($context:expr, $method:ident, $id:expr, $request:expr) => {{
        let id = $id;
        let mut request = $request;
        request.request_id = id.clone();
        let answer = $context.client()?.requests().$method(request).await;
        let answer = tell_id($context, &id, answer)?.response;
        print(
            $context,
            answer.information_request,
            answer.receipt.as_ref(),
            &id,
        )
    }};
}

pub(super) async fn run(context: &Context, command: RequestCommand) -> Done {
    match command {
        RequestCommand::Approve {
            request,
            note,
            once,
        } => approve(context, &request, true, note, once.id()).await,
        RequestCommand::Reject(args) => {
            approve(context, &args.request, false, args.reason, args.once.id()).await
        }
        RequestCommand::Withdraw(args) => act!(
            context,
            withdraw,
            args.once.id(),
            WithdrawInformationRequestRequest {
                name: name_of(&args.request),
                reason: args.reason,
                ..WithdrawInformationRequestRequest::default()
            }
        ),
        RequestCommand::Complete(args) => complete(context, args).await,
        RequestCommand::Consent(args) => consent(context, args).await,
        RequestCommand::Deliver(args) => deliver(context, args).await,
        RequestCommand::AnswerCorrection(args) => answer_correction(context, args).await,
        RequestCommand::RecordUse(args) => record_use(context, args).await,
        RequestCommand::Dispose(args) => dispose(context, args).await,
        RequestCommand::CloseCase { case, reason, once } => {
            close_case(context, case, reason, once.id()).await
        }
        other => with_text(context, other).await,
    }
}

/// Acts that are a text and nothing else.
async fn with_text(context: &Context, command: RequestCommand) -> Done {
    match command {
        RequestCommand::AskMissing(args) => act!(
            context,
            ask_for_missing,
            args.once.id(),
            AskForMissingRequest {
                name: name_of(&args.request),
                missing: text_of(args.text)?,
                ..AskForMissingRequest::default()
            }
        ),
        RequestCommand::Extend(args) => act!(
            context,
            extend,
            args.once.id(),
            ExtendAnswerTimeRequest {
                name: name_of(&args.request),
                working_days: args.days,
                reason: args.reason,
                consent_reference: args.consent,
                ..ExtendAnswerTimeRequest::default()
            }
        ),
        RequestCommand::Refuse(args) => act!(
            context,
            refuse,
            args.once.id(),
            RefuseInformationRequestRequest {
                name: name_of(&args.request),
                reasons: text_of(args.text)?,
                ..RefuseInformationRequestRequest::default()
            }
        ),
        RequestCommand::Correct(args) => act!(
            context,
            request_correction,
            args.once.id(),
            RequestCorrectionRequest {
                name: name_of(&args.request),
                text: text_of(args.text)?,
                ..RequestCorrectionRequest::default()
            }
        ),
        RequestCommand::Suspend(args) => act!(
            context,
            suspend_use,
            args.once.id(),
            SuspendUseRequest {
                name: name_of(&args.request),
                reason: args.reason,
                ..SuspendUseRequest::default()
            }
        ),
        RequestCommand::Resume(args) => act!(
            context,
            resume_use,
            args.once.id(),
            ResumeUseRequest {
                name: name_of(&args.request),
                reason: args.reason,
                ..ResumeUseRequest::default()
            }
        ),
        _ => Ok(()),
    }
}

async fn approve(
    context: &Context,
    request: &str,
    is_approved: bool,
    reason: String,
    id: String,
) -> Done {
    act!(
        context,
        approve,
        id,
        ApproveInformationRequestRequest {
            name: name_of(request),
            is_approved,
            reason,
            ..ApproveInformationRequestRequest::default()
        }
    )
}

async fn complete(context: &Context, args: DocumentArgs) -> Done {
    let attachments = uploaded(context, &args.attach).await?;
    act!(
        context,
        complete,
        args.once.id(),
        CompleteInformationRequestRequest {
            name: name_of(&args.request),
            addition: text_of(args.text)?,
            attachments,
            ..CompleteInformationRequestRequest::default()
        }
    )
}

async fn consent(context: &Context, args: ConsentArgs) -> Done {
    let data = TextArgs {
        text: args.data,
        text_file: args.data_file,
    };
    let is_delivered = data.text.is_some() || data.text_file.is_some();
    if !is_delivered && !args.attach.is_empty() {
        return Err(Failure::usage(
            "--attach: goes with the data: give --data or --data-file, or use `request deliver`",
            "--attach：随数据提供：请给出 --data 或 --data-file，或使用 request deliver",
        ));
    }
    let delivery = if is_delivered {
        Some(DeliveredData {
            text: text_of(data)?,
            attachments: uploaded(context, &args.attach).await?,
        })
    } else {
        None
    };
    act!(
        context,
        consent,
        args.once.id(),
        ConsentToInformationRequestRequest {
            name: name_of(&args.request),
            text: text_of(args.text)?,
            delivery,
            ..ConsentToInformationRequestRequest::default()
        }
    )
}

async fn deliver(context: &Context, args: DocumentArgs) -> Done {
    let attachments = uploaded(context, &args.attach).await?;
    act!(
        context,
        deliver,
        args.once.id(),
        DeliverInformationRequest {
            name: name_of(&args.request),
            delivery: Some(DeliveredData {
                text: text_of(args.text)?,
                attachments,
            }),
            ..DeliverInformationRequest::default()
        }
    )
}

async fn answer_correction(context: &Context, args: AnswerCorrectionArgs) -> Done {
    let attachments = uploaded(context, &args.attach).await?;
    act!(
        context,
        answer_correction,
        args.once.id(),
        AnswerCorrectionRequest {
            name: name_of(&args.request),
            correction: args.correction,
            is_corrected: args.outcome == CorrectionOutcome::Corrected,
            answer: text_of(args.text)?,
            attachments,
            ..AnswerCorrectionRequest::default()
        }
    )
}

async fn record_use(context: &Context, args: RecordUseArgs) -> Done {
    let request = RecordUseRequest {
        name: name_of(&args.request),
        r#use: Some(UseRecord {
            scene: args.scene,
            process: args.process,
            effect: args.effect,
            purpose_fit: args.fits,
            ..UseRecord::default()
        }),
        request_id: args.once.id(),
    };
    if args.outbox {
        return enqueue(context, Outgoing::record_use(&request)?).await;
    }
    act!(context, record_use, request.request_id.clone(), request)
}

async fn dispose(context: &Context, args: DisposeDataArgs) -> Done {
    let request = ConfirmDisposalRequest {
        name: name_of(&args.request),
        disposal: Some(Disposal {
            storage: args.storage,
            destruction: args.destruction,
            disposed_on: Some(to_wire(args.on)),
            ..Disposal::default()
        }),
        request_id: args.once.id(),
    };
    if args.outbox {
        return enqueue(context, Outgoing::confirm_disposal(&request)?).await;
    }
    act!(
        context,
        confirm_disposal,
        request.request_id.clone(),
        request
    )
}

async fn close_case(context: &Context, case_number: String, reason: String, id: String) -> Done {
    let request = CloseCaseRequest {
        case_number: case_number.clone(),
        reason,
        request_id: id.clone(),
    };
    let answer = context.client()?.requests().close_case(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    let receipt = answer.receipt.as_ref();
    let out = context.out;
    out.either(
        || json!({"case_number": case_number, "receipt": json::receipt(receipt)}),
        || {
            let mut rows = vec![(out.label("case closed", "已结案"), case_number.clone())];
            rows.extend(act_rows(out, receipt, &id));
            pairs(&rows)
        },
    )
}

async fn uploaded(
    context: &Context,
    files: &[std::path::PathBuf],
) -> Result<Vec<Attachment>, Failure> {
    attach::upload(context.out, &context.client()?, files).await
}

/// Hands a call to the outbox.
async fn enqueue(context: &Context, what: Outgoing) -> Done {
    let outbox = outbox::open(context, None).await?;
    let enqueued = outbox.enqueue(STREAM, what).await?;
    let item = outbox.get(enqueued.ticket).await?;
    outbox::print(context.out, &item, enqueued.is_repeated)
}

/// What an act ends with: where the request stands and its deadlines; its texts are read with `request show`.
pub(super) fn print(
    context: &Context,
    request: Option<InformationRequest>,
    receipt: Option<&Receipt>,
    id: &str,
) -> Done {
    let one = request.unwrap_or_default();
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "information_request": form::request(&one),
            "receipt": json::receipt(receipt),
        }));
    }
    let mut rows = show::heading(out, &one, &Names::default());
    rows.extend(act_rows(out, receipt, id));
    let mut text = pairs(&rows);
    if !one.deadlines.is_empty() {
        let deadlines = show::deadlines(out, &one, &show::Today::now());
        text.push_str(&format!("\n{deadlines}"));
    }
    out.text(text)?;
    tell_next(out, next(&one));
    Ok(())
}

/// What comes after an act of the requester's own.
fn next(one: &InformationRequest) -> Option<String> {
    let name = &one.name;
    let reading = if show::needs_purpose(one) {
        " --purpose TEXT"
    } else {
        ""
    };
    match one.state() {
        RequestState::Drafted => Some(format!(
            "agency request approve {name} --officer {}",
            one.approver
        )),
        RequestState::Delivered => Some(format!("agency request show {name}{reading}")),
        _ => None,
    }
}
