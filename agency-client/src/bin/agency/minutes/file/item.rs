//! An agreed item and its fields, as a file has them.

use std::fmt::Write as _;

use hub_core::date::to_wire;
use hub_proto::{
    common,
    meetings::{AgreedItemDraft, AgreedItemKind},
};
use jiff::civil::Date;

use crate::{json::date, people::Units};

/// Names of the fields, in Chinese and in English.
const RESPONSIBLE: [&str; 2] = ["责任单位", "responsible"];
const ASSISTING: [&str; 2] = ["协助单位", "assisting"];
const DUE: [&str; 2] = ["期限", "due"];
const TOPIC: [&str; 2] = ["议题", "topic"];
const KIND: [&str; 2] = ["类型", "kind"];
const PERIOD: [&str; 2] = ["期间", "period"];
const LEAD: [&str; 2] = ["牵头单位", "lead"];
const ASSIGNER: [&str; 2] = ["交办", "assigner"];
const CONTINUES: [&str; 2] = ["接续", "continues"];

/// Kinds by their names.
const KINDS: [(&str, &str, AgreedItemKind); 4] = [
    ("任务", "task", AgreedItemKind::Task),
    ("阶段性重点", "priority", AgreedItemKind::Priority),
    (
        "联合行动",
        "joint-operation",
        AgreedItemKind::JointOperation,
    ),
    ("重大案件", "major-case", AgreedItemKind::MajorCase),
];

/// A rule in English and in Chinese.
type Rule = (String, String);

/// The text of a line that begins an item.
pub(super) fn begins(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.get(digits..).filter(|_| digits > 0)?;
    ["、", "．", ". "]
        .iter()
        .find_map(|mark| rest.strip_prefix(mark))
        .or(if rest == "." { Some("") } else { None })
        .map(str::trim)
}

/// Reads a field into an item; answers its name.
pub(super) fn field(
    item: &mut AgreedItemDraft,
    field: &str,
    units: &Units,
) -> Result<&'static str, Rule> {
    let (name, value) = field.split_once([':', '：']).ok_or_else(unknown)?;
    let (name, value) = (name.trim(), value.trim());
    let is = |names: [&'static str; 2]| names.contains(&name).then_some(names[1]);
    if let Some(name) = is(RESPONSIBLE) {
        item.responsible_units = list(value, units)?;
        Ok(name)
    } else if let Some(name) = is(ASSISTING) {
        item.assisting_units = list(value, units)?;
        Ok(name)
    } else if let Some(name) = is(DUE) {
        item.due_on = Some(day(value)?);
        Ok(name)
    } else if let Some(name) = is(TOPIC) {
        item.topic = positive(value).ok_or((
            format!("the topic is its number, such as 1, not {value:?}"),
            format!("议题须为其编号，如 1，而不是“{value}”"),
        ))?;
        Ok(name)
    } else if let Some(name) = is(KIND) {
        item.kind = kind(value)?.into();
        Ok(name)
    } else if let Some(name) = is(PERIOD) {
        let (from, until) = period(value)?;
        (item.period_from_on, item.period_until_on) = (Some(from), Some(until));
        Ok(name)
    } else if let Some(name) = is(LEAD) {
        item.lead_unit = unit(value, units)?;
        Ok(name)
    } else if let Some(name) = is(CONTINUES) {
        item.continues_item = positive(value).ok_or((
            format!("the item that this one continues is its number, not {value:?}"),
            format!("接续的事项须为其编号，而不是“{value}”"),
        ))?;
        Ok(name)
    } else if let Some(name) = is(ASSIGNER) {
        value.clone_into(&mut item.assigner);
        Ok(name)
    } else {
        Err(unknown())
    }
}

fn positive(value: &str) -> Option<i32> {
    value.parse().ok().filter(|number| *number > 0)
}

fn unknown() -> Rule {
    let all = [
        RESPONSIBLE,
        ASSISTING,
        DUE,
        TOPIC,
        KIND,
        PERIOD,
        LEAD,
        ASSIGNER,
    ];
    (
        format!(
            "a field is \"- NAME: VALUE\" with one of {}",
            all.map(|names| names[1]).join(", ")
        ),
        format!(
            "字段须为“- 名称：值”，名称为 {}",
            all.map(|names| names[0]).join("、")
        ),
    )
}

fn list(value: &str, units: &Units) -> Result<Vec<String>, Rule> {
    value
        .split(['、', ',', '，', ';', '；'])
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(|text| unit(text, units))
        .collect()
}

fn unit(text: &str, units: &Units) -> Result<String, Rule> {
    units.find(text).ok_or_else(|| {
        (
            format!("{text}: there is no such unit; `agency members agencies` lists them"),
            format!("{text}：没有这个单位，见 agency members agencies"),
        )
    })
}

fn day(value: &str) -> Result<common::Date, Rule> {
    value.parse::<Date>().map(to_wire).map_err(|_| {
        (
            format!("a day is written 2026-08-31, not {value:?}"),
            format!("日期须写作 2026-08-31，而不是“{value}”"),
        )
    })
}

fn period(value: &str) -> Result<(common::Date, common::Date), Rule> {
    let parted = value.split_once("..").or_else(|| value.split_once('至'));
    let (from, until) = parted.ok_or_else(|| {
        (
            format!("a period is written 2026-01-01..2026-06-30, not {value:?}"),
            format!("期间须写作 2026-01-01 至 2026-06-30，而不是“{value}”"),
        )
    })?;
    Ok((day(from.trim())?, day(until.trim())?))
}

fn kind(value: &str) -> Result<AgreedItemKind, Rule> {
    KINDS
        .iter()
        .find(|(zh, en, _)| *zh == value || *en == value)
        .map(|(_, _, kind)| *kind)
        .ok_or_else(|| {
            (
                format!(
                    "the kind is one of {}",
                    KINDS.map(|(_, en, _)| en).join(", ")
                ),
                format!("类型须为 {}", KINDS.map(|(zh, _, _)| zh).join("、")),
            )
        })
}

/// An item's fields as a file has them.
pub(super) fn fields(item: &AgreedItemDraft, units: &Units) -> String {
    let mut out = String::new();
    let mut put = |names: [&str; 2], value: String| {
        if !value.is_empty() {
            // Writing to a String cannot fail.
            let _infallible = writeln!(out, "   - {}：{}", names[0], super::one_line(&value));
        }
    };
    let show = |names: &[String]| -> String {
        let shown: Vec<&str> = names.iter().map(|name| units.written(name)).collect();
        shown.join("、")
    };
    put(RESPONSIBLE, show(&item.responsible_units));
    put(ASSISTING, show(&item.assisting_units));
    put(DUE, date(item.due_on.as_ref()).unwrap_or_default());
    if item.topic > 0 {
        put(TOPIC, item.topic.to_string());
    }
    let special = KINDS
        .iter()
        .find(|(_, _, kind)| *kind == item.kind() && *kind != AgreedItemKind::Task);
    if let Some((zh, _, _)) = special {
        put(KIND, (*zh).to_owned());
    }
    let ends = (
        date(item.period_from_on.as_ref()),
        date(item.period_until_on.as_ref()),
    );
    if let (Some(from), Some(until)) = ends {
        put(PERIOD, format!("{from} 至 {until}"));
    }
    if !item.lead_unit.is_empty() {
        put(LEAD, units.written(&item.lead_unit).to_owned());
    }
    put(ASSIGNER, item.assigner.clone());
    if item.continues_item > 0 {
        put(CONTINUES, item.continues_item.to_string());
    }
    out
}
