//! Arguments of `notify` and `watch`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date};

use crate::people::{day, deadline};

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Publish a notification, or a file of them
    Publish(Box<PublishArgs>),
    /// Put a corrected notification in the place of one; every recipient must acknowledge it
    Correct(Box<CorrectArgs>),
    /// Take a notification back; every recipient must acknowledge it
    Retract(RetractArgs),
    /// What is asked and has not been done, the earliest due first
    Due(DueArgs),
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
    /// Who has received, opened, signed for and answered a notification, and who still owes what
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
    /// place of "to", or neither for the charter's route. Running it twice publishes once.
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
    /// When recipients are asked to have signed: a day (to its end), "2026-12-01 18:00", or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = deadline, conflicts_with = "batch")]
    pub(crate) sign_by: Option<Timestamp>,
    /// When what it reports came about.
    #[arg(long, value_name = "DATE", value_parser = day, conflicts_with = "batch")]
    pub(crate) occurred_on: Option<Date>,
    /// When recipients are asked to have answered; as for `--sign-by`.
    #[arg(long, value_name = "TIME", value_parser = deadline, conflicts_with = "batch")]
    pub(crate) reply_by: Option<Timestamp>,
    /// The notification that it answers.
    #[arg(
        long = "reply-to",
        alias = "in-reply-to",
        value_name = "NAME",
        conflicts_with = "batch"
    )]
    pub(crate) in_reply_to: Option<String>,
    /// Files to attach, at most 20 of at most 100 MiB.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "batch")]
    pub(crate) attach: Vec<PathBuf>,
    /// Put it into the outbox instead of sending now: it is delivered once, also after days.
    #[arg(long)]
    pub(crate) outbox: bool,
    /// Your own id for it in the outbox: the same key is published once.
    #[arg(
        long,
        value_name = "KEY",
        requires = "outbox",
        conflicts_with = "batch"
    )]
    pub(crate) key: Option<String>,
    /// Stream of the outbox; what is in one stream arrives in order.
    #[arg(
        long,
        value_name = "NAME",
        requires = "outbox",
        default_value = "default"
    )]
    pub(crate) stream: String,
    /// Publish the file once more, although the same file was published before.
    #[arg(long, requires = "batch")]
    pub(crate) again: bool,
    /// Request id of an earlier attempt whose answer was lost.
    #[arg(long, value_name = "UUIDv7", conflicts_with = "batch")]
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CorrectArgs {
    /// Resource name of the notification to correct.
    pub(crate) name: String,
    /// Why, one line; every recipient reads it.
    #[arg(long)]
    pub(crate) reason: String,
    /// Title, one line; as it was when absent. So for every option below.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Body text.
    #[arg(long, value_name = "TEXT", conflicts_with = "body_file")]
    pub(crate) body: Option<String>,
    /// File with the body ("-": stdin).
    #[arg(long, value_name = "FILE")]
    pub(crate) body_file: Option<PathBuf>,
    /// Media type of the body.
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<String>,
    /// Organisations that it is about, all of them; repeat for several.
    #[arg(long, value_name = "USCC=NAME")]
    pub(crate) subject: Vec<String>,
    /// Document number.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) document_number: Option<String>,
    /// Classification; secrets are refused.
    #[arg(long, value_enum)]
    pub(crate) classification: Option<ClassificationArg>,
    /// Legal bases, all of them; repeat for several.
    #[arg(long, value_name = "TEXT")]
    pub(crate) legal_basis: Vec<String>,
    /// Remedy open to the organisation.
    #[arg(long, value_name = "TEXT")]
    pub(crate) remedy: Option<String>,
    /// When recipients are asked to have signed: a day (to its end), "2026-12-01 18:00", or RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = deadline)]
    pub(crate) sign_by: Option<Timestamp>,
    /// When recipients are asked to have answered; as for `--sign-by`.
    #[arg(long, value_name = "TIME", value_parser = deadline)]
    pub(crate) reply_by: Option<Timestamp>,
    /// When what it reports came about.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) occurred_on: Option<Date>,
    /// Request id of an earlier attempt whose answer was lost.
    #[arg(long, value_name = "UUIDv7")]
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RetractArgs {
    /// Resource name of the notification to take back.
    pub(crate) name: String,
    /// Why, one line; every recipient reads it.
    #[arg(long)]
    pub(crate) reason: String,
    /// Request id of an earlier attempt whose answer was lost.
    #[arg(long, value_name = "UUIDv7")]
    pub(crate) request_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DueArgs {
    /// Whose: `mine` (asked of this agency), `sent` (what others owe this agency), an office
    /// (mechanisms/M/office), or a channel id.
    #[arg(long, value_name = "WHOSE", default_value = "mine")]
    pub(crate) of: String,
    /// Only what is overdue.
    #[arg(long)]
    pub(crate) overdue: bool,
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
    /// Run this program for each delivery, with JSON on its stdin, and acknowledge after it ended with
    /// 0; otherwise run it again, later. The rest of the line is its arguments; there is no shell.
    #[arg(
        long,
        value_name = "PROGRAM",
        num_args = 1..,
        allow_hyphen_values = true,
        requires = "consumer",
        conflicts_with = "live_only"
    )]
    pub(crate) exec: Vec<String>,
    /// End when everything that was there has been printed.
    #[arg(long)]
    pub(crate) until_caught_up: bool,
}
