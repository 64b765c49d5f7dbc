//! Meetings, their minutes and what was agreed, and major issues with their escalation.
//!
//! Invariants: a meeting is convened on confirmed topics only (JE-072); minutes are issued only when
//! every attending unit has agreed to the same version (JE-074); versions and issued minutes never
//! change; numbers of a series have no gap and no repeat.
//!
//! The cast: [`meeting`] (its life until it is held), [`minutes`] (versions, consent, issue, agreed
//! items), [`issues`] (major issues, escalations), [`years`] (years without an annual meeting), [`rows`]
//! (what state keeps), [`notices`] (what the hub tells those concerned, and asks of them).

pub mod issues;
pub mod meeting;
pub mod minutes;
pub mod notices;
pub mod rows;
pub mod years;

use hub_proto::{
    ledger::{Event, event},
    meetings::{MeetingsEvent, meetings_event},
};

use super::{Context, Decision, EntryMeta};
use crate::{authz::Permit, error::Result, state::view::Overlay};

/// A change to a meeting, its minutes, or a major issue.
#[derive(Debug, Clone)]
pub enum Command {
    /// A meeting until it is held.
    Meeting(meeting::Command),
    /// Minutes and agreed items.
    Minutes(minutes::Command),
    /// Major issues and escalations.
    Issues(issues::Command),
    /// A year without its annual meeting, which the hub itself tells the office of.
    Missed(years::Missed),
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
    match command {
        Command::Meeting(command) => meeting::decide(context, view, permit, command),
        Command::Minutes(command) => minutes::decide(context, view, permit, command),
        Command::Issues(command) => issues::decide(context, view, permit, command),
        Command::Missed(missed) => {
            years::decide(context, view, permit, missed).map(Decision::Record)
        }
    }
}

/// Applies an event. Each part looks at the events that concern it.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &MeetingsEvent) -> Result<()> {
    let Some(kind) = &event.kind else {
        return Ok(());
    };
    years::apply(rows, kind);
    meeting::apply(rows, entry, kind)?;
    minutes::apply(rows, entry, kind)?;
    issues::apply(rows, entry, kind)
}

/// Wraps an event.
#[must_use]
pub fn event(kind: meetings_event::Kind) -> Event {
    Event {
        kind: Some(event::Kind::Meetings(MeetingsEvent { kind: Some(kind) })),
    }
}
