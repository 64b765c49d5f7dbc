//! `alert load`: a file of alerts, each row one.
//!
//! Invariant: before anything is sent, the request id of every row is on this machine's disk, under the
//! SHA-256 of what the row says. So a run that was killed goes on, the same file again raises nothing
//! twice, and in a changed file only the changed rows are new.
//!
//! The cast: the library's [`agency_client::funds::file`] takes a file apart, [`sort`] leaves out what is
//! there twice, [`journal`] remembers, [`send`] raises, [`report`] tells.

pub(crate) mod columns;
mod journal;
mod report;
mod send;
mod sort;

use std::path::Path;

use agency_client::{
    ClientError,
    funds::file::{self, Format, Row},
};
use hub_core::crypto::sha256;

use self::{journal::Journal, report::Outcome};
use super::raise::today;
use crate::{
    Context,
    args::alert::{FormatArg, LoadArgs},
    input,
    output::{Done, Failure},
    state_folder::fault,
};

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
    let form = match format {
        FormatArg::Csv => Format::Csv,
        FormatArg::Jsonl => Format::JsonLines,
    };
    let rows = file::read(&input(&args.file)?, form, today())
        .map_err(|words| fault(&args.file, words.of(out.lang)))?;
    let mut outcome = Outcome::new(&args.file, format, &rows);
    let good = sort::sort_out(rows, &mut outcome);
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
