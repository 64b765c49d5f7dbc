//! Files of alerts: many at once, from a system that cannot call the hub itself. `docs/ALERT_FILES.md`
//! tells authors of such files what stands in them.
//!
//! The cast:
//! - [`read`]: a file's bytes, as [`Format`] says, become [`Row`]s.
//! - [`Row`]: an alert, where it stands in the file, and every rule that it breaks ([`Problem`]).
//! - [`Column`]: what may stand in a file, by its English or Chinese name.
//!
//! Invariant: whatever the bytes are, reading ends with rows or with one text that says why there are
//! none, and takes memory in proportion to the file. A broken row costs that row alone.
//!
//! ```
//! use agency_client::funds::file::{self, Format};
//! use jiff::civil::date;
//!
//! # fn example() -> Result<(), agency_client::funds::file::Words> {
//! let line = r#"{"uscc": "5114", "organization": "某某协会"}"#;
//! for row in file::read(line.as_bytes(), Format::JsonLines, date(2026, 7, 1))? {
//!     for problem in row.problems() {
//!         println!("row {}, {}: {}", row.number(), problem.field, problem.words);
//!     }
//! }
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```

mod columns;
mod csv;
mod json_lines;
mod row;

use jiff::civil::Date;

pub use columns::{COLUMNS, Column};
pub use row::{PROBLEMS_MAX, Problem, Row, Words};

/// Most rows of a file.
///
/// ```
/// assert_eq!(agency_client::funds::file::ROWS_MAX, 100_000);
/// ```
pub const ROWS_MAX: usize = 100_000;

/// Longest row, in bytes: twice what the longest texts take.
///
/// ```
/// assert_eq!(agency_client::funds::file::ROW_BYTES_MAX, 128 * 1024);
/// ```
pub const ROW_BYTES_MAX: usize = 128 * 1024;

/// Form of a file.
///
/// ```
/// use agency_client::funds::file::Format;
///
/// assert_ne!(Format::Csv, Format::JsonLines);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
    /// A JSON object a line.
    JsonLines,
}

/// Reads the rows of a file: UTF-8, with or without a byte order mark. `today` is the day on which periods
/// may end at the latest. Rows that break rules are among them, and say which.
///
/// ```
/// use agency_client::funds::file::{self, Format};
/// use jiff::civil::date;
///
/// let error = file::read(b"uscc;organization\n", Format::Csv, date(2026, 7, 1)).unwrap_err();
/// assert!(error.en.contains("columns are parted by commas"));
/// ```
///
/// # Errors
/// In both languages, when the bytes are no file of alerts at all: another encoding, a heading with missing
/// or unknown columns, no row, or more than [`ROWS_MAX`].
pub fn read(bytes: &[u8], format: Format, today: Date) -> Result<Vec<Row>, Words> {
    let text = decoded(bytes)?;
    let rows = match format {
        Format::Csv => csv::rows(text, today)?,
        Format::JsonLines => json_lines::rows(text, today)?,
    };
    if rows.is_empty() {
        return Err(Words::new("has no row", "没有数据行"));
    }
    Ok(rows)
}

/// The text of a file, without a byte order mark.
fn decoded(bytes: &[u8]) -> Result<&str, Words> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Words::new(
            "is UTF-16; save it as UTF-8 (in a spreadsheet: “CSV UTF-8”)",
            "为 UTF-16 编码；请另存为 UTF-8（电子表格中选“CSV UTF-8”）",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.iter().take(error.valid_up_to());
        let line = before.filter(|byte| **byte == b'\n').count() + 1;
        Words::new(
            format!(
                "line {line} is not UTF-8; a file in GBK or GB18030 is saved as UTF-8 first (in a \
                 spreadsheet: “CSV UTF-8”)"
            ),
            format!(
                "第 {line} 行不是 UTF-8；GBK、GB18030 编码的文件请先另存为 UTF-8（电子表格中选“CSV \
                 UTF-8”）"
            ),
        )
    })
}

fn too_many() -> Words {
    Words::new(
        format!("has more than {ROWS_MAX} rows; split it"),
        format!("超过 {ROWS_MAX} 行；请拆分"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lang;

    const TODAY: Date = jiff::civil::date(2026, 7, 1);

    #[test]
    fn other_encodings_are_refused_by_line_and_a_mark_is_skipped() {
        assert_eq!(decoded(b"\xef\xbb\xbfa"), Ok("a"));
        assert_eq!(decoded("名".as_bytes()), Ok("名"));
        // 协会 in GBK.
        let gbk = [b"uscc\n".as_slice(), &[0xd0, 0xad, 0xbb, 0xe1]].concat();
        let words = decoded(&gbk).unwrap_err();
        assert!(
            words.of(Lang::En).starts_with("line 2 is not UTF-8"),
            "{words:?}"
        );
        assert!(words.of(Lang::Zh).contains("GBK"), "{words:?}");
        for bytes in [b"\xff\xfea\0".as_slice(), b"\xfe\xff\0a"] {
            assert!(decoded(bytes).unwrap_err().of(Lang::En).contains("UTF-16"));
        }
    }

    #[test]
    fn the_examples_of_the_document_are_good() {
        let document = include_str!("../../../docs/ALERT_FILES.md");
        for (fence, format, count) in [
            ("```csv\n", Format::Csv, 2),
            ("```json\n", Format::JsonLines, 1),
        ] {
            let (_, rest) = document.split_once(fence).unwrap();
            let (example, _) = rest.split_once("```").unwrap();
            let rows = read(example.as_bytes(), format, TODAY).unwrap();
            assert_eq!(rows.len(), count);
            for row in rows {
                assert_eq!(row.problems(), [], "{}", row.number());
            }
        }
    }

    #[test]
    fn a_file_without_rows_is_told() {
        for format in [Format::Csv, Format::JsonLines] {
            for text in ["", "\n\r\n  \n"] {
                assert!(read(text.as_bytes(), format, TODAY).is_err(), "{text:?}");
            }
        }
    }
}
