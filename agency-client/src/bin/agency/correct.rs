//! `notify correct | retract`.

use agency_client::{ClientError, channels::NotificationDraft};
use hub_proto::{
    channels::{Notification, NotificationKind},
    common::Receipt,
};
use serde_json::json;

use crate::{
    Context,
    args::notify::{CorrectArgs, RetractArgs},
    input, json,
    members::entry,
    output::{Done, Failure},
    publish::subject_of,
    table::pairs,
};

/// Corrects a notification: what is not given stays as it was.
pub(crate) async fn correct(context: &Context, args: CorrectArgs) -> Done {
    let client = context.client()?;
    let old = client.channels().notification(&args.name).await?;
    let old = old.notification.unwrap_or_default();
    if old.is_sealed {
        let name = &args.name;
        return Err(Failure::usage(
            format!(
                "{name} is sealed: its time is over and its text was erased, so there is nothing to \
                 correct"
            ),
            format!("{name} 已封存：保存期满、内容已清除，无可更正"),
        ));
    }
    let (name, reason) = (args.name.clone(), args.reason.clone());
    let draft = corrected(&old, args)?;
    let id = draft.id().to_owned();
    let answer = client.channels().correct(&name, draft, &reason).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.notification, answer.receipt.as_ref(), &id)
}

/// Retracts a notification.
pub(crate) async fn retract(context: &Context, args: RetractArgs) -> Done {
    let client = context.client()?;
    let id = args.request_id.unwrap_or_else(agency_client::request_id);
    let answer = client
        .channels()
        .retract_as(&args.name, &args.reason, id.clone())
        .await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.notification, answer.receipt.as_ref(), &id)
}

/// Tells the request id when the call may have been recorded although no answer came.
pub(crate) fn tell_id<T>(
    context: &Context,
    id: &str,
    answer: Result<T, ClientError>,
) -> Result<T, Failure> {
    Ok(answer.inspect_err(|error| {
        if crate::publish::is_open(error) {
            context.out.remark(
                format_args!("repeat it with --request-id {id}"),
                format_args!("请用 --request-id {id} 重发"),
            );
        }
    })?)
}

fn corrected(old: &Notification, args: CorrectArgs) -> Result<NotificationDraft, Failure> {
    let mut new = old.clone();
    if let Some(title) = args.title {
        new.title = title;
    }
    if let Some(text) = args.body {
        new.body = text.into_bytes().into();
    } else if let Some(file) = &args.body_file {
        new.body = input(file)?.into();
    }
    if let Some(media_type) = args.media_type {
        new.media_type = media_type;
    }
    if !args.subject.is_empty() {
        new.subjects.clear();
    }
    if !args.legal_basis.is_empty() {
        new.legal_bases = args.legal_basis;
    }
    let mut draft = NotificationDraft::like(&new);
    for subject in &args.subject {
        let (uscc, name) = subject_of(subject)?;
        draft = draft.subject(uscc, name);
    }
    if let Some(number) = args.document_number {
        draft = draft.document_number(number);
    }
    if let Some(classification) = args.classification {
        draft = draft.classification(classification.into());
    }
    if let Some(remedy) = args.remedy {
        draft = draft.remedy(remedy);
    }
    if let Some(at) = args.sign_by {
        draft = draft.sign_by(at);
    }
    if let Some(at) = args.reply_by {
        draft = draft.reply_by(at);
    }
    if let Some(on) = args.occurred_on {
        draft = draft.occurred_on(on);
    }
    if let Some(id) = args.request_id {
        draft = draft.request_id(id);
    }
    Ok(draft)
}

fn print(
    context: &Context,
    notification: Option<Notification>,
    receipt: Option<&Receipt>,
    id: &str,
) -> Done {
    let notification = notification.unwrap_or_default();
    let out = context.out;
    let replaced = if notification.kind() == NotificationKind::Retraction {
        out.label("takes back", "撤回")
    } else {
        out.label("in place of", "取代")
    };
    out.either(
        || {
            json!({
                "notification": json::notification(&notification),
                "receipt": json::receipt(receipt),
            })
        },
        || {
            pairs(&[
                (out.label("published", "已发布"), notification.name.clone()),
                (replaced, notification.about.clone()),
                (out.label("reason", "原因"), notification.reason.clone()),
                (out.label("ledger entry", "账本条目"), entry(receipt)),
                (out.label("request id", "请求编号"), id.to_owned()),
            ])
        },
    )
}
