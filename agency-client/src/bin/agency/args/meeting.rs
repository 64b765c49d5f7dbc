//! Arguments of `meeting`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hub_proto::meetings::{AnswerKind, MeetingKind, MeetingState};
use jiff::{Timestamp, civil::Date};

use crate::people::{Present, attendee, moment, point, present};

/// What makes a repeated command the same act.
#[derive(Debug, Args)]
pub(crate) struct Once {
    /// Request id of an earlier attempt whose answer was lost.
    #[arg(long, value_name = "UUIDv7")]
    request_id: Option<String>,
}

impl Once {
    /// The id that was given, or a new one.
    pub(crate) fn id(&self) -> String {
        self.request_id
            .clone()
            .unwrap_or_else(agency_client::request_id)
    }
}

/// A text, typed or from a file.
#[derive(Debug, Args)]
pub(crate) struct TextArgs {
    /// The text.
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// File with the text, or `-` for stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub(crate) text_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MeetingCommand {
    /// Make a meeting as a draft, which its offices alone see
    Create(Box<CreateArgs>),
    /// Confirm a joint meeting in the other office's name (FS-061)
    Confirm {
        /// The meeting, by id or resource name.
        meeting: String,
        /// Mechanism of the office; the one that has not confirmed when absent.
        #[arg(long, value_name = "M")]
        office: Option<String>,
        #[command(flatten)]
        once: Once,
    },
    /// Open a draft for topics: its units learn of it
    Open {
        /// The meeting, by id or resource name.
        meeting: String,
        #[command(flatten)]
        once: Once,
    },
    /// Topics: propose, comment, decide, order, confirm
    #[command(subcommand)]
    Topic(TopicCommand),
    /// Send the notice
    Convene(Box<ConveneArgs>),
    /// Change a convened meeting; what is not given stays, and answers are asked anew
    Change(Box<ChangeArgs>),
    /// Answer the notice for this unit
    Answer(AnswerArgs),
    /// Cancel a meeting that was not held; everyone who knows of it is told
    Cancel {
        /// The meeting, by id or resource name.
        meeting: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Record that it was held and who was there (出席, 请假, 列席)
    Held(Box<HeldArgs>),
    /// Close a meeting all of whose agreed items are closed
    Close {
        /// The meeting, by id or resource name.
        meeting: String,
        #[command(flatten)]
        once: Once,
    },
    /// Meetings that this officer may see, newest first
    List(MeetingListArgs),
    /// One meeting: notice, units and their answers, topics, attendance
    Show {
        /// The meeting, by id or resource name.
        meeting: String,
    },
    /// What the texts ask for in principle and has not happened (JE-070)
    Warnings {
        /// Mechanism id.
        #[arg(long, value_name = "M")]
        mechanism: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Mechanism id; twice for a joint meeting, that of the convening office first (JE-076).
    #[arg(long, value_name = "M", required = true)]
    pub(crate) mechanism: Vec<String>,
    /// Kind of meeting.
    #[arg(long, value_enum)]
    pub(crate) kind: KindArg,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: String,
    /// The day: it decides who is a member and which names units bear.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) on: Date,
    /// What it is about.
    #[arg(long, value_name = "TEXT", conflicts_with = "purpose_file")]
    pub(crate) purpose: Option<String>,
    /// File with what it is about, or `-` for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) purpose_file: Option<PathBuf>,
    /// Unit of a partial meeting, by id, official name or alias; repeat for each.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Vec<String>,
    /// By when members are asked for topics and comments, such as "2026-12-10 18:00".
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) topics_by: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// Kind of meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// The yearly coordination meeting (工作协调会议).
    Annual,
    /// Extraordinary (临时会议).
    Extraordinary,
    /// Of some members (部分成员单位会议); name them with --unit.
    Partial,
    /// By correspondence (通讯形式).
    Correspondence,
}

impl From<KindArg> for MeetingKind {
    fn from(arg: KindArg) -> Self {
        match arg {
            KindArg::Annual => Self::Annual,
            KindArg::Extraordinary => Self::Extraordinary,
            KindArg::Partial => Self::Partial,
            KindArg::Correspondence => Self::Correspondence,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// The topics: accepted ones in their order, then the others
    List {
        /// The meeting, by id or resource name.
        meeting: String,
    },
    /// One topic with its text and comments
    Show {
        /// The topic: MEETING/NUMBER or its resource name.
        topic: String,
    },
    /// Propose a topic
    Propose(Box<ProposeArgs>),
    /// Comment on a topic
    Comment {
        /// The topic: MEETING/NUMBER or its resource name.
        topic: String,
        #[command(flatten)]
        text: TextArgs,
        /// In the name of a mechanism's office instead of the unit's: its mechanism id.
        #[arg(long, value_name = "M")]
        office: Option<String>,
        #[command(flatten)]
        once: Once,
    },
    /// Put a proposed topic on the agenda
    Accept {
        /// The topic: MEETING/NUMBER or its resource name.
        topic: String,
        #[command(flatten)]
        once: Once,
    },
    /// Leave a proposed topic off the agenda
    Decline {
        /// The topic: MEETING/NUMBER or its resource name.
        topic: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Deal with a topic in another one
    Merge {
        /// The topic: MEETING/NUMBER or its resource name.
        topic: String,
        /// Number of the accepted topic that takes it in.
        #[arg(long, value_name = "NUMBER")]
        into: u32,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Put the accepted topics in an order
    Order {
        /// The meeting, by id or resource name.
        meeting: String,
        /// Every accepted topic by its number, once, in the new order.
        #[arg(value_name = "NUMBER", required = true)]
        numbers: Vec<u32>,
        #[command(flatten)]
        once: Once,
    },
    /// Fix the topics: from then on the meeting can be convened (JE-072)
    Confirm {
        /// The meeting, by id or resource name.
        meeting: String,
        #[command(flatten)]
        once: Once,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    /// The meeting, by id or resource name.
    pub(crate) meeting: String,
    /// Title, one line.
    #[arg(long)]
    pub(crate) title: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// The major issue that it comes from, by id or resource name.
    #[arg(long, value_name = "ISSUE")]
    pub(crate) major_issue: Option<String>,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    /// In the name of a mechanism's office instead of the unit's: its mechanism id.
    #[arg(long, value_name = "M")]
    pub(crate) office: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ConveneArgs {
    /// The meeting, by id or resource name.
    pub(crate) meeting: String,
    /// When it begins, such as "2026-12-20 09:00".
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) starts: Timestamp,
    /// Where.
    #[arg(long)]
    pub(crate) place: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    /// By when units answer; the charter's time when absent.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) answer_by: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// The meeting, by id or resource name.
    pub(crate) meeting: String,
    /// Why, for everyone who got the notice.
    #[arg(long)]
    pub(crate) reason: String,
    /// New beginning.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) starts: Option<Timestamp>,
    /// New place.
    #[arg(long)]
    pub(crate) place: Option<String>,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// New day, at the time of day as before; decides anew who is a member.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) on: Option<Date>,
    /// Units of a partial meeting, all of them; repeat for each.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Vec<String>,
    /// Further documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    /// By when units answer anew; the charter's time when absent.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) answer_by: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// An answer to a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnswerArg {
    /// Attends; name who comes with --attendee.
    Attends,
    /// Sends a deputy; name who comes with --attendee.
    Deputy,
    /// Excused; say why with --reason.
    Excused,
}

impl From<AnswerArg> for AnswerKind {
    fn from(arg: AnswerArg) -> Self {
        match arg {
            AnswerArg::Attends => Self::Attends,
            AnswerArg::Deputy => Self::Deputy,
            AnswerArg::Excused => Self::Excused,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct AnswerArgs {
    /// The meeting, by id or resource name.
    pub(crate) meeting: String,
    /// The answer.
    #[arg(value_enum)]
    pub(crate) answer: AnswerArg,
    /// Who comes: NAME, NAME,POST or NAME,POST,OFFICER-ID; repeat for each.
    #[arg(long, value_name = "WHO", value_parser = attendee)]
    pub(crate) attendee: Vec<hub_proto::meetings::Attendee>,
    /// Why the unit is excused.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) reason: String,
    /// Revision of the notice that is answered; the newest when absent.
    #[arg(long, value_name = "N")]
    pub(crate) revision: Option<i32>,
    /// Hand it to the outbox: it is delivered once the hub can be reached. Only with --revision.
    #[arg(long, requires = "revision")]
    pub(crate) outbox: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct HeldArgs {
    /// The meeting, by id or resource name.
    pub(crate) meeting: String,
    /// Who presided.
    #[arg(long, value_name = "WHO")]
    pub(crate) chair: Option<String>,
    /// When it began; the notice's beginning when absent.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Option<Timestamp>,
    /// A unit that was there, and who for it: UNIT=NAME,POST; repeat for each person.
    #[arg(long, value_name = "UNIT=WHO", value_parser = present)]
    pub(crate) present: Vec<Present>,
    /// A unit that was excused (请假); repeat for each.
    #[arg(long, value_name = "UNIT")]
    pub(crate) excused: Vec<String>,
    /// A unit that was absent without an excuse; repeat for each.
    #[arg(long, value_name = "UNIT")]
    pub(crate) absent: Vec<String>,
    /// Record units that are not named as they answered the notice.
    #[arg(long)]
    pub(crate) as_answered: bool,
    /// Somebody in attendance (列席), one line; repeat for each.
    #[arg(long, value_name = "WHO")]
    pub(crate) observer: Vec<String>,
    /// A point that a unit made: UNIT=TEXT or UNIT/TOPIC-NUMBER=TEXT; repeat for each.
    #[arg(long, value_name = "UNIT/TOPIC=TEXT", value_parser = point)]
    pub(crate) point: Vec<(String, u32, String)>,
    /// A major issue that was discussed besides those of the topics; repeat for each.
    #[arg(long, value_name = "ISSUE")]
    pub(crate) discussed: Vec<String>,
    /// Sheet with all of this: TOML, or JSON when its name ends in .json. Options add to it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sheet: Option<PathBuf>,
    /// Print a sheet of this meeting, filled in from the answers, and record nothing.
    #[arg(long, conflicts_with_all = ["sheet", "present", "excused", "absent", "as_answered", "at",
        "observer", "point", "discussed", "request_id"])]
    pub(crate) template: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// Where a meeting stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateArg {
    /// Seen by its offices only.
    Draft,
    /// Open for topics.
    TopicsOpen,
    /// Topics are fixed.
    TopicsConfirmed,
    /// The notice has gone out.
    Convened,
    /// It was held.
    Held,
    /// Minutes are being drafted.
    MinutesDraft,
    /// Minutes are before the units.
    ConsentRound,
    /// Every attending unit has agreed.
    Agreed,
    /// Minutes are issued.
    Issued,
    /// Agreed items are being carried out.
    FollowUp,
    /// Closed.
    Closed,
    /// Cancelled.
    Cancelled,
}

impl From<StateArg> for MeetingState {
    fn from(arg: StateArg) -> Self {
        match arg {
            StateArg::Draft => Self::Draft,
            StateArg::TopicsOpen => Self::TopicsOpen,
            StateArg::TopicsConfirmed => Self::TopicsConfirmed,
            StateArg::Convened => Self::Convened,
            StateArg::Held => Self::Held,
            StateArg::MinutesDraft => Self::MinutesDraft,
            StateArg::ConsentRound => Self::ConsentRound,
            StateArg::Agreed => Self::Agreed,
            StateArg::Issued => Self::Issued,
            StateArg::FollowUp => Self::FollowUp,
            StateArg::Closed => Self::Closed,
            StateArg::Cancelled => Self::Cancelled,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct MeetingListArgs {
    /// Only of this mechanism.
    #[arg(long, value_name = "M")]
    pub(crate) mechanism: Option<String>,
    /// Only in this state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<StateArg>,
    /// Only planned in this year.
    #[arg(long, value_name = "YEAR")]
    pub(crate) year: Option<i32>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Which page of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// At most this many a page; the hub's number when absent.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true,
          value_parser = clap::value_parser!(i32).range(0..=200))]
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
