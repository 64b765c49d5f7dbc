//! Arguments of `minutes`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hub_proto::meetings::TaskState;
use jiff::{Timestamp, civil::Date};

use super::meeting::{Once, PageArgs, TextArgs};
use crate::people::moment;

/// Which minutes.
#[derive(Debug, Args)]
pub(crate) struct MinutesArg {
    /// The minutes: a meeting (then its newest minutes), MEETING/DOCUMENT, or a resource name.
    #[arg(value_name = "MINUTES")]
    pub(crate) name: String,
}

/// Which version of them.
#[derive(Debug, Args)]
pub(crate) struct VersionArg {
    #[command(flatten)]
    pub(crate) minutes: MinutesArg,
    /// The version; the one before the units when absent.
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<i32>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// Which agreed item.
#[derive(Debug, Args)]
pub(crate) struct ItemArg {
    /// The agreed item: MEETING/NUMBER or its resource name.
    #[arg(value_name = "ITEM")]
    pub(crate) name: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MinutesCommand {
    /// Print a file to begin with: the meeting's topics, in the form that `draft` reads
    Template {
        /// The meeting, by id or resource name.
        meeting: String,
    },
    /// Draft the next version from a file; `agency help minutes-file` explains its form
    Draft(DraftArgs),
    /// Versions that this officer may see
    Versions(MinutesArg),
    /// One version in full
    Show {
        #[command(flatten)]
        minutes: MinutesArg,
        /// The version; the newest one when absent.
        #[arg(long, value_name = "V")]
        version: Option<i32>,
        /// As a file that `draft` reads, based on this version.
        #[arg(long)]
        file: bool,
    },
    /// What changed between two versions, character by character
    Diff {
        #[command(flatten)]
        minutes: MinutesArg,
        /// The earlier version; the one before the later when absent.
        #[arg(long, value_name = "V")]
        from: Option<i32>,
        /// The later version; the newest when absent.
        #[arg(long, value_name = "V")]
        to: Option<i32>,
    },
    /// Put the newest version before the attending units
    Circulate {
        #[command(flatten)]
        minutes: MinutesArg,
        /// The version, which must be the newest.
        #[arg(long, value_name = "V")]
        version: i32,
        /// By when units are asked to consent; the charter's time when absent.
        #[arg(long, value_name = "TIME", value_parser = moment)]
        consent_by: Option<Timestamp>,
        #[command(flatten)]
        once: Once,
    },
    /// Consent to one version in this unit's name (JE-074)
    Consent {
        #[command(flatten)]
        which: VersionArg,
        /// SHA-256 of the text that was read elsewhere; refused when the version has another.
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Object to one version
    Object {
        #[command(flatten)]
        which: VersionArg,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Withdraw this unit's objection; it is asked again
    Withdraw(VersionArg),
    /// Issue minutes to which every attending unit has agreed
    Issue(VersionArg),
    /// Begin a correction of issued minutes: a new document
    Correct {
        #[command(flatten)]
        minutes: MinutesArg,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Who has agreed, who has objected, who still has to answer and since when
    Status(MinutesArg),
    /// Agreed items, the earliest due first
    Items(ItemsArgs),
    /// One agreed item with every unit's part and reports
    Item(ItemArg),
    /// Report on this unit's part of an agreed item (JE-080)
    Report(ReportArgs),
    /// Ask the office for a later day
    Extend {
        #[command(flatten)]
        item: ItemArg,
        /// The day asked for.
        #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
        until: Date,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Grant a later day
    Grant(DecideArgs),
    /// Refuse a later day
    Refuse {
        #[command(flatten)]
        which: DecideArgs,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Close an agreed item
    CloseItem {
        #[command(flatten)]
        item: ItemArg,
        /// What came of it; required when a unit has not reported it done.
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
    /// Write issued minutes as a document: Markdown, DOCX, or PDF to GB/T 9704-2012
    Export(ExportArgs),
    /// Attendance and completion per unit (JE-080)
    Statistics {
        #[command(flatten)]
        period: PeriodArgs,
        /// Only meetings to which every member is called, as a bulletin counts them.
        #[arg(long)]
        all_members: bool,
    },
    /// Compile statistics for all members, and send them (JE-024): figures of the records as they are
    Bulletin(BulletinArgs),
}

/// A mechanism and a period.
#[derive(Debug, Args)]
pub(crate) struct PeriodArgs {
    /// Mechanism id.
    #[arg(long, value_name = "M")]
    pub(crate) mechanism: String,
    /// First day.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) from: Date,
    /// First day after.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) until: Date,
}

#[derive(Debug, Args)]
pub(crate) struct BulletinArgs {
    #[command(flatten)]
    pub(crate) period: PeriodArgs,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Send it to every member; without this it is only shown.
    #[arg(long)]
    pub(crate) send: bool,
    /// Category whose route it takes; `statistics_` and the mechanism when absent.
    #[arg(long, value_name = "C")]
    pub(crate) category: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct DraftArgs {
    #[command(flatten)]
    pub(crate) minutes: MinutesArg,
    /// The file, or `-` for stdin.
    pub(crate) file: PathBuf,
    /// What changed; instead of the file's `change_note`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) note: Option<String>,
    /// The version that it is based on; instead of the file's `base_version`.
    #[arg(long, value_name = "V")]
    pub(crate) base: Option<i32>,
    /// Read and check the file, show what it says, and send nothing.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ItemsArgs {
    /// A meeting, by id or resource name; of every meeting when absent.
    pub(crate) meeting: Option<String>,
    /// Only those for which this unit is responsible.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: Option<String>,
    /// Only open ones with a unit that is late.
    #[arg(long)]
    pub(crate) overdue: bool,
    /// Only open ones.
    #[arg(long)]
    pub(crate) open: bool,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Where a unit's part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskArg {
    /// Under way.
    InProgress,
    /// Done.
    Done,
}

impl From<TaskArg> for TaskState {
    fn from(arg: TaskArg) -> Self {
        match arg {
            TaskArg::InProgress => Self::InProgress,
            TaskArg::Done => Self::Done,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) item: ItemArg,
    /// Where it stands.
    #[arg(value_enum)]
    pub(crate) state: TaskArg,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Evidence.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    /// Hand it to the outbox: it is delivered once the hub can be reached.
    #[arg(long, conflicts_with = "attach")]
    pub(crate) outbox: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// Kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Markdown.
    Md,
    /// DOCX, for an office program.
    Docx,
    /// PDF, laid out to GB/T 9704-2012; needs fonts.
    Pdf,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) minutes: MinutesArg,
    /// Kind of document.
    #[arg(long, value_enum)]
    pub(crate) format: FormatArg,
    /// The file; one that is there is replaced.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The red mark at the head; the mechanism's name with 会议纪要 when absent.
    #[arg(long, value_name = "TEXT")]
    pub(crate) mark: Option<String>,
    /// Folder of fonts to look in first, for a PDF.
    #[arg(long, value_name = "DIR", env = "HUB_FONTS")]
    pub(crate) fonts: Option<PathBuf>,
    /// Add a page, no part of the form, on where the text can be verified.
    #[arg(long)]
    pub(crate) audit_page: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DecideArgs {
    #[command(flatten)]
    pub(crate) item: ItemArg,
    /// Whose.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unit: String,
    /// The day that was asked for; the pending one when absent.
    #[arg(long, value_name = "DATE", value_parser = crate::people::day)]
    pub(crate) until: Option<Date>,
    #[command(flatten)]
    pub(crate) once: Once,
}
