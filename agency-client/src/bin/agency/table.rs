//! Tables for people: aligned by the width that characters take on a terminal.
//!
//! Invariant: nothing that the hub or another agency wrote reaches the terminal with control
//! characters in it.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows
            .push(cells.iter().map(|cell| one_line(cell)).collect());
    }

    /// The table; every line ends with a line feed, none with spaces.
    pub(crate) fn render(&self) -> String {
        let mut widths = vec![];
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                match widths.get_mut(at) {
                    Some(width) => *width = cell.width().max(*width),
                    None => widths.push(cell.width()),
                }
            }
        }
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.width()));
                line.push_str(GAP);
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

/// Labels and values, one a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(label, _)| label.width()).max();
    let mut out = String::new();
    for (label, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        let padding = " ".repeat(width.unwrap_or_default() - label.width());
        // Writing to a String cannot fail.
        let _infallible = writeln!(out, "{label}{padding}{GAP}{}", one_line(value));
    }
    out
}

/// At most `width` columns; what is cut ends in `…`.
pub(crate) fn clip(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A text as one line without control characters.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if is_unsafe(c) { '\u{fffd}' } else { c })
        .collect()
}

/// A text of several lines without other control characters.
pub(crate) fn many_lines(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_unsafe(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Control characters, and those that turn the direction of text around.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_and_latin_align() {
        let mut table = Table::new(&["id", "名称", "n"]);
        table.row(vec![
            "tax".into(),
            "国家税务总局山西省税务局".into(),
            "1".into(),
        ]);
        table.row(vec![
            "civil-affairs".into(),
            "山西省民政厅".into(),
            "2".into(),
        ]);
        let text = table.render();
        let column = |line: &str, needle: char| {
            let at = line.rfind(needle).unwrap();
            line[..at].width()
        };
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(column(lines[1], '1'), column(lines[2], '2'));
        assert_eq!(column(lines[1], '1'), column(lines[0], 'n'));
        assert_eq!(column(lines[1], '1'), 13 + 2 + 24 + 2);
    }

    #[test]
    fn labels_align_and_empty_values_are_left_out() {
        let text = pairs(&[
            ("单位", "a".into()),
            ("x", String::new()),
            ("node", "b".into()),
        ]);
        assert_eq!(text, "单位  a\nnode  b\n");
    }

    #[test]
    fn clipping_counts_columns() {
        assert_eq!(clip("通报通报", 8), "通报通报");
        assert_eq!(clip("通报通报", 7), "通报通…");
        assert_eq!(clip("通报通报", 6), "通报…");
    }

    #[test]
    fn escape_sequences_never_reach_the_terminal() {
        let mut table = Table::new(&["title"]);
        table.row(vec!["a\u{1b}[2Jb\nc\u{202e}d".into()]);
        let text = table.render();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(many_lines("a\nb\tc\r\u{1b}"), "a\nb\tc\u{fffd}\u{fffd}");
    }
}
