//! Arguments of `search`.

use clap::{Args, ValueEnum};
use jiff::civil::Date;

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words of the title; all of them must be there.
    pub(crate) title: Vec<String>,
    /// In a channel.
    #[arg(long, value_name = "C")]
    pub(crate) channel: Option<String>,
    /// Category id.
    #[arg(long, value_name = "ID")]
    pub(crate) category: Option<String>,
    /// Published by an agency.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) author: Option<String>,
    /// Addressed to an agency, or to mechanisms/M/office.
    #[arg(long, value_name = "R")]
    pub(crate) to: Option<String>,
    /// About an organisation, by its unified social credit code.
    #[arg(long, value_name = "CODE")]
    pub(crate) uscc: Option<String>,
    /// Document number, with brackets of any kind.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) document_number: Option<String>,
    /// Published on or after a day.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) since: Option<Date>,
    /// Published on or before a day.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) until: Option<Date>,
    /// In a state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<StateArg>,
    /// Of a kind.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// Replies to a notification.
    #[arg(long, value_name = "NAME")]
    pub(crate) reply_to: Option<String>,
    /// With the author's own id.
    #[arg(long, value_name = "UUIDv7")]
    pub(crate) request_id: Option<String>,
    /// Oldest first instead of newest first.
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

/// State of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArg {
    /// It stands.
    Current,
    /// A correction took its place.
    Corrected,
    /// It was taken back.
    Retracted,
}

/// What a notification is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// It stands for itself.
    Original,
    /// It corrects another.
    Correction,
    /// It retracts another.
    Retraction,
    /// The hub reminds of another.
    Reminder,
}
