//! What changed between two texts: line by line, and character by character within a line that
//! changed, because Chinese has no words to go by.

use serde_json::{Value, json};
use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

use crate::table::{Look, Tone, one_line};

/// Unchanged lines that are shown around a change.
const CONTEXT_LINES: usize = 2;
/// How alike two lines must be to be shown as one that changed; less is one taken out and one put in.
const ALIKE_MIN: f32 = 0.4;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// In both.
    Same(String),
    /// In the earlier one only.
    Deleted(String),
    /// In the later one only.
    Inserted(String),
    /// In both, not alike.
    Changed(Vec<Part>),
    /// So many lines that are in both are left out.
    Skipped(usize),
}

/// A part of a line that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    kind: PartKind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    Same,
    Deleted,
    Inserted,
}

/// The difference of two texts; empty when they are the same.
pub(super) fn diff(earlier: &str, later: &str) -> Vec<Line> {
    let old: Vec<&str> = earlier.lines().collect();
    let new: Vec<&str> = later.lines().collect();
    let mut lines = vec![];
    for op in capture_diff_slices(Algorithm::Patience, &old, &new) {
        let (old, new) = (
            old.get(op.old_range()).unwrap_or_default(),
            new.get(op.new_range()).unwrap_or_default(),
        );
        match op {
            DiffOp::Equal { .. } => lines.extend(old.iter().map(|line| Line::Same((*line).into()))),
            _ => replaced(old, new, &mut lines),
        }
    }
    shortened(lines)
}

/// Lines in the place of others: those that are alike are shown as one.
fn replaced(old: &[&str], new: &[&str], lines: &mut Vec<Line>) {
    let mut rest = new.iter().peekable();
    for old in old {
        let parts = rest.peek().and_then(|new| changed(old, new));
        match parts {
            Some(parts) => {
                rest.next();
                lines.push(Line::Changed(parts));
            }
            None => lines.push(Line::Deleted((*old).to_owned())),
        }
    }
    lines.extend(rest.map(|line| Line::Inserted((*line).to_owned())));
}

/// The parts of a line that changed; `None` when the two are too different.
fn changed(old: &str, new: &str) -> Option<Vec<Part>> {
    let diff = TextDiff::from_chars(old, new);
    if old.trim().is_empty() || new.trim().is_empty() || diff.ratio() < ALIKE_MIN {
        return None;
    }
    let mut parts: Vec<Part> = vec![];
    for change in diff.iter_all_changes() {
        let kind = match change.tag() {
            ChangeTag::Equal => PartKind::Same,
            ChangeTag::Delete => PartKind::Deleted,
            ChangeTag::Insert => PartKind::Inserted,
        };
        match parts.last_mut() {
            Some(part) if part.kind == kind => part.text.push_str(change.value()),
            _ => parts.push(Part {
                kind,
                text: change.value().to_owned(),
            }),
        }
    }
    Some(parts)
}

/// Leaves out what is in both and far from a change.
fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let changes: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(at, _)| at)
        .collect();
    if changes.is_empty() {
        return vec![];
    }
    let mut out = vec![];
    let mut skipped = 0;
    for (at, line) in lines.into_iter().enumerate() {
        let is_near = changes
            .iter()
            .any(|change| change.abs_diff(at) <= CONTEXT_LINES);
        if is_near {
            if skipped > 0 {
                out.push(Line::Skipped(skipped));
                skipped = 0;
            }
            out.push(line);
        } else {
            skipped += 1;
        }
    }
    if skipped > 0 {
        out.push(Line::Skipped(skipped));
    }
    out
}

/// A difference for people: `-` was taken out, `+` put in, `~` changed within. Without colours,
/// `[-…-]` and `{+…+}` say what changed within a line.
pub(super) fn text(lines: &[Line], look: Look) -> String {
    let mut out = String::new();
    for line in lines {
        let shown = match line {
            Line::Same(text) => format!("  {}", one_line(text)),
            Line::Deleted(text) => look.paint(&format!("- {}", one_line(text)), Tone::Bad),
            Line::Inserted(text) => look.paint(&format!("+ {}", one_line(text)), Tone::Good),
            Line::Skipped(count) => look.paint(&format!("  … {count} …"), Tone::Faint),
            Line::Changed(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part_text(part, look)).collect();
                format!("~ {}", parts.concat())
            }
        };
        out.push_str(shown.trim_end());
        out.push('\n');
    }
    out
}

fn part_text(part: &Part, look: Look) -> String {
    let text = one_line(&part.text);
    match (part.kind, look.paints) {
        (PartKind::Same, _) => text,
        (PartKind::Deleted, true) => look.paint(&text, Tone::Bad),
        (PartKind::Inserted, true) => look.paint(&text, Tone::Good),
        (PartKind::Deleted, false) => format!("[-{text}-]"),
        (PartKind::Inserted, false) => format!("{{+{text}+}}"),
    }
}

/// A difference as JSON.
pub(super) fn value(lines: &[Line]) -> Value {
    lines
        .iter()
        .map(|line| match line {
            Line::Same(text) => json!({"kind": "same", "text": text}),
            Line::Deleted(text) => json!({"kind": "deleted", "text": text}),
            Line::Inserted(text) => json!({"kind": "inserted", "text": text}),
            Line::Skipped(count) => json!({"kind": "skipped", "lines": count}),
            Line::Changed(parts) => {
                let parts: Vec<Value> = parts
                    .iter()
                    .map(|part| {
                        let kind = match part.kind {
                            PartKind::Same => "same",
                            PartKind::Deleted => "deleted",
                            PartKind::Inserted => "inserted",
                        };
                        json!({"kind": kind, "text": part.text})
                    })
                    .collect();
                json!({"kind": "changed", "parts": parts})
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Look = Look::plain(false);

    #[test]
    fn a_changed_line_shows_the_characters_that_changed() {
        let lines = diff(
            "一\n由省税务局于8月底前完成抽查。\n三\n",
            "一\n由省税务局、省财政厅于9月底前完成抽查。\n三\n",
        );
        assert_eq!(
            text(&lines, PLAIN),
            "  一\n~ 由省税务局{+、省财政厅+}于[-8-]{+9+}月底前完成抽查。\n  三\n"
        );
    }

    #[test]
    fn lines_that_are_not_alike_are_taken_out_and_put_in() {
        let lines = diff("甲乙丙丁\n尾\n", "一二三四五六\n尾\n新\n");
        assert_eq!(
            text(&lines, PLAIN),
            "- 甲乙丙丁\n+ 一二三四五六\n  尾\n+ 新\n"
        );
    }

    #[test]
    fn what_is_far_from_a_change_is_left_out() {
        let old: String = (0..20).map(|n| format!("第{n}行\n")).collect();
        let new = old.replace("第10行", "第10行（改）");
        let lines = diff(&old, &new);
        assert_eq!(
            text(&lines, PLAIN),
            "  … 8 …\n  第8行\n  第9行\n~ 第10行{+（改）+}\n  第11行\n  第12行\n  … 7 …\n"
        );
        assert!(diff(&old, &old).is_empty());
    }

    #[test]
    fn taking_the_insertions_gives_the_later_text_and_taking_the_deletions_the_earlier() {
        let old = "会议决定，抽查于八月进行。\n\n尾";
        let new = "会议决定，联合抽查于九月上旬进行。\n\n尾\n又";
        let mut sides = [String::new(), String::new()];
        for line in diff(old, new) {
            let [before, after] = &mut sides;
            match line {
                Line::Same(text) => {
                    before.push_str(&format!("{text}\n"));
                    after.push_str(&format!("{text}\n"));
                }
                Line::Deleted(text) => before.push_str(&format!("{text}\n")),
                Line::Inserted(text) => after.push_str(&format!("{text}\n")),
                Line::Skipped(_) => panic!("nothing is far from a change here"),
                Line::Changed(parts) => {
                    for part in parts {
                        if part.kind != PartKind::Inserted {
                            before.push_str(&part.text);
                        }
                        if part.kind != PartKind::Deleted {
                            after.push_str(&part.text);
                        }
                    }
                    before.push('\n');
                    after.push('\n');
                }
            }
        }
        assert_eq!(sides, [format!("{old}\n"), format!("{new}\n")]);
    }

    #[test]
    fn escape_sequences_never_reach_the_terminal() {
        let lines = diff("a\u{1b}[2J\n", "b\u{1b}[2J\n");
        assert!(!text(&lines, PLAIN).contains('\u{1b}'));
    }
}
