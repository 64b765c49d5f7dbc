//! `alert load`: a file of alerts, each row one.
//!
//! Invariant: before anything is sent, the request id of every row is on this machine's disk, under the
//! SHA-256 of what the row says. So a run that was killed goes on, the same file again raises nothing
//! twice, and in a changed file only the changed rows are new.
//!
//! The cast: [`csv`] and [`json_lines`] take a file apart, [`row`] makes an alert of a row and says what
//! is wrong with it, [`journal`] remembers, [`send`] raises, [`report`] tells.

pub(crate) mod columns;
mod csv;
mod journal;
mod json_lines;
mod report;
mod row;
mod send;

use std::path::Path;

use agency_client::ClientError;
use hub_core::crypto::sha256;

use self::{
    journal::Journal,
    report::{Outcome, Refused},
    row::{Row, Words},
};
use super::raise::today;
use crate::{
    Context,
    args::alert::{FormatArg, LoadArgs},
    input,
    output::{Done, Failure},
    state_folder::fault,
};

/// Most rows of a file.
const ROWS_MAX: usize = 100_000;
/// Longest row, in bytes: twice what the longest texts take.
const ROW_BYTES_MAX: usize = 128 * 1024;
/// The exit code when some rows were refused.
const SOME_REFUSED: u8 = 6;

pub(super) async fn run(context: &Context, args: &LoadArgs) -> Done {
    let out = context.out;
    let format = format_of(args)?;
    if let Some(report) = &args.report
        && is_same(report, &args.file)
    {
        return Err(Failure::usage(
            "--report names the file that is loaded: choose another",
            "--report 与所导入的文件相同：请另选文件",
        ));
    }
    let text =
        decoded(&input(&args.file)?).map_err(|words| fault(&args.file, words.of(out.lang)))?;
    let rows = read(&text, format).map_err(|words| fault(&args.file, words.of(out.lang)))?;
    let mut outcome = Outcome::new(&args.file, format, &rows);
    let good = row::sort_out(rows, &mut outcome);
    let sent = if args.check {
        Ok(())
    } else {
        raise(context, args, good, &mut outcome).await
    };
    if let Some(file) = &args.report {
        outcome.write(file, out.lang)?;
    }
    outcome.print(out, args.check)?;
    sent?;
    if outcome.has_refused() {
        return Err(Failure::Said(SOME_REFUSED));
    }
    Ok(())
}

/// The format that was named, or that the file's ending tells.
fn format_of(args: &LoadArgs) -> Result<FormatArg, Failure> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let ending = args.file.extension().unwrap_or_default();
    match ending.to_string_lossy().to_lowercase().as_str() {
        "csv" => Ok(FormatArg::Csv),
        "jsonl" | "ndjson" | "json" => Ok(FormatArg::Jsonl),
        _ => Err(Failure::usage(
            format!(
                "{}: its ending does not tell the format: give --format csv or --format jsonl",
                args.file.display()
            ),
            format!(
                "{}：无法从扩展名判断格式：请用 --format csv 或 --format jsonl",
                args.file.display()
            ),
        )),
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    let same = |path: &Path| path.canonicalize().ok();
    one == other || (same(one).is_some() && same(one) == same(other))
}

/// The text of a file, without a byte order mark.
fn decoded(bytes: &[u8]) -> Result<String, Words> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Words::new(
            "is UTF-16; save it as UTF-8 (in a spreadsheet: “CSV UTF-8”)",
            "为 UTF-16 编码；请另存为 UTF-8（电子表格中选“CSV UTF-8”）",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to());
            let line = before.filter(|byte| **byte == b'\n').count() + 1;
            Err(Words::new(
                format!(
                    "line {line} is not UTF-8; a file in GBK or GB18030 is saved as UTF-8 first (in a \
                     spreadsheet: “CSV UTF-8”)"
                ),
                format!(
                    "第 {line} 行不是 UTF-8；GBK、GB18030 编码的文件请先另存为 UTF-8（电子表格中选“CSV \
                     UTF-8”）"
                ),
            ))
        }
    }
}

/// The rows of a file.
fn read(text: &str, format: FormatArg) -> Result<Vec<Row>, Words> {
    let rows = match format {
        FormatArg::Csv => csv::rows(text, today())?,
        FormatArg::Jsonl => json_lines::rows(text, today())?,
    };
    if rows.is_empty() {
        return Err(Words::new("has no row", "没有数据行"));
    }
    Ok(rows)
}

fn too_many() -> Words {
    Words::new(
        format!("has more than {ROWS_MAX} rows; split it"),
        format!("超过 {ROWS_MAX} 行；请拆分"),
    )
}

async fn raise(context: &Context, args: &LoadArgs, good: Vec<Row>, outcome: &mut Outcome) -> Done {
    let profile = context.profile()?;
    let hub = std::fs::read(&profile.ledger_key).map_err(|error| {
        Failure::Client(ClientError::LocalFile {
            path: profile.ledger_key.clone().into(),
            problem: error.to_string(),
        })
    })?;
    // Rows that another hub has are not rows that this one has.
    let hub = sha256(&[&hub, profile.agency.as_bytes()]);
    let mut journal = Journal::open(Path::new(&profile.state_dir), &hub)?;
    journal.mint(good.iter().map(Row::digest), args.again)?;
    let client = context.client()?;
    send::run(context.out, &client, &mut journal, good, args, outcome).await
}

#[cfg(test)]
mod tests {
    use agency_client::Lang;

    use super::*;

    #[test]
    fn other_encodings_are_refused_by_line_and_a_mark_is_skipped() {
        assert_eq!(decoded(b"\xef\xbb\xbfa").unwrap(), "a");
        assert_eq!(decoded("名".as_bytes()).unwrap(), "名");
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
        let document = include_str!("../../../../../docs/ALERT_FILES.md");
        for (fence, format, count) in [
            ("```csv\n", FormatArg::Csv, 2),
            ("```json\n", FormatArg::Jsonl, 1),
        ] {
            let (_, rest) = document.split_once(fence).unwrap();
            let (example, _) = rest.split_once("```").unwrap();
            let rows = read(example, format).unwrap();
            assert_eq!(rows.len(), count);
            for row in rows {
                assert_eq!(row.problems(), [], "{}", row.number);
            }
        }
    }

    #[test]
    fn a_file_without_rows_is_told() {
        for format in [FormatArg::Csv, FormatArg::Jsonl] {
            for text in ["", "\n\r\n  \n"] {
                assert!(read(text, format).is_err(), "{text:?}");
            }
        }
    }
}
