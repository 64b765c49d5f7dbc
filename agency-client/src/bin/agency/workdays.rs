//! `workdays`: a day so many working days on, without a hub.

use agency_client::ClientError;
use hub_core::workdays::{Calendar, Computed, Counting, Known};
use jiff::civil::Date;
use serde_json::json;

use crate::{
    Context,
    args::workdays::WorkdaysArgs,
    input_text,
    output::{Done, Failure, Out},
    table::pairs,
};

pub(crate) fn run(context: &Context, args: &WorkdaysArgs) -> Done {
    let calendar = calendar(args)?;
    let known = calendar.as_of(args.known_on.unwrap_or(Date::MAX));
    let counting = if args.first_day_counts {
        Counting::FirstDayCounts
    } else {
        Counting::Strict
    };
    let computed = known.add(args.from, args.count, counting);
    let computed = computed.ok_or_else(|| {
        Failure::usage(
            "--from: so many working days lead past the last day that can be written",
            "--from：所计日期超出可表示的范围",
        )
    })?;
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "on": computed.on.to_string(),
            "is_provisional": computed.is_provisional,
            "from": args.from.to_string(),
            "count": args.count,
            "counting": if args.first_day_counts { "first_day_counts" } else { "strict" },
            "is_from_working_day": known.is_working_day(args.from),
            "known_on": args.known_on.map(|day| day.to_string()),
            "notices_until_year": known.last_year(),
            "changed_on": known.version().map(|day| day.to_string()),
        }));
    }
    out.text(pairs(&rows(out, args, &known, computed)))
}

fn calendar(args: &WorkdaysArgs) -> Result<Calendar, Failure> {
    let of = |path: &std::path::Path, error: &hub_core::workdays::CalendarError| {
        Failure::Client(ClientError::LocalFile {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    };
    let published = Calendar::published().map_err(|error| of("workdays.csv".as_ref(), &error))?;
    match &args.file {
        None => Ok(published),
        Some(file) => {
            let text = input_text(file)?;
            published.extended(&text).map_err(|error| of(file, &error))
        }
    }
}

fn rows(
    out: Out,
    args: &WorkdaysArgs,
    known: &Known<'_>,
    computed: Computed,
) -> Vec<(&'static str, String)> {
    let is_certain = if computed.is_provisional {
        out.label(
            "provisional: the notice for that year is not out yet",
            "暂定：该年节假日安排尚未公布",
        )
    } else {
        out.label("certain, as far as is known", "确定（以已知安排为准）")
    };
    let counting = if args.first_day_counts {
        out.label("the first day counts", "起始日计入")
    } else {
        out.label("the first day does not count", "起始日不计入")
    };
    vec![
        (out.label("day", "日期"), computed.on.to_string()),
        (out.label("standing", "性质"), is_certain.to_owned()),
        (out.label("from", "起始日"), args.from.to_string()),
        (out.label("working days", "工作日"), args.count.to_string()),
        (out.label("counting", "计算方法"), counting.to_owned()),
        (
            out.label("known notices until", "已公布至"),
            known
                .last_year()
                .map(|year| year.to_string())
                .unwrap_or_default(),
        ),
        (
            out.label("last changed on", "最近变更"),
            known
                .version()
                .map(|day| day.to_string())
                .unwrap_or_default(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use agency_client::Lang;

    use super::*;
    use crate::table::Look;

    fn told(lang: Lang, from: Date, known_on: Option<Date>) -> String {
        let args = WorkdaysArgs {
            from,
            count: 10,
            first_day_counts: false,
            known_on,
            file: None,
        };
        let calendar = calendar(&args).unwrap();
        let known = calendar.as_of(known_on.unwrap_or(Date::MAX));
        let out = Out {
            json: false,
            lang,
            look: Look::plain(false),
            paints_errors: false,
        };
        let computed = known.add(from, args.count, Counting::Strict).unwrap();
        pairs(&rows(out, &args, &known, computed))
    }

    #[test]
    fn x_003_the_example_of_the_order_is_told_with_what_is_known() {
        let text = told(Lang::En, jiff::civil::date(2025, 9, 24), None);
        assert!(
            text.starts_with("day                  2025-10-14\n"),
            "{text}"
        );
        assert!(text.contains("known notices until  2026\n"), "{text}");
        assert!(text.contains("last changed on      2020-01-27\n"), "{text}");
    }

    #[test]
    fn x_003_what_was_known_before_a_notice_is_told_as_it_was() {
        let from = jiff::civil::date(2020, 1, 20);
        let before = told(Lang::Zh, from, Some(jiff::civil::date(2020, 1, 26)));
        assert!(before.starts_with("日期      2020-02-07\n"), "{before}");
        assert!(before.contains("最近变更  2019-03-22\n"), "{before}");
        assert!(told(Lang::Zh, from, None).starts_with("日期      2020-02-11\n"));
        let late = told(Lang::Zh, jiff::civil::date(2026, 12, 28), None);
        assert!(late.contains("暂定"), "{late}");
    }
}
