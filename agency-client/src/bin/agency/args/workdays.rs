//! Arguments of `workdays`.

use std::path::PathBuf;

use clap::Args;
use hub_core::workdays::COUNT_MAX;
use jiff::civil::Date;

#[derive(Debug, Args)]
pub(crate) struct WorkdaysArgs {
    /// Day from which is counted, such as 2025-09-24.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Date,
    /// How many working days.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=i64::from(COUNT_MAX)))]
    pub(crate) count: u32,
    /// The day itself is the first one, if it is a working day; without, it never counts.
    #[arg(long)]
    pub(crate) first_day_counts: bool,
    /// As it was known on this day; all that is known when absent.
    #[arg(long, value_name = "DATE")]
    pub(crate) known_on: Option<Date>,
    /// File with days of newer notices, as the hub's `calendar.file`.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
