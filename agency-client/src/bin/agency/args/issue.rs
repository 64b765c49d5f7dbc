//! Arguments of `issue`: major issues (重大问题) and their escalation.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hub_proto::meetings::{DispositionKind, MajorIssueState};

use super::meeting::{Once, PageArgs, TextArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum IssueCommand {
    /// Flag a major issue to a mechanism's office (JE-023)
    Flag(FlagArgs),
    /// Give it a disposition: an agenda, the leading group, or closed with a reason
    Dispose(DisposeArgs),
    /// Major issues that this officer may see, oldest first
    List {
        /// Only of this mechanism.
        #[arg(long, value_name = "M")]
        mechanism: Option<String>,
        /// Only in this state.
        #[arg(long, value_enum)]
        state: Option<IssueStateArg>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// One major issue
    Show {
        /// The issue, by id or resource name.
        issue: String,
    },
    /// Reports of major issues to the leading group (JE-075)
    #[command(subcommand)]
    Escalation(EscalationCommand),
}

#[derive(Debug, Args)]
pub(crate) struct FlagArgs {
    /// Mechanism to whose office it goes.
    #[arg(long, value_name = "M")]
    pub(crate) mechanism: String,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Why it is major.
    #[arg(long)]
    pub(crate) reason: String,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// What the office does about an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DispositionArg {
    /// On the agenda of a meeting that is open for topics; name it with --meeting.
    Agenda,
    /// To the leading group.
    Escalate,
    /// Closed; say why with --reason.
    Close,
}

impl From<DispositionArg> for DispositionKind {
    fn from(arg: DispositionArg) -> Self {
        match arg {
            DispositionArg::Agenda => Self::Agenda,
            DispositionArg::Escalate => Self::Escalate,
            DispositionArg::Close => Self::Close,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DisposeArgs {
    /// The issue, by id or resource name.
    pub(crate) issue: String,
    /// The disposition.
    #[arg(value_enum)]
    pub(crate) disposition: DispositionArg,
    /// The meeting whose agenda it goes on.
    #[arg(long, value_name = "MEETING", required_if_eq("disposition", "agenda"))]
    pub(crate) meeting: Option<String>,
    /// Why.
    #[arg(long, value_name = "TEXT", required_if_eq("disposition", "close"))]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// Where a major issue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IssueStateArg {
    /// Without a disposition.
    Flagged,
    /// On an agenda.
    OnAgenda,
    /// Discussed at a meeting.
    Discussed,
    /// Being reported to the leading group.
    Escalated,
    /// Answered by the leading group.
    Answered,
    /// Closed.
    Closed,
}

impl From<IssueStateArg> for MajorIssueState {
    fn from(arg: IssueStateArg) -> Self {
        match arg {
            IssueStateArg::Flagged => Self::Flagged,
            IssueStateArg::OnAgenda => Self::OnAgenda,
            IssueStateArg::Discussed => Self::Discussed,
            IssueStateArg::Escalated => Self::Escalated,
            IssueStateArg::Answered => Self::Answered,
            IssueStateArg::Closed => Self::Closed,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum EscalationCommand {
    /// Draft a report to the leading group, as the lead unit
    Draft(EscalateArgs),
    /// Sign a draft in this unit's name
    CoSign {
        /// The escalation, by id or resource name.
        escalation: String,
        #[command(flatten)]
        once: Once,
    },
    /// Decline to sign a draft
    Decline {
        /// The escalation, by id or resource name.
        escalation: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Send a draft that members have signed
    Send {
        /// The escalation, by id or resource name.
        escalation: String,
        #[command(flatten)]
        once: Once,
    },
    /// Take a draft back
    Withdraw {
        /// The escalation, by id or resource name.
        escalation: String,
        #[command(flatten)]
        once: Once,
    },
    /// Record the leading group's reply, as its office
    Reply {
        /// The escalation, by id or resource name.
        escalation: String,
        #[command(flatten)]
        text: TextArgs,
        /// Document number of the reply.
        #[arg(
            long,
            value_name = "NUMBER",
            default_value = "",
            hide_default_value = true
        )]
        document_number: String,
        /// Documents.
        #[arg(long, value_name = "FILE", num_args = 1..)]
        attach: Vec<PathBuf>,
        #[command(flatten)]
        once: Once,
    },
    /// Escalations that this officer may see, newest first
    List {
        /// Only of this issue, by id or resource name.
        #[arg(long, value_name = "ISSUE")]
        issue: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// One escalation: who has signed, what was replied
    Show {
        /// The escalation, by id or resource name.
        escalation: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EscalateArgs {
    /// The issue, by id or resource name.
    pub(crate) issue: String,
    /// A held meeting that discussed it.
    #[arg(long, value_name = "MEETING")]
    pub(crate) meeting: String,
    /// Member asked to report it together with the lead; repeat for each.
    #[arg(long, value_name = "UNIT", required = true)]
    pub(crate) with: Vec<String>,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}
