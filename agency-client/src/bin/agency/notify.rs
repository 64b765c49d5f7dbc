//! `notify list | show | sign | receipts | due` and `channels`.

use agency_client::{Client, ClientError};
use hub_core::reason::Reason;
use hub_proto::channels::{
    DeliveryReceipt, ListNotificationsRequest, ListOutstandingActionsRequest, Notification,
    NotificationKind, NotificationState, OutstandingAction, Promptness, RequestedAction,
};
use serde_json::{Value, json};

use crate::{
    Context,
    args::notify::{DueArgs, ListArgs, NotifyCommand},
    correct, json,
    members::entry,
    names::{Names, log_name, minute, time},
    output::{Done, Out},
    publish,
    table::{Table, Tone, many_lines, pairs},
};

pub(crate) async fn run(context: &Context, command: NotifyCommand) -> Done {
    match command {
        NotifyCommand::Publish(args) => publish::run(context, *args).await,
        NotifyCommand::Correct(args) => correct::correct(context, *args).await,
        NotifyCommand::Retract(args) => correct::retract(context, args).await,
        NotifyCommand::Due(args) => due(context, args).await,
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
            table.render(out.look)
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
    out.text(notification_table(out, &notifications, &names))?;
    if !request.page_token.is_empty() {
        out.remark(
            format_args!("more: --page-token {} or --all", request.page_token),
            format_args!("还有更多：--page-token {} 或 --all", request.page_token),
        );
    }
    Ok(())
}

/// Notifications under each other.
pub(crate) fn notification_table(
    out: Out,
    notifications: &[Notification],
    names: &Names,
) -> String {
    let mut table = Table::new(&[
        out.label("published", "发布时间"),
        out.label("from", "发自"),
        out.label("title", "标题"),
        out.label("state", "状态"),
        out.label("category", "类别"),
        out.label("name", "名称"),
    ])
    .elastic(&[1, 2, 4])
    .tail();
    for notification in notifications {
        let row = vec![
            minute(notification.published_at.as_ref()),
            names.show(&notification.author),
            notification.title.clone(),
            state(out, notification),
            notification.category.clone(),
            notification.name.clone(),
        ];
        table.toned(row, tone(notification));
    }
    table.render(out.look)
}

/// Whether a notification still stands, and what it is to another.
fn state(out: Out, n: &Notification) -> String {
    let kind = match n.kind() {
        NotificationKind::Correction => out.label("correction", "更正"),
        NotificationKind::Retraction => out.label("retraction", "撤回"),
        NotificationKind::Reminder => out.label("reminder", "提醒"),
        NotificationKind::Original | NotificationKind::Unspecified => "",
    };
    let state = match (n.is_sealed, n.state()) {
        (true, _) => out.label("sealed", "已归档封存"),
        (_, NotificationState::Corrected) => out.label("corrected", "已更正"),
        (_, NotificationState::Retracted) => out.label("retracted", "已撤回"),
        (_, NotificationState::Current) => out.label("current", "现行"),
        (_, NotificationState::Unspecified) => "",
    };
    // That a correction stands goes without saying.
    let stands = !n.is_sealed && n.state() == NotificationState::Current;
    match (kind, state) {
        ("", state) => state.to_owned(),
        (kind, _) if stands => kind.to_owned(),
        (kind, state) => format!("{kind} {state}"),
    }
}

fn tone(n: &Notification) -> Tone {
    match (n.is_sealed, n.state()) {
        (true, _) => Tone::Faint,
        (_, NotificationState::Corrected) => Tone::Warn,
        (_, NotificationState::Retracted) => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// What is asked, for people.
fn action(out: Out, action: RequestedAction) -> &'static str {
    match action {
        RequestedAction::Unspecified => "",
        RequestedAction::SignFor => out.label("sign for", "签收"),
        RequestedAction::Reply => out.label("reply", "答复"),
        RequestedAction::Acknowledge => out.label("acknowledge", "确认更正"),
        RequestedAction::AnswerNotice => out.label("answer the notice", "回复会议通知"),
        RequestedAction::Consent => out.label("consent to minutes", "会签纪要"),
        RequestedAction::CarryOut => out.label("carry out", "落实议定事项"),
        RequestedAction::CoSign => out.label("co-sign", "会签上报"),
        RequestedAction::HandleAlert => out.label("handle alert", "处理预警"),
        RequestedAction::CarryOutMeasure => out.label("carry out measure", "落实措施"),
        RequestedAction::AnswerReferral => out.label("answer referral", "答复移送"),
        RequestedAction::AnswerRequest => out.label("answer request", "办理申请"),
    }
}

/// Full name of a list of what is outstanding.
fn due_parent(of: &str, agency: &str) -> String {
    match of {
        "mine" => format!("agencies/{agency}"),
        other => log_name(other, agency),
    }
}

async fn due(context: &Context, args: DueArgs) -> Done {
    let client = context.client()?;
    let mut request = ListOutstandingActionsRequest {
        parent: due_parent(&args.of, &client.profile().agency),
        overdue_only: args.overdue,
        ..ListOutstandingActionsRequest::default()
    };
    let mut actions = vec![];
    loop {
        let page = client.channels().outstanding(&request).await;
        let page = page.inspect_err(|error| hint_whose(context.out, &request.parent, error))?;
        actions.extend(page.outstanding_actions);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = actions.iter().map(json::outstanding).collect();
        return out.value(&json!({ "outstanding_actions": values }));
    }
    if actions.is_empty() {
        out.remark("nothing is outstanding", "没有待办事项");
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(due_table(out, &actions, &names))
}

/// Says whose a channel's list is, when it was asked for by somebody else.
fn hint_whose(out: Out, parent: &str, error: &ClientError) {
    if parent.starts_with("channels/") && error.reason() == Some(Reason::NotFound) {
        out.remark(
            "the list of a channel is for the office of its mechanism: add --role office there; what \
             is owed on this agency's own notifications is in `--of sent`",
            "频道的待办清单仅供该机制的办公室查看：请由办公室加 --role office；本单位所发通知的待办见 --of sent",
        );
    }
}

fn due_table(out: Out, actions: &[OutstandingAction], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("due", "期限"),
        out.label("", ""),
        out.label("asked", "事项"),
        out.label("of", "责任单位"),
        out.label("title", "标题"),
        out.label("name", "名称"),
    ])
    .elastic(&[3, 4])
    .tail();
    for row in actions {
        let (late, tone) = if row.is_overdue {
            (out.label("OVERDUE", "已逾期"), Tone::Bad)
        } else {
            ("", Tone::Plain)
        };
        let cells = vec![
            minute(row.due_at.as_ref()),
            late.to_owned(),
            action(out, row.action()).to_owned(),
            names.show(&row.recipient),
            row.title.clone(),
            row.notification.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

async fn show(context: &Context, name: &str, open: bool, recipient: Option<&str>) -> Done {
    let client = context.client()?;
    let out = context.out;
    if open {
        let opened = client.channels().open(name, recipient).await;
        let answer = hint_office(out, recipient, opened)?.response;
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
            "promptness": answer.promptness.as_ref().map(json::promptness),
        }));
    }
    tell_promptness(out, answer.promptness.as_ref());
    print(out, &client, &notification, &entry(answer.receipt.as_ref())).await
}

/// How long it took to tell of what came about, and whether the province's own limit was passed.
fn tell_promptness(out: Out, promptness: Option<&Promptness>) {
    let Some(told) = promptness else { return };
    let days = told.elapsed_working_days;
    out.remark(
        format_args!("told after {days} working days"),
        format_args!("事发后{days}个工作日报送"),
    );
    if told.is_late {
        let limit = told.warn_after_working_days;
        out.remark(
            format_args!(
                "warning: this province's own limit is {limit} working days; it is no law (JE-082)"
            ),
            format_args!("提醒：本省自行设定的提示期限为{limit}个工作日，并非法定期限（JE-082）"),
        );
    }
}

fn attachments(n: &Notification) -> String {
    let files = n.attachments.iter();
    let files: Vec<String> = files
        .map(|file| format!("{} ({} B)", file.file_name, file.size_bytes))
        .collect();
    files.join(", ")
}

/// What a notification says besides its text.
fn fields(out: Out, n: &Notification, names: &Names, entry: &str) -> String {
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
    let mut rows = standing(out, n);
    rows.extend([
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
        (
            out.label("reply by", "答复期限"),
            time(n.reply_by_at.as_ref()),
        ),
        (out.label("attachments", "附件"), attachments(n)),
        (out.label("ledger entry", "账本条目"), entry.to_owned()),
    ]);
    pairs(&rows)
}

/// Which notification it is, and whether it stands.
fn standing(out: Out, n: &Notification) -> Vec<(&'static str, String)> {
    vec![
        (out.label("name", "名称"), n.name.clone()),
        (out.label("title", "标题"), n.title.clone()),
        (
            out.label("document number", "文号"),
            n.document_number.clone(),
        ),
        (out.label("state", "状态"), state(out, n)),
        (out.label("reason", "原因"), n.reason.clone()),
        (out.label("concerns", "所涉通知"), n.about.clone()),
        (
            out.label("replaced by", "取代它的通知"),
            n.superseded_by.clone(),
        ),
        (out.label("category", "类别"), n.category.clone()),
    ]
}

async fn print(out: Out, client: &Client, n: &Notification, entry: &str) -> Done {
    let names = Names::fetch(client).await;
    let mut text = fields(out, n, &names, entry);
    text.push('\n');
    if n.is_sealed {
        text.push_str(out.label(
            "[the text was erased when its time was over; the ledger proves that there was one]\n",
            "[保存期满，内容已封存；账本可证明其存在]\n",
        ));
        return out.text(text);
    }
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

/// Says how to act for an office when acting for the agency was refused.
fn hint_office<T>(
    out: Out,
    recipient: Option<&str>,
    answer: Result<T, ClientError>,
) -> Result<T, ClientError> {
    let refused = |error: &ClientError| {
        matches!(
            error.reason(),
            Some(Reason::NotFound | Reason::PermissionDenied | Reason::InvalidArgument)
        )
    };
    answer.inspect_err(|error| {
        if recipient.is_none() && refused(error) {
            out.remark(
                "if it was addressed to an office that this agency hosts, add \
                 --as mechanisms/M/office and a role of that office (--role office)",
                "若发给本单位承办的办公室，请加 --as mechanisms/M/office 及该办公室的角色（--role office）",
            );
        }
    })
}

async fn sign(context: &Context, name: &str, recipient: Option<&str>) -> Done {
    let client = context.client()?;
    let out = context.out;
    let signed = client.channels().sign_for(name, recipient).await;
    let answer = hint_office(out, recipient, signed)?.response;
    let row = answer.delivery_receipt.unwrap_or_default();
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
    out.text(receipt_table(out, &rows, &names))
}

fn receipt_table(out: Out, rows: &[DeliveryReceipt], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("recipient", "接收单位"),
        out.label("delivered", "送达"),
        out.label("opened", "打开"),
        out.label("signed for", "签收"),
        out.label("replied", "答复"),
        out.label("still owes", "待办"),
    ])
    .elastic(&[0, 1, 2, 3, 4]);
    for row in rows {
        let is_late = row.outstanding_actions.iter().any(|owed| owed.is_overdue);
        let tone = if is_late { Tone::Bad } else { Tone::Plain };
        table.toned(receipt_row(out, row, names), tone);
    }
    table.render(out.look)
}

fn receipt_row(out: Out, row: &DeliveryReceipt, names: &Names) -> Vec<String> {
    let with = |at: String, by: &str| match (at.is_empty(), by) {
        (true, _) => "-".to_owned(),
        (false, "") => at,
        (false, by) => format!("{at} {by}"),
    };
    let owed: Vec<String> = row
        .outstanding_actions
        .iter()
        .map(|owed| {
            let late = if owed.is_overdue {
                out.label(" (OVERDUE)", "（已逾期）")
            } else {
                ""
            };
            format!("{}{late}", action(out, owed.action()))
        })
        .collect();
    vec![
        names.show(&row.recipient),
        with(minute(row.delivered_at.as_ref()), &row.delivered_to),
        with(minute(row.opened_at.as_ref()), &row.opened_by),
        with(minute(row.signed_for_at.as_ref()), &row.signed_for_by),
        with(minute(row.replied_at.as_ref()), &row.replied_by),
        owed.join(out.label(", ", "、")),
    ]
}
