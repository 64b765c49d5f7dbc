//! Arguments of `request`: information requests between agencies.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use hub_proto::requests::{
    ApprovalLevel, RequestKind, RequestSide, RequestState, SharingAttribute,
};
use jiff::civil::Date;

use super::meeting::{Once, PageArgs, TextArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// Draft a request for government data (Order 809)
    Draft(Box<DraftArgs>),
    /// Draft a request for account information in an open case (FS-053)
    DraftAccount(Box<DraftAccountArgs>),
    /// Approve a draft, as the approver it names: it is submitted with that
    Approve {
        /// The request, by id or resource name.
        request: String,
        /// A note.
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
        #[command(flatten)]
        once: Once,
    },
    /// Reject a draft for good, as the approver it names
    Reject(ReasonArgs),
    /// Take a request back that was not answered
    Withdraw(ReasonArgs),
    /// Ask for everything that is missing, once, as the provider
    AskMissing(TextActArgs),
    /// Give what was missing, as the requester
    Complete(DocumentArgs),
    /// Extend the time to answer, once, as the provider
    Extend(ExtendArgs),
    /// Consent, as the provider; with the data at once, or later with `deliver`
    Consent(ConsentArgs),
    /// Deliver the data of a request that was consented to
    Deliver(DocumentArgs),
    /// Refuse a request with reasons, as the provider
    Refuse(TextActArgs),
    /// Record a use of the data, as the requester
    RecordUse(RecordUseArgs),
    /// Report an error in the data, as the requester
    Correct(TextActArgs),
    /// Answer a correction request, as the provider
    AnswerCorrection(AnswerCorrectionArgs),
    /// Suspend the use of the data with a reason, as the provider
    Suspend(ReasonArgs),
    /// Lift a suspension
    Resume(ReasonArgs),
    /// Confirm how the data was disposed of, as the requester
    Dispose(DisposeDataArgs),
    /// Close a case of this agency: no further account information is asked for in it
    CloseCase {
        /// Number of the case, as it was declared.
        case: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Requests of this agency and to it, newest first: who owes what, since when, by when
    List(RequestListArgs),
    /// One request: its texts, its deadlines, and all that came of it; of account information say --purpose
    Show {
        /// The request, by id or resource name.
        request: String,
    },
}

/// What every request says.
#[derive(Debug, Args)]
pub(crate) struct CommonDraftArgs {
    /// Unit that is asked, by id, official name or alias.
    #[arg(long, value_name = "UNIT")]
    pub(crate) provider: String,
    /// What the data is for: its use is limited to that.
    #[arg(long, value_name = "TEXT")]
    pub(crate) use_for: String,
    /// Which data is asked for.
    #[arg(long, value_name = "TEXT")]
    pub(crate) scope: String,
    /// In which business the data is used.
    #[arg(long, value_name = "TEXT")]
    pub(crate) use_scene: String,
    /// Legal basis: id of a row of the charter.
    #[arg(long, value_name = "ID")]
    pub(crate) basis: String,
    /// Statute and article that the instrument names, where the legal basis asks for it.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) instrument_basis: String,
    /// Last day on which the data may be used.
    #[arg(long, value_name = "DATE")]
    pub(crate) valid_until: Date,
    /// Officer of this agency who is to approve it, and is not its author.
    #[arg(long, value_name = "OFFICER")]
    pub(crate) approver: String,
    /// First day of the period that the data is about.
    #[arg(long, value_name = "DATE", requires = "period_until")]
    pub(crate) period_from: Option<Date>,
    /// Last day of that period.
    #[arg(long, value_name = "DATE", requires = "period_from")]
    pub(crate) period_until: Option<Date>,
    /// Documents, such as the instrument.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct DraftArgs {
    /// Sharing attribute in the provider's catalogue; the time to answer follows from it.
    #[arg(long, value_enum)]
    pub(crate) sharing: SharingArg,
    /// Reference of this agency's file or case.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: String,
    /// Organisation that it is about, `USCC=NAME`; repeat for each.
    #[arg(long, value_name = "USCC=NAME")]
    pub(crate) organization: Vec<String>,
    #[command(flatten)]
    pub(crate) common: CommonDraftArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DraftAccountArgs {
    /// The organisation, `USCC=NAME`.
    #[arg(long, value_name = "USCC=NAME")]
    pub(crate) organization: String,
    /// Number of the open case.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) case: String,
    /// Day on which it was opened.
    #[arg(long, value_name = "DATE")]
    pub(crate) case_opened: Date,
    /// Other organisations that the case names, by code; repeat for each.
    #[arg(long, value_name = "USCC")]
    pub(crate) case_names: Vec<String>,
    /// Number of the instrument (查询文书).
    #[arg(long, value_name = "NUMBER")]
    pub(crate) instrument: String,
    /// Officer who acts under the instrument; give at least two.
    #[arg(long = "acting", id = "acting", value_name = "OFFICER", num_args = 1.., required = true)]
    pub(crate) officers: Vec<String>,
    /// Who approved the inquiry.
    #[arg(long, value_enum)]
    pub(crate) approved_by: ApprovalLevelArg,
    /// Reference of that approval.
    #[arg(long, value_name = "TEXT")]
    pub(crate) approval_reference: String,
    /// Day of that approval.
    #[arg(long, value_name = "DATE")]
    pub(crate) approved_on: Date,
    /// The organisation is a charity: some legal bases are for charities only.
    #[arg(long)]
    pub(crate) charity: bool,
    #[command(flatten)]
    pub(crate) common: CommonDraftArgs,
}

/// An act that says why.
#[derive(Debug, Args)]
pub(crate) struct ReasonArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// An act with a text.
#[derive(Debug, Args)]
pub(crate) struct TextActArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// An act with a text and documents.
#[derive(Debug, Args)]
pub(crate) struct DocumentArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ExtendArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    /// By how many working days, at most 10.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=10))]
    pub(crate) days: i32,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// Reference of the sharing authority's consent.
    #[arg(long, value_name = "TEXT")]
    pub(crate) consent: String,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Deliver the data at once: the data, or where on the data platform it is to be had.
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,
    /// Deliver the data at once: file with it, or `-` for stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    pub(crate) data_file: Option<PathBuf>,
    /// Documents with the data.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct RecordUseArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    /// In which business it was used.
    #[arg(long, value_name = "TEXT")]
    pub(crate) scene: String,
    /// How it was used.
    #[arg(long, value_name = "TEXT")]
    pub(crate) process: String,
    /// What came of it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) effect: String,
    /// How that fits the purpose of the request.
    #[arg(long, value_name = "TEXT")]
    pub(crate) fits: String,
    /// Hand it to the outbox.
    #[arg(long)]
    pub(crate) outbox: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct AnswerCorrectionArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    /// Number of the correction request.
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) correction: i32,
    /// Whether the data was corrected, or stands as it was delivered.
    #[arg(value_enum)]
    pub(crate) outcome: CorrectionOutcome,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// Documents with the corrected data.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

/// What became of a correction request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CorrectionOutcome {
    /// The data was corrected.
    Corrected,
    /// The data stands; the text says why.
    Stands,
}

#[derive(Debug, Args)]
pub(crate) struct DisposeDataArgs {
    /// The request, by id or resource name.
    pub(crate) request: String,
    /// Where and how it was stored.
    #[arg(long, value_name = "TEXT")]
    pub(crate) storage: String,
    /// How it was destroyed or given back.
    #[arg(long, value_name = "TEXT")]
    pub(crate) destruction: String,
    /// The day.
    #[arg(long, value_name = "DATE")]
    pub(crate) on: Date,
    /// Hand it to the outbox.
    #[arg(long)]
    pub(crate) outbox: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct RequestListArgs {
    /// Only requests on this side.
    #[arg(long, value_enum)]
    pub(crate) side: Option<SideArg>,
    /// Only in this state; repeat for several.
    #[arg(long, value_enum)]
    pub(crate) state: Vec<RequestStateArg>,
    /// Only of this kind.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<RequestKindArg>,
    /// Only with a deadline that is over.
    #[arg(long)]
    pub(crate) overdue: bool,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

/// Sharing attribute of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SharingArg {
    /// Answered within 1 working day.
    Unconditional,
    /// Answered within 10 working days.
    Conditional,
}

impl From<SharingArg> for SharingAttribute {
    fn from(arg: SharingArg) -> Self {
        match arg {
            SharingArg::Unconditional => Self::Unconditional,
            SharingArg::Conditional => Self::Conditional,
        }
    }
}

/// Who approved an inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApprovalLevelArg {
    /// The people's government at this agency's level.
    Government,
    /// The head of this agency.
    AgencyHead,
    /// The head of the bureau, at county level or above.
    BureauHead,
    /// Whoever the named statute says.
    AsStatute,
}

impl From<ApprovalLevelArg> for ApprovalLevel {
    fn from(arg: ApprovalLevelArg) -> Self {
        match arg {
            ApprovalLevelArg::Government => Self::Government,
            ApprovalLevelArg::AgencyHead => Self::AgencyHead,
            ApprovalLevelArg::BureauHead => Self::BureauHead,
            ApprovalLevelArg::AsStatute => Self::AsStatute,
        }
    }
}

/// On which side this agency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArg {
    /// This agency asks.
    Requester,
    /// This agency is asked.
    Provider,
}

impl From<SideArg> for RequestSide {
    fn from(arg: SideArg) -> Self {
        match arg {
            SideArg::Requester => Self::Requester,
            SideArg::Provider => Self::Provider,
        }
    }
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestKindArg {
    /// Government data.
    Data,
    /// Account information.
    AccountInformation,
}

impl From<RequestKindArg> for RequestKind {
    fn from(arg: RequestKindArg) -> Self {
        match arg {
            RequestKindArg::Data => Self::Data,
            RequestKindArg::AccountInformation => Self::AccountInformation,
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestStateArg {
    /// Waits for its approver.
    Drafted,
    /// Rejected by its approver.
    Rejected,
    /// With the provider.
    Submitted,
    /// Something is missing.
    Incomplete,
    /// Consented to; not delivered yet.
    Consented,
    /// Delivered.
    Delivered,
    /// Its use is suspended.
    Suspended,
    /// Refused.
    Refused,
    /// Taken back.
    Withdrawn,
    /// Disposed of.
    Disposed,
}

impl From<RequestStateArg> for RequestState {
    fn from(arg: RequestStateArg) -> Self {
        match arg {
            RequestStateArg::Drafted => Self::Drafted,
            RequestStateArg::Rejected => Self::Rejected,
            RequestStateArg::Submitted => Self::Submitted,
            RequestStateArg::Incomplete => Self::Incomplete,
            RequestStateArg::Consented => Self::Consented,
            RequestStateArg::Delivered => Self::Delivered,
            RequestStateArg::Suspended => Self::Suspended,
            RequestStateArg::Refused => Self::Refused,
            RequestStateArg::Withdrawn => Self::Withdrawn,
            RequestStateArg::Disposed => Self::Disposed,
        }
    }
}
