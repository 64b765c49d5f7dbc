//! One alert for people.

use std::fmt::Write as _;

use hub_proto::funds::{Alert, JointNotice, Measure, UnitHandling};
use jiff::Timestamp;
use serde_json::json;

use super::{
    alert_name,
    list::{is_late, is_owing, told_for_s},
    words,
};
use crate::{
    Context,
    json::{alerts as form, date},
    names::{Names, minute, time},
    output::{Done, Out},
    table::{Table, Tone, many_lines, one_line, pairs},
};

pub(super) async fn run(context: &Context, alert: &str, revision: Option<i32>) -> Done {
    let client = context.client()?;
    let name = alert_name(alert);
    let alert = client
        .alerts()
        .revision(&name, revision.unwrap_or_default())
        .await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({ "alert": form::alert(&alert) }));
    }
    let names = Names::fetch(&client).await;
    out.text(text(out, &alert, &names, Timestamp::now()))?;
    tell_duplicates(out, &alert);
    Ok(())
}

/// Points out alerts on the same.
pub(super) fn tell_duplicates(out: Out, alert: &Alert) {
    if !alert.possible_duplicates.is_empty() {
        let others = alert.possible_duplicates.join(", ");
        out.remark(
            format_args!(
                "also on this organisation, indicator and period: {others}; nothing is merged"
            ),
            format_args!("同一组织、指标和期间另有预警：{others}；系统不作合并"),
        );
    }
}

/// What every view of an alert begins with.
pub(super) fn heading(out: Out, alert: &Alert, names: &Names) -> Vec<(&'static str, String)> {
    let organization = alert.organization.clone().unwrap_or_default();
    let organization = if alert.is_sealed {
        out.label(
            "[erased when its time was over; the ledger proves that there was one]",
            "[保存期满，内容已封存；账本可证明其存在]",
        )
        .to_owned()
    } else {
        format!("{} {}", organization.uscc, organization.display_name)
    };
    let revision = match alert.revision {
        0 => String::new(),
        revision => revision.to_string(),
    };
    let waiting = alert
        .units
        .iter()
        .filter(|unit| unit.acknowledged_at.is_none())
        .count();
    let told = alert.units.len();
    let acknowledged = match (told, waiting) {
        (0, _) => String::new(),
        (_, 0) => format!("{told}/{told}"),
        _ => {
            let overdue = alert
                .units
                .iter()
                .filter(|unit| is_late(alert, unit))
                .count();
            let done = told - waiting;
            let late = match overdue {
                0 => String::new(),
                _ => format!(", {overdue} {}", out.label("overdue", "已逾期")),
            };
            format!("{done}/{told}{late}")
        }
    };
    vec![
        (out.label("alert", "预警"), alert.name.clone()),
        (out.label("organisation", "组织"), organization),
        (
            out.label("state", "状态"),
            words::state(out, alert.state()).to_owned(),
        ),
        (out.label("revision", "版次"), revision),
        (
            out.label("severity", "等级"),
            words::severity(out, alert.severity()).to_owned(),
        ),
        (
            out.label("raised", "发起"),
            format!(
                "{} {}",
                time(alert.raised_at.as_ref()),
                names.show(&alert.author)
            )
            .trim()
            .to_owned(),
        ),
        (out.label("acknowledged", "已签收"), acknowledged),
    ]
}

fn text(out: Out, alert: &Alert, names: &Names, now: Timestamp) -> String {
    let mut rows = heading(out, alert, names);
    rows.extend(details(out, alert));
    let mut text = pairs(&rows);
    for (label, long) in [
        (
            out.label("why that severe", "定级理由"),
            &alert.severity_reason,
        ),
        (out.label("grounds", "依据"), &alert.grounds),
        (out.label("source", "来源"), &alert.source_note),
    ] {
        paragraph(&mut text, label, long);
    }
    for ask in &alert.asks {
        line(
            &mut text,
            out.label("asked", "要求"),
            &format!("{}: {}", names.show(&ask.unit), ask.text),
        );
    }
    text.push('\n');
    text.push_str(&units(out, alert, names, now));
    said(&mut text, out, alert, names);
    if !alert.measures.is_empty() {
        text.push('\n');
        text.push_str(&measures(out, &alert.measures, names));
    }
    for notice in &alert.joint_notices {
        text.push('\n');
        text.push_str(&joint_notice(out, notice, names));
    }
    text
}

fn paragraph(text: &mut String, label: &str, long: &str) {
    if !long.is_empty() {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "\n{label}\n{}\n", many_lines(long));
    }
}

fn line(text: &mut String, label: &str, said: &str) {
    let _infallible = write!(text, "\n{}\n", one_line(&format!("{label} {said}")));
}

fn details(out: Out, alert: &Alert) -> Vec<(&'static str, String)> {
    let day = |on| date(on).unwrap_or_default();
    let period = match (&alert.start_on, &alert.end_on) {
        (None, None) => String::new(),
        (start, end) => format!("{} – {}", day(start.as_ref()), day(end.as_ref())),
    };
    let documents: Vec<&str> = alert
        .attachments
        .iter()
        .map(|file| file.file_name.as_str())
        .collect();
    let named = if alert.is_named {
        out.label("a named few", "指定单位")
    } else {
        ""
    };
    vec![
        (
            out.label("series", "类别"),
            words::kind(out, alert.kind()).to_owned(),
        ),
        (out.label("indicator", "指标"), alert.indicator.clone()),
        (out.label("period", "期间"), period),
        (
            out.label("amount", "金额档"),
            format!("{} {}", alert.amount_band, alert.currency)
                .trim()
                .to_owned(),
        ),
        (
            out.label("direction", "方向"),
            words::direction(out, alert.direction()).to_owned(),
        ),
        (
            out.label("legal basis", "法律依据"),
            alert.legal_basis.clone(),
        ),
        (out.label("documents", "材料"), documents.join(", ")),
        (
            out.label("documents by way of", "材料下载"),
            if documents.is_empty() {
                String::new()
            } else {
                alert.notification.clone()
            },
        ),
        (out.label("circulated to", "发送范围"), named.to_owned()),
    ]
}

/// The units, what they do, and who has not acknowledged since when.
fn units(out: Out, alert: &Alert, names: &Names, now: Timestamp) -> String {
    let mut table = Table::new(&[
        out.label("unit", "单位"),
        out.label("acknowledged", "签收"),
        out.label("does", "处理意见"),
        out.label("by", "期限"),
    ])
    .elastic(&[0]);
    for unit in &alert.units {
        let (acknowledged, tone) = acknowledged(out, alert, unit, now);
        let cells = vec![
            names.show(&unit.unit),
            acknowledged,
            words::action(out, unit.action()).to_owned(),
            minute(unit.acknowledge_by_at.as_ref()),
        ];
        table.toned(cells, tone);
    }
    let mut text = table.render(out.look);
    // Beneath, so that a narrow terminal cuts no reason and no question.
    for unit in alert.units.iter().filter(|unit| !unit.text.is_empty()) {
        let label = format!(
            "{} · {}",
            names.show(&unit.unit),
            words::action(out, unit.action())
        );
        paragraph(&mut text, &one_line(&label), &unit.text);
    }
    text
}

/// When a unit acknowledged, or for how long it has not.
fn acknowledged(out: Out, alert: &Alert, unit: &UnitHandling, now: Timestamp) -> (String, Tone) {
    if !is_owing(alert, unit) {
        return (minute(unit.acknowledged_at.as_ref()), Tone::Plain);
    }
    let age = words::age(out, told_for_s(unit, now));
    if is_late(alert, unit) {
        let label = out.label("OVERDUE, ", "已逾期，");
        return (format!("{label}{age}"), Tone::Bad);
    }
    let label = out.label("not yet, ", "未签收，");
    (format!("{label}{age}"), Tone::Warn)
}

/// What was said, found and decided, in words.
fn said(text: &mut String, out: Out, alert: &Alert, names: &Names) {
    for one in &alert.information {
        let label = out.label("information", "补充信息");
        paragraph(
            text,
            &format!("{label} {}", minute(one.provided_at.as_ref())),
            &one.text,
        );
    }
    for one in &alert.findings {
        let found = format!(
            "{} {} {} · {} {}",
            out.label("finding", "结论"),
            minute(one.found_at.as_ref()),
            names.show(&one.unit),
            words::finding(out, one.kind()),
            of_revision(out, one.revision, alert.revision),
        );
        paragraph(text, one_line(found.trim_end()).as_str(), &one.reason);
    }
    for one in &alert.revisions {
        let what = if one.is_retraction {
            out.label("retracted", "撤回")
        } else {
            out.label("corrected", "更正")
        };
        let said = format!(
            "{what} {} → {} {}",
            minute(one.revised_at.as_ref()),
            out.label("revision", "版次"),
            one.revision
        );
        paragraph(text, &said, &one.reason);
    }
    for one in &alert.closings {
        let said = format!(
            "{} {} · {} · {} {} · {}",
            out.label("closed", "办结"),
            minute(one.closed_at.as_ref()),
            words::outcome(out, one.outcome()),
            out.label("reviewed by", "复核"),
            names.show(&one.reviewer_agency),
            one.reviewer,
        );
        paragraph(text, &one_line(&said), &one.reason);
    }
}

/// Which revision something is on, when it is not the one in force.
fn of_revision(out: Out, revision: i32, in_force: i32) -> String {
    if revision == in_force || revision == 0 {
        return String::new();
    }
    format!("({} {revision})", out.label("revision", "版次"))
}

fn measures(out: Out, measures: &[Measure], names: &Names) -> String {
    let mut table = Table::new(&[
        out.label("measure", "措施"),
        out.label("unit", "单位"),
        out.label("due", "期限"),
        out.label("state", "状态"),
    ])
    .elastic(&[1]);
    for one in measures {
        let (mark, tone) = if one.awaits_review {
            (out.label("TO BE REVIEWED", "待复核"), Tone::Bad)
        } else if one.is_overdue {
            (out.label("OVERDUE", "已逾期"), Tone::Bad)
        } else {
            ("", Tone::Plain)
        };
        let state = words::measure(out, one.state());
        let cells = vec![
            one.measure.to_string(),
            names.show(&one.unit),
            date(one.due_on.as_ref()).unwrap_or_default(),
            format!("{state} {mark}").trim().to_owned(),
        ];
        table.toned(cells, tone);
    }
    let mut text = table.render(out.look);
    for one in measures {
        for (label, said) in [
            (out.label("measure", "措施"), &one.text),
            (out.label("report", "报告"), &one.report),
            (out.label("review", "复核"), &one.review_reason),
        ] {
            paragraph(&mut text, &format!("{label} {}", one.measure), said);
        }
    }
    text
}

fn joint_notice(out: Out, notice: &JointNotice, names: &Names) -> String {
    let signed = notice.signatures.iter().filter(|one| one.is_signed).count();
    let asked = notice.units.len();
    let label = out.label("joint notice", "联合通报");
    let state = words::notice(out, notice.state());
    let counts = format!("{signed}/{asked} {}", out.label("signed", "已会签"));
    let title = format!("{label} {} · {state} · {counts}", notice.joint_notice);
    let mut text = one_line(&title) + "\n" + &many_lines(&notice.text) + "\n";
    let mut table = Table::new(&[
        out.label("unit", "单位"),
        out.label("signed", "会签"),
        out.label("when", "时间"),
        out.label("why not", "不会签的理由"),
    ])
    .elastic(&[0, 3]);
    for unit in &notice.units {
        let said = notice.signatures.iter().find(|one| one.unit == *unit);
        let (word, tone) = match said {
            Some(one) if one.is_signed => (out.label("signed", "已会签"), Tone::Plain),
            Some(_) => (out.label("declined", "不会签"), Tone::Plain),
            None => (out.label("not yet", "待会签"), Tone::Warn),
        };
        let said = said.cloned().unwrap_or_default();
        let cells = vec![
            names.show(unit),
            word.to_owned(),
            minute(said.signed_at.as_ref()),
            said.reason,
        ];
        table.toned(cells, tone);
    }
    text.push_str(&table.render(out.look));
    text
}
