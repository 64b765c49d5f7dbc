//! `audit`: who read which restricted record.

use agency_client::Client;
use hub_proto::audit::{Access, ListAccessesRequest, RecordKind};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Context,
    args::audit::{AuditCommand, AuditListArgs, RecordKindArg},
    json,
    names::{Names, minute, resource},
    output::{Done, Failure, Out},
    search::{bad_day, begin},
    table::Table,
};

pub(crate) async fn run(context: &Context, command: AuditCommand) -> Done {
    match command {
        AuditCommand::List(args) => list(context, args).await,
    }
}

async fn list(context: &Context, args: AuditListArgs) -> Done {
    let client = context.client()?;
    let limit = args.limit;
    let mut accesses = client.audit().all_accesses(request(&client, args)?);
    let mut found = vec![];
    let mut has_more = false;
    while let Some(access) = accesses.next().await? {
        if found.len() == limit {
            has_more = true;
            break;
        }
        found.push(access);
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = found.iter().map(access).collect();
        return out.value(&json!({ "accesses": values, "has_more": has_more }));
    }
    if found.is_empty() {
        out.remark(
            "no read that may be listed was found",
            "未找到可列出的查阅记录",
        );
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(table(out, &found, &names))?;
    if has_more {
        out.remark(
            format_args!("more than {limit}: narrow the list, or raise --limit"),
            format_args!("超过 {limit} 条：请缩小范围或调高 --limit"),
        );
    }
    Ok(())
}

fn request(client: &Client, args: AuditListArgs) -> Result<ListAccessesRequest, Failure> {
    let at = |at: Timestamp| prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    };
    let read_from = args.since.map(begin).transpose()?.map(at);
    let next = |on: jiff::civil::Date| {
        let next = on.tomorrow().map_err(|error| bad_day(on, &error))?;
        begin(next)
    };
    let read_before = args.until.map(next).transpose()?.map(at);
    let parent = match (args.all, args.own) {
        (true, _) => "agencies/-".into(),
        (_, true) => format!("agencies/{}", client.profile().agency),
        _ => String::new(),
    };
    Ok(ListAccessesRequest {
        parent,
        record: args.record.unwrap_or_default(),
        kind: args.kind.map_or(RecordKind::Unspecified, kind).into(),
        reader: args
            .reader
            .map(|reader| resource("agencies", &reader))
            .unwrap_or_default(),
        officer: args.by.unwrap_or_default(),
        read_from,
        read_before,
        oldest_first: args.oldest_first,
        ..ListAccessesRequest::default()
    })
}

fn kind(arg: RecordKindArg) -> RecordKind {
    match arg {
        RecordKindArg::Notification => RecordKind::Notification,
        RecordKindArg::Alert => RecordKind::Alert,
        RecordKindArg::Referral => RecordKind::Referral,
        RecordKindArg::InformationRequest => RecordKind::InformationRequest,
        RecordKindArg::AccountInformationRequest => RecordKind::AccountInformationRequest,
    }
}

/// One line a record: who has read how much is seen at a glance, and names are whole.
fn table(out: Out, accesses: &[Access], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("read", "查阅时间"),
        out.label("agency", "单位"),
        out.label("officer", "经办人"),
        out.label("role", "角色"),
        out.label("kind", "种类"),
        out.label("purpose", "用途"),
        out.label("record", "记录"),
    ])
    .elastic(&[1, 5])
    .tail();
    for access in accesses {
        for record in &access.records {
            table.row(vec![
                minute(access.read_at.as_ref()),
                names.show(&access.reader),
                access.officer.clone(),
                access.role.clone(),
                kind_label(out, record.kind()).to_owned(),
                access.purpose.clone(),
                record.name.clone(),
            ]);
        }
    }
    table.render(out.look)
}

fn kind_label(out: Out, kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Unspecified => "",
        RecordKind::Notification => out.label("notification", "通知"),
        RecordKind::Alert => out.label("alert", "预警"),
        RecordKind::Referral => out.label("referral", "移送"),
        RecordKind::InformationRequest => out.label("information request", "信息共享申请"),
        RecordKind::AccountInformationRequest => {
            out.label("account-information request", "账户信息申请")
        }
    }
}

fn access(access: &Access) -> Value {
    let records: Vec<Value> = access
        .records
        .iter()
        .map(|record| {
            let kind = record.kind().as_str_name();
            let kind = kind.strip_prefix("RECORD_KIND_").unwrap_or(kind);
            json!({ "name": record.name, "kind": kind.to_ascii_lowercase() })
        })
        .collect();
    json!({
        "reader": access.reader,
        "officer": access.officer,
        "role": access.role,
        "read_at": json::at(access.read_at.as_ref()),
        "method": access.method,
        "purpose": access.purpose,
        "records": records,
        "entry_index": access.entry_index,
    })
}
