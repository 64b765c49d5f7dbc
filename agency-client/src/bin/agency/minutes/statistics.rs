//! `minutes statistics | bulletin`: attendance and completion per unit (JE-080), and what the office
//! compiles of them for all members (JE-024, FS-014).
//!
//! Invariant: a bulletin states the figures that the hub counted at its cut-off, and nothing of meetings
//! to which only some members were called (JE-071).

use std::fmt::Write as _;

use agency_client::{Client, channels::NotificationDraft};
use hub_core::date::to_wire;
use hub_proto::{
    channels::Classification,
    meetings::{GetMeetingStatisticsRequest, GetMeetingStatisticsResponse, UnitStatistics},
};
use serde_json::json;

use crate::{
    Context,
    args::minutes::{BulletinArgs, PeriodArgs},
    correct::tell_id,
    json::{self, meetings as form},
    meeting::text_or_none,
    members::entry,
    names::{Names, minute, resource},
    output::{Done, Failure, Out},
    table::{Table, Tone, pairs},
};

/// Beginning of the categories by which the offices' statistics go out.
const CATEGORY: &str = "statistics_";

/// Title and body of a bulletin.
struct Bulletin {
    title: String,
    body: String,
}

fn request(period: &PeriodArgs, all_members_only: bool) -> GetMeetingStatisticsRequest {
    GetMeetingStatisticsRequest {
        name: resource("mechanisms", &period.mechanism),
        from_on: Some(to_wire(period.from)),
        until_on: Some(to_wire(period.until)),
        all_members_only,
    }
}

pub(super) async fn run(context: &Context, period: &PeriodArgs, all_members: bool) -> Done {
    let client = context.client()?;
    let answer = client
        .minutes()
        .statistics(&request(period, all_members))
        .await?;
    let out = context.out;
    if out.json {
        return out.value(&form::statistics(&answer));
    }
    let names = Names::fetch(&client).await;
    out.text(statistics_table(out, &answer.units, &names))
}

pub(super) async fn bulletin(context: &Context, args: BulletinArgs) -> Done {
    let client = context.client()?;
    let out = context.out;
    let answer = client
        .minutes()
        .statistics(&request(&args.period, true))
        .await?;
    let word = text_or_none(args.text)?;
    let bulletin = compile(&client, &args.period, word.as_deref(), &answer).await?;
    let short = args.period.mechanism.trim_start_matches("mechanisms/");
    let category = args
        .category
        .unwrap_or_else(|| format!("{CATEGORY}{}", short.replace('-', "_")));
    let mut value = json!({
        "category": category,
        "title": bulletin.title,
        "body": bulletin.body,
        "statistics": form::statistics(&answer),
    });
    if !args.send {
        out.remark(
            "this is what --send sends; nothing has gone out",
            "以上为 --send 将发出的内容；尚未发出",
        );
        return out.either(
            || value,
            || format!("{}\n\n{}", bulletin.title, bulletin.body),
        );
    }
    let id = args.once.id();
    let draft = NotificationDraft::by_route(&category)
        .title(bulletin.title)
        .body(bulletin.body.into_bytes(), "text/plain; charset=utf-8")
        .classification(Classification::Internal)
        .request_id(id.clone());
    let answer = tell_id(context, &id, client.channels().publish(draft).await)?.response;
    let notification = answer.notification.unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        let receipt = json::receipt(answer.receipt.as_ref());
        fields.insert("notification".into(), json::notification(&notification));
        fields.insert("receipt".into(), receipt);
    }
    out.either(
        || value,
        || {
            pairs(&[
                (out.label("published", "已发布"), notification.name.clone()),
                (out.label("title", "标题"), notification.title.clone()),
                (
                    out.label("ledger entry", "账本条目"),
                    entry(answer.receipt.as_ref()),
                ),
                (out.label("request id", "请求编号"), id.clone()),
            ])
        },
    )
}

/// Puts a bulletin together, in Chinese whatever the language of the command.
async fn compile(
    client: &Client,
    period: &PeriodArgs,
    word: Option<&str>,
    answer: &GetMeetingStatisticsResponse,
) -> Result<Bulletin, Failure> {
    let name = resource("mechanisms", &period.mechanism);
    let mechanisms = client.members().list_mechanisms(None).await?;
    let mechanism = mechanisms.into_iter().find(|one| one.name == name);
    let mechanism = mechanism.map_or(name, |one| one.display_name);
    let agencies = client.members().list_agencies(None).await?;
    let unit_name = |unit: &str| {
        let found = agencies.iter().find(|one| one.name == unit);
        found.map_or_else(|| unit.to_owned(), |one| one.display_name.clone())
    };
    let last = period.until.yesterday().unwrap_or(period.until);
    let title = format!("{mechanism}工作情况统计通报（{}至{last}）", period.from);
    Ok(Bulletin {
        body: body(word, (period, &last.to_string()), answer, unit_name),
        title,
    })
}

fn body(
    word: Option<&str>,
    (period, last): (&PeriodArgs, &str),
    answer: &GetMeetingStatisticsResponse,
    unit_name: impl Fn(&str) -> String,
) -> String {
    let sum = |of: fn(&UnitStatistics) -> i32| -> i64 {
        answer.units.iter().map(|unit| i64::from(of(unit))).sum()
    };
    let mut text = String::new();
    if let Some(word) = word {
        text.push_str(word.trim_end());
        text.push_str("\n\n");
    }
    // Writing to a string cannot fail.
    let _infallible = write!(
        text,
        "统计期间：{}至{last}\n统计截止：{}\n召开会议：{}次（不含部分成员单位会议）\n\
         到期任务：{}项，已完成{}项，其中按期{}项，逾期未完成{}项\n\n",
        period.from,
        minute(answer.counted_at.as_ref()),
        answer.meetings_held_count,
        sum(|unit| unit.tasks_count),
        sum(|unit| unit.done_count),
        sum(|unit| unit.done_in_time_count),
        sum(|unit| unit.overdue_count),
    );
    for unit in &answer.units {
        let _infallible = writeln!(
            text,
            "{}：应到{}次，出席{}次，请假{}次，出席率{}；到期任务{}项，完成{}项，按期{}项，逾期{}项，完成率{}",
            unit_name(&unit.unit),
            unit.meetings_count,
            unit.present_count,
            unit.excused_count,
            rate(unit.present_count, unit.meetings_count),
            unit.tasks_count,
            unit.done_count,
            unit.done_in_time_count,
            unit.overdue_count,
            rate(unit.done_count, unit.tasks_count),
        );
    }
    text
}

fn statistics_table(out: Out, units: &[UnitStatistics], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("unit", "单位"),
        out.label("called", "应到"),
        out.label("present", "出席"),
        out.label("excused", "请假"),
        out.label("attendance", "出席率"),
        out.label("tasks", "任务"),
        out.label("done", "完成"),
        out.label("in time", "按期"),
        out.label("overdue", "逾期"),
        out.label("completion", "完成率"),
    ])
    .elastic(&[0]);
    for unit in units {
        let tone = if unit.overdue_count > 0 {
            Tone::Warn
        } else {
            Tone::Plain
        };
        let cells = vec![
            names.show(&unit.unit),
            unit.meetings_count.to_string(),
            unit.present_count.to_string(),
            unit.excused_count.to_string(),
            rate(unit.present_count, unit.meetings_count),
            unit.tasks_count.to_string(),
            unit.done_count.to_string(),
            unit.done_in_time_count.to_string(),
            unit.overdue_count.to_string(),
            rate(unit.done_count, unit.tasks_count),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

/// A rate in per cent, rounded down; nothing of nothing has none.
fn rate(part: i32, whole: i32) -> String {
    match i64::from(whole) {
        0 => "–".to_owned(),
        whole => format!("{}%", i64::from(part) * 100 / whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_whole_per_cents() {
        assert_eq!(rate(2, 3), "66%");
        assert_eq!(rate(0, 0), "–");
        assert_eq!(rate(3, 3), "100%");
    }

    #[test]
    fn je_024_a_bulletin_states_the_figures_that_were_counted() {
        let period = PeriodArgs {
            mechanism: "joint-enforcement".into(),
            from: "2026-01-01".parse().unwrap(),
            until: "2026-04-01".parse().unwrap(),
        };
        let unit = |unit: &str, tasks_count, done_count, overdue_count| UnitStatistics {
            unit: unit.into(),
            meetings_count: 3,
            present_count: 2,
            excused_count: 1,
            tasks_count,
            done_count,
            done_in_time_count: done_count,
            overdue_count,
        };
        let answer = GetMeetingStatisticsResponse {
            units: vec![
                unit("agencies/tax", 2, 1, 1),
                unit("agencies/health", 0, 0, 0),
            ],
            counted_at: Some(hub_core::date::timestamp(
                "2026-04-02T01:30:00Z".parse().unwrap(),
            )),
            meetings_held_count: 3,
        };
        let text = body(
            Some("请各单位对照。\n"),
            (&period, "2026-03-31"),
            &answer,
            |unit| unit.replace("agencies/", "某"),
        );
        assert_eq!(
            text,
            "请各单位对照。\n\n统计期间：2026-01-01至2026-03-31\n统计截止：2026-04-02 09:30\n\
             召开会议：3次（不含部分成员单位会议）\n\
             到期任务：2项，已完成1项，其中按期1项，逾期未完成1项\n\n\
             某tax：应到3次，出席2次，请假1次，出席率66%；到期任务2项，完成1项，按期1项，逾期1项，完成率50%\n\
             某health：应到3次，出席2次，请假1次，出席率66%；到期任务0项，完成0项，按期0项，逾期0项，完成率–\n"
        );
    }
}
