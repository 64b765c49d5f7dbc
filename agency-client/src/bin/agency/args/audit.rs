//! Arguments of `audit`.

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Reads of restricted records: by whom, of what, when and what for; never their contents
    List(AuditListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AuditListArgs {
    /// Only reads of a record, by its resource name.
    pub(crate) record: Option<String>,
    /// By officers of any agency, for the auditor of the leading group; the default where it may.
    #[arg(long, conflicts_with = "own")]
    pub(crate) all: bool,
    /// By the own agency's officers, and of its records by anyone.
    #[arg(long)]
    pub(crate) own: bool,
    /// Only reads of a kind of record.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<RecordKindArg>,
    /// Only reads by officers of an agency.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) reader: Option<String>,
    /// Only reads by an officer; the officer who asks is --officer.
    #[arg(long, value_name = "ID")]
    pub(crate) by: Option<String>,
    /// Read on or after a day.
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<Date>,
    /// Read on or before a day.
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<Date>,
    /// Oldest first instead of newest first.
    #[arg(long)]
    pub(crate) oldest_first: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
}

/// Kind of a restricted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordKindArg {
    /// A notification to named addressees.
    Notification,
    /// A fund alert.
    Alert,
    /// A referral.
    Referral,
    /// An information request.
    InformationRequest,
    /// An account-information request.
    AccountInformationRequest,
}
