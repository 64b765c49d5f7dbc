//! Arguments of `referral`: matters handed to the competent unit (移送).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hub_proto::referrals::{ReferralAwaiting, ReferralDirection, ReferralState};

use super::meeting::{Once, PageArgs, TextArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum ReferralCommand {
    /// Hand a matter to the unit that is competent (FS-036)
    Send(Box<SendArgs>),
    /// Referrals of this agency; with --awaiting the oldest first (FS-037)
    List(ListArgs),
    /// One referral: its text, where it stands, who owes what; the read is recorded
    Show {
        /// The referral, by id or resource name.
        referral: String,
        /// An earlier revision of the text.
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        revision: i32,
    },
    /// Acknowledge it in this unit's name (签收), as its addressee
    Acknowledge {
        /// The referral, by id or resource name.
        referral: String,
        /// The revision that was read.
        #[arg(long, value_name = "N", default_value_t = 1)]
        revision: i32,
        #[command(flatten)]
        once: Once,
    },
    /// Take it up, as its addressee; the result is owed from then on
    TakeUp {
        /// The referral, by id or resource name.
        referral: String,
        /// A note for the sender.
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        note: String,
        /// This unit's own file reference.
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        reference: String,
        #[command(flatten)]
        once: Once,
    },
    /// Decline it, as its addressee
    Decline {
        /// The referral, by id or resource name.
        referral: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Return it, as its addressee, because this unit is not competent
    Return {
        /// The referral, by id or resource name.
        referral: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who may be competent, in words.
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        competent: String,
        #[command(flatten)]
        once: Once,
    },
    /// Ask the sender for more, as its addressee
    Ask {
        /// The referral, by id or resource name.
        referral: String,
        #[command(flatten)]
        text: TextArgs,
        #[command(flatten)]
        once: Once,
    },
    /// Add information, as its sender
    Inform {
        /// The referral, by id or resource name.
        referral: String,
        #[command(flatten)]
        text: TextArgs,
        #[command(flatten)]
        once: Once,
    },
    /// Feed a result back, as the addressee that took it up
    Result {
        /// The referral, by id or resource name.
        referral: String,
        #[command(flatten)]
        text: TextArgs,
        /// No further result will follow.
        #[arg(long = "final")]
        is_final: bool,
        /// Documents.
        #[arg(long, value_name = "FILE", num_args = 1..)]
        attach: Vec<PathBuf>,
        #[command(flatten)]
        once: Once,
    },
    /// Correct it, as its sender: what is not given stays as it was
    Correct(Box<CorrectArgs>),
    /// Close it, as its sender, once it was answered and the result is there
    Close {
        /// The referral, by id or resource name.
        referral: String,
        /// A closing note.
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        note: String,
        #[command(flatten)]
        once: Once,
    },
    /// Take it back, as its sender, before it is taken up
    Withdraw {
        /// The referral, by id or resource name.
        referral: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// The competent unit: id, official name or alias.
    #[arg(long, value_name = "UNIT")]
    pub(crate) to: String,
    /// Organisation that it is about, as code and name; repeat for each, at most 8.
    #[arg(long, value_name = "USCC=NAME", required = true)]
    pub(crate) organization: Vec<String>,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Legal basis of the referral.
    #[arg(long, value_name = "TEXT")]
    pub(crate) legal_basis: String,
    /// Where the clue comes from.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: String,
    /// What the unit is asked to do.
    #[arg(long, value_name = "TEXT")]
    pub(crate) asks: String,
    /// This unit's own file reference.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reference: String,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct CorrectArgs {
    /// The referral, by id or resource name.
    pub(crate) referral: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Organisations in place of those that it names.
    #[arg(long, value_name = "USCC=NAME")]
    pub(crate) organization: Vec<String>,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Legal basis of the referral.
    #[arg(long, value_name = "TEXT")]
    pub(crate) legal_basis: Option<String>,
    /// Where the clue comes from.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// What the unit is asked to do.
    #[arg(long, value_name = "TEXT")]
    pub(crate) asks: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only those that this agency sent, or got.
    #[arg(long, value_enum)]
    pub(crate) direction: Option<DirectionArg>,
    /// Only those that wait for this, the oldest first.
    #[arg(long, value_enum)]
    pub(crate) awaiting: Option<AwaitingArg>,
    /// Only in this state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<ReferralStateArg>,
    /// Only about this organisation, by code.
    #[arg(
        long,
        value_name = "USCC",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) organization: String,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Which side this agency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DirectionArg {
    /// Sent by this agency.
    Outgoing,
    /// Sent to this agency.
    Incoming,
}

impl From<DirectionArg> for ReferralDirection {
    fn from(arg: DirectionArg) -> Self {
        match arg {
            DirectionArg::Outgoing => Self::Outgoing,
            DirectionArg::Incoming => Self::Incoming,
        }
    }
}

/// What referrals wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AwaitingArg {
    /// Acknowledgement or answer.
    Answer,
    /// The final result.
    Result,
    /// Either.
    Any,
}

impl From<AwaitingArg> for ReferralAwaiting {
    fn from(arg: AwaitingArg) -> Self {
        match arg {
            AwaitingArg::Answer => Self::Answer,
            AwaitingArg::Result => Self::Result,
            AwaitingArg::Any => Self::Any,
        }
    }
}

/// Where a referral stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReferralStateArg {
    /// Sent, and not acknowledged.
    Sent,
    /// Acknowledged, and not answered.
    Received,
    /// Taken up.
    TakenUp,
    /// Declined with a reason.
    Declined,
    /// Returned as not competent.
    Returned,
    /// The final result is there.
    ResultFedBack,
    /// Closed.
    Closed,
    /// Taken back.
    Withdrawn,
}

impl From<ReferralStateArg> for ReferralState {
    fn from(arg: ReferralStateArg) -> Self {
        match arg {
            ReferralStateArg::Sent => Self::Sent,
            ReferralStateArg::Received => Self::Received,
            ReferralStateArg::TakenUp => Self::TakenUp,
            ReferralStateArg::Declined => Self::Declined,
            ReferralStateArg::Returned => Self::Returned,
            ReferralStateArg::ResultFedBack => Self::ResultFedBack,
            ReferralStateArg::Closed => Self::Closed,
            ReferralStateArg::Withdrawn => Self::Withdrawn,
        }
    }
}
