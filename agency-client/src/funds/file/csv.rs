//! Comma-separated values, read as RFC 4180 has them and no laxer.
//!
//! Invariant: a broken row costs that row alone. Where a quotation mark is not closed, or text follows a
//! closed one, reading goes on at the line after the one where the row began, so that a stray mark does not
//! swallow the rows after it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{
    ROW_BYTES_MAX, ROWS_MAX,
    columns::{COLUMNS, Column},
    row::{Cells, Problem, Row, Words},
    too_many,
};

/// What is wrong with the form of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A quotation mark that is not closed, at the end of the file or within [`ROW_BYTES_MAX`].
    Unclosed,
    /// Something between a closing quotation mark and the next comma.
    AfterQuote,
    /// A quotation mark in a cell that does not begin with one.
    QuoteWithin,
    /// Longer than [`ROW_BYTES_MAX`].
    TooLong,
}

impl Fault {
    fn words(self) -> Words {
        match self {
            Self::Unclosed => {
                Words::new("a quotation mark (\") is not closed", "引号（\"）没有成对")
            }
            Self::AfterQuote => Words::new(
                "text follows a closing quotation mark (\"); a mark within a cell is written twice",
                "右引号（\"）之后另有内容；单元格内的引号须写两次",
            ),
            Self::QuoteWithin => Words::new(
                "a cell with a quotation mark (\") in it must begin and end with one",
                "含引号（\"）的单元格须整体用引号括起",
            ),
            Self::TooLong => Words::new(
                format!("is longer than {ROW_BYTES_MAX} bytes"),
                format!("超过 {ROW_BYTES_MAX} 字节"),
            ),
        }
    }
}

/// Cells of a row, and the line where it begins.
type Record = (usize, Result<Vec<String>, Fault>);

/// Takes a text apart.
#[derive(Debug)]
struct Records<'a> {
    text: &'a str,
    at: usize,
    /// From 1.
    line: usize,
}

impl<'a> Records<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads a row from where it begins.
    fn record(&mut self) -> Result<Vec<String>, Fault> {
        let start = self.at;
        let mut cells = vec![];
        loop {
            let is_quoted = self.rest().starts_with('"');
            let cell = if is_quoted {
                self.quoted(start)?
            } else {
                self.plain()?
            };
            cells.push(cell);
            if self.at - start > ROW_BYTES_MAX {
                return Err(Fault::TooLong);
            }
            let rest = self.rest();
            if rest.starts_with(',') {
                self.at += 1;
            } else if let Some(end) = ["\n", "\r\n"].iter().find(|end| rest.starts_with(**end)) {
                self.at += end.len();
                self.line += 1;
                return Ok(cells);
            } else if rest.is_empty() || rest == "\r" {
                self.at = self.text.len();
                return Ok(cells);
            } else {
                return Err(Fault::AfterQuote);
            }
        }
    }

    fn plain(&mut self) -> Result<String, Fault> {
        let rest = self.rest();
        let end = rest.find([',', '\n']).unwrap_or(rest.len());
        let cell = rest.get(..end).unwrap_or_default();
        let is_last = !rest.get(end..).unwrap_or_default().starts_with(',');
        let cell = match cell.strip_suffix('\r') {
            Some(cell) if is_last => cell,
            _ => cell,
        };
        self.at += cell.len();
        if cell.contains('"') {
            return Err(Fault::QuoteWithin);
        }
        Ok(cell.to_owned())
    }

    fn quoted(&mut self, start: usize) -> Result<String, Fault> {
        let mut cell = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let end = rest.find('"').ok_or(Fault::Unclosed)?;
            let part = rest.get(..end).unwrap_or_default();
            cell.push_str(part);
            self.at += end + 1;
            self.line += part.matches('\n').count();
            if self.at - start > ROW_BYTES_MAX {
                return Err(Fault::Unclosed);
            }
            if !self.rest().starts_with('"') {
                // A line break within a cell is one, however the file breaks its lines.
                return Ok(cell.replace("\r\n", "\n"));
            }
            cell.push('"');
            self.at += 1;
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if self.rest().is_empty() {
                return None;
            }
            let (at, line) = (self.at, self.line);
            let record = self.record();
            if record.is_err() {
                let whole = self.text.get(at..).unwrap_or_default();
                let length = whole.find('\n').map_or(whole.len(), |end| end + 1);
                self.at = at + length;
                self.line = line + 1;
            }
            let is_blank = |cells: &Vec<String>| cells.iter().all(|cell| cell.trim().is_empty());
            // Spreadsheets leave such rows behind.
            if !record.as_ref().is_ok_and(is_blank) {
                return Some((line, record));
            }
        }
    }
}

/// The rows beneath the heading.
pub(super) fn rows(text: &str, today: Date) -> Result<Vec<Row>, Words> {
    let mut records = Records::new(text);
    let Some((line, heading)) = records.next() else {
        return Ok(vec![]);
    };
    let heading = heading.map_err(|fault| {
        let words = fault.words();
        Words::new(
            format!("line {line}, the heading: {}", words.en),
            format!("第 {line} 行表头：{}", words.zh),
        )
    })?;
    let columns = columns_of(&heading)?;
    let mut rows = vec![];
    for (line, record) in records {
        if rows.len() == ROWS_MAX {
            return Err(too_many());
        }
        let number = rows.len() + 1;
        let row = match record {
            Err(fault) => Row::broken(number, line, Problem::of_row(fault.words())),
            Ok(cells) if cells.len() != columns.len() => {
                let (found, wanted) = (cells.len(), columns.len());
                let words = Words::new(
                    format!("has {found} cells where the heading has {wanted}"),
                    format!("有 {found} 个单元格，而表头有 {wanted} 个"),
                );
                Row::broken(number, line, Problem::of_row(words))
            }
            Ok(cells) => {
                let mut found = Cells::default();
                for (column, cell) in columns.iter().zip(cells) {
                    found.set(column, cell);
                }
                Row::new(number, line, found, today)
            }
        };
        rows.push(row);
    }
    Ok(rows)
}

/// The columns that a heading names, in its order.
fn columns_of(heading: &[String]) -> Result<Vec<&'static Column>, Words> {
    let mut found = vec![];
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut unknown, mut twice) = (vec![], vec![]);
    for name in heading {
        match Column::find(name) {
            None => unknown.push(shown(name)),
            Some(column) => {
                let count = seen.entry(column.name).or_default();
                *count += 1;
                if *count == 2 {
                    twice.push(column.name.to_owned());
                }
                found.push(column);
            }
        }
    }
    let missing: Vec<String> = COLUMNS
        .iter()
        .filter(|column| column.is_required && !seen.contains_key(column.name))
        .map(|column| column.name.to_owned())
        .collect();
    heading_problem(heading, &unknown, &twice, &missing).map_or(Ok(found), Err)
}

/// A name from the file, cut to what fits a message.
fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    let short: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    format!("“{short}”")
}

fn heading_problem(
    heading: &[String],
    unknown: &[String],
    twice: &[String],
    missing: &[String],
) -> Option<Words> {
    let (mut en, mut zh) = (vec![], vec![]);
    if let [one] = heading
        && one.contains([';', '\t'])
    {
        en.push("columns are parted by commas".to_owned());
        zh.push("各列须以英文逗号分隔".to_owned());
    }
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        en.push(format!(
            "there is no column {names}: alerts are at clue level and have none for accounts, transactions \
             or counterparties (FS-051)"
        ));
        zh.push(format!(
            "没有列 {names}：预警仅限线索层级，不设账户、交易、对手方等列（FS-051）"
        ));
    }
    if !twice.is_empty() {
        en.push(format!("twice: {}", twice.join(", ")));
        zh.push(format!("重复的列：{}", twice.join("、")));
    }
    if !missing.is_empty() {
        en.push(format!("missing: {}", missing.join(", ")));
        zh.push(format!("缺少的列：{}", missing.join("、")));
    }
    (!en.is_empty()).then(|| {
        Words::new(
            format!(
                "the heading is not right: {}; `agency help alert-file` lists the columns",
                en.join("; ")
            ),
            format!(
                "表头有误：{}；各列说明见 agency help alert-file",
                zh.join("；")
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    const TODAY: Date = jiff::civil::date(2026, 7, 1);

    fn records(text: &str) -> Vec<Record> {
        Records::new(text).collect()
    }

    fn cells(cells: &[&str]) -> Result<Vec<String>, Fault> {
        Ok(cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    #[test]
    fn cells_are_read_as_rfc_4180_has_them() {
        for (text, expected) in [
            ("a,b\n", vec![(1, cells(&["a", "b"]))]),
            ("a,b", vec![(1, cells(&["a", "b"]))]),
            (
                "a,b\r\nc,\r\n",
                vec![(1, cells(&["a", "b"])), (2, cells(&["c", ""]))],
            ),
            ("a,b\r", vec![(1, cells(&["a", "b"]))]),
            ("\"a,\"\"b\"\"\",c\n", vec![(1, cells(&["a,\"b\"", "c"]))]),
            (
                "\"a\r\nb\",c\r\nd,e",
                vec![(1, cells(&["a\nb", "c"])), (3, cells(&["d", "e"]))],
            ),
            ("\"\",x", vec![(1, cells(&["", "x"]))]),
            ("\n\n a ,\n,,\n", vec![(3, cells(&[" a ", ""]))]),
            ("a\rb,c\n", vec![(1, cells(&["a\rb", "c"]))]),
        ] {
            assert_eq!(records(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_stray_quotation_mark_costs_its_own_row_only() {
        for (text, fault) in [
            ("\"a,1\nb,2\nc,3\n", Fault::Unclosed),
            ("\"a,1\nb,\"2\"\nc,3\n", Fault::AfterQuote),
            ("\"a\"x,1\nb,2\nc,3\n", Fault::AfterQuote),
            ("a\"x,1\nb,2\nc,3\n", Fault::QuoteWithin),
            ("x,a\"\nb,2\nc,3\n", Fault::QuoteWithin),
        ] {
            let found = records(text);
            assert_eq!(found[0], (1, Err(fault)), "{text:?}");
            assert_eq!(found[1], (2, cells(&["b", "2"])), "{text:?}");
            assert_eq!(found[2], (3, cells(&["c", "3"])), "{text:?}");
            assert_eq!(found.len(), 3, "{text:?}");
        }
    }

    #[test]
    fn a_huge_row_is_refused_and_the_next_one_read() {
        let long = "x".repeat(ROW_BYTES_MAX);
        for (text, fault) in [
            (format!("a,{long}\nb\n"), Fault::TooLong),
            (format!("\"{long}\",a\nb\n"), Fault::Unclosed),
        ] {
            assert_eq!(records(&text), [(1, Err(fault)), (2, cells(&["b"]))]);
        }
        let fits = format!("{}\nb\n", "x".repeat(ROW_BYTES_MAX - 1));
        assert!(records(&fits)[0].1.is_ok());
    }

    #[test]
    fn what_another_writer_writes_reads_back() {
        // Cells of every kind, drawn from a fixed sequence.
        let pieces = [
            "", "a", ",", "\"", "\"\"", "\n", "\r\n", "协会", " ", "\t", "\0", "=1",
        ];
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            pieces[(state >> 16) as usize % pieces.len()]
        };
        for _ in 0..500 {
            let rows: Vec<Vec<String>> = (0..4)
                .map(|_| {
                    let first = "x".to_owned();
                    let others = (0..3).map(|_| format!("{}{}{}", next(), next(), next()));
                    std::iter::once(first).chain(others).collect()
                })
                .collect();
            let mut writer = ::csv::Writer::from_writer(vec![]);
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<Vec<String>> = Records::new(&text)
                .map(|(_, record)| record.unwrap())
                .collect();
            let expected: Vec<Vec<String>> = rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.replace("\r\n", "\n")).collect())
                .collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }

    fn refused(heading: &str) -> String {
        let Err(words) = rows(&format!("{heading}\nx"), TODAY) else {
            panic!("{heading} is taken");
        };
        words.of(Lang::En).to_owned()
    }

    fn whole() -> String {
        let names: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        names.join(",")
    }

    #[test]
    fn fs_051_a_heading_with_missing_unknown_or_repeated_columns_is_refused() {
        let account = refused(&format!("{},account_number", whole()));
        assert!(
            account.contains("“account_number”") && account.contains("FS-051"),
            "{account}"
        );
        let twice = refused(&format!("{},uscc,统一社会信用代码", whole()));
        assert!(twice.contains("twice: uscc;"), "{twice}");
        let missing = refused("uscc,organization");
        assert!(missing.contains("missing: kind, indicator"), "{missing}");
        let parted = refused("uscc;organization");
        assert!(parted.contains("parted by commas"), "{parted}");
        let quoted = refused("\"uscc");
        assert!(quoted.contains("line 1, the heading"), "{quoted}");
    }

    #[test]
    fn columns_have_either_name_in_any_order() {
        let names: Vec<&str> = COLUMNS.iter().rev().map(|column| column.zh).collect();
        let text = format!(" {} \n{}\n", names.join(" , "), ",".repeat(names.len() - 2));
        let rows = rows(&text, TODAY).unwrap();
        assert_eq!(rows.len(), 0, "a row of nothing but commas is blank");
    }

    #[test]
    fn too_many_rows_are_refused_and_the_limit_is_not() {
        let heading = whole();
        let text = format!("{heading}{}", "\nx".repeat(ROWS_MAX));
        assert_eq!(rows(&text, TODAY).unwrap().len(), ROWS_MAX);
        let error = rows(&format!("{text}\nx"), TODAY).unwrap_err();
        assert!(error.of(Lang::En).contains("more than 100000"), "{error:?}");
    }
}
