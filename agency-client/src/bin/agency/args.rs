//! The command line as clap reads it. The arguments of each noun are in a module of their own.

pub(crate) mod alert;
pub(crate) mod attach;
pub(crate) mod audit;
pub(crate) mod issue;
pub(crate) mod ledger;
pub(crate) mod meeting;
pub(crate) mod members;
pub(crate) mod minutes;
pub(crate) mod notify;
pub(crate) mod outbox;
pub(crate) mod referral;
pub(crate) mod request;
pub(crate) mod search;
pub(crate) mod tools;
pub(crate) mod workdays;

use std::path::PathBuf;

use agency_client::Lang;
use clap::{Parser, Subcommand, ValueEnum};

use alert::AlertCommand;
use attach::AttachCommand;
use audit::AuditCommand;
use issue::IssueCommand;
use ledger::LedgerCommand;
use meeting::MeetingCommand;
use members::MembersCommand;
use minutes::MinutesCommand;
use notify::{NotifyCommand, WatchArgs};
use outbox::OutboxCommand;
use referral::ReferralCommand;
use request::RequestCommand;
use search::SearchArgs;
use tools::{CompletionArgs, HelpArgs, ManArgs, ServeArgs};
use workdays::WorkdaysArgs;

/// Command line of an agency's node.
#[derive(Debug, Parser)]
#[command(name = "agency", version, disable_help_subcommand = true)]
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
    /// What restricted records are read for, instead of the profile's; it goes on the record.
    #[arg(long, global = true, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
    /// Print one JSON value (watch: one a line) instead of text; `agency help json` has the shapes.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Language of help, labels and advice; follows LANG when absent.
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<LangArg>,
    /// Colours: `auto` means on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(crate) color: ColorArg,
    /// Seconds that a call may take, retries included.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) deadline: u64,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorArg {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
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
    /// Publish, correct, retract, list, show and sign for notifications
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Find notifications by title, organisation, document number, state, time …
    Search(Box<SearchArgs>),
    /// Files of notifications
    #[command(subcommand)]
    Attach(AttachCommand),
    /// Channels that the caller may read
    Channels,
    /// Read notifications as they come, without gap or repeat
    Watch(WatchArgs),
    /// Durable consumers of the agency
    Consumers,
    /// Meetings: topics by correspondence, notice, answers, attendance
    #[command(subcommand)]
    Meeting(Box<MeetingCommand>),
    /// Minutes: versions, consent of every attending unit, issue, agreed items
    #[command(subcommand)]
    Minutes(Box<MinutesCommand>),
    /// Major issues, and their escalation to the leading group
    #[command(subcommand)]
    Issue(Box<IssueCommand>),
    /// Information requests to other agencies, and their answers
    #[command(subcommand)]
    Request(Box<RequestCommand>),
    /// Who read which restricted record, when and what for
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Fund alerts: raise, acknowledge, find, take measures, close, correct, retract
    #[command(subcommand)]
    Alert(Box<AlertCommand>),
    /// Referrals to the competent unit: receipt, answer, result
    #[command(subcommand)]
    Referral(Box<ReferralCommand>),
    /// Checkpoints, proofs and entries
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// What waits on this machine until the hub has recorded it
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// The gateway: the hub's API for local systems without keys
    Serve(ServeArgs),
    /// A day so many working days on, without a hub
    Workdays(WorkdaysArgs),
    /// Completion script for a shell
    Completion(CompletionArgs),
    /// Manual pages
    Man(ManArgs),
    /// Explain a command, or `json` (the shapes of --json), `minutes-file` and `alert-file` (forms of files)
    Help(HelpArgs),
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
        let help = crate::help::command(Lang::En)
            .render_long_help()
            .to_string();
        for expected in [
            "whoami",
            "members",
            "notify",
            "channels",
            "watch",
            "consumers",
            "ledger",
            "audit",
            "outbox",
            "search",
            "attach",
            "serve",
            "meeting",
            "minutes",
            "issue",
            "request",
            "workdays",
            "alert",
            "completion",
            "--color",
            "--profile",
            "AGENCY_PROFILE",
            "--json",
            "--lang",
            "--officer",
            "--role",
            "--purpose",
            "1  refused by the hub",
            "4  verification failed",
            "5  a local file",
            "6  some rows",
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

    #[allow(clippy::too_many_lines, reason = "a list of command lines")]
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
            "agency watch --exec cat",
            "agency watch --exec cat --live-only",
            "agency notify correct x --title t",
            "agency notify retract x",
            "agency notify publish --channel a --title t --body b --classification internal --key k",
            "agency serve --listen 127.0.0.1:0 --socket s",
            "agency outbox discard",
            "agency attach upload",
            "agency attach get n x --all",
            "agency search --since yesterday",
            "agency audit",
            "agency audit list --all --own",
            "agency audit list --kind secret",
            "agency ledger verify --bundle b --receipt r",
            "agency notify show x --as mechanisms/m/office",
            "agency members add --mechanism m --agency a --from 2026-01-01",
            "agency meeting create --mechanism m --kind annual --title t",
            "agency meeting create --kind annual --title t --on 2026-12-20",
            "agency meeting convene m --starts 2026-12-20 --place p",
            "agency meeting topic merge m/1 --into 2",
            "agency meeting topic order m",
            "agency meeting cancel m",
            "agency meeting held m --template --as-answered",
            "agency meeting answer m attends --outbox",
            "agency minutes object m",
            "agency minutes circulate m",
            "agency minutes report m/1 done --outbox --attach f",
            "agency issue dispose i agenda",
            "agency issue dispose i close",
            "agency issue escalation draft i --meeting m --title t",
            "agency members list --as-of 2023-02-30",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "agency notify publish --channel a --title t --body b --classification internal",
            "agency notify publish --batch f.jsonl",
            "agency --json watch inbox --consumer oa --ack --until-caught-up",
            "agency watch --consumer oa --exec handle --flag",
            "agency notify correct x --reason r --title t",
            "agency notify publish --channel a --title t --body b --classification internal --outbox --key k",
            "agency notify publish --channel a --title t --body b --classification internal --reply-to n",
            "agency notify publish --channel a --title t --body b --classification internal --in-reply-to n",
            "agency notify due --overdue --of sent",
            "agency serve --socket /run/agency.sock",
            "agency help notify publish",
            "agency audit list alerts/a --all --kind alert --reader tax --by o --since 2026-01-01",
            "agency --purpose p notify show n",
            "agency search 年度 检查 --author civil-affairs --since 2026-01-01 --state current",
            "agency notify publish --channel a --title t --body b --classification internal --attach x y",
            "agency members add --mechanism m --agency a --from 2026-01-01 --case c",
            "agency meeting create --mechanism m --mechanism n --kind annual --title t --on 2026-12-20",
            "agency meeting convene m --starts 2026-12-20T09:00 --place p --attach a b",
            "agency meeting topic merge m/1 --into 2 --reason r",
            "agency meeting topic order m 2 1",
            "agency meeting held m --chair c --present tax=a,b --excused health --as-answered",
            "agency meeting answer m excused --reason r",
            "agency minutes consent m --version 2 --yes",
            "agency minutes report m/1 done --text t",
            "agency issue dispose i agenda --meeting m",
            "agency issue escalation draft i --meeting m --with tax --title t",
        ] {
            parse(line).unwrap();
        }
    }

    #[test]
    fn contradictions_about_alerts_are_refused() {
        for line in [
            "agency alert raise --subject u=n",
            "agency alert acknowledge a checks --outbox",
            "agency alert acknowledge a",
            "agency alert close a --reason r",
            "agency alert close a --reason r --reviewer leader-1",
            "agency alert notice draft a --text t",
            "agency alert measure take a --text t",
            "agency alert measure review a/1 lifted",
            "agency alert correct a",
            "agency alert retract a",
            "agency alert load",
            "agency alert load f --check --again",
            "agency alert load f --in-flight 0",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        for line in [
            "agency alert raise --subject u=n --kind abnormal-movement --indicator i --from 2026-01-01 --until 2026-02-01 --band b --direction out --severity major --severity-reason r --grounds g --source s --legal-basis l --classification internal --ask tax=t --to tax",
            "agency alert acknowledge a no-action --text t",
            "agency alert acknowledge a checks --revision 1 --outbox",
            "agency alert list --unacknowledged-by me --severity emergency",
            "agency alert notice draft a --unit tax --unit finance --text t",
            "agency alert close a --reason r --reviewer civil-affairs/leader-1",
            "agency alert load f --format csv --check --report r.csv",
            "agency alert load f --in-flight 32 --again",
        ] {
            parse(line).unwrap();
        }
    }
}
