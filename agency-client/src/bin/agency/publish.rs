//! `notify publish`: one notification, or a file of them.

use std::path::Path;

use agency_client::{
    ClientError,
    channels::{BATCH_ITEMS_MAX, NotificationDraft},
};
use hub_proto::channels::Classification;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Context,
    args::{ClassificationArg, PublishArgs},
    input, input_text, json,
    members::entry,
    output::{Done, Failure, Out},
    table::pairs,
};

/// Size of one batch in bytes, by the length of its lines: a message is shorter than its JSON but
/// for [`ITEM_BYTES`], so that this stays below the hub's 1 MiB a message.
const BATCH_BYTES_MAX: usize = 960 * 1024;
/// What one item adds to its line: defaults, request id and framing.
const ITEM_BYTES: usize = 256;

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
        Some(file) => batch(context, &file).await,
        None => single(context, args).await,
    }
}

async fn single(context: &Context, args: PublishArgs) -> Done {
    let out = context.out;
    let draft = draft(args)?;
    let id = draft.id().to_owned();
    let client = context.client()?;
    let answer = match client.channels().publish(draft).await {
        Ok(answer) => answer.response,
        Err(error) => {
            if is_open(&error) {
                out.remark(
                    format_args!("the request id of this attempt: {id}"),
                    format_args!("本次请求编号：{id}"),
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
        return Err(Failure::Usage(
            "say where it goes: --channel C, --to R or --route with --category".into(),
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
        let (uscc, name) = subject
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--subject {subject}: must be USCC=NAME")))?;
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

/// One line of a batch file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Item {
    channel: Option<String>,
    to: Vec<String>,
    category: String,
    title: String,
    body: String,
    media_type: Option<String>,
    subjects: Vec<Subject>,
    document_number: String,
    classification: Option<ClassificationArg>,
    legal_bases: Vec<String>,
    remedy: String,
    #[serde(deserialize_with = "parsed")]
    sign_by: Option<Timestamp>,
    #[serde(deserialize_with = "parsed")]
    occurred_on: Option<Date>,
    in_reply_to: String,
    request_id: Option<String>,
}

/// A text field that is parsed as something else.
fn parsed<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    Option::<String>::deserialize(from)?
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    uscc: String,
    display_name: String,
}

impl Item {
    fn draft(self) -> Result<NotificationDraft, &'static str> {
        let draft = match (self.channel, self.to.is_empty()) {
            (Some(_), false) => return Err("has both channel and to"),
            (Some(channel), true) => NotificationDraft::to_channel(&channel),
            (None, false) => NotificationDraft::to(&self.to),
            (None, true) if self.category.is_empty() => {
                return Err("has neither channel, to nor category");
            }
            (None, true) => NotificationDraft::by_route(&self.category),
        };
        let media_type = self
            .media_type
            .unwrap_or_else(|| "text/plain; charset=utf-8".into());
        let mut draft = draft
            .category(self.category)
            .title(self.title)
            .body(self.body.into_bytes(), media_type)
            .document_number(self.document_number)
            .remedy(self.remedy)
            .in_reply_to(self.in_reply_to);
        for subject in self.subjects {
            draft = draft.subject(subject.uscc, subject.display_name);
        }
        for basis in self.legal_bases {
            draft = draft.legal_basis(basis);
        }
        if let Some(classification) = self.classification {
            draft = draft.classification(classification.into());
        }
        if let Some(at) = self.sign_by {
            draft = draft.sign_by(at);
        }
        if let Some(on) = self.occurred_on {
            draft = draft.occurred_on(on);
        }
        if let Some(id) = self.request_id {
            draft = draft.request_id(id);
        }
        Ok(draft)
    }
}

/// Drafts that go out together, and the lines that they came from.
#[derive(Debug, Default)]
struct Batch {
    first_line: usize,
    last_line: usize,
    size_bytes: usize,
    drafts: Vec<NotificationDraft>,
}

/// Reads the whole file before anything is sent, so that a bad line sends nothing.
fn batches(text: &str) -> Result<Vec<Batch>, String> {
    let mut batches: Vec<Batch> = vec![];
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let number = at + 1;
        let item: Item =
            serde_json::from_str(line).map_err(|error| format!("line {number}: {error}"))?;
        let size_bytes = line.len() + ITEM_BYTES;
        let draft = item
            .draft()
            .map_err(|rule| format!("line {number}: {rule}"))?;
        let fits = |batch: &&mut Batch| {
            batch.drafts.len() < BATCH_ITEMS_MAX && batch.size_bytes + size_bytes <= BATCH_BYTES_MAX
        };
        match batches.last_mut().filter(fits) {
            Some(batch) => {
                batch.last_line = number;
                batch.size_bytes += size_bytes;
                batch.drafts.push(draft);
            }
            None => batches.push(Batch {
                first_line: number,
                last_line: number,
                size_bytes,
                drafts: vec![draft],
            }),
        }
    }
    Ok(batches)
}

async fn batch(context: &Context, file: &Path) -> Done {
    let out = context.out;
    let at_fault = |problem: String| {
        Failure::Client(ClientError::LocalFile {
            path: file.to_owned(),
            problem,
        })
    };
    let batches = batches(&input_text(file)?).map_err(at_fault)?;
    if batches.is_empty() {
        return Err(at_fault("has no line".into()));
    }
    let client = context.client()?;
    let mut answers = vec![];
    for batch in batches {
        let (first, last) = (batch.first_line, batch.last_line);
        let id = agency_client::request_id();
        match client.channels().publish_batch_as(batch.drafts, id).await {
            Ok(answer) => answers.push((first, last, answer.response)),
            Err(error) => {
                tell_open(out, first, last, is_open(&error));
                print(context, &answers)?;
                return Err(error.into());
            }
        }
    }
    print(context, &answers)
}

/// Whether the call may have been recorded although no answer came.
fn is_open(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Deadline { .. } | ClientError::Unreachable { .. }
    )
}

/// Tells which lines of a batch file are not known to be recorded.
fn tell_open(out: Out, first: usize, last: usize, is_open: bool) {
    if is_open {
        out.remark(
            format_args!(
                "lines {first} to {last} may or may not be recorded: look with \
                 `agency notify list sent --newest-first`; later lines were not sent"
            ),
            format_args!(
                "第 {first} 至 {last} 行是否已记录未知：请用 agency notify list sent \
                 --newest-first 查看；其后各行未发送"
            ),
        );
    } else {
        out.remark(
            format_args!("lines {first} to {last} and all after were not recorded"),
            format_args!("第 {first} 至 {last} 行及其后各行未记录"),
        );
    }
}

type Answer = (
    usize,
    usize,
    hub_proto::channels::BatchPublishNotificationsResponse,
);

fn print(context: &Context, answers: &[Answer]) -> Done {
    let out = context.out;
    out.either(
        || {
            let batches: Vec<_> = answers
                .iter()
                .map(|(first, last, answer)| {
                    let notifications: Vec<_> = answer
                        .notifications
                        .iter()
                        .map(json::notification)
                        .collect();
                    json!({
                        "first_line": first,
                        "last_line": last,
                        "notifications": notifications,
                        "receipt": json::receipt(answer.receipt.as_ref()),
                    })
                })
                .collect();
            json!({ "batches": batches })
        },
        || {
            let names: Vec<&str> = answers
                .iter()
                .flat_map(|(_, _, answer)| &answer.notifications)
                .map(|notification| notification.name.as_str())
                .collect();
            let mut text = String::new();
            for name in names {
                text.push_str(&crate::table::one_line(name));
                text.push('\n');
            }
            text
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_named_and_nothing_is_sent() {
        let good = r#"{"channel": "all-members", "title": "t", "classification": "internal"}"#;
        let unknown = format!("{good}\n\n{{\"titel\": \"t\"}}\n");
        let error = batches(&unknown).unwrap_err();
        assert!(
            error.starts_with("line 3: unknown field `titel`"),
            "{error}"
        );
        let both = r#"{"channel": "a", "to": ["b"]}"#;
        assert_eq!(
            batches(both).unwrap_err(),
            "line 1: has both channel and to"
        );
        assert!(batches("{}").unwrap_err().contains("neither"));
    }

    #[test]
    fn a_long_file_is_split_by_count_and_by_size() {
        let line = r#"{"channel": "a", "title": "t", "classification": "public"}"#;
        let many = vec![line; BATCH_ITEMS_MAX + 1].join("\n");
        let split = batches(&many).unwrap();
        assert_eq!(split.len(), 2);
        assert_eq!(
            (split[0].first_line, split[0].last_line, split[1].first_line),
            (1, 256, 257)
        );
        let body = "x".repeat(256 * 1024);
        let big = format!(r#"{{"channel": "a", "title": "t", "body": "{body}"}}"#);
        let split = batches(&vec![big; 4].join("\n")).unwrap();
        let counts: Vec<usize> = split.iter().map(|batch| batch.drafts.len()).collect();
        assert_eq!(counts, [3, 1], "three bodies of 256 KiB stay below 1 MiB");
    }
}
