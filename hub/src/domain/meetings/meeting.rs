//! A meeting from its making until it is held and closed.
//!
//! Invariants: a unit learns of a meeting when topics are opened, not before; topics are fixed before
//! the notice goes out, and the notice before the meeting is held (JE-072); a meeting of two
//! mechanisms is opened when both offices have confirmed it (FS-061).
//!
//! The cast: [`create`] (making, confirming, opening).

mod apply;
pub mod create;

use hub_core::{names::MeetingName, reason::Reason};
use hub_proto::{
    ledger::Event,
    meetings::{MeetingKind, MeetingState},
};

pub use self::{apply::apply, create::Create};
use super::rows::MeetingRow;
use crate::{
    authz::Permit,
    domain::{Context, Decision},
    error::{Error, Result},
    state::view::{Overlay, View},
};

/// A change.
#[derive(Debug, Clone)]
pub enum Command {
    /// Make a meeting.
    Create(Box<Create>),
    /// Do something about one.
    Change(Box<Change>),
}

/// Something done about a meeting.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub meeting: MeetingName,
    /// Its title, for the notices.
    pub title: String,
    /// The etag that the caller has seen; empty when it does not matter.
    pub etag: String,
    /// What.
    pub act: Act,
}

/// What is done about a meeting.
#[derive(Debug, Clone)]
pub enum Act {
    /// Confirm a joint meeting in the name of an office.
    Confirm(hub_core::names::MechanismId),
    /// Open it for topics.
    OpenTopics {
        /// By when topics are asked for.
        topics_by_at: Option<jiff::Timestamp>,
    },
}

/// A meeting that something is done about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) name: MeetingName,
    pub(super) title: &'a str,
    pub(super) row: &'a MeetingRow,
}

impl Subject<'_> {
    /// Refuses an act in another state than one of those it belongs to.
    fn require(&self, states: &[MeetingState], rule: &str) -> Result<()> {
        require_state(self.name, self.row, states, rule)
    }
}

/// Refuses an act on a meeting in another state than one of those it belongs to.
///
/// # Errors
/// [`Reason::MeetingState`], which names where the meeting stands.
pub fn require_state(
    name: MeetingName,
    row: &MeetingRow,
    states: &[MeetingState],
    rule: &str,
) -> Result<()> {
    if states.contains(&row.state()) {
        return Ok(());
    }
    let word = |state: MeetingState| {
        let word = state.as_str_name();
        word.strip_prefix("MEETING_STATE_").unwrap_or(word)
    };
    let wanted: Vec<&str> = states.iter().map(|state| word(*state)).collect();
    let rule = if rule.is_empty() {
        String::new()
    } else {
        format!(" ({rule})")
    };
    Err(Error::new(
        Reason::MeetingState,
        format!(
            "{name} is {}; this needs {}{rule}",
            word(row.state()),
            wanted.join(" or ")
        ),
    ))
}

/// Refuses an act that is based on an older etag than the newest; an empty one is not compared.
///
/// # Errors
/// [`Reason::Conflict`].
pub fn require_etag(name: MeetingName, row: &MeetingRow, etag: &str) -> Result<()> {
    if etag.is_empty() || etag == row.etag() {
        return Ok(());
    }
    let message =
        format!("{name}: changed by another call since etag {etag:?}; read again and retry");
    Err(Error::new(Reason::Conflict, message))
}

/// The row of a meeting that the caller is known to see.
///
/// # Errors
/// When storage fails, or there is none.
pub fn read(view: &(impl View + ?Sized), name: MeetingName) -> Result<MeetingRow> {
    MeetingRow::read(view, name)?.ok_or_else(|| Error::not_found(&name.to_string()))
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
    let change = match command {
        Command::Create(command) => {
            return create::create(context, view, command).map(Decision::Record);
        }
        Command::Change(change) => change,
    };
    let row = read(view, change.meeting)?;
    require_etag(change.meeting, &row, &change.etag)?;
    let subject = Subject {
        name: change.meeting,
        title: &change.title,
        row: &row,
    };
    let events: Vec<Event> = match &change.act {
        Act::Confirm(mechanism) => create::confirm(context, view, subject, mechanism)?,
        Act::OpenTopics { topics_by_at } => {
            create::open_topics(context, view, permit, subject, *topics_by_at)?
        }
    };
    Ok(Decision::Record(events))
}

/// What a kind of meeting is called.
#[must_use]
pub fn kind_name(kind: MeetingKind, is_joint: bool) -> &'static str {
    match (is_joint, kind) {
        (true, _) => "联席会议",
        (false, MeetingKind::Annual) => "工作协调会议",
        (false, MeetingKind::Extraordinary) => "临时会议",
        (false, MeetingKind::Partial) => "部分成员单位会议",
        (false, MeetingKind::Correspondence) => "通讯会议",
        (false, MeetingKind::Unspecified) => "会议",
    }
}
