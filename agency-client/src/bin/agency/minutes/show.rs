//! `minutes versions | show | diff | status`.

use hub_proto::meetings::{Consent, ConsentState, Minutes, MinutesVersion};
use serde_json::{Value, json};

use super::{diff, file, minutes_name, version_of};
use crate::{
    Context,
    json::{date, meetings as form},
    names::{minute, time},
    output::{Done, Failure, Out},
    people::{Units, number},
    table::{Table, Tone, many_lines, pairs},
    words,
};

/// Hexadecimal digits of a hash that a table shows.
const HASH_DIGITS: usize = 12;

pub(super) async fn versions(context: &Context, minutes: &str) -> Done {
    let client = context.client()?;
    let name = minutes_name(&client, minutes).await?;
    let versions = client.minutes().versions(&name).await?;
    let out = context.out;
    if out.json {
        let values: Vec<Value> = versions.iter().map(form::version).collect();
        return out.value(&json!({ "versions": values }));
    }
    let mut table = Table::new(&[
        out.label("version", "版本"),
        out.label("drafted", "起草时间"),
        out.label("by", "起草人"),
        out.label("circulated", "送会签"),
        "SHA-256",
        out.label("what changed", "修改说明"),
    ])
    .elastic(&[2, 5]);
    for version in &versions {
        table.row(vec![
            number(&version.name).to_owned(),
            minute(version.drafted_at.as_ref()),
            version.officer.clone(),
            minute(version.circulated_at.as_ref()),
            version.content_sha256.chars().take(HASH_DIGITS).collect(),
            version.change_note.clone(),
        ]);
    }
    out.text(table.render(out.look))
}

pub(super) async fn run(
    context: &Context,
    minutes: &str,
    version: Option<i32>,
    as_file: bool,
) -> Done {
    let client = context.client()?;
    let name = minutes_name(&client, minutes).await?;
    let shown = client.minutes().get(&name).await?;
    let version = version.unwrap_or(shown.newest_version);
    let version = version_of(&client, &name, version).await?;
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "minutes": form::minutes(&shown),
            "version": form::version(&version),
        }));
    }
    let units = Units::fetch(&client).await?;
    let content = version.content.clone().unwrap_or_default();
    let base = number(&version.name).parse().ok().filter(|_| as_file);
    let text = many_lines(&file::text(&content, base, "", &units));
    if as_file {
        return out.text(text);
    }
    let mut rows = heading(out, &shown);
    rows.extend(version_rows(out, &version));
    out.text(format!("{}\n{text}", pairs(&rows)))
}

fn version_rows(out: Out, version: &MinutesVersion) -> Vec<(&'static str, String)> {
    vec![
        (out.label("shown", "以下为"), version.name.clone()),
        (
            out.label("drafted", "起草"),
            format!(
                "{} · {}",
                time(version.drafted_at.as_ref()),
                version.officer
            ),
        ),
        (
            out.label("what changed", "修改说明"),
            version.change_note.clone(),
        ),
        (
            out.label("circulated", "送会签"),
            time(version.circulated_at.as_ref()),
        ),
        ("SHA-256", version.content_sha256.clone()),
    ]
}

pub(super) async fn difference(
    context: &Context,
    minutes: &str,
    from: Option<i32>,
    to: Option<i32>,
) -> Done {
    let client = context.client()?;
    let name = minutes_name(&client, minutes).await?;
    let versions: Vec<i32> = client
        .minutes()
        .versions(&name)
        .await?
        .iter()
        .filter_map(|version| number(&version.name).parse().ok())
        .collect();
    let to = to.or(versions.first().copied());
    let from = from.or(versions.iter().copied().find(|version| Some(*version) < to));
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Failure::usage(
            format!("{name} has no two versions to compare that this officer may see"),
            format!("{name} 没有可供比较的两个版本"),
        ));
    };
    let units = Units::fetch(&client).await?;
    let earlier = version_of(&client, &name, from).await?;
    let later = version_of(&client, &name, to).await?;
    let as_text = |version: &MinutesVersion| {
        let content = version.content.clone().unwrap_or_default();
        file::text(&content, None, "", &units)
    };
    let lines = diff::diff(&as_text(&earlier), &as_text(&later));
    let out = context.out;
    if out.json {
        return out.value(&json!({
            "from": from,
            "to": to,
            "change_note": later.change_note,
            "lines": diff::value(&lines),
        }));
    }
    if lines.is_empty() {
        out.remark("the two say the same", "两个版本内容相同");
        return Ok(());
    }
    let facts = pairs(&[
        (out.label("from", "原版本"), from.to_string()),
        (out.label("to", "新版本"), to.to_string()),
        (
            out.label("what changed", "修改说明"),
            later.change_note.clone(),
        ),
    ]);
    out.text(format!("{facts}\n{}", diff::text(&lines, out.look)))
}

/// What every view of minutes begins with.
pub(super) fn heading(out: Out, minutes: &Minutes) -> Vec<(&'static str, String)> {
    let version = |version: i32| match version {
        0 => String::new(),
        version => version.to_string(),
    };
    let waits: Vec<&str> = minutes
        .consents
        .iter()
        .filter(|consent| consent.state() == ConsentState::Pending)
        .map(|consent| consent.unit.trim_start_matches("agencies/"))
        .collect();
    vec![
        (out.label("minutes", "纪要"), minutes.name.clone()),
        (
            out.label("document number", "文号"),
            minutes.document_number.clone(),
        ),
        (
            out.label("state", "状态"),
            words::minutes(out, minutes.state()).to_owned(),
        ),
        (
            out.label("issued", "印发日期"),
            date(minutes.issued_on.as_ref()).unwrap_or_default(),
        ),
        (out.label("corrects", "更正"), minutes.corrects.clone()),
        (
            out.label("because", "更正原因"),
            minutes.correction_reason.clone(),
        ),
        (
            out.label("corrected by", "已被更正"),
            minutes.corrected_by.clone(),
        ),
        (
            out.label("newest version", "最新版本"),
            version(minutes.newest_version),
        ),
        (
            out.label("before the units", "会签版本"),
            version(minutes.circulated_version),
        ),
        (
            out.label("consent by", "会签截止"),
            time(minutes.consent_by_at.as_ref()),
        ),
        (out.label("waits for", "待会签单位"), waits.join(" ")),
    ]
}

pub(super) async fn status(context: &Context, minutes: &str) -> Done {
    let client = context.client()?;
    let name = minutes_name(&client, minutes).await?;
    let minutes = client.minutes().get(&name).await?;
    let out = context.out;
    out.either(
        || json!({ "minutes": form::minutes(&minutes) }),
        || status_text(out, &minutes),
    )
}

fn status_text(out: Out, minutes: &Minutes) -> String {
    let mut text = pairs(&heading(out, minutes));
    if !minutes.consents.is_empty() {
        text.push('\n');
        text.push_str(&consents(out, &minutes.consents));
    }
    if !minutes.objections.is_empty() {
        text.push('\n');
        text.push_str(&objections(out, minutes));
    }
    text
}

/// Who waits comes first, the longest first.
fn consents(out: Out, consents: &[Consent]) -> String {
    let mut table = Table::new(&[
        out.label("unit", "单位"),
        out.label("state", "会签情况"),
        "",
        out.label("asked since", "送会签时间"),
        out.label("answered", "答复时间"),
        out.label("by", "经办人"),
    ])
    .elastic(&[0, 5]);
    let mut sorted: Vec<&Consent> = consents.iter().collect();
    sorted.sort_by_key(|consent| {
        let rank = match consent.state() {
            ConsentState::Objected => 0,
            ConsentState::Pending => 1,
            _ => 2,
        };
        (rank, consent.asked_at.as_ref().map_or(0, |at| at.seconds))
    });
    for consent in sorted {
        let tone = match (consent.state(), consent.is_overdue) {
            (ConsentState::Objected, _) | (ConsentState::Pending, true) => Tone::Bad,
            (ConsentState::Pending, false) => Tone::Warn,
            _ => Tone::Plain,
        };
        let late = if consent.is_overdue {
            out.label("OVERDUE", "已逾期")
        } else {
            ""
        };
        let id = consent.unit.trim_start_matches("agencies/");
        let by = match consent.officer.as_str() {
            "" => String::new(),
            officer => format!("{officer} ({})", consent.role),
        };
        let cells = vec![
            format!("{id} {}", consent.display_name),
            words::consent(out, consent.state()).to_owned(),
            late.to_owned(),
            minute(consent.asked_at.as_ref()),
            minute(consent.answered_at.as_ref()),
            by,
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

fn objections(out: Out, minutes: &Minutes) -> String {
    let mut table = Table::new(&[
        out.label("objection of", "异议单位"),
        out.label("version", "版本"),
        out.label("at", "时间"),
        out.label("outcome", "处理"),
        out.label("why", "理由"),
    ])
    .elastic(&[4]);
    for objection in &minutes.objections {
        let (outcome, tone) = if objection.withdrawn_at.is_some() {
            (out.label("withdrawn", "已撤回").to_owned(), Tone::Faint)
        } else if objection.answered_by_version > 0 {
            let by = out.label("answered by version", "已答复，见第");
            let text = format!(
                "{by} {}{}",
                objection.answered_by_version,
                out.label("", " 版")
            );
            (text, Tone::Faint)
        } else {
            (out.label("stands", "待处理").to_owned(), Tone::Bad)
        };
        let cells = vec![
            objection.unit.trim_start_matches("agencies/").to_owned(),
            objection.version.to_string(),
            minute(objection.objected_at.as_ref()),
            outcome,
            objection.reason.clone(),
        ];
        table.toned(cells, tone);
    }
    table.render(out.look)
}

#[cfg(test)]
mod tests {
    use agency_client::Lang;
    use hub_proto::meetings::Objection;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::table::Look;

    fn out(lang: Lang, width: Option<usize>) -> Out {
        Out {
            json: false,
            lang,
            look: Look {
                paints: false,
                width,
            },
            paints_errors: false,
        }
    }

    fn consent(unit: &str, state: ConsentState, asked: i64, is_overdue: bool) -> Consent {
        Consent {
            unit: format!("agencies/{unit}"),
            display_name: "山西省人力资源和社会保障厅".into(),
            state: state.into(),
            asked_at: Some(prost_types::Timestamp {
                seconds: asked,
                nanos: 0,
            }),
            is_overdue,
            ..Consent::default()
        }
    }

    #[test]
    fn who_still_has_to_consent_comes_first_with_since_when() {
        let minutes = Minutes {
            name: "meetings/m/minutes/1".into(),
            consents: vec![
                consent("health", ConsentState::Agreed, 1_797_728_400, false),
                consent("tax", ConsentState::Pending, 1_797_728_400, true),
                consent("finance", ConsentState::Objected, 1_797_728_400, false),
            ],
            objections: vec![Objection {
                unit: "agencies/finance".into(),
                version: 1,
                reason: "第一项期限过短，且责任单位不明确，请予以修改后再送会签。".into(),
                ..Objection::default()
            }],
            ..Minutes::default()
        };
        let text = status_text(out(Lang::En, None), &minutes);
        let places: Vec<usize> = ["finance ", "tax ", "health "]
            .iter()
            .map(|unit| text.find(&format!("\n{unit}")).unwrap())
            .collect();
        assert!(places.is_sorted(), "{text}");
        assert!(
            text.contains("OVERDUE") && text.contains("2026-12-20 09:00"),
            "{text}"
        );
        assert!(
            text.contains("waits for") && text.contains("stands"),
            "{text}"
        );
        let narrow = status_text(out(Lang::Zh, Some(80)), &minutes);
        assert!(narrow.lines().all(|line| line.width() <= 80), "{narrow}");
        assert!(narrow.contains("已逾期") && narrow.contains("待会签"));
    }
}
