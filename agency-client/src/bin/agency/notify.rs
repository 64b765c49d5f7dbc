//! `notify list | show | sign | receipts` and `channels`.

use agency_client::Client;
use hub_proto::channels::{DeliveryReceipt, ListNotificationsRequest, Notification};
use serde_json::{Value, json};

use crate::{
    Context,
    args::{ListArgs, NotifyCommand},
    json,
    members::entry,
    names::{Names, log_name, time},
    output::{Done, Out},
    publish,
    table::{Table, clip, many_lines, pairs},
};

/// Widest title in a list, in columns.
const TITLE_WIDTH_MAX: usize = 48;

pub(crate) async fn run(context: &Context, command: NotifyCommand) -> Done {
    match command {
        NotifyCommand::Publish(args) => publish::run(context, *args).await,
        NotifyCommand::List(args) => list(context, args).await,
        NotifyCommand::Show {
            name,
            open,
            recipient,
        } => show(context, &name, open, recipient.as_deref()).await,
        NotifyCommand::Sign { name, recipient } => sign(context, &name, recipient.as_deref()).await,
        NotifyCommand::Receipts { name } => receipts(context, &name).await,
    }
}

pub(crate) async fn channels(context: &Context) -> Done {
    let client = context.client()?;
    let channels = client.channels().list_channels().await?;
    let out = context.out;
    out.either(
        || json!({ "channels": channels.iter().map(json::channel).collect::<Vec<_>>() }),
        || {
            let mut table = Table::new(&[
                out.label("channel", "频道"),
                out.label("name", "名称"),
                out.label("publish", "可发布"),
                out.label("newest", "最新位置"),
            ]);
            for channel in &channels {
                let publishable = if channel.is_publishable {
                    out.label("yes", "是")
                } else {
                    out.label("no", "否")
                };
                table.row(vec![
                    channel.name.trim_start_matches("channels/").to_owned(),
                    channel.display_name.clone(),
                    publishable.to_owned(),
                    channel.head_position.to_string(),
                ]);
            }
            table.render()
        },
    )
}

async fn list(context: &Context, args: ListArgs) -> Done {
    let client = context.client()?;
    let mut request = ListNotificationsRequest {
        parent: log_name(&args.log, &client.profile().agency),
        page_size: args.page_size,
        page_token: args.page_token,
        newest_first: args.newest_first,
        omit_bodies: true,
    };
    let mut notifications = vec![];
    loop {
        let page = client.channels().list_notifications(&request).await?;
        notifications.extend(page.notifications);
        request.page_token = page.next_page_token;
        if !args.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = notifications.iter().map(json::notification).collect();
        return out.value(&json!({
            "notifications": values,
            "next_page_token": request.page_token,
        }));
    }
    let names = Names::fetch(&client).await;
    let mut table = Table::new(&[
        out.label("published", "发布时间"),
        out.label("from", "发自"),
        out.label("title", "标题"),
        out.label("category", "类别"),
        out.label("name", "名称"),
    ]);
    for notification in &notifications {
        table.row(vec![
            time(notification.published_at.as_ref()),
            names.show(&notification.author),
            clip(&notification.title, TITLE_WIDTH_MAX),
            notification.category.clone(),
            notification.name.clone(),
        ]);
    }
    out.text(table.render())?;
    if !request.page_token.is_empty() {
        out.remark(
            format_args!("more: --page-token {} or --all", request.page_token),
            format_args!("还有更多：--page-token {} 或 --all", request.page_token),
        );
    }
    Ok(())
}

async fn show(context: &Context, name: &str, open: bool, recipient: Option<&str>) -> Done {
    let client = context.client()?;
    let out = context.out;
    if open {
        let answer = client.channels().open(name, recipient).await?.response;
        let notification = answer.notification.unwrap_or_default();
        if out.json {
            return out.value(&json!({
                "notification": json::notification(&notification),
                "delivery_receipt": answer.delivery_receipt.as_ref().map(json::delivery_receipt),
                "receipt": json::receipt(answer.receipt.as_ref()),
            }));
        }
        return print(out, &client, &notification, &entry(answer.receipt.as_ref())).await;
    }
    let answer = client.channels().notification(name).await?;
    let notification = answer.notification.unwrap_or_default();
    if out.json {
        return out.value(&json!({
            "notification": json::notification(&notification),
            "receipt": json::receipt(answer.receipt.as_ref()),
        }));
    }
    print(out, &client, &notification, &entry(answer.receipt.as_ref())).await
}

async fn print(out: Out, client: &Client, n: &Notification, entry: &str) -> Done {
    let names = Names::fetch(client).await;
    let to: Vec<String> = n.addressees.iter().map(|to| names.show(to)).collect();
    let subjects: Vec<String> = n
        .subjects
        .iter()
        .map(|subject| format!("{} {}", subject.uscc, subject.display_name))
        .collect();
    let author = format!(
        "{} · {} ({})",
        names.show(&n.author),
        n.author_officer,
        n.author_role
    );
    let mut text = pairs(&[
        (out.label("name", "名称"), n.name.clone()),
        (out.label("title", "标题"), n.title.clone()),
        (
            out.label("document number", "文号"),
            n.document_number.clone(),
        ),
        (out.label("category", "类别"), n.category.clone()),
        (out.label("from", "发自"), author),
        (out.label("channel", "频道"), n.channel.clone()),
        (out.label("to", "发往"), to.join(", ")),
        (
            out.label("published", "发布时间"),
            time(n.published_at.as_ref()),
        ),
        (
            out.label("sign by", "签收期限"),
            time(n.sign_by_at.as_ref()),
        ),
        (
            out.label("occurred on", "发生日期"),
            json::date(n.occurred_on.as_ref()).unwrap_or_default(),
        ),
        (out.label("about", "涉及组织"), subjects.join(", ")),
        (
            out.label("classification", "密级标识"),
            json::classification(n).to_owned(),
        ),
        (
            out.label("legal basis", "法律依据"),
            n.legal_bases.join("; "),
        ),
        (out.label("remedy", "救济途径"), n.remedy.clone()),
        (out.label("in reply to", "答复"), n.in_reply_to.clone()),
        (out.label("ledger entry", "账本条目"), entry.to_owned()),
    ]);
    text.push('\n');
    match json::body_text(n) {
        Some(body) => {
            text.push_str(&many_lines(body));
            if !body.ends_with('\n') {
                text.push('\n');
            }
        }
        None => text.push_str(&format!(
            "[{} {}, {}]\n",
            n.body.len(),
            out.label("bytes", "字节"),
            crate::table::one_line(&n.media_type)
        )),
    }
    out.text(text)
}

async fn sign(context: &Context, name: &str, recipient: Option<&str>) -> Done {
    let client = context.client()?;
    let answer = client.channels().sign_for(name, recipient).await?.response;
    let row = answer.delivery_receipt.unwrap_or_default();
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "delivery_receipt": json::delivery_receipt(&row),
            "receipt": json::receipt(answer.receipt.as_ref()),
        }));
    }
    let names = Names::fetch(&client).await;
    out.text(pairs(&[
        (
            out.label("signed for by", "签收单位"),
            names.show(&row.recipient),
        ),
        (out.label("officer", "签收人"), row.signed_for_by),
        (
            out.label("at", "签收时间"),
            time(row.signed_for_at.as_ref()),
        ),
        (
            out.label("ledger entry", "账本条目"),
            entry(answer.receipt.as_ref()),
        ),
    ]))
}

async fn receipts(context: &Context, name: &str) -> Done {
    let client = context.client()?;
    let rows = client.channels().delivery_receipts(name).await?;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = rows.iter().map(json::delivery_receipt).collect();
        return out.value(&json!({ "delivery_receipts": values }));
    }
    let names = Names::fetch(&client).await;
    let mut table = Table::new(&[
        out.label("recipient", "接收单位"),
        out.label("delivered", "送达"),
        out.label("opened", "打开"),
        out.label("signed for", "签收"),
        out.label("by", "签收人"),
    ]);
    for row in &rows {
        table.row(receipt_row(row, &names));
    }
    out.text(table.render())
}

fn receipt_row(row: &DeliveryReceipt, names: &Names) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".into() } else { text };
    vec![
        names.show(&row.recipient),
        or_dash(time(row.delivered_at.as_ref())),
        or_dash(time(row.opened_at.as_ref())),
        or_dash(time(row.signed_for_at.as_ref())),
        or_dash(row.signed_for_by.clone()),
    ]
}
