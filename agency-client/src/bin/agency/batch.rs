//! `notify publish --batch`: a file of notifications, in batches of one author signature each.
//!
//! Invariant: before anything is sent, every request id is in a file of the profile's state folder,
//! under the SHA-256 of the batch file. So the same file again repeats the same calls, and what was
//! recorded is not recorded twice.

mod line;
mod plan;

use std::path::Path;

use agency_client::{
    Client, ClientError, Lang,
    channels::{BATCH_ITEMS_MAX, NotificationDraft},
    outbox::Outgoing,
};
use hub_core::crypto::{hex, sha256};
use serde_json::{Value, json};

use crate::{
    Context,
    args::notify::PublishArgs,
    input_text, json, outbox,
    output::{Done, Failure, Out},
    publish::is_open,
};
use line::Item;
use plan::{Batch, Plan};

/// Size of one batch in bytes, by the length of its lines: a message is shorter than its JSON but
/// for [`ITEM_BYTES`], so that this stays below the hub's 1 MiB a message.
const BATCH_BYTES_MAX: usize = 960 * 1024;
/// What one item adds to its line: defaults, request id and framing.
const ITEM_BYTES: usize = 256;

pub(crate) async fn run(context: &Context, file: &Path, args: &PublishArgs) -> Done {
    let at_fault = |problem: String| {
        Failure::Client(ClientError::LocalFile {
            path: file.to_owned(),
            problem,
        })
    };
    let text = input_text(file)?;
    let items = line::read(&text).map_err(at_fault)?;
    if items.is_empty() {
        return Err(at_fault("has no line".into()));
    }
    let digest = hex(&sha256(&[text.as_bytes()]));
    if args.outbox {
        return enqueue(context, items, &digest, args).await;
    }
    let state_dir = context.profile()?.state_dir;
    let mut plan = Plan::open(Path::new(&state_dir), &digest, args.again, || split(&items))?;
    let out = context.out;
    if plan.is_done() {
        out.remark(
            "this file was published before; nothing was sent (--again publishes it once more)",
            "该文件此前已发布，未再发送（如需再次发布请加 --again）",
        );
    }
    let client = context.client()?;
    let sent = send(out, &client, &mut plan, items).await;
    print(out, &plan)?;
    sent
}

/// Puts every line into the outbox, once.
async fn enqueue(context: &Context, items: Vec<Item>, digest: &str, args: &PublishArgs) -> Done {
    let run = if args.again {
        agency_client::request_id()
    } else {
        String::new()
    };
    let outgoing = items
        .into_iter()
        .map(|item| {
            let key = format!("{digest}:{}{run}", item.number);
            Ok((args.stream.clone(), Outgoing::publish(item.draft)?.key(key)))
        })
        .collect::<Result<Vec<_>, ClientError>>()?;
    let outbox = outbox::open(context, None).await?;
    let enqueued = outbox.enqueue_many(outgoing).await?;
    let fresh = enqueued.iter().filter(|item| !item.is_repeated).count();
    let out = context.out;
    out.either(
        || {
            let items: Vec<Value> = enqueued
                .iter()
                .map(|item| json!({"item": item.ticket.number(), "is_repeated": item.is_repeated}))
                .collect();
            json!({ "outbox_items": items })
        },
        || {
            let (new, old) = (fresh, enqueued.len() - fresh);
            match out.lang {
                Lang::En => format!("{new} put into the outbox, {old} were there before\n"),
                Lang::Zh => format!("{new} 条已放入发件箱，{old} 条此前已在\n"),
            }
        },
    )
}

/// Batches of a file: by count, and by size.
fn split(items: &[Item]) -> Vec<Batch> {
    let mut batches: Vec<(Batch, usize)> = vec![];
    for item in items {
        let size_bytes = item.size_bytes + ITEM_BYTES;
        let fits = |(batch, bytes): &&mut (Batch, usize)| {
            batch.item_ids.len() < BATCH_ITEMS_MAX && *bytes + size_bytes <= BATCH_BYTES_MAX
        };
        let id = item.draft.id().to_owned();
        match batches.last_mut().filter(fits) {
            Some((batch, bytes)) => {
                batch.last_line = item.number;
                batch.item_ids.push(id);
                *bytes += size_bytes;
            }
            None => batches.push((
                Batch {
                    first_line: item.number,
                    last_line: item.number,
                    request_id: agency_client::request_id(),
                    item_ids: vec![id],
                    answer: None,
                },
                size_bytes,
            )),
        }
    }
    batches.into_iter().map(|(batch, _)| batch).collect()
}

async fn send(out: Out, client: &Client, plan: &mut Plan, items: Vec<Item>) -> Done {
    let mut items = items.into_iter();
    for at in 0..plan.batches().len() {
        let Some(batch) = plan.batches().get(at).cloned() else {
            break;
        };
        let taken: Vec<Item> = items.by_ref().take(batch.item_ids.len()).collect();
        if batch.answer.is_some() {
            continue;
        }
        let lines: Vec<usize> = taken.iter().map(|item| item.number).collect();
        let drafts: Vec<NotificationDraft> = taken
            .into_iter()
            .zip(&batch.item_ids)
            .map(|(item, id)| item.draft.request_id(id))
            .collect();
        let sent = client
            .channels()
            .publish_batch_as(drafts, batch.request_id.clone())
            .await;
        match sent {
            Ok(answer) => {
                let notifications = answer.response.notifications.iter();
                let notifications: Vec<Value> = notifications.map(json::notification).collect();
                let answer = json!({
                    "notifications": notifications,
                    "receipt": json::receipt(answer.response.receipt.as_ref()),
                });
                plan.answered(at, answer)?;
            }
            Err(error) => {
                tell_open(out, &batch, is_open(&error));
                return Err(by_line(out.lang, error, &lines).into());
            }
        }
    }
    Ok(())
}

/// Tells which lines of a batch file are not known to be recorded.
fn tell_open(out: Out, batch: &Batch, is_open: bool) {
    let (first, last) = (batch.first_line, batch.last_line);
    if is_open {
        out.remark(
            format_args!(
                "lines {first} to {last} may or may not be recorded, later lines were not sent: run \
                 the same command again, nothing is recorded twice"
            ),
            format_args!(
                "第 {first} 至 {last} 行是否已记录未知，其后各行未发送：请再次运行同一命令，不会重复记录"
            ),
        );
    } else {
        out.remark(
            format_args!("lines {first} to {last} and all after were not recorded"),
            format_args!("第 {first} 至 {last} 行及其后各行未记录"),
        );
    }
}

/// An error about lines of the file, where the hub speaks of items of a request.
fn by_line(lang: Lang, error: ClientError, lines: &[usize]) -> ClientError {
    let ClientError::Refused(mut refusal) = error else {
        return error;
    };
    refusal.message = of_lines(lang, &refusal.message, lines);
    for violation in &mut refusal.violations {
        violation.field = of_lines(lang, &violation.field, lines);
        violation.rule = of_lines(lang, &violation.rule, lines);
    }
    ClientError::Refused(refusal)
}

/// `requests[2].notification.title` as `line 7: title`.
fn of_lines(lang: Lang, text: &str, lines: &[usize]) -> String {
    const ITEM: &str = "requests[";
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ITEM) {
        out.push_str(before);
        let found = after.split_once(']').and_then(|(index, after)| {
            let line = lines.get(index.parse::<usize>().ok()?)?;
            Some((line, after))
        });
        let Some((line, after)) = found else {
            out.push_str(ITEM);
            rest = after;
            continue;
        };
        let after_field = after
            .strip_prefix(".notification.")
            .or(after.strip_prefix('.'));
        out.push_str(&match lang {
            Lang::En => format!("line {line}"),
            Lang::Zh => format!("第 {line} 行"),
        });
        if after_field.is_some() {
            out.push_str(lang.pick(": ", "："));
        }
        rest = after_field.unwrap_or(after);
    }
    out.push_str(rest);
    out
}

fn print(out: Out, plan: &Plan) -> Done {
    out.either(
        || {
            let batches: Vec<Value> = plan
                .batches()
                .iter()
                .filter_map(|batch| {
                    let answer = batch.answer.as_ref()?;
                    Some(json!({
                        "first_line": batch.first_line,
                        "last_line": batch.last_line,
                        "notifications": answer.get("notifications"),
                        "receipt": answer.get("receipt"),
                    }))
                })
                .collect();
            json!({ "batches": batches })
        },
        || {
            let answers = plan
                .batches()
                .iter()
                .filter_map(|batch| batch.answer.as_ref());
            let notifications = answers
                .filter_map(|answer| answer.get("notifications")?.as_array())
                .flatten();
            let names = notifications.filter_map(|notification| notification.get("name")?.as_str());
            names
                .map(|name| crate::table::one_line(name) + "\n")
                .collect()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_split_by_count_and_by_size() {
        let line = r#"{"channel": "a", "title": "t", "classification": "public"}"#;
        let many = vec![line; BATCH_ITEMS_MAX + 1].join("\n");
        let batches = split(&line::read(&many).unwrap());
        assert_eq!(batches.len(), 2);
        assert_eq!(
            (
                batches[0].first_line,
                batches[0].last_line,
                batches[1].first_line
            ),
            (1, 256, 257)
        );
        let body = "x".repeat(256 * 1024);
        let big = format!(r#"{{"channel": "a", "title": "t", "body": "{body}"}}"#);
        let batches = split(&line::read(&vec![big; 4].join("\n")).unwrap());
        let counts: Vec<usize> = batches.iter().map(|batch| batch.item_ids.len()).collect();
        assert_eq!(counts, [3, 1], "three bodies of 256 KiB stay below 1 MiB");
    }

    #[test]
    fn errors_speak_of_lines() {
        let lines = [4, 9];
        for (text, en) in [
            (
                "requests[1].notification.title: must be one line",
                "line 9: title: must be one line",
            ),
            (
                "requests[0].request_id is used",
                "line 4: request_id is used",
            ),
            (
                "requests[0] and requests[1] are equal",
                "line 4 and line 9 are equal",
            ),
            ("requests[7].x", "requests[7].x"),
            ("requests: at most 256", "requests: at most 256"),
            ("requests[", "requests["),
        ] {
            assert_eq!(of_lines(Lang::En, text, &lines), en);
        }
        assert_eq!(
            of_lines(Lang::Zh, "requests[1].request_id", &lines),
            "第 9 行：request_id"
        );
    }
}
