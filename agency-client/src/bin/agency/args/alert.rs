//! Arguments of `alert`: fund alerts (资金预警).

mod load;
mod values;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;

pub(crate) use load::{FormatArg, LoadArgs};
pub(crate) use values::{
    ActionArg, AlertKindArg, AlertStateArg, DirectionArg, FindingArg, ReviewArg, SeverityArg,
};

use super::{
    meeting::{Once, PageArgs, TextArgs},
    notify::ClassificationArg,
};
use crate::people::{asked, reviewer};

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Raise an alert on an organisation, as the central-bank branch (FS-054)
    Raise(Box<RaiseArgs>),
    /// Raise the alerts of a file, each row one; `agency help alert-file` lists the columns
    Load(Box<LoadArgs>),
    /// Alerts that this officer may see, newest first, and which units have not acknowledged them
    List(AlertListArgs),
    /// One alert: what is asked, who has acknowledged, findings, measures, notices
    Show {
        /// The alert, by id or resource name.
        alert: String,
        /// With the text of an earlier revision, from 1.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
        revision: Option<i32>,
    },
    /// Acknowledge an alert in this unit's name, and say what the unit does about it
    Acknowledge(AcknowledgeArgs),
    /// Answer a unit that needs more information, as the raising agency; all units are told
    Inform {
        /// The alert, by id or resource name.
        alert: String,
        #[command(flatten)]
        text: TextArgs,
        #[command(flatten)]
        once: Once,
    },
    /// Joint notices, which two or more units sign (FS-021)
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// Record what this unit found
    Finding {
        /// The alert, by id or resource name.
        alert: String,
        /// What was found.
        #[arg(value_enum)]
        finding: FindingArg,
        /// Why, or what was found in words.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Measures that units take on an alert
    #[command(subcommand)]
    Measure(MeasureCommand),
    /// Close an alert with a reason and a reviewer, as the office
    Close {
        /// The alert, by id or resource name.
        alert: String,
        /// Why.
        #[arg(long)]
        reason: String,
        /// Who has reviewed it: UNIT/OFFICER-ID, not whoever closes it.
        #[arg(long, value_name = "UNIT/OFFICER", value_parser = reviewer)]
        reviewer: (String, String),
        #[command(flatten)]
        once: Once,
    },
    /// Correct an alert; what is not given stays, and every unit that was told must acknowledge again
    Correct(Box<CorrectAlertArgs>),
    /// Take an alert back; every unit that was told must acknowledge that
    Retract {
        /// The alert, by id or resource name.
        alert: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
}

/// What an alert says, as far as it may be changed later.
#[derive(Debug, Args)]
pub(crate) struct RaiseArgs {
    /// The organisation: unified social credit code and registered name.
    #[arg(long, value_name = "USCC=NAME")]
    pub(crate) subject: String,
    /// Series; must be the indicator's.
    #[arg(long, value_enum)]
    pub(crate) kind: AlertKindArg,
    /// Indicator of the charter, such as flow_out_of_line.
    #[arg(long, value_name = "ID")]
    pub(crate) indicator: String,
    /// First day of the period.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Date,
    /// Last day of the period.
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Date,
    /// Amount band of the charter, such as 1m_10m.
    #[arg(long, value_name = "ID")]
    pub(crate) band: String,
    /// Currency of the band (ISO 4217).
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    pub(crate) currency: String,
    /// Which way the money went.
    #[arg(long, value_enum)]
    pub(crate) direction: DirectionArg,
    /// How severe it is; an emergency goes to all members at once (FS-023).
    #[arg(long, value_enum)]
    pub(crate) severity: SeverityArg,
    /// Why it is that severe.
    #[arg(long, value_name = "TEXT")]
    pub(crate) severity_reason: String,
    /// The grounds in words: no account, transaction or counterparty (FS-051).
    #[arg(long, value_name = "TEXT", required_unless_present = "grounds_file")]
    pub(crate) grounds: Option<String>,
    /// File with the grounds, or `-` for stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "grounds")]
    pub(crate) grounds_file: Option<PathBuf>,
    /// Where it comes from.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: String,
    /// Legal basis.
    #[arg(long, value_name = "TEXT")]
    pub(crate) legal_basis: String,
    /// Classification, which is never assumed: an alert is internal, secrets are refused.
    #[arg(long, value_enum)]
    pub(crate) classification: ClassificationArg,
    /// What is asked of a unit, by id, official name or alias; repeat for each.
    #[arg(long = "ask", value_name = "UNIT=TEXT", value_parser = asked)]
    pub(crate) asks: Vec<(String, String)>,
    /// Only to this unit, where the charter allows it; repeat for each. All members when absent.
    #[arg(long, value_name = "UNIT")]
    pub(crate) to: Vec<String>,
    /// Documents.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "outbox")]
    pub(crate) attach: Vec<PathBuf>,
    /// Put it into the outbox instead of sending now: it is raised once, also after days.
    #[arg(long)]
    pub(crate) outbox: bool,
    /// Your own id for it in the outbox: the same key is raised once.
    #[arg(long, requires = "outbox")]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct CorrectAlertArgs {
    /// The alert, by id or resource name.
    pub(crate) alert: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    /// The revision that is corrected; the one in force when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) revision: Option<i32>,
    /// Registered name of the organisation; its code stays.
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Series; must be the indicator's.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<AlertKindArg>,
    /// Indicator of the charter.
    #[arg(long, value_name = "ID")]
    pub(crate) indicator: Option<String>,
    /// First day of the period.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<Date>,
    /// Last day of the period.
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<Date>,
    /// Amount band of the charter.
    #[arg(long, value_name = "ID")]
    pub(crate) band: Option<String>,
    /// Currency of the band (ISO 4217).
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Option<String>,
    /// Which way the money went.
    #[arg(long, value_enum)]
    pub(crate) direction: Option<DirectionArg>,
    /// How severe it is.
    #[arg(long, value_enum)]
    pub(crate) severity: Option<SeverityArg>,
    /// Why it is that severe.
    #[arg(long, value_name = "TEXT")]
    pub(crate) severity_reason: Option<String>,
    /// The grounds in words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) grounds: Option<String>,
    /// File with the grounds, or `-` for stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "grounds")]
    pub(crate) grounds_file: Option<PathBuf>,
    /// Where it comes from.
    #[arg(long, value_name = "TEXT")]
    pub(crate) source: Option<String>,
    /// Legal basis.
    #[arg(long, value_name = "TEXT")]
    pub(crate) legal_basis: Option<String>,
    /// What is asked of a unit, in place of all that was asked; repeat for each.
    #[arg(long = "ask", value_name = "UNIT=TEXT", value_parser = asked)]
    pub(crate) asks: Vec<(String, String)>,
    /// Further documents.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) attach: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct AlertListArgs {
    /// Only in this state.
    #[arg(long, value_enum)]
    pub(crate) state: Option<AlertStateArg>,
    /// Only on this organisation.
    #[arg(long, value_name = "USCC")]
    pub(crate) organization: Option<String>,
    /// Only with this indicator of the charter.
    #[arg(long, value_name = "ID")]
    pub(crate) indicator: Option<String>,
    /// Only what this unit has not acknowledged, by id, official name or alias; `me` is the own unit.
    #[arg(long, value_name = "UNIT")]
    pub(crate) unacknowledged_by: Option<String>,
    /// Only of this severity.
    #[arg(long, value_enum)]
    pub(crate) severity: Option<SeverityArg>,
    /// Only of this series.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<AlertKindArg>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct AcknowledgeArgs {
    /// The alert, by id or resource name.
    pub(crate) alert: String,
    /// What the unit does.
    #[arg(value_enum)]
    pub(crate) action: ActionArg,
    #[command(flatten)]
    pub(crate) text: TextArgs,
    /// The revision that was read; the one in force when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) revision: Option<i32>,
    /// Put it into the outbox instead of sending now. It counts when the hub records it.
    #[arg(long, requires = "revision")]
    pub(crate) outbox: bool,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NoticeCommand {
    /// Draft a joint notice and ask units to sign it
    Draft {
        /// The alert, by id or resource name.
        alert: String,
        /// Unit asked to sign, by id, official name or alias; two or more.
        #[arg(long = "unit", value_name = "UNIT", required = true)]
        units: Vec<String>,
        #[command(flatten)]
        text: TextArgs,
        #[command(flatten)]
        once: Once,
    },
    /// Sign a joint notice in this unit's name
    Sign {
        /// The notice: ALERT/NUMBER.
        notice: String,
        #[command(flatten)]
        once: Once,
    },
    /// Decline to sign a joint notice
    Decline {
        /// The notice: ALERT/NUMBER.
        notice: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
    /// Issue a joint notice that two units have signed; everyone who may see the alert is told
    Issue {
        /// The notice: ALERT/NUMBER.
        notice: String,
        #[command(flatten)]
        once: Once,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum MeasureCommand {
    /// Take a measure
    Take {
        /// The alert, by id or resource name.
        alert: String,
        /// By when it is to be done.
        #[arg(long, value_name = "DATE")]
        due: Date,
        #[command(flatten)]
        text: TextArgs,
        #[command(flatten)]
        once: Once,
    },
    /// Report a measure done
    Report {
        /// The measure: ALERT/NUMBER.
        measure: String,
        #[command(flatten)]
        text: TextArgs,
        /// Put it into the outbox instead of sending now. It counts when the hub records it.
        #[arg(long)]
        outbox: bool,
        #[command(flatten)]
        once: Once,
    },
    /// Uphold or lift a measure after the alert was corrected or retracted
    Review {
        /// The measure: ALERT/NUMBER.
        measure: String,
        /// What becomes of it.
        #[arg(value_enum)]
        review: ReviewArg,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        once: Once,
    },
}
