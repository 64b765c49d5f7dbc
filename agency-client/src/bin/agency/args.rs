//! The command line as clap reads it.

use std::path::PathBuf;

use agency_client::Lang;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date};

/// Exit codes, shown by `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  refused by the hub
  2  wrong usage
  3  the hub cannot be reached, or did not answer in time
  4  verification failed: history rewritten, bad proof, skipped position, untrusted hub
  5  a local file cannot be used

Data goes to stdout, everything else to stderr. Times are Asia/Shanghai, in --json UTC.";

/// Command line of an agency's node.
#[derive(Debug, Parser)]
#[command(name = "agency", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Profile of the node.
    #[arg(
        long,
        global = true,
        env = "AGENCY_PROFILE",
        value_name = "FILE",
        default_value = "profile.toml"
    )]
    pub(crate) profile: PathBuf,
    /// Officer who acts, instead of the profile's.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) officer: Option<String>,
    /// Role under which the officer acts, instead of the profile's; repeat for several.
    #[arg(long = "role", global = true, value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Print one JSON value (watch: one a line) instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of labels and advice; follows LANG when absent.
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<LangArg>,
    /// Seconds that a call may take, retries included.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) deadline: u64,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LangArg {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Self {
        match arg {
            LangArg::Zh => Self::Zh,
            LangArg::En => Self::En,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who the hub takes the caller for
    Whoami,
    /// Mechanisms, agencies, memberships, liaisons, nodes and token keys
    #[command(subcommand)]
    Members(MembersCommand),
    /// Publish, list, show and sign for notifications
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Channels that the caller may read
    Channels,
    /// Read notifications as they come, without gap or repeat
    Watch(WatchArgs),
    /// Durable consumers of the agency
    Consumers,
    /// Checkpoints, proofs and entries
    #[command(subcommand)]
    Ledger(LedgerCommand),
}

#[derive(Debug, Args)]
pub(crate) struct AsOf {
    /// The day that is asked for, such as 2023-08-18; today when absent.
    #[arg(long, value_name = "DATE")]
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
    #[arg(long, value_name = "DATE")]
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
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Date,
    /// First day on which it no longer is a member.
    #[arg(long, value_name = "DATE")]
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

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Publish a notification, or a file of them
    Publish(Box<PublishArgs>),
    /// Notifications of a log: a channel id, `inbox`, `sent`, or a full log name
    List(ListArgs),
    /// One notification
    Show {
        /// Resource name.
        name: String,
        /// Record that it was opened.
        #[arg(long)]
        open: bool,
        /// In whose name it is opened: the agency's when absent, else mechanisms/M/office.
        #[arg(long = "as", value_name = "RECIPIENT", requires = "open")]
        recipient: Option<String>,
    },
    /// Sign for a notification (签收)
    Sign {
        /// Resource name.
        name: String,
        /// In whose name: the agency's when absent, else mechanisms/M/office.
        #[arg(long = "as", value_name = "RECIPIENT")]
        recipient: Option<String>,
    },
    /// Who has received, opened and signed for a notification
    Receipts {
        /// Resource name.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// To everyone who reads a channel.
    #[arg(long, value_name = "C", group = "target")]
    pub(crate) channel: Option<String>,
    /// To an addressee, agency id or mechanisms/M/office; repeat for several.
    #[arg(long, value_name = "R", group = "target")]
    pub(crate) to: Vec<String>,
    /// To whom the charter routes the category.
    #[arg(long, group = "target", requires = "category")]
    pub(crate) route: bool,
    /// Publish a file of JSON lines ("-": stdin), in batches of up to 256, each all or nothing.
    /// A line: {"to":["health"],"category":"coordination","title":"…","body":"…",
    /// "classification":"internal","subjects":[{"uscc":"…","display_name":"…"}]}; "channel":"…" in
    /// place of "to", or neither for the charter's route.
    #[arg(long, value_name = "FILE.jsonl", group = "target")]
    pub(crate) batch: Option<PathBuf>,
    /// Category id from the charter.
    #[arg(long, value_name = "ID", conflicts_with = "batch")]
    pub(crate) category: Option<String>,
    /// Title, one line.
    #[arg(long, required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) title: Option<String>,
    /// Body text.
    #[arg(long, value_name = "TEXT", required_unless_present_any = ["body_file", "batch"], conflicts_with_all = ["body_file", "batch"])]
    pub(crate) body: Option<String>,
    /// File with the body ("-": stdin).
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    pub(crate) body_file: Option<PathBuf>,
    /// Media type of the body.
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "text/plain; charset=utf-8",
        conflicts_with = "batch"
    )]
    pub(crate) media_type: String,
    /// Organisation that it is about; repeat for several.
    #[arg(long, value_name = "USCC=NAME", conflicts_with = "batch")]
    pub(crate) subject: Vec<String>,
    /// Document number, such as 晋民函〔2021〕64号.
    #[arg(long, value_name = "NUMBER", conflicts_with = "batch")]
    pub(crate) document_number: Option<String>,
    /// Classification; secrets are refused.
    #[arg(
        long,
        value_enum,
        required_unless_present = "batch",
        conflicts_with = "batch"
    )]
    pub(crate) classification: Option<ClassificationArg>,
    /// Legal basis; repeat for several.
    #[arg(long, value_name = "TEXT", conflicts_with = "batch")]
    pub(crate) legal_basis: Vec<String>,
    /// Remedy open to the organisation.
    #[arg(long, value_name = "TEXT", conflicts_with = "batch")]
    pub(crate) remedy: Option<String>,
    /// When recipients are asked to have signed, such as 2026-12-01T18:00:00+08:00.
    #[arg(long, value_name = "RFC3339", conflicts_with = "batch")]
    pub(crate) sign_by: Option<Timestamp>,
    /// When what it reports came about.
    #[arg(long, value_name = "DATE", conflicts_with = "batch")]
    pub(crate) occurred_on: Option<Date>,
    /// The notification that it answers.
    #[arg(long, value_name = "NAME", conflicts_with = "batch")]
    pub(crate) in_reply_to: Option<String>,
    /// Request id of an earlier attempt whose answer was lost.
    #[arg(long, value_name = "UUIDv7", conflicts_with = "batch")]
    pub(crate) request_id: Option<String>,
}

/// Classification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClassificationArg {
    /// May be made public.
    Public,
    /// For the recipients' official use only.
    Internal,
    /// Refused by the hub.
    WorkSecret,
    /// Refused by the hub.
    StateSecret,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Channel id, `inbox`, `sent`, or a full log name.
    pub(crate) log: String,
    /// Newest first instead of oldest first.
    #[arg(long)]
    pub(crate) newest_first: bool,
    /// At most this many a page.
    #[arg(long, value_name = "N", default_value_t = 50,
          value_parser = clap::value_parser!(i32).range(1..=500))]
    pub(crate) page_size: i32,
    /// Token that an earlier page ended with.
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) page_token: String,
    /// Every page.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Logs: channel ids, `inbox`, or full log names; all that may be read when absent.
    #[arg(value_name = "LOG")]
    pub(crate) logs: Vec<String>,
    /// Durable consumer; goes on where it last acknowledged.
    #[arg(long, value_name = "C")]
    pub(crate) consumer: Option<String>,
    /// Go on after this cursor.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) from_cursor: Option<String>,
    /// Acknowledge what has been printed.
    #[arg(long, requires = "consumer")]
    pub(crate) ack: bool,
    /// Leave the backlog out.
    #[arg(long, conflicts_with_all = ["consumer", "from_cursor"])]
    pub(crate) live_only: bool,
    /// End when everything that was there has been printed.
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// The newest checkpoint, verified against the remembered one
    Checkpoint,
    /// Verify the hub's history, a receipt, or (offline) a bundle
    Verify(VerifyArgs),
    /// Write a bundle that proves an entry offline
    Proof {
        /// Index of the entry.
        index: u64,
        /// File to write; stdout when absent.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Receipt with the header of another agency's entry.
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
    },
    /// One entry that this agency authored
    Entry {
        /// Index of the entry.
        index: u64,
    },
    /// Read every header and compute the root anew; for auditors
    Audit,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Bundle written by `ledger proof --out`; no network is used.
    #[arg(long, value_name = "FILE", conflicts_with = "receipt")]
    pub(crate) bundle: Option<PathBuf>,
    /// JSON file with a receipt, as any --json answer has it ("-": stdin).
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
    /// The ledger's verifier key, instead of the profile's.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) ledger_key: Option<PathBuf>,
    /// Authorities that the author's certificate must chain to.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) node_ca: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_command_line_is_sound_and_its_help_states_commands_and_exit_codes() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        for expected in [
            "whoami",
            "members",
            "notify",
            "channels",
            "watch",
            "consumers",
            "ledger",
            "--profile",
            "AGENCY_PROFILE",
            "--json",
            "--lang",
            "--officer",
            "--role",
            "1  refused by the hub",
            "4  verification failed",
            "5  a local file",
        ] {
            assert!(help.contains(expected), "{expected} is missing in:\n{help}");
        }
    }

    #[test]
    fn every_command_and_argument_is_explained() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{}", sub.get_name());
                walk(sub);
            }
        }
        walk(&Cli::command());
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "agency notify publish --title t --classification internal --channel a --to b",
            "agency notify publish --title t --classification internal --route",
            "agency notify publish --channel a --classification internal",
            "agency notify publish --channel a --title t",
            "agency notify publish --channel a --title t --classification internal",
            "agency notify publish --batch f.jsonl --classification internal",
            "agency watch --live-only --consumer oa",
            "agency watch --ack",
            "agency ledger verify --bundle b --receipt r",
            "agency notify show x --as mechanisms/m/office",
            "agency members add --mechanism m --agency a --from 2026-01-01",
            "agency members list --as-of 2023-02-30",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "agency notify publish --channel a --title t --body b --classification internal",
            "agency notify publish --batch f.jsonl",
            "agency --json watch inbox --consumer oa --ack --until-caught-up",
            "agency members add --mechanism m --agency a --from 2026-01-01 --case c",
        ] {
            parse(line).unwrap();
        }
    }
}
