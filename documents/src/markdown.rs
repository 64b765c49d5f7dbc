//! Minutes as Markdown (CommonMark). Text is escaped, so that it shows as it was given.

use std::fmt::Write as _;

use crate::{
    check::CheckedMinutes,
    sheet::{Block, Labelled},
};

/// Writes the minutes as Markdown. The same minutes give the same bytes.
#[must_use]
pub fn markdown(minutes: &CheckedMinutes) -> String {
    let sheet = &minutes.sheet;
    let mut text = Lines::default();
    text.block(&format!("# {}", escaped(&sheet.mark)));
    text.block(&escaped(&sheet.number));
    text.block(&format!(
        "{}　{}",
        escaped(&sheet.issuer),
        escaped(&sheet.issued)
    ));
    text.block("---");
    text.block(&format!("## {}", escaped(&sheet.title)));
    if let Some(correction) = &sheet.correction {
        text.block(&escaped(correction));
    }
    text.list(&sheet.facts);
    text.block(&escaped(&sheet.opening));
    for block in &sheet.blocks {
        match block {
            Block::Section(title) => text.block(&format!("### {}", escaped(title))),
            Block::Topic(title) => text.block(&format!("#### {}", escaped(title))),
            Block::Paragraph(paragraph) => text.block(&escaped(paragraph)),
        }
    }
    if !sheet.attachments.is_empty() {
        text.block("**附件**：");
        for (place, name) in sheet.attachments.iter().enumerate() {
            text.line(&format!("{}. {}", place + 1, escaped(name)));
        }
        text.line("");
    }
    for line in &sheet.attendance {
        text.labelled(line);
    }
    text.block("---");
    for line in &sheet.imprint.addressees {
        text.labelled(line);
    }
    text.block(&format!(
        "{}　{}",
        escaped(&sheet.imprint.office),
        escaped(&sheet.imprint.printed)
    ));
    if !sheet.audit.is_empty() {
        text.block("---");
        text.block("### 核验信息（不属于纪要正文）");
        text.list(&sheet.audit);
    }
    text.finish()
}

/// Markdown that grows.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    /// A line and an empty one.
    fn block(&mut self, line: &str) {
        self.line(line);
        self.line("");
    }

    /// The colon stands outside: emphasis that ends in punctuation does not close before a letter.
    fn labelled(&mut self, line: &Labelled) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        write!(
            text,
            "**{}**：{}",
            escaped(&line.label),
            escaped(&line.text)
        )
        .ok();
        self.block(&text);
    }

    fn list(&mut self, lines: &[Labelled]) {
        for line in lines {
            let (label, text) = (escaped(&line.label), escaped(&line.text));
            self.line(&format!("- {label}：{text}"));
        }
        self.line("");
    }

    /// Ends with one line break.
    fn finish(mut self) -> String {
        while self.0.ends_with("\n\n") {
            self.0.pop();
        }
        self.0
    }
}

/// The text with everything escaped that could be markup, an entity, HTML or a link.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (place, c) in text.char_indices() {
        let before = text.get(..place).unwrap_or_default();
        let is_markup = match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '(' | ')' | '#' | '!'
            | '|' | '~' | '&' | ':' | '@' | '$' | '^' => true,
            // At the start of a line these begin a list or underline a heading.
            '+' | '-' | '=' => before.chars().all(|c| c == '-' || c == '='),
            // After digits a list, within an address a link.
            '.' => before.chars().all(|c| c.is_ascii_digit()) || before.ends_with(['w', 'W']),
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_text() {
        let texts = [
            ("# 一", r"\# 一"),
            ("1.事项", r"1\.事项"),
            ("12) 事项", r"12\) 事项"),
            ("- 事项", r"\- 事项"),
            ("---", r"\-\-\-"),
            ("===", r"\=\=\="),
            ("+ 事项", r"\+ 事项"),
            ("<script>", r"\<script\>"),
            ("[甲](http://x)", r"\[甲\]\(http\://x\)"),
            ("www.example.cn", r"www\.example.cn"),
            ("**重**_点_", r"\*\*重\*\*\_点\_"),
            ("&amp;", r"\&amp;"),
            (r"\", r"\\"),
            ("a@b.cn", r"a\@b.cn"),
            ("甲|乙~丙`丁", r"甲\|乙\~丙\`丁"),
            ("增长2.5个百分点，甲-乙", "增长2.5个百分点，甲-乙"),
        ];
        for (text, expected) in texts {
            assert_eq!(escaped(text), expected);
        }
    }
}
