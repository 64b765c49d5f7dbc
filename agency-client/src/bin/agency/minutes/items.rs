//! Agreed items: who reports what, by when, and what became of it (JE-080).

use std::fmt::Write as _;

use agency_client::outbox::Outgoing;
use hub_core::date::to_wire;
use hub_proto::{
    common::{Date, Receipt},
    meetings::{
        AgreedItem, AgreedItemState, CloseAgreedItemRequest, DecideExtensionRequest,
        ListAgreedItemsRequest, ProgressReport, ReportProgressRequest, RequestExtensionRequest,
        TaskState,
    },
};
use serde_json::{Value, json};

use crate::{
    Context,
    args::minutes::{DecideArgs, ItemsArgs, MinutesCommand, ReportArgs},
    attach,
    correct::tell_id,
    json::{self, date, meetings as form},
    meeting::{act_rows, enqueue, more, text_of},
    names::{Names, minute, time},
    output::{Done, Failure, Out},
    people::{Units, meeting_name, within},
    table::{Table, Tone, many_lines, one_line, pairs},
    words,
};

pub(super) async fn run(context: &Context, command: MinutesCommand) -> Done {
    match command {
        MinutesCommand::Items(args) => list(context, args).await,
        MinutesCommand::Item(item) => show(context, &item.name).await,
        MinutesCommand::Report(args) => report(context, args).await,
        MinutesCommand::Extend {
            item,
            until,
            reason,
            once,
        } => {
            let id = once.id();
            let request = RequestExtensionRequest {
                name: within("agreedItems", &item.name)?,
                due_on: Some(to_wire(until)),
                reason,
                request_id: id.clone(),
            };
            let answer = context.client()?.minutes().request_extension(request).await;
            let answer = tell_id(context, &id, answer)?.response;
            print(context, answer.agreed_item, answer.receipt.as_ref(), &id)
        }
        MinutesCommand::Grant(args) => decide(context, args, true, String::new()).await,
        MinutesCommand::Refuse { which, reason } => decide(context, which, false, reason).await,
        MinutesCommand::CloseItem { item, note, once } => {
            let id = once.id();
            let request = CloseAgreedItemRequest {
                name: within("agreedItems", &item.name)?,
                note,
                request_id: id.clone(),
            };
            let answer = context.client()?.minutes().close_agreed_item(request).await;
            let answer = tell_id(context, &id, answer)?.response;
            print(context, answer.agreed_item, answer.receipt.as_ref(), &id)
        }
        // The others are not about items.
        _ => Ok(()),
    }
}

async fn report(context: &Context, args: ReportArgs) -> Done {
    let id = args.once.id();
    let mut request = ReportProgressRequest {
        name: within("agreedItems", &args.item.name)?,
        report: Some(ProgressReport {
            state: TaskState::from(args.state).into(),
            text: text_of(args.text)?,
            ..ProgressReport::default()
        }),
        request_id: id.clone(),
    };
    if args.outbox {
        return enqueue(context, Outgoing::report_progress(&request)?).await;
    }
    let client = context.client()?;
    let evidence = attach::upload(context.out, &client, &args.attach).await?;
    if let Some(report) = &mut request.report {
        report.evidence = evidence;
    }
    let answer = client.minutes().report_progress(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.agreed_item, answer.receipt.as_ref(), &id)
}

async fn decide(context: &Context, args: DecideArgs, is_granted: bool, reason: String) -> Done {
    let client = context.client()?;
    let id = args.once.id();
    let name = within("agreedItems", &args.item.name)?;
    let unit = Units::fetch(&client).await?.named(&args.unit)?;
    let due_on = match args.until {
        Some(day) => to_wire(day),
        None => pending(&client.minutes().agreed_item(&name).await?, &unit)?,
    };
    let request = DecideExtensionRequest {
        name,
        unit,
        is_granted,
        due_on: Some(due_on),
        reason,
        request_id: id.clone(),
    };
    let answer = client.minutes().decide_extension(request).await;
    let answer = tell_id(context, &id, answer)?.response;
    print(context, answer.agreed_item, answer.receipt.as_ref(), &id)
}

/// The day that a unit has asked for.
fn pending(item: &AgreedItem, unit: &str) -> Result<Date, Failure> {
    let task = item.tasks.iter().find(|task| task.unit == unit);
    task.and_then(|task| task.requested_due_on).ok_or_else(|| {
        Failure::usage(
            format!("{unit} has asked for no other day on {}", item.name),
            format!("{unit} 未对 {} 申请延期", item.name),
        )
    })
}

async fn list(context: &Context, args: ItemsArgs) -> Done {
    let client = context.client()?;
    let unit = match &args.unit {
        Some(unit) => Units::fetch(&client).await?.named(unit)?,
        None => String::new(),
    };
    let mut request = ListAgreedItemsRequest {
        parent: args
            .meeting
            .map_or_else(|| "meetings/-".to_owned(), |meeting| meeting_name(&meeting)),
        unit,
        overdue_only: args.overdue,
        open_only: args.open,
        page_size: args.page.page_size,
        page_token: args.page.page_token,
    };
    let mut items = vec![];
    loop {
        let page = client.minutes().agreed_items(&request).await?;
        items.extend(page.agreed_items);
        request.page_token = page.next_page_token;
        if !args.page.all || request.page_token.is_empty() {
            break;
        }
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = items.iter().map(form::item).collect();
        return out.value(&json!({
            "agreed_items": values,
            "next_page_token": request.page_token,
        }));
    }
    if items.is_empty() {
        out.remark("no agreed items", "没有议定事项");
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &items, &names))?;
    more(out, &request.page_token);
    Ok(())
}

/// A row for every unit's part.
fn table(out: Out, items: &[AgreedItem], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("due", "期限"),
        "",
        out.label("unit", "责任单位"),
        out.label("state", "进展"),
        out.label("agreed item", "议定事项"),
        out.label("name", "名称"),
    ])
    .elastic(&[2, 4])
    .tail();
    for item in items {
        for task in &item.tasks {
            let is_open = item.state() == AgreedItemState::Open;
            let (late, tone) = match (is_open, task.is_overdue) {
                (true, true) => (out.label("OVERDUE", "已逾期"), Tone::Bad),
                (true, false) => ("", Tone::Plain),
                (false, _) => ("", Tone::Faint),
            };
            let state = if is_open {
                words::task(out, task.state())
            } else {
                words::item(out, item.state())
            };
            let cells = vec![
                date(task.due_on.as_ref()).unwrap_or_default(),
                late.to_owned(),
                names.show(&task.unit),
                state.to_owned(),
                item.text.clone(),
                item.name.clone(),
            ];
            table.toned(cells, tone);
        }
    }
    table.render(out.look)
}

async fn show(context: &Context, item: &str) -> Done {
    let client = context.client()?;
    let name = within("agreedItems", item)?;
    let mut item = client.minutes().agreed_item(&name).await?;
    for task in &mut item.tasks {
        task.reports = client.minutes().progress_reports(&name, &task.unit).await?;
    }
    let out = context.out;
    if out.json {
        return out.value(&json!({ "agreed_item": form::item(&item) }));
    }
    let names = Names::fetch(&client).await;
    out.text(text(out, &item, &names))
}

fn rows(out: Out, item: &AgreedItem, names: &Names) -> Vec<(&'static str, String)> {
    let assisting: Vec<String> = item
        .assisting_units
        .iter()
        .map(|unit| names.show(unit))
        .collect();
    let period = match (
        date(item.period_from_on.as_ref()),
        date(item.period_until_on.as_ref()),
    ) {
        (Some(from), Some(until)) => format!("{from} – {until}"),
        _ => String::new(),
    };
    vec![
        (out.label("agreed item", "议定事项"), item.name.clone()),
        (out.label("text", "内容"), item.text.clone()),
        (
            out.label("kind", "类型"),
            words::item_kind(out, item.kind()).to_owned(),
        ),
        (out.label("period", "期间"), period),
        (
            out.label("lead", "牵头单位"),
            Some(&item.lead_unit)
                .filter(|unit| !unit.is_empty())
                .map(|unit| names.show(unit))
                .unwrap_or_default(),
        ),
        (out.label("assigned by", "交办"), item.assigner.clone()),
        (out.label("assisting", "协助单位"), assisting.join(", ")),
        (
            out.label("due", "期限"),
            date(item.due_on.as_ref()).unwrap_or_default(),
        ),
        (
            out.label("state", "状态"),
            words::item(out, item.state()).to_owned(),
        ),
        (
            out.label("closed", "办结时间"),
            time(item.closed_at.as_ref()),
        ),
        (out.label("outcome", "办结说明"), item.close_note.clone()),
        (out.label("from", "出自"), item.minutes.clone()),
    ]
}

fn text(out: Out, item: &AgreedItem, names: &Names) -> String {
    let mut text = pairs(&rows(out, item, names));
    for task in &item.tasks {
        let late = if task.is_overdue {
            out.label(" · OVERDUE", " · 已逾期")
        } else {
            ""
        };
        let due = date(task.due_on.as_ref()).unwrap_or_default();
        let head = format!(
            "{} · {} · {due}{late}",
            names.show(&task.unit),
            words::task(out, task.state())
        );
        // Writing to a String cannot fail, here and below.
        let _infallible = writeln!(text, "\n{}", one_line(head.trim_end_matches([' ', '·'])));
        if let Some(asked) = date(task.requested_due_on.as_ref()) {
            let label = out.label("asks for", "申请延期至");
            let asked = one_line(&format!("{label} {asked}: {}", task.extension_reason));
            let _infallible = writeln!(text, "  {asked}");
        }
        for report in &task.reports {
            let head = format!(
                "{} · {} · {}",
                minute(report.reported_at.as_ref()),
                words::task(out, report.state()),
                report.officer
            );
            let _infallible = writeln!(
                text,
                "  {}\n  {}",
                one_line(&head),
                many_lines(&report.text)
            );
            for file in &report.evidence {
                let _infallible = writeln!(text, "  · {}", one_line(&file.file_name));
            }
        }
    }
    text
}

/// What an act on an agreed item ends with.
fn print(context: &Context, item: Option<AgreedItem>, receipt: Option<&Receipt>, id: &str) -> Done {
    let item = item.unwrap_or_default();
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "agreed_item": form::item(&item),
            "receipt": json::receipt(receipt),
        }));
    }
    let mut text = text(out, &item, &Names::default());
    text.push('\n');
    text.push_str(&pairs(&act_rows(out, receipt, id)));
    out.text(text)
}

#[cfg(test)]
mod tests {
    use hub_proto::meetings::UnitTask;

    use super::*;

    #[test]
    fn the_pending_day_of_the_right_unit_is_decided() {
        let day = "2027-03-31".parse().unwrap();
        let task = |unit: &str, asked: Option<Date>| UnitTask {
            unit: unit.into(),
            requested_due_on: asked,
            ..UnitTask::default()
        };
        let item = AgreedItem {
            tasks: vec![
                task("agencies/tax", None),
                task("agencies/finance", Some(to_wire(day))),
            ],
            ..AgreedItem::default()
        };
        assert_eq!(pending(&item, "agencies/finance").unwrap(), to_wire(day));
        assert!(pending(&item, "agencies/tax").is_err());
        assert!(pending(&item, "agencies/health").is_err());
    }
}
