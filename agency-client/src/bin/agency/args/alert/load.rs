//! Arguments of `alert load`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Most alerts that are on their way at a time.
pub(crate) const IN_FLIGHT_MAX: u8 = 32;

#[derive(Debug, Args)]
pub(crate) struct LoadArgs {
    /// The file, in UTF-8 ("-": stdin, which needs --format).
    pub(crate) file: PathBuf,
    /// Its format; by its ending when absent: .csv, or .jsonl, .ndjson and .json.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArg>,
    /// Only check the file, here and without the hub; nothing is raised.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write what was refused to this file, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Raise also what was raised from a file before.
    #[arg(long, conflicts_with = "check")]
    pub(crate) again: bool,
    /// Alerts on their way at a time.
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u8).range(1..=i64::from(IN_FLIGHT_MAX)))]
    pub(crate) in_flight: u8,
}

/// Form of a file of alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Comma-separated values with a heading (RFC 4180).
    Csv,
    /// A JSON object a line.
    Jsonl,
}
