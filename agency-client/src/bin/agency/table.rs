//! Tables for people: aligned by the width that characters take on a terminal.
//!
//! Invariant: nothing that the hub or another agency wrote reaches the terminal with control
//! characters in it.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Between two columns.
const GAP: &str = "  ";

/// Narrowest that a column is made so that a table fits the terminal.
const ELASTIC_WIDTH_MIN: usize = 10;
/// Before a last column that has a line of its own.
const TAIL_INDENT: &str = "  ";

/// What a text stands out by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Strong,
    Faint,
    Warn,
    Bad,
    Good,
}

/// How text on stdout looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether it has colours.
    pub(crate) paints: bool,
    /// Columns of the terminal; `None` when it is none, and nothing is cut.
    pub(crate) width: Option<usize>,
}

impl Look {
    /// A look that cuts nothing.
    pub(crate) const fn plain(paints: bool) -> Self {
        Self {
            paints,
            width: None,
        }
    }

    /// A text in a tone.
    pub(crate) fn paint(self, text: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Good => "32",
        };
        if self.paints {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<(String, Tone)>>,
    elastic: &'static [usize],
    has_tail: bool,
}

impl Table {
    pub(crate) fn new(heading: &[&str]) -> Self {
        let heading = heading.iter().map(|&cell| (cell.to_owned(), Tone::Strong));
        Self {
            rows: vec![heading.collect()],
            elastic: &[],
            has_tail: false,
        }
    }

    /// Columns whose cells may be cut where the terminal is too narrow.
    pub(crate) fn elastic(mut self, columns: &'static [usize]) -> Self {
        self.elastic = columns;
        self
    }

    /// The last column goes to a line of its own where the terminal is too narrow: resource names,
    /// which are there to be copied.
    pub(crate) fn tail(mut self) -> Self {
        self.has_tail = true;
        self
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.toned(cells, Tone::Plain);
    }

    /// A row in a tone.
    pub(crate) fn toned(&mut self, cells: Vec<String>, tone: Tone) {
        let cells = cells.iter().map(|cell| (one_line(cell), tone));
        self.rows.push(cells.collect());
    }

    /// The table; every line ends with a line feed, none with spaces.
    pub(crate) fn render(mut self, look: Look) -> String {
        let mut widths = self.widths();
        let mut tails = vec![];
        if let Some(columns) = look.width {
            if self.has_tail && total(&widths) > columns {
                for row in &mut self.rows {
                    tails.push(row.pop());
                }
                widths.pop();
            }
            self.fit(&mut widths, columns);
        }
        let mut tails = tails.into_iter();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let last = row.len().saturating_sub(1);
            for (at, ((cell, tone), width)) in row.iter().zip(&widths).enumerate() {
                let cell = clip(cell, *width);
                let padding = width.saturating_sub(cell.width());
                line.push_str(&look.paint(&cell, *tone));
                if at < last {
                    line.push_str(&" ".repeat(padding));
                    line.push_str(GAP);
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
            if let Some((tail, _)) = tails.next().flatten() {
                out.push_str(&look.paint(&format!("{TAIL_INDENT}{tail}"), Tone::Faint));
                out.push('\n');
            }
        }
        out
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = vec![];
        for row in &self.rows {
            for (at, (cell, _)) in row.iter().enumerate() {
                match widths.get_mut(at) {
                    Some(width) => *width = cell.width().max(*width),
                    None => widths.push(cell.width()),
                }
            }
        }
        widths
    }

    /// Makes elastic columns narrower, the widest first, until the table fits or none gives way.
    fn fit(&self, widths: &mut [usize], columns: usize) {
        while total(widths) > columns {
            let widest = widths
                .iter_mut()
                .enumerate()
                .filter(|(at, width)| self.elastic.contains(at) && **width > ELASTIC_WIDTH_MIN)
                .max_by_key(|(_, width)| **width);
            match widest {
                Some((_, width)) => *width -= 1,
                None => return,
            }
        }
    }
}

/// Width of a row.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + widths.len().saturating_sub(1) * GAP.len()
}

/// Labels and values, one a line.
pub(crate) fn pairs(pairs: &[(&str, String)]) -> String {
    let shown = || pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(label, _)| label.width()).max();
    let mut out = String::new();
    for (label, value) in shown() {
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
        let text = table.render(Look::plain(false));
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
    fn a_table_fits_the_terminal_and_cuts_nothing_when_piped() {
        let table = || {
            let mut table = Table::new(&["时间", "from", "title", "name"])
                .elastic(&[1, 2])
                .tail();
            table.row(vec![
                "2026-12-01 18:00".into(),
                "tax 国家税务总局山西省税务局".into(),
                "关于开展社会团体年度联合抽查工作的通知及有关材料报送要求".into(),
                "agencies/tax/notifications/01980000-0000-7000-8000-000000000000".into(),
            ]);
            table
        };
        let narrow = Look {
            paints: false,
            width: Some(80),
        };
        let text = table().render(narrow);
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        assert!(
            text.contains("  agencies/tax/notifications/01980000-0000-7000-8000-000000000000\n")
        );
        assert!(text.contains('…'), "{text}");
        let piped = table().render(Look::plain(false));
        assert_eq!(piped.lines().count(), 2);
        assert!(!piped.contains('…') && piped.contains("材料报送要求"));
    }

    #[test]
    fn colours_do_not_shift_columns() {
        let mut table = Table::new(&["a", "b"]);
        table.toned(vec!["1".into(), "2".into()], Tone::Bad);
        let text = table.render(Look::plain(true));
        assert_eq!(
            text,
            "\u{1b}[1ma\u{1b}[0m  \u{1b}[1mb\u{1b}[0m\n\u{1b}[31m1\u{1b}[0m  \u{1b}[31m2\u{1b}[0m\n"
        );
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
        let text = table.render(Look::plain(false));
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
        assert_eq!(text.lines().count(), 2);
        assert_eq!(many_lines("a\nb\tc\r\u{1b}"), "a\nb\tc\u{fffd}\u{fffd}");
    }
}
