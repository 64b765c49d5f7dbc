//! Arguments of `members`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;

#[derive(Debug, Args)]
pub(crate) struct AsOf {
    /// The day that is asked for, such as 2023-08-18; today when absent.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) as_of: Option<Date>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MembersCommand {
    /// The charter's mechanisms
    Mechanisms(AsOf),
    /// Members of a mechanism, or of all
    List {
        /// Mechanism id.
        #[arg(long, value_name = "M")]
        mechanism: Option<String>,
        /// Show what lies upon each member, with the clause, instead.
        #[arg(long)]
        duties: bool,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Find an agency by id, any official name or an alias
    Find {
        /// The name.
        name: String,
        #[command(flatten)]
        as_of: AsOf,
    },
    /// Every agency of the charter
    Agencies(AsOf),
    /// Name or change the liaison of this agency (JE-027, JE-028)
    AppointLiaison(AppointArgs),
    /// Add a member to a mechanism (JE-014, FS-013)
    Add(AddArgs),
    /// Node certificates
    #[command(subcommand)]
    Nodes(NodesCommand),
    /// Token-signing keys
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Debug, Args)]
pub(crate) struct AppointArgs {
    /// Mechanism id.
    #[arg(long, value_name = "M")]
    pub(crate) mechanism: String,
    /// Officer id of the new liaison.
    #[arg(long, value_name = "ID")]
    pub(crate) liaison: String,
    /// Name as the members' directory shows it.
    #[arg(long)]
    pub(crate) name: String,
    /// Rank.
    #[arg(long, value_enum, default_value = "division")]
    pub(crate) rank: RankArg,
    /// Why a rank other than division level is named.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) rank_reason: String,
    /// First day; today when absent.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) from: Option<Date>,
    /// Officer id of the liaison that is replaced.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    pub(crate) replaces: String,
}

/// Rank.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RankArg {
    /// Division-level cadre.
    Division,
    /// Any other; needs --rank-reason.
    Other,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Mechanism id.
    #[arg(long, value_name = "M")]
    pub(crate) mechanism: String,
    /// Agency id.
    #[arg(long, value_name = "AGENCY")]
    pub(crate) agency: String,
    /// First day.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) from: Date,
    /// First day on which it no longer is a member.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) until: Option<Date>,
    /// The enforcement case that needs it (JE-014).
    #[arg(long, value_name = "REFERENCE", conflicts_with = "decision")]
    pub(crate) case: Option<String>,
    /// Document number of the leading group's decision (FS-013).
    #[arg(long, value_name = "NUMBER", required_unless_present = "case")]
    pub(crate) decision: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NodesCommand {
    /// Certificates of this agency, or of another
    List {
        /// Agency id.
        #[arg(long)]
        agency: Option<String>,
    },
    /// Enrol a certificate of this agency
    Enroll {
        /// PEM file.
        file: PathBuf,
    },
    /// Revoke a certificate; its open streams end
    Revoke(RevokeArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Token keys of this agency, or of another
    List {
        /// Agency id.
        #[arg(long)]
        agency: Option<String>,
    },
    /// Enrol a token key of this agency
    Enroll {
        /// File with a public JWK that has a kid.
        file: PathBuf,
    },
    /// Revoke a token key
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Resource name, as `list` shows it.
    pub(crate) name: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
}
