//! `notify publish`: one notification, now or by the outbox. A file of them is in [`crate::batch`].

use agency_client::{
    ClientError,
    channels::NotificationDraft,
    outbox::{AttachmentFile, Outgoing},
};
use hub_core::reason::Reason;
use hub_proto::channels::Classification;
use serde_json::json;

use crate::{
    Context,
    args::notify::{ClassificationArg, PublishArgs},
    attach, batch, input, json,
    members::entry,
    outbox,
    output::{Done, Failure},
    table::pairs,
};

impl From<ClassificationArg> for Classification {
    fn from(arg: ClassificationArg) -> Self {
        match arg {
            ClassificationArg::Public => Self::Public,
            ClassificationArg::Internal => Self::Internal,
            ClassificationArg::WorkSecret => Self::WorkSecret,
            ClassificationArg::StateSecret => Self::StateSecret,
        }
    }
}

pub(crate) async fn run(context: &Context, args: PublishArgs) -> Done {
    match args.batch.clone() {
        Some(file) => batch::run(context, &file, &args).await,
        None if args.outbox => enqueue(context, args).await,
        None => single(context, args).await,
    }
}

/// Hands it to the outbox.
async fn enqueue(context: &Context, args: PublishArgs) -> Done {
    let (key, stream) = (args.key.clone(), args.stream.clone());
    let files = args.attach.clone();
    let mut outgoing = Outgoing::publish(draft(args)?)?;
    for path in files {
        outgoing = outgoing.attach(AttachmentFile {
            file_name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            media_type: agency_client::attachments::media_type(&path).to_owned(),
            path,
        });
    }
    if let Some(key) = key {
        outgoing = outgoing.key(key);
    }
    let outbox = outbox::open(context, None).await?;
    let enqueued = outbox.enqueue(stream, outgoing).await?;
    let item = outbox.get(enqueued.ticket).await?;
    outbox::print(context.out, &item, enqueued.is_repeated)
}

async fn single(context: &Context, args: PublishArgs) -> Done {
    let out = context.out;
    let names_both = args.category.is_some() && !args.to.is_empty();
    let files = args.attach.clone();
    let mut draft = draft(args)?;
    let id = draft.id().to_owned();
    let client = context.client()?;
    for file in attach::upload(out, &client, &files).await? {
        draft = draft.attach(file);
    }
    let answer = match client.channels().publish(draft).await {
        Ok(answer) => answer.response,
        Err(error) => {
            if is_open(&error) {
                out.remark(
                    format_args!("the request id of this attempt: {id}"),
                    format_args!("本次请求编号：{id}"),
                );
            }
            if names_both && error.reason() == Some(Reason::InvalidArgument) {
                out.remark(
                    "a category that the charter routes goes where the charter says: leave --to \
                     out and say --route, or choose a category without a route",
                    "章程已为该类别规定去向：请去掉 --to 并使用 --route，或选用未规定去向的类别",
                );
            }
            return Err(error.into());
        }
    };
    let notification = answer.notification.unwrap_or_default();
    out.either(
        || {
            json!({
                "notification": json::notification(&notification),
                "receipt": json::receipt(answer.receipt.as_ref()),
            })
        },
        || {
            pairs(&[
                (out.label("published", "已发布"), notification.name.clone()),
                (
                    out.label("ledger entry", "账本条目"),
                    entry(answer.receipt.as_ref()),
                ),
                (out.label("request id", "请求编号"), id.clone()),
            ])
        },
    )
}

fn draft(args: PublishArgs) -> Result<NotificationDraft, Failure> {
    let mut draft = if let Some(channel) = &args.channel {
        NotificationDraft::to_channel(channel)
    } else if !args.to.is_empty() {
        NotificationDraft::to(&args.to)
    } else if args.route {
        NotificationDraft::by_route(args.category.as_deref().unwrap_or_default())
    } else {
        return Err(Failure::usage(
            "say where it goes: --channel C, --to R or --route with --category",
            "请指明去向：--channel C、--to R，或 --route 加 --category",
        ));
    };
    let body = match (&args.body, &args.body_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(file)) => input(file)?,
        (None, None) => vec![],
    };
    draft = draft
        .category(args.category.unwrap_or_default())
        .title(args.title.unwrap_or_default())
        .body(body, args.media_type);
    for subject in &args.subject {
        let (uscc, name) = subject_of(subject)?;
        draft = draft.subject(uscc, name);
    }
    for basis in args.legal_basis {
        draft = draft.legal_basis(basis);
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
    if let Some(name) = args.in_reply_to {
        draft = draft.in_reply_to(name);
    }
    if let Some(id) = args.request_id {
        draft = draft.request_id(id);
    }
    Ok(draft)
}

/// Code and name of `--subject`.
pub(crate) fn subject_of(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once('=').ok_or_else(|| {
        Failure::usage(
            format!("--subject {text}: must be USCC=NAME"),
            format!("--subject {text}：须为 统一社会信用代码=名称"),
        )
    })
}

/// Whether the call may have been recorded although no answer came.
pub(crate) fn is_open(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Deadline { .. } | ClientError::Unreachable { .. }
    )
}
