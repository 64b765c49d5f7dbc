//! `search`: notifications by what they are about.

use agency_client::channels::SearchQuery;
use hub_proto::channels::{NotificationKind, NotificationState};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    Context,
    args::search::{KindArg, SearchArgs, StateArg},
    json,
    names::{Names, ZONE},
    notify::notification_table,
    output::{Done, Failure},
};

pub(crate) async fn run(context: &Context, args: SearchArgs) -> Done {
    let client = context.client()?;
    let limit = args.limit;
    let mut results = client.channels().search_all(query(args)?);
    let mut found = vec![];
    let mut has_more = false;
    while let Some(notification) = results.next().await? {
        if found.len() == limit {
            has_more = true;
            break;
        }
        found.push(notification);
    }
    let out = context.out;
    if out.json {
        let values: Vec<Value> = found.iter().map(json::notification).collect();
        return out.value(&json!({ "notifications": values, "has_more": has_more }));
    }
    if found.is_empty() {
        out.remark(
            "nothing was found that this agency may see",
            "未找到本单位可见的通知",
        );
        return Ok(());
    }
    let names = Names::fetch(&client).await;
    out.text(notification_table(out, &found, &names))?;
    if has_more {
        out.remark(
            format_args!("more than {limit}: narrow the search, or raise --limit"),
            format_args!("超过 {limit} 条：请缩小范围或调高 --limit"),
        );
    }
    Ok(())
}

fn query(args: SearchArgs) -> Result<SearchQuery, Failure> {
    let mut query = SearchQuery::new().title(args.title.join(" "));
    if let Some(channel) = &args.channel {
        query = query.channel(channel);
    }
    if let Some(category) = args.category {
        query = query.category(category);
    }
    if let Some(author) = &args.author {
        query = query.author(author);
    }
    if let Some(addressee) = &args.to {
        query = query.addressee(addressee);
    }
    if let Some(uscc) = args.uscc {
        query = query.uscc(uscc);
    }
    if let Some(number) = args.document_number {
        query = query.document_number(number);
    }
    if let Some(on) = args.since {
        query = query.published_from(begin(on)?);
    }
    if let Some(on) = args.until {
        let next = on.tomorrow().map_err(|error| bad_day(on, &error))?;
        query = query.published_before(begin(next)?);
    }
    if let Some(state) = args.state {
        query = query.state(match state {
            StateArg::Current => NotificationState::Current,
            StateArg::Corrected => NotificationState::Corrected,
            StateArg::Retracted => NotificationState::Retracted,
        });
    }
    if let Some(kind) = args.kind {
        query = query.kind(match kind {
            KindArg::Original => NotificationKind::Original,
            KindArg::Correction => NotificationKind::Correction,
            KindArg::Retraction => NotificationKind::Retraction,
            KindArg::Reminder => NotificationKind::Reminder,
        });
    }
    if let Some(name) = args.reply_to {
        query = query.in_reply_to(name);
    }
    if let Some(id) = args.request_id {
        query = query.request_id(id);
    }
    if args.oldest_first {
        query = query.oldest_first();
    }
    Ok(query)
}

/// When a day begins here.
pub(crate) fn begin(on: Date) -> Result<Timestamp, Failure> {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let begins = on.to_zoned(zone).map(|at| at.timestamp());
    begins.map_err(|error| bad_day(on, &error))
}

pub(crate) fn bad_day(on: Date, error: &jiff::Error) -> Failure {
    Failure::usage(format!("{on}: {error}"), format!("{on}：{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_here() {
        let at = begin("2026-12-01".parse().unwrap()).unwrap();
        assert_eq!(at.to_string(), "2026-11-30T16:00:00Z");
    }
}
