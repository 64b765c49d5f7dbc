//! Fund alerts: raised by the central-bank branch, handled jointly, closed with a reason (FS-012, FS-021,
//! FS-023, FS-054).
//!
//! Invariants: only a member of the fund mechanism raises, and only what it raised it corrects or
//! retracts; a joint notice is issued with two signatures or more (FS-021); after a correction
//! or a retraction every unit that was told acknowledges again and every measure that stands is
//! reviewed; an alert to which there was nothing is sealed as a whole or not at all.
//!
//! The cast: [`texts`] and [`content`] (what may be written, FS-051), [`raise`] (raising and
//! correcting), [`handle`] (what units do), [`notices`] (joint notices), [`close`] (closing and
//! retracting), [`rows`] (what state keeps), [`sealed`] (what retention leaves), `told` (what those
//! concerned are told).

mod apply;
pub mod close;
pub mod content;
pub mod handle;
pub mod notices;
pub mod raise;
pub mod rows;
pub mod sealed;
pub mod texts;
mod told;

use hub_core::{
    names::{AgencyId, AlertName, OfficerId, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::SubjectOrganization,
    funds::{AlertAction, AlertState, FindingKind, FundsEvent, funds_event},
    ledger::{Event, event},
};
use jiff::civil::Date;

pub use self::apply::alert_of;
use self::rows::AlertRow;
pub use self::{
    apply::apply,
    raise::{Correct, Raise},
};
use super::{Context, Decision};
use crate::{
    authz::Permit,
    error::{Error, Result},
    state::view::{Overlay, View},
};

/// Most acts on an alert; beyond it can only be closed or retracted. So it is sealed by one order.
pub const ACTS_MAX: u32 = 4_000;
/// Most measures on an alert. This and the next ones bound what an alert with all of its texts takes: it
/// fits into an answer that clients take, so that nobody can make it unreadable for the others.
pub const MEASURES_MAX: usize = 60;
/// Most joint notices on an alert.
pub const JOINT_NOTICES_MAX: usize = 12;
/// Most findings on an alert.
pub const FINDINGS_MAX: usize = 60;
/// Most answers of the raising agency on an alert.
pub const INFORMATION_MAX: usize = 50;
/// Most revisions of an alert; a retraction is always possible.
pub const REVISIONS_MAX: usize = 50;
/// Fewest units that sign a joint notice (FS-021).
pub const SIGNATURES_MIN: usize = 2;
/// Most units that are asked to sign a joint notice.
pub const SIGNERS_MAX: usize = 32;

/// A change of an alert.
#[derive(Debug, Clone)]
pub enum Command {
    /// Raise one.
    Raise(Box<Raise>),
    /// Correct one.
    Correct(Box<Correct>),
    /// Do something about one.
    Act(Box<Act>),
}

/// Something that is done about an alert.
#[derive(Debug, Clone)]
pub struct Act {
    /// Which.
    pub alert: AlertName,
    /// Whom it is about, for the notices; empty once it is sealed.
    pub organization: SubjectOrganization,
    /// What.
    pub what: What,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum What {
    /// A unit acknowledges a revision.
    Acknowledge {
        /// Which it has read.
        revision: u32,
        /// What it does.
        action: AlertAction,
    },
    /// The raising agency answers.
    Inform,
    /// Somebody drafts a joint notice.
    Draft {
        /// As whom.
        author: Recipient,
        /// Who is to sign.
        units: Vec<AgencyId>,
    },
    /// A unit signs one, or declines to.
    Sign {
        /// Its number.
        notice: u32,
        /// Whether it signs.
        is_signed: bool,
    },
    /// Somebody issues one.
    Issue {
        /// Its number.
        notice: u32,
        /// As whom.
        by: Recipient,
        /// Its text.
        text: String,
    },
    /// A unit says what it found.
    Find(FindingKind),
    /// A unit takes a measure, to be done by a day.
    Take(Date),
    /// A unit reports one done.
    Report(u32),
    /// A unit upholds or lifts one.
    Review {
        /// Its number.
        measure: u32,
        /// Whether it is lifted.
        is_lifted: bool,
    },
    /// It is closed.
    Close {
        /// As whom.
        by: Recipient,
        /// Agency of the reviewer.
        reviewer_agency: AgencyId,
        /// The reviewer.
        reviewer: OfficerId,
    },
    /// It is taken back.
    Retract,
}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it.
pub fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    let act = match command {
        Command::Raise(command) => {
            return raise::raise(context, view, permit, command).map(Decision::Record);
        }
        Command::Correct(command) => {
            return raise::correct(context, view, permit, command).map(Decision::Record);
        }
        Command::Act(act) => act,
    };
    let row = changeable(view, act.alert)?;
    if !matches!(act.what, What::Close { .. } | What::Retract) {
        check_room(act.alert, &row)?;
    }
    let case = Case {
        context,
        view,
        permit,
        name: act.alert,
        organization: &act.organization,
        row: &row,
    };
    let events = match &act.what {
        What::Acknowledge { revision, action } => {
            return handle::acknowledge(&case, *revision, *action);
        }
        What::Inform => handle::inform(&case)?,
        What::Draft { author, units } => notices::draft(&case, author, units)?,
        What::Sign { notice, is_signed } => return notices::sign(&case, *notice, *is_signed),
        What::Issue { notice, by, text } => notices::issue(&case, *notice, by, text)?,
        What::Find(kind) => handle::find(&case, *kind)?,
        What::Take(due_on) => handle::take(&case, *due_on)?,
        What::Report(measure) => handle::report(&case, *measure)?,
        What::Review { measure, is_lifted } => handle::review(&case, *measure, *is_lifted)?,
        What::Close {
            by,
            reviewer_agency,
            reviewer,
        } => close::close(&case, by, reviewer_agency, reviewer)?,
        What::Retract => close::retract(&case)?,
    };
    Ok(Decision::Record(events))
}

/// What every act looks at.
#[derive(Clone, Copy)]
struct Case<'a> {
    context: &'a Context<'a>,
    view: &'a Overlay<'a>,
    permit: &'a Permit,
    name: AlertName,
    organization: &'a SubjectOrganization,
    row: &'a AlertRow,
}

/// The row of an alert.
///
/// # Errors
/// NOT_FOUND when there is none.
pub fn alert(view: &(impl View + ?Sized), name: AlertName) -> Result<AlertRow> {
    AlertRow::read(view, name)?.ok_or_else(|| Error::not_found(&name.to_string()))
}

/// The row of an alert that is not sealed.
fn changeable(view: &(impl View + ?Sized), name: AlertName) -> Result<AlertRow> {
    let row = alert(view, name)?;
    if row.is_sealed {
        let message = format!("{name} is sealed: its period of retention is over");
        return Err(Error::new(Reason::ContentSealed, message));
    }
    Ok(row)
}

fn check_room(name: AlertName, row: &AlertRow) -> Result<()> {
    if row.acts_count < ACTS_MAX {
        return Ok(());
    }
    Err(refused(format!(
        "{name} has {ACTS_MAX} acts, which is the most; close or retract it"
    )))
}

/// An act that where an alert stands does not allow.
fn refused(message: String) -> Error {
    Error::new(Reason::RecordState, message)
}

/// Refuses an act on an alert that is closed or retracted.
fn require_open(name: AlertName, row: &AlertRow) -> Result<()> {
    if !matches!(row.state(), AlertState::Closed | AlertState::Retracted) {
        return Ok(());
    }
    let stands = row.state().as_str_name();
    let stands = stands.strip_prefix("ALERT_STATE_").unwrap_or(stands);
    Err(refused(format!(
        "{name} is {stands}; this needs CIRCULATED, UNDER_HANDLING or FOUND"
    )))
}

/// Refuses an act on another revision than the one in force.
fn require_revision(name: AlertName, row: &AlertRow, revision: u32) -> Result<()> {
    if revision == row.revision() {
        return Ok(());
    }
    Err(refused(format!(
        "{name} is at revision {}, not {revision}; read it again",
        row.revision()
    )))
}

/// Refuses one more of what there are enough of.
fn require_fewer(name: AlertName, count: usize, max: usize, what: &str) -> Result<()> {
    if count < max {
        return Ok(());
    }
    Err(refused(format!(
        "{name} has {max} {what}, which is the most"
    )))
}

/// The number of the next of a list.
fn next(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1)
}

/// Wraps an event.
fn event(kind: funds_event::Kind) -> Event {
    Event {
        kind: Some(event::Kind::Funds(FundsEvent { kind: Some(kind) })),
    }
}

#[cfg(test)]
mod tests;
