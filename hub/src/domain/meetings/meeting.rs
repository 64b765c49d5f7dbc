//! A meeting from its making until it is held and closed.
//!
//! Invariants: a unit learns of a meeting when topics are opened, not before; topics are fixed before
//! the notice goes out, and the notice before the meeting is held (JE-072); a meeting of two
//! mechanisms is opened when both offices have confirmed it (FS-061).
//!
//! The cast: [`create`] (making, confirming, opening), [`topics`] (settling what is discussed),
//! [`convene`] (notice, answers, cancelling), [`held`] (attendance, closing).

mod apply;
pub mod convene;
pub mod create;
pub mod held;
pub mod topics;

use hub_core::{names::MeetingName, reason::Reason};
use hub_proto::{
    ledger::Event,
    meetings::{MeetingKind, MeetingState},
};

pub use self::{
    apply::apply,
    convene::{Answer, Notice},
    create::Create,
    held::Held,
    topics::{Comment, Proposal, TopicDecision},
};
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
    /// Propose a topic.
    Propose(Box<Proposal>),
    /// Comment on one.
    Comment(Comment),
    /// Decide one.
    Decide(TopicDecision),
    /// Put the accepted ones in an order.
    Order(Vec<u32>),
    /// Fix them; their titles by number.
    ConfirmTopics(Vec<(u32, String)>),
    /// Send the notice.
    Convene(Box<Notice>),
    /// Send a changed notice, for a reason.
    Change(Box<Notice>, String),
    /// Answer the notice.
    Answer(Answer),
    /// Cancel, for a reason.
    Cancel(String),
    /// Record that it was held.
    Held(Held),
    /// Close it.
    Close,
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
    act(context, view, permit, subject, &change.act).map(Decision::Record)
}

fn act(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    subject: Subject<'_>,
    act: &Act,
) -> Result<Vec<Event>> {
    match act {
        Act::Confirm(mechanism) => create::confirm(context, view, subject, mechanism),
        Act::OpenTopics { topics_by_at } => {
            create::open_topics(context, view, permit, subject, *topics_by_at)
        }
        Act::Propose(proposal) => topics::propose(context, view, permit, subject, proposal),
        Act::Comment(comment) => topics::comment(context, view, permit, subject, comment),
        Act::Decide(decision) => topics::decide(context, view, permit, subject, decision),
        Act::Order(topics) => topics::order(subject, topics),
        Act::ConfirmTopics(titles) => topics::confirm(context, view, permit, subject, titles),
        Act::Convene(notice) => convene::convene(context, view, permit, subject, notice),
        Act::Change(notice, reason) => {
            convene::change(context, view, permit, subject, notice, reason)
        }
        Act::Answer(answer) => convene::answer(context, view, permit, subject, answer),
        Act::Cancel(reason) => convene::cancel(context, view, permit, subject, reason),
        Act::Held(held) => held::held(context, view, permit, subject, held),
        Act::Close => held::close(context, view, permit, subject),
    }
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

#[cfg(test)]
mod tests;
