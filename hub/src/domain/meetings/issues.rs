//! Major issues (JE-023) and their escalation to the leading group (JE-075, FS-060).
//!
//! Invariants: an issue that a member flagged stands in the office's queue until it has a disposition;
//! an issue is escalated only after a meeting that was held has discussed it, and sent only with the
//! signature of at least one member besides the lead; a sent escalation never changes.
//!
//! The cast: [`flag`] (flagging, dispositions), [`escalate`] (drafts, signatures, sending, replies).

mod apply;
pub mod escalate;
pub mod flag;

use hub_core::{
    names::{EscalationName, MajorIssueName, MechanismId, RequestId},
    reason::Reason,
};
use hub_proto::meetings::{DispositionKind, MajorIssueState};

pub use self::{
    apply::apply,
    escalate::{Answer, Draft, Reply, Report},
    flag::{Agenda, Dispose, Flag},
};
use super::rows::{EscalationRow, MajorIssueRow};
use crate::{
    authz::Permit,
    domain::{Context, Decision},
    error::{Error, Result},
    state::{
        keys,
        store::Direction,
        view::{Overlay, View, ViewExt as _},
    },
};

/// Most escalations of an issue, those that were withdrawn included.
pub const ESCALATIONS_MAX: usize = 20;

/// Most members that are asked to report an issue together with the lead.
pub const CO_UNITS_MAX: usize = 14;

/// Most meetings of which an issue says that they discussed it.
pub const DISCUSSED_AT_MAX: usize = 20;

/// Rows that are read at a time.
const ROWS_PAGE: usize = 256;

/// A change.
#[derive(Debug, Clone)]
pub enum Command {
    /// Flag an issue.
    Flag(Box<Flag>),
    /// Give one its disposition.
    Dispose(Box<Dispose>),
    /// Draft an escalation.
    Draft(Box<Draft>),
    /// Sign it, or decline to.
    CoSign(Answer),
    /// Send it.
    Send(Box<Report>),
    /// Take it back.
    Withdraw(Box<Report>),
    /// Reply to it.
    Reply(Box<Reply>),
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
    let events = match command {
        Command::Flag(command) => flag::flag(context, view, permit, command)?,
        Command::Dispose(command) => flag::dispose(context, view, permit, command)?,
        Command::Draft(command) => escalate::draft(context, view, command)?,
        Command::CoSign(command) => return escalate::co_sign(context, view, permit, command),
        Command::Send(command) => escalate::send(context, view, command)?,
        Command::Withdraw(command) => escalate::withdraw(context, view, command)?,
        Command::Reply(command) => escalate::reply(context, view, permit, command)?,
    };
    Ok(Decision::Record(events))
}

/// The row of an issue.
///
/// # Errors
/// NOT_FOUND when there is none.
pub fn issue(view: &(impl View + ?Sized), name: MajorIssueName) -> Result<MajorIssueRow> {
    view.message(&keys::major_issue(name.0.as_bytes()))?
        .ok_or_else(|| Error::not_found(&name.to_string()))
}

/// The row of an escalation.
///
/// # Errors
/// NOT_FOUND when there is none.
pub fn escalation(view: &(impl View + ?Sized), name: EscalationName) -> Result<EscalationRow> {
    view.message(&keys::escalation(name.0.as_bytes()))?
        .ok_or_else(|| Error::not_found(&name.to_string()))
}

/// The major issues that were flagged to a mechanism's office and wait for a disposition (JE-023), the
/// oldest first.
///
/// # Errors
/// When storage fails.
pub fn undisposed(
    view: &(impl View + ?Sized),
    mechanism: &MechanismId,
) -> Result<Vec<MajorIssueName>> {
    let office = format!("mechanisms/{mechanism}/office");
    let (mut from, to) = keys::seen_by(keys::Kind::MajorIssueOf, &office).range();
    let mut waiting = vec![];
    loop {
        let page = view.scan(&from, &to, Direction::Forward, ROWS_PAGE)?;
        for (_, id) in &page {
            let row: Option<MajorIssueRow> = view.message(&keys::major_issue(id))?;
            // An issue of the other mechanism is seen here once it is a topic of a joint meeting.
            let is_waiting = row.is_some_and(|row| {
                row.mechanism == mechanism.as_str()
                    && row.state() == MajorIssueState::Flagged
                    && row.disposition() == DispositionKind::Unspecified
            });
            let id = <[u8; 16]>::try_from(&**id).ok();
            let name = id.and_then(RequestId::from_bytes).map(MajorIssueName);
            waiting.extend(name.filter(|_| is_waiting));
        }
        match page.last() {
            // The smallest key greater than the last one.
            Some((key, _)) if page.len() == ROWS_PAGE => from = [key, [0].as_slice()].concat(),
            _ => return Ok(waiting),
        }
    }
}

/// An act that where something stands does not allow.
fn refused(message: String) -> Error {
    Error::new(Reason::MeetingState, message)
}

/// The last part of a state's name.
fn word<'a>(name: &'a str, prefix: &str) -> &'a str {
    name.strip_prefix(prefix).unwrap_or(name)
}

#[cfg(test)]
mod tests;
