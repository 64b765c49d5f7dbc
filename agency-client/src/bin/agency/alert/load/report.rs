//! What came of a file: raised, refused and why, pointed out.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use agency_client::{
    Lang,
    funds::file::{Column, Problem, Row, Words},
};
use serde_json::{Value, json};

use crate::{
    args::alert::FormatArg,
    output::{Done, Out},
    state_folder::fault,
    table::{Table, Tone, pairs},
};

/// Where a row stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) line: usize,
    pub(super) reference: String,
}

impl Place {
    pub(super) fn of(row: &Row) -> Self {
        Self {
            row: row.number(),
            line: row.line(),
            reference: row.reference().to_owned(),
        }
    }

    fn json(&self) -> serde_json::Map<String, Value> {
        let fields = [
            ("row", json!(self.row)),
            ("line", json!(self.line)),
            ("reference", json!(self.reference)),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn with(&self, more: Value) -> Value {
        let mut fields = self.json();
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        Value::Object(fields)
    }
}

/// A row and a rule that it breaks.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) place: Place,
    pub(super) problem: Problem,
}

/// A row that may be about the same as an earlier one.
#[derive(Debug)]
pub(super) struct Warning {
    pub(super) place: Place,
    /// Number of the earlier row.
    pub(super) other: usize,
}

/// A row that is raised.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) place: Place,
    pub(super) alert: String,
    /// Index of its ledger entry, where that is known.
    pub(super) entry_index: Option<u64>,
    /// By an earlier run.
    pub(super) is_repeated: bool,
    /// Alerts on the same that the hub has, as it points them out.
    pub(super) possible_duplicates: Vec<String>,
}

/// What came of a file.
#[derive(Debug)]
pub(super) struct Outcome {
    file: PathBuf,
    format: FormatArg,
    rows: usize,
    pub(super) raised: Vec<Raised>,
    pub(super) refused: Vec<Refused>,
    pub(super) warnings: Vec<Warning>,
    /// Rows that were sent without an answer.
    pub(super) unanswered: usize,
    /// Rows that were not sent.
    pub(super) unsent: usize,
}

impl Outcome {
    pub(super) fn new(file: &Path, format: FormatArg, rows: &[Row]) -> Self {
        Self {
            file: file.to_owned(),
            format,
            rows: rows.len(),
            raised: vec![],
            refused: vec![],
            warnings: vec![],
            unanswered: 0,
            unsent: 0,
        }
    }

    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// How many rows were refused, by whatever number of rules.
    fn refused_count(&self) -> usize {
        let mut rows: Vec<usize> = self.refused.iter().map(|one| one.place.row).collect();
        rows.sort_unstable();
        rows.dedup();
        rows.len()
    }

    fn counts(&self) -> Value {
        let repeated = self.raised.iter().filter(|one| one.is_repeated).count();
        let refused = self.refused_count();
        json!({
            "raised": self.raised.len() - repeated,
            "raised_before": repeated,
            "refused": refused,
            "valid": self.rows - refused,
            "unanswered": self.unanswered,
            "unsent": self.unsent,
        })
    }

    fn sort(&mut self) {
        self.raised.sort_by_key(|one| one.place.row);
        self.refused.sort_by_key(|one| one.place.row);
    }

    /// Writes the rows that were refused, as CSV for a spreadsheet.
    pub(super) fn write(&mut self, file: &Path, lang: Lang) -> Done {
        self.sort();
        let text = self.csv(lang);
        File::create(file)
            .and_then(|mut report| report.write_all(text.as_bytes()))
            .map_err(|error| fault(file, error))
    }

    fn csv(&self, lang: Lang) -> String {
        // Spreadsheets take a file for UTF-8 by its mark.
        let mut text = String::from("\u{feff}row,line,reference,field,rule\r\n");
        for one in &self.refused {
            let cells = [
                one.place.row.to_string(),
                one.place.line.to_string(),
                one.place.reference.clone(),
                one.problem.field.clone(),
                one.problem.words.of(lang).to_owned(),
            ];
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// Prints it all.
    pub(super) fn print(&mut self, out: Out, is_check: bool) -> Done {
        self.sort();
        if out.json {
            return out.value(&self.json(out.lang, is_check));
        }
        let mut text = String::new();
        if !self.refused.is_empty() {
            text.push_str(&self.refused_table(out));
            text.push('\n');
        }
        if !self.warnings.is_empty() {
            text.push_str(&self.warnings_table(out));
            text.push('\n');
        }
        text.push_str(&self.summary(out, is_check));
        out.text(text)
    }

    fn json(&self, lang: Lang, is_check: bool) -> Value {
        let raised: Vec<Value> = self
            .raised
            .iter()
            .map(|one| {
                one.place.with(json!({
                    "alert": one.alert,
                    "entry_index": one.entry_index,
                    "is_repeated": one.is_repeated,
                    "possible_duplicates": one.possible_duplicates,
                }))
            })
            .collect();
        let refused: Vec<Value> = self
            .refused
            .iter()
            .map(|one| {
                let rule = one.problem.words.of(lang);
                one.place
                    .with(json!({"field": one.problem.field, "rule": rule}))
            })
            .collect();
        let warnings: Vec<Value> = self
            .warnings
            .iter()
            .map(|one| one.place.with(json!({"other_row": one.other})))
            .collect();
        json!({
            "file": self.file.display().to_string(),
            "format": match self.format {
                FormatArg::Csv => "csv",
                FormatArg::Jsonl => "jsonl",
            },
            "is_check": is_check,
            "rows": self.rows,
            "counts": self.counts(),
            "raised": raised,
            "refused": refused,
            "warnings": warnings,
        })
    }

    fn refused_table(&self, out: Out) -> String {
        let has_references = self
            .refused
            .iter()
            .any(|one| !one.place.reference.is_empty());
        let mut heading = vec![out.label("row", "行号"), out.label("line", "文件行")];
        if has_references {
            heading.push(out.label("reference", "本单位编号"));
        }
        heading.extend([
            out.label("column", "列"),
            out.label("refused because", "拒绝原因"),
        ]);
        let elastic: &[usize] = if has_references { &[2] } else { &[] };
        let mut table = Table::new(&heading).elastic(elastic).tail();
        for one in &self.refused {
            let mut cells = vec![one.place.row.to_string(), one.place.line.to_string()];
            if has_references {
                cells.push(one.place.reference.clone());
            }
            let field = match one.problem.field.as_str() {
                "row" => out.label("(the row)", "（整行）"),
                field => Column::named(field, out.lang),
            };
            cells.push(field.to_owned());
            cells.push(one.problem.words.of(out.lang).to_owned());
            table.toned(cells, Tone::Bad);
        }
        table.render(out.look)
    }

    fn warnings_table(&self, out: Out) -> String {
        let mut table = Table::new(&[
            out.label("row", "行号"),
            out.label("line", "文件行"),
            out.label("pointed out", "提示"),
        ])
        .tail();
        for one in &self.warnings {
            let words = Words::new(
                format!(
                    "same organisation and indicator as row {}, with an overlapping period",
                    one.other
                ),
                format!("与第 {} 行的组织和指标相同，且期间重叠", one.other),
            );
            table.toned(
                vec![
                    one.place.row.to_string(),
                    one.place.line.to_string(),
                    words.of(out.lang).to_owned(),
                ],
                Tone::Warn,
            );
        }
        table.render(out.look)
    }

    fn summary(&self, out: Out, is_check: bool) -> String {
        let counts = self.counts();
        let count = |name: &str| counts.get(name).map(Value::to_string).unwrap_or_default();
        let some = |name: &str| Some(count(name)).filter(|count| count != "0");
        let mut rows = vec![
            (out.label("file", "文件"), self.file.display().to_string()),
            (out.label("rows", "数据行"), self.rows.to_string()),
        ];
        if is_check {
            rows.push((out.label("may be raised", "可发起"), count("valid")));
        } else {
            rows.push((out.label("raised", "已发起"), count("raised")));
        }
        let optional = [
            ("raised_before", out.label("raised before", "此前已发起")),
            ("refused", out.label("refused", "拒绝")),
            ("unanswered", out.label("without an answer", "未获答复")),
            ("unsent", out.label("not sent", "未发送")),
        ];
        for (name, label) in optional {
            rows.push((label, some(name).unwrap_or_default()));
        }
        let known: usize = self
            .raised
            .iter()
            .filter(|one| !one.possible_duplicates.is_empty())
            .count();
        if known > 0 {
            rows.push((
                out.label("similar to others", "疑似重复"),
                match out.lang {
                    Lang::En => format!("{known}; --json names them"),
                    Lang::Zh => format!("{known}（用 --json 查看）"),
                },
            ));
        }
        pairs(&rows)
    }
}

/// A cell as RFC 4180 has it. One that a spreadsheet would take for a formula begins with an apostrophe.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    if guard.is_empty() && !cell.contains([',', '"', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::table::Look;

    fn outcome() -> Outcome {
        let mut outcome = Outcome::new("alerts.csv".as_ref(), FormatArg::Csv, &[]);
        outcome.rows = 3;
        let place = |row, reference: &str| Place {
            row,
            line: row + 1,
            reference: reference.into(),
        };
        let words = Words::new("must be set", "须填写");
        for field in ["uscc", "grounds"] {
            outcome.refused.push(Refused {
                place: place(2, "=cmd()"),
                problem: Problem::new(field, words.clone()),
            });
        }
        outcome.refused.push(Refused {
            place: place(1, ""),
            problem: Problem::of_row(Words::new("a, \"b\"", "甲")),
        });
        outcome
    }

    #[test]
    fn the_report_is_a_csv_that_reads_back_and_no_formula() {
        let mut outcome = outcome();
        outcome.sort();
        let text = outcome.csv(Lang::En);
        let text = text.strip_prefix('\u{feff}').unwrap();
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        assert_eq!(
            rows,
            [
                ["1", "2", "", "row", "a, \"b\""],
                ["2", "3", "'=cmd()", "uscc", "must be set"],
                ["2", "3", "'=cmd()", "grounds", "must be set"],
            ]
        );
    }

    #[test]
    fn counts_are_of_rows_and_not_of_rules() {
        let counts = outcome().counts();
        assert_eq!(counts["refused"], 2);
        assert_eq!(counts["valid"], 1);
    }

    #[test]
    fn what_was_refused_fits_eighty_columns() {
        for lang in [Lang::En, Lang::Zh] {
            let out = Out {
                json: false,
                lang,
                look: Look {
                    paints: false,
                    width: Some(80),
                },
                paints_errors: false,
            };
            let text = outcome().refused_table(out);
            assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        }
    }
}
