//! `outbox`: what waits on this machine until the hub has recorded it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use agency_client::{
    ClientError, Lang,
    outbox::{Item, ListItems, Outbox, OutboxError, OutboxOptions, State},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Context,
    args::outbox::OutboxCommand,
    json,
    members::entry,
    names::local,
    output::{Done, Failure, Out},
    table::{Table, Tone, pairs},
};

/// Folder of the outbox within the profile's state folder.
const FOLDER: &str = "outbox";
/// How often a draining outbox is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Folder of the outbox: the one that was named, or the profile's.
pub(crate) fn folder(context: &Context, named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => Ok(Path::new(&context.profile()?.state_dir).join(FOLDER)),
    }
}

/// Opens the outbox.
pub(crate) async fn open(context: &Context, named: Option<&Path>) -> Result<Outbox, Failure> {
    // A folder that was mistyped must not pass for an empty outbox.
    if let Some(named) = named.filter(|named| !named.exists()) {
        let problem = context.out.label(
            "is not there: an outbox begins with the first item that a program enqueues",
            "不存在：程序首次入箱时才会建立发件箱",
        );
        return Err(ClientError::LocalFile {
            path: named.to_owned(),
            problem: problem.to_owned(),
        }
        .into());
    }
    let folder = folder(context, named)?;
    Ok(Outbox::open(folder, OutboxOptions::default()).await?)
}

pub(crate) async fn run(context: &Context, command: OutboxCommand) -> Done {
    let out = context.out;
    let at = |folder: &crate::args::outbox::FolderArg| folder.folder.clone();
    match command {
        OutboxCommand::List {
            folder,
            state,
            stream,
            after,
            limit,
            newest_first,
        } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            let request = ListItems {
                state,
                stream,
                after,
                limit,
                newest_first,
            };
            list(out, &outbox, request).await
        }
        OutboxCommand::Show { item, folder } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            print(out, &outbox.get(item).await?, false)
        }
        OutboxCommand::Send { folder, seconds } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            send(context, &outbox, seconds).await
        }
        OutboxCommand::Retry { item, folder } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            outbox.retry(item).await?;
            print(out, &outbox.get(item).await?, false)
        }
        OutboxCommand::Discard { item, folder } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            outbox.discard(item).await?;
            out.either(
                || json!({ "discarded": item.number() }),
                || match out.lang {
                    Lang::En => format!("item {item} discarded\n"),
                    Lang::Zh => format!("条目 {item} 已丢弃\n"),
                },
            )
        }
        OutboxCommand::Prune { folder } => {
            let outbox = open(context, at(&folder).as_deref()).await?;
            let pruned = outbox.prune().await?;
            let (items, files) = (pruned.items, pruned.files);
            out.either(
                || json!({ "items": items, "files": files }),
                || match out.lang {
                    Lang::En => format!("{items} items and {files} files taken away\n"),
                    Lang::Zh => format!("已清理 {items} 个条目、{files} 个文件\n"),
                },
            )
        }
    }
}

async fn list(out: Out, outbox: &Outbox, request: ListItems) -> Done {
    let items = outbox.list(request).await?;
    let counts = outbox.counts().await?;
    if out.json {
        let items: Vec<Value> = items.iter().map(item_value).collect();
        return out.value(&json!({
            "outbox_items": items,
            "counts": {
                "queued": counts.queued,
                "refused": counts.refused,
                "delivered": counts.delivered,
                "discarded": counts.discarded,
                "bytes": counts.bytes,
            },
        }));
    }
    let mut table = Table::new(&[
        out.label("no.", "编号"),
        out.label("state", "状态"),
        out.label("tries", "次数"),
        out.label("stream", "队列"),
        out.label("title", "标题"),
        out.label("message", "说明"),
    ])
    .elastic(&[3, 4])
    .tail();
    for item in &items {
        let message = match (&item.problem, &item.delivered) {
            (Some(problem), _) => format!("{} {}", problem.reason, problem.message),
            (None, Some(delivered)) => delivered.name.clone(),
            (None, None) => String::new(),
        };
        let cells = vec![
            item.ticket.to_string(),
            state(out, item.state).to_owned(),
            item.attempts.to_string(),
            item.stream.clone(),
            item.title.clone(),
            message,
        ];
        table.toned(cells, tone(item.state));
    }
    out.text(table.render(out.look))?;
    out.remark(
        format_args!(
            "{} wait, {} refused, {} delivered and kept",
            counts.queued, counts.refused, counts.delivered
        ),
        format_args!(
            "待发 {}，被拒 {}，已送达并保留 {}",
            counts.queued, counts.refused, counts.delivered
        ),
    );
    Ok(())
}

fn state(out: Out, state: State) -> &'static str {
    match state {
        State::Queued => out.label("queued", "待发"),
        State::Refused => out.label("refused", "被拒"),
        State::Delivered => out.label("delivered", "已送达"),
        State::Discarded => out.label("discarded", "已丢弃"),
        _ => "?",
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Refused => Tone::Bad,
        State::Discarded | State::Delivered => Tone::Faint,
        _ => Tone::Plain,
    }
}

fn item_value(item: &Item) -> Value {
    let when = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let delivered = item.delivered.as_ref();
    json!({
        "item": item.ticket.number(),
        "stream": item.stream,
        "key": item.key,
        "title": item.title,
        "method": item.method,
        "request_id": item.request_id,
        "state": item.state.as_str(),
        "is_uncertain": item.is_uncertain,
        "attempts": item.attempts,
        "enqueued_at": item.enqueued_at.to_string(),
        "last_attempt_at": when(item.last_attempt_at),
        "reason": item.problem.as_ref().map(|problem| &problem.reason),
        "message": item.problem.as_ref().map(|problem| &problem.message),
        "notification": delivered.map(|delivered| &delivered.name),
        "receipt": json::receipt(delivered.map(|delivered| &delivered.receipt)),
    })
}

/// One item.
pub(crate) fn print(out: Out, item: &Item, is_repeated: bool) -> Done {
    if out.json {
        return out.value(&json!({ "outbox_item": item_value(item), "is_repeated": is_repeated }));
    }
    let when = |at: Option<Timestamp>| at.map(local).unwrap_or_default();
    let (reason, message) = match &item.problem {
        Some(problem) => (problem.reason.clone(), problem.message.clone()),
        None => Default::default(),
    };
    let (name, receipt) = match &item.delivered {
        Some(delivered) => (delivered.name.clone(), entry(Some(&delivered.receipt))),
        None => Default::default(),
    };
    let known = if is_repeated {
        out.label("was there before, under the same key", "此前已在（同一键）")
    } else {
        ""
    };
    out.text(pairs(&[
        (out.label("item", "编号"), item.ticket.to_string()),
        (out.label("note", "备注"), known.to_owned()),
        (
            out.label("state", "状态"),
            state(out, item.state).to_owned(),
        ),
        (out.label("title", "标题"), item.title.clone()),
        (out.label("stream", "队列"), item.stream.clone()),
        (out.label("key", "键"), item.key.clone().unwrap_or_default()),
        (out.label("enqueued", "入箱时间"), local(item.enqueued_at)),
        (out.label("attempts", "尝试次数"), item.attempts.to_string()),
        (
            out.label("last attempt", "最近尝试"),
            when(item.last_attempt_at),
        ),
        (out.label("reason", "原因"), reason),
        (out.label("message", "说明"), message),
        (out.label("published", "已发布"), name),
        (out.label("ledger entry", "账本条目"), receipt),
        (out.label("request id", "请求编号"), item.request_id.clone()),
    ]))
}

/// Sends until nothing waits, the time is over, or the user interrupts.
async fn send(context: &Context, outbox: &Outbox, seconds: u64) -> Done {
    let out = context.out;
    let client = context.client()?;
    let before = outbox.counts().await?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sender = outbox.sender()?;
    let shutdown = async {
        // Dropped or sent: either way it is over.
        drop(stopped.await);
    };
    let mut sending = tokio::spawn(sender.run(client, shutdown));
    let finished = tokio::select! {
        empty = emptied(outbox) => empty?,
        () = patience(seconds) => false,
        _interrupted = tokio::signal::ctrl_c() => false,
        ended = &mut sending => {
            ended.map_err(|error| Failure::Output(std::io::Error::other(error)))??;
            false
        }
    };
    drop(stop);
    if !sending.is_finished() {
        sending
            .await
            .map_err(|error| Failure::Output(std::io::Error::other(error)))??;
    }
    let after = outbox.counts().await?;
    let sent = before.queued.saturating_sub(after.queued);
    out.either(
        || json!({ "settled": sent, "queued": after.queued, "refused": after.refused }),
        || match out.lang {
            Lang::En => format!(
                "{sent} settled, {} wait, {} refused\n",
                after.queued, after.refused
            ),
            Lang::Zh => format!(
                "已处理 {sent}，待发 {}，被拒 {}\n",
                after.queued, after.refused
            ),
        },
    )?;
    let refused = after.refused.saturating_sub(before.refused);
    if refused > 0 {
        out.remark(
            format_args!("{refused} refused now: `agency outbox list --state refused` says why"),
            format_args!("本次被拒 {refused} 条：用 agency outbox list --state refused 查看原因"),
        );
    }
    if finished {
        return if refused > 0 {
            Err(Failure::Said(1))
        } else {
            Ok(())
        };
    }
    out.remark(
        "something still waits: `agency outbox list` says why; run this again, or `agency serve`",
        "仍有待发条目：用 agency outbox list 查看原因；可再次运行，或使用 agency serve",
    );
    Err(Failure::Said(3))
}

async fn emptied(outbox: &Outbox) -> Result<bool, OutboxError> {
    while outbox.counts().await?.queued > 0 {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(true)
}

async fn patience(seconds: u64) {
    match seconds {
        0 => std::future::pending().await,
        seconds => tokio::time::sleep(Duration::from_secs(seconds)).await,
    }
}
