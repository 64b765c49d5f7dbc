//! The minutes as they stand on paper: every text put together, numbered and dated, in the order of
//! the form. All documents are made from it, so that they say the same. Its JSON is what the
//! typesetter's template reads.

use jiff::civil::Date;
use serde::Serialize;

use crate::minutes::{AgreedItem, Audit, Delegation, Meeting, Minutes};

/// A heading with its text: 出席 and who attended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Labelled {
    pub(crate) label: String,
    pub(crate) text: String,
}

impl Labelled {
    fn new(label: &str, text: impl Into<String>) -> Self {
        Self {
            label: label.to_owned(),
            text: text.into(),
        }
    }
}

/// A part of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "text", rename_all = "snake_case")]
pub(crate) enum Block {
    /// Heading of the first level: 一、
    Section(String),
    /// Heading of the second level: （一）
    Topic(String),
    /// A paragraph; also an agreed item with its number.
    Paragraph(String),
}

/// What closes the form (版记).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Imprint {
    /// 主送 and 抄送.
    pub(crate) addressees: Vec<Labelled>,
    pub(crate) office: String,
    /// Day of printing with 印发.
    pub(crate) printed: String,
}

/// The minutes as they stand on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sheet {
    pub(crate) mark: String,
    pub(crate) number: String,
    pub(crate) issuer: String,
    pub(crate) issued: String,
    pub(crate) title: String,
    /// Line under the title that says which document this one corrects.
    pub(crate) correction: Option<String>,
    /// Kind, day, place and chair of the meeting.
    pub(crate) facts: Vec<Labelled>,
    pub(crate) opening: String,
    pub(crate) blocks: Vec<Block>,
    pub(crate) attachments: Vec<String>,
    pub(crate) attendance: Vec<Labelled>,
    pub(crate) imprint: Imprint,
    /// Lines of the audit page; empty if there is none.
    pub(crate) audit: Vec<Labelled>,
}

/// Largest size of the mark, in points.
const MARK_POINTS_MAX: usize = 36;

/// Room for the mark in points: the type area of 156 mm, less a little for rounding.
const MARK_ROOM_POINTS: usize = 440;

impl Sheet {
    /// Puts together checked minutes. `due` has the day of each agreed item.
    pub(crate) fn new(
        minutes: &Minutes,
        held_on: Date,
        issued_on: Date,
        due: &[Option<Date>],
        audit: Option<&Audit>,
    ) -> Self {
        let meeting = &minutes.meeting;
        let correction = minutes.replaces.as_ref();
        Self {
            mark: minutes.mark.clone(),
            number: minutes.document_number.clone(),
            issuer: minutes.issuer.clone(),
            issued: date(issued_on),
            title: minutes.title.clone(),
            correction: correction.map(|number| format!("（更正并代替{number}）")),
            facts: facts(meeting, held_on),
            opening: minutes.opening.clone(),
            blocks: blocks(minutes, due),
            attachments: minutes.attachments.clone(),
            attendance: attendance(minutes),
            imprint: imprint(minutes, issued_on),
            audit: audit
                .map(|audit| audit_lines(minutes, audit))
                .unwrap_or_default(),
        }
    }

    /// Size of the mark in points: as large as it goes on one line.
    pub(crate) fn mark_size(&self) -> usize {
        let chars = self.mark.chars().count().max(1);
        (MARK_ROOM_POINTS / chars).min(MARK_POINTS_MAX)
    }
}

/// Kind and day; place and chair where there were any.
fn facts(meeting: &Meeting, held_on: Date) -> Vec<Labelled> {
    let mut facts = vec![
        Labelled::new("会议", &*meeting.kind),
        Labelled::new("时间", date(held_on)),
    ];
    let had = [("地点", &meeting.place), ("主持", &meeting.chair)];
    let had = had.into_iter().filter(|(_, text)| !text.is_empty());
    facts.extend(had.map(|(label, text)| Labelled::new(label, &**text)));
    facts
}

/// The topics, then what was agreed.
fn blocks(minutes: &Minutes, due: &[Option<Date>]) -> Vec<Block> {
    let mut blocks = vec![];
    let mut section = 0;
    let mut heading = |title: &str| {
        section += 1;
        Block::Section(format!("{}、{title}", chinese_numeral(section)))
    };
    if !minutes.topics.is_empty() {
        blocks.push(heading("会议议题"));
    }
    for (place, topic) in minutes.topics.iter().enumerate() {
        let number = chinese_numeral(place + 1);
        blocks.push(Block::Topic(format!("（{number}）{}", topic.title)));
        blocks.extend(topic.discussion.iter().cloned().map(Block::Paragraph));
    }
    blocks.push(heading("议定事项"));
    for (place, (item, due)) in minutes.agreed.iter().zip(due).enumerate() {
        blocks.push(Block::Paragraph(agreed(place + 1, item, *due)));
    }
    blocks
}

/// `1.Text（责任单位：甲、乙；配合单位：丙；完成时限：2026年6月30日）`
fn agreed(number: usize, item: &AgreedItem, due: Option<Date>) -> String {
    let mut duties = vec![format!("责任单位：{}", item.responsible.join("、"))];
    if !item.assisting.is_empty() {
        duties.push(format!("配合单位：{}", item.assisting.join("、")));
    }
    if let Some(due) = due {
        duties.push(format!("完成时限：{}", date(due)));
    }
    format!("{number}.{}（{}）", item.text, duties.join("；"))
}

fn attendance(minutes: &Minutes) -> Vec<Labelled> {
    let attendance = &minutes.attendance;
    let lists = [
        ("出席", &attendance.present),
        ("征求意见", &attendance.consulted),
        ("请假", &attendance.excused),
        ("列席", &attendance.observers),
    ];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    lists
        .map(|(label, list)| {
            let list: Vec<String> = list.iter().map(delegation).collect();
            Labelled::new(label, list.join("；"))
        })
        .collect()
}

/// `省税务局　甲（副局长）、乙`
fn delegation(delegation: &Delegation) -> String {
    let officers: Vec<String> = delegation
        .officers
        .iter()
        .map(|officer| match &officer.post {
            Some(post) => format!("{}（{post}）", officer.name),
            None => officer.name.clone(),
        })
        .collect();
    if officers.is_empty() {
        delegation.unit.clone()
    } else {
        format!("{}\u{3000}{}", delegation.unit, officers.join("、"))
    }
}

fn imprint(minutes: &Minutes, issued_on: Date) -> Imprint {
    let lists = [("主送", &minutes.main_to), ("抄送", &minutes.copies_to)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Imprint {
        addressees: lists
            .map(|(label, list)| Labelled::new(label, format!("{}。", list.join("，"))))
            .collect(),
        office: minutes.printing_office.clone(),
        printed: format!("{}印发", date(issued_on)),
    }
}

fn audit_lines(minutes: &Minutes, audit: &Audit) -> Vec<Labelled> {
    vec![
        Labelled::new("发文字号", &*minutes.document_number),
        Labelled::new("同意版本", format!("第{}版", audit.consent_version)),
        Labelled::new("正文摘要（SHA-256）", &*audit.text_sha256),
        Labelled::new("账本序号", audit.ledger_index.to_string()),
        Labelled::new("中枢", &*audit.hub),
    ]
}

/// A date in Arabic digits without leading zeros: 2026年3月5日.
fn date(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// A number from 1 to 99 in Chinese: 一, 十, 十二, 二十, 九十九.
fn chinese_numeral(number: usize) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |digit: usize| DIGITS.get(digit).copied().unwrap_or_default();
    match number / 10 {
        0 => digit(number).to_owned(),
        1 => format!("十{}", digit(number % 10)),
        tens => format!("{}十{}", digit(tens), digit(number % 10)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_are_chinese() {
        let numbers = [1, 9, 10, 11, 19, 20, 21, 90, 99];
        assert_eq!(
            numbers.map(chinese_numeral).join(" "),
            "一 九 十 十一 十九 二十 二十一 九十 九十九"
        );
    }

    #[test]
    fn dates_have_no_leading_zeros() {
        assert_eq!(date(jiff::civil::date(2026, 3, 5)), "2026年3月5日");
        assert_eq!(date(jiff::civil::date(2026, 12, 31)), "2026年12月31日");
    }
}
