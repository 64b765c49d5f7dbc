//! Minutes as a file that a person writes: Markdown, with a few settings in front.
//!
//! `agency help minutes-file` explains the form. What [`text`] writes, [`parse`] reads back as the same
//! content.

mod item;

use std::{collections::HashSet, fmt::Write as _, path::PathBuf};

use hub_proto::{
    channels::Attachment,
    meetings::{AgreedItemDraft, MinutesContent, TopicMinutes},
};
use serde::{Deserialize, Serialize};

use crate::people::Units;

/// Mistakes that are named at a time.
const PROBLEMS_MAX: usize = 20;

/// Line that opens and closes the settings.
const FENCE: &str = "+++";

/// Headings of the agreed items.
const ITEMS: [&str; 3] = ["议定事项", "Agreed items", "Agreed"];
/// Words that begin the heading of a topic.
const TOPIC: [&str; 2] = ["议题", "Topic"];
/// Words that begin the heading of what came up at the meeting.
const OTHER: [&str; 2] = ["其他", "Other"];

/// What a file says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MinutesFile {
    /// What the minutes say, without files that are yet to be uploaded.
    pub(super) content: MinutesContent,
    /// The version that it is based on.
    pub(super) base_version: Option<i32>,
    /// What changed.
    pub(super) change_note: String,
    /// Files to upload and attach.
    pub(super) files: Vec<PathBuf>,
}

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Line, from 1.
    pub(super) line: usize,
    /// The rule, in English.
    pub(super) en: String,
    /// In Chinese.
    pub(super) zh: String,
}

impl Problem {
    fn new(line: usize, en: impl Into<String>, zh: impl Into<String>) -> Self {
        let (en, zh) = (en.into(), zh.into());
        Self { line, en, zh }
    }
}

/// The settings in front.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_version: Option<i32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    change_note: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    main_addressees: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copy_addressees: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Uploaded>,
}

/// A file that was uploaded before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Uploaded {
    sha256: String,
    file_name: String,
    media_type: String,
    size_bytes: i64,
}

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    /// Before the first second-level heading.
    Opening,
    /// In a topic.
    Topic,
    /// In the agreed items.
    Items,
    /// Under a heading that was not understood.
    Unknown,
}

/// Reads a file. Every mistake is named, up to a few.
pub(super) fn parse(text: &str, units: &Units) -> Result<MinutesFile, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut problems = vec![];
    let (settings, begin) = settings(&lines, &mut problems);
    let mut reader = Reader::new(units);
    for (at, line) in lines.iter().enumerate().skip(begin) {
        reader.line(at + 1, line.trim_end());
    }
    problems.extend(reader.finish(lines.len() + 1));
    let mut content = reader.content;
    content.main_addressees = settings.main_addressees;
    content.copy_addressees = settings.copy_addressees;
    content.attachments = settings.attachments.into_iter().map(attachment).collect();
    if content.title.is_empty() {
        problems.push(Problem::new(
            begin + 1,
            "the title is missing: one line that begins with \"# \"",
            "缺少标题：以“# ”开头的一行",
        ));
    }
    if !problems.is_empty() {
        problems.sort_by_key(|problem| problem.line);
        problems.truncate(PROBLEMS_MAX);
        return Err(problems);
    }
    Ok(MinutesFile {
        content,
        base_version: settings.base_version,
        change_note: settings.change_note,
        files: settings.files,
    })
}

fn attachment(file: Uploaded) -> Attachment {
    Attachment {
        sha256: file.sha256,
        file_name: file.file_name,
        media_type: file.media_type,
        size_bytes: file.size_bytes,
    }
}

/// The settings in front, and the line after them, from 0.
fn settings(lines: &[&str], problems: &mut Vec<Problem>) -> (Settings, usize) {
    let is_fence = |line: &&str| line.trim_end() == FENCE;
    if !lines.first().is_some_and(is_fence) {
        return (Settings::default(), 0);
    }
    let Some(end) = lines.iter().skip(1).position(is_fence) else {
        problems.push(Problem::new(
            1,
            format!("the settings that begin here have no end: a line {FENCE}"),
            format!("此处开始的设置没有结束行 {FENCE}"),
        ));
        return (Settings::default(), lines.len());
    };
    let inner: String = lines
        .iter()
        .skip(1)
        .take(end)
        .map(|line| format!("{line}\n"))
        .collect();
    let settings = toml::from_str(&inner).unwrap_or_else(|error: toml::de::Error| {
        let before = error.span().map_or(0, |span| span.start);
        let line = inner.bytes().take(before).filter(|b| *b == b'\n').count();
        let message = error.message().trim();
        problems.push(Problem::new(
            line + 2,
            format!("settings are TOML: {message}"),
            format!("设置须为 TOML：{message}"),
        ));
        Settings::default()
    });
    (settings, end + 2)
}

/// Reads line after line.
struct Reader<'a> {
    units: &'a Units,
    content: MinutesContent,
    section: Section,
    /// The paragraph that is being read.
    paragraph: String,
    /// Whether the item that is being read takes text: no blank line and no field came after it.
    is_in_item: bool,
    /// Line of the newest item, and the fields that it has.
    item: (usize, HashSet<&'static str>),
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(units: &'a Units) -> Self {
        Self {
            units,
            content: MinutesContent::default(),
            section: Section::Opening,
            paragraph: String::new(),
            is_in_item: false,
            item: Default::default(),
            problems: vec![],
        }
    }

    fn problem(&mut self, line: usize, en: impl Into<String>, zh: impl Into<String>) {
        self.problems.push(Problem::new(line, en, zh));
    }

    fn line(&mut self, at: usize, line: &str) {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            self.end_paragraph(at);
            self.is_in_item = false;
        } else if trimmed.starts_with("<!--") && trimmed.ends_with("-->") {
            // A remark for whoever fills the file in.
        } else if let Some(heading) = line.strip_prefix("## ") {
            self.end_paragraph(at);
            self.heading(at, heading.trim());
        } else if let Some(title) = line.strip_prefix("# ") {
            self.end_paragraph(at);
            self.title(at, title.trim());
        } else if line.starts_with('#') {
            self.problem(
                at,
                "a heading is \"# title\" or \"## …\"; text that begins with # is written \\#",
                "标题行须为“# 标题”或“## …”；以 # 开头的正文请写作 \\#",
            );
        } else if self.section == Section::Items {
            self.item_line(at, line);
        } else {
            append(
                &mut self.paragraph,
                trimmed.strip_prefix('\\').unwrap_or(trimmed),
            );
        }
    }

    fn title(&mut self, at: usize, title: &str) {
        if self.content.title.is_empty() {
            title.clone_into(&mut self.content.title);
        } else {
            self.problem(
                at,
                "there is one title; topics begin with \"## \"",
                "标题只能有一个；议题以“## ”开头",
            );
        }
    }

    fn heading(&mut self, at: usize, heading: &str) {
        self.end_item();
        if ITEMS.contains(&heading) {
            self.section = Section::Items;
            return;
        }
        match topic(heading) {
            Some((number, title)) if !title.is_empty() => {
                self.section = Section::Topic;
                self.content.topics.push(TopicMinutes {
                    topic: number,
                    title: title.to_owned(),
                    paragraphs: vec![],
                });
            }
            _ => {
                self.section = Section::Unknown;
                self.problem(
                    at,
                    "a heading is \"## Topic 1: title\", \"## Other: title\" or \"## Agreed items\"",
                    "二级标题须为“## 议题 1：标题”、“## 其他：标题”或“## 议定事项”",
                );
            }
        }
    }

    fn end_paragraph(&mut self, at: usize) {
        if self.paragraph.is_empty() {
            return;
        }
        let paragraph = std::mem::take(&mut self.paragraph);
        match (self.section, self.content.topics.last_mut()) {
            (Section::Opening, _) if self.content.opening.is_empty() => {
                self.content.opening = paragraph;
            }
            (Section::Opening, _) => self.problem(
                at.saturating_sub(1),
                "the opening is one paragraph; what follows belongs under \"## Topic …\"",
                "开头只能有一段；其后的内容须置于“## 议题 …”之下",
            ),
            (Section::Topic, Some(topic)) => topic.paragraphs.push(paragraph),
            _ => {}
        }
    }

    fn item_line(&mut self, at: usize, line: &str) {
        if let Some(begun) = item::begins(line) {
            self.end_item();
            self.content.agreed_items.push(AgreedItemDraft {
                text: begun.to_owned(),
                kind: hub_proto::meetings::AgreedItemKind::Task.into(),
                ..AgreedItemDraft::default()
            });
            self.item = (at, HashSet::new());
            self.is_in_item = true;
            return;
        }
        let Some(newest) = self.content.agreed_items.last_mut() else {
            return self.problem(
                at,
                "an agreed item begins with its number, such as \"1. …\"",
                "议定事项须以编号开头，如“1. …”",
            );
        };
        if let Some(field) = line.trim_start().strip_prefix("- ") {
            self.is_in_item = false;
            match item::field(newest, field, self.units) {
                Ok(name) if self.item.1.insert(name) => {}
                Ok(_) => self.problem(
                    at,
                    "this field is given twice for one item",
                    "同一事项的这一字段重复",
                ),
                Err((en, zh)) => self.problem(at, en, zh),
            }
        } else if self.is_in_item {
            append(&mut newest.text, line.trim());
        } else {
            self.problem(
                at,
                "after an item's text there are its fields, such as \"- responsible: tax\", or the \
                 next item",
                "事项正文之后须为字段（如“- 责任单位：省税务局”）或下一事项",
            );
        }
    }

    /// What an item must have by its end.
    fn end_item(&mut self) {
        let line = self.item.0;
        if line == 0 {
            return;
        }
        self.item.0 = 0;
        if let Some(item) = self.content.agreed_items.last() {
            if item.text.is_empty() {
                self.problem(line, "the item has no text", "该事项没有正文");
            } else if item.responsible_units.is_empty() {
                self.problem(
                    line,
                    "the item names no responsible unit: \"- responsible: tax\"",
                    "该事项没有责任单位：“- 责任单位：省税务局”",
                );
            }
        }
    }

    fn finish(&mut self, at: usize) -> Vec<Problem> {
        self.end_paragraph(at);
        self.end_item();
        std::mem::take(&mut self.problems)
    }
}

/// Puts a line at the end of a paragraph. Chinese takes no space between two lines.
fn append(paragraph: &mut String, line: &str) {
    let is_latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii());
    if is_latin(paragraph.chars().last()) && is_latin(line.chars().next()) {
        paragraph.push(' ');
    }
    paragraph.push_str(line);
}

/// Number and title of a topic's heading.
fn topic(heading: &str) -> Option<(i32, &str)> {
    for word in OTHER {
        if let Some(rest) = heading.strip_prefix(word) {
            return Some((0, rest.trim_start().strip_prefix([':', '：'])?.trim()));
        }
    }
    let rest = TOPIC.iter().find_map(|word| heading.strip_prefix(word))?;
    let (number, title) = rest.split_once([':', '：'])?;
    let number: i32 = number.trim().parse().ok().filter(|number| *number > 0)?;
    Some((number, title.trim()))
}

/// A content as a file.
pub(super) fn text(
    content: &MinutesContent,
    base_version: Option<i32>,
    change_note: &str,
    units: &Units,
) -> String {
    let settings = Settings {
        base_version,
        change_note: change_note.to_owned(),
        main_addressees: content.main_addressees.clone(),
        copy_addressees: content.copy_addressees.clone(),
        files: vec![],
        attachments: content.attachments.iter().map(uploaded).collect(),
    };
    let settings = toml::to_string(&settings).unwrap_or_default();
    let mut out = String::new();
    if !settings.is_empty() {
        // Writing to a String cannot fail, here and below.
        let _infallible = write!(out, "{FENCE}\n{settings}{FENCE}\n\n");
    }
    out.push_str(&body(content, units));
    out
}

fn uploaded(file: &Attachment) -> Uploaded {
    Uploaded {
        sha256: file.sha256.clone(),
        file_name: file.file_name.clone(),
        media_type: file.media_type.clone(),
        size_bytes: file.size_bytes,
    }
}

/// What stands after the settings.
fn body(content: &MinutesContent, units: &Units) -> String {
    let mut out = format!("# {}\n", one_line(&content.title));
    if !content.opening.is_empty() {
        let _infallible = write!(out, "\n{}\n", escaped(&content.opening));
    }
    for topic in &content.topics {
        let title = one_line(&topic.title);
        let _infallible = match topic.topic {
            0 => write!(out, "\n## 其他：{title}\n"),
            number => write!(out, "\n## 议题 {number}：{title}\n"),
        };
        for paragraph in &topic.paragraphs {
            let _infallible = write!(out, "\n{}\n", escaped(paragraph));
        }
    }
    if !content.agreed_items.is_empty() {
        let _infallible = write!(out, "\n## {}\n", ITEMS[0]);
    }
    for (at, item) in content.agreed_items.iter().enumerate() {
        let text = one_line(&item.text);
        let _infallible = write!(out, "\n{}. {text}\n", at + 1);
        out.push_str(&item::fields(item, units));
    }
    out
}

/// A paragraph that is not taken for a heading or a remark.
fn escaped(paragraph: &str) -> String {
    let line = one_line(paragraph);
    if line.starts_with(['#', '\\']) || line.starts_with("<!--") {
        format!("\\{line}")
    } else {
        line
    }
}

/// A text as the one line that the form has room for.
pub(super) fn one_line(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        append(&mut out, line);
    }
    crate::table::one_line(&out)
}

#[cfg(test)]
mod tests;
