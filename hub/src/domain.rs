//! The rules, pure: no I/O, no clock, no randomness.
//!
//! `decide` turns a permitted command into events or refuses it; `apply` turns events into rows.
//! Replaying every entry's events into empty state gives the live state, so `apply` is total: it
//! reads nothing but rows and the entry.
//!
//! The cast: [`audit`] (who read what), [`channels`] (notifications, receipts, consumers), [`funds`]
//! (fund alerts), [`meetings`] (meetings, minutes, major issues), [`members`] (memberships, liaisons,
//! nodes, token keys), [`referrals`], [`requests`] (information requests), [`sealing`] (contents whose
//! period is over).

pub mod audit;
pub mod channels;
pub mod funds;
pub mod meetings;
pub mod members;
pub mod referrals;
pub mod request_ids;
pub mod requests;
pub mod sealing;

use hub_core::{date, names::RequestId, workdays::Known};
use hub_proto::{
    channels::channels_event,
    ledger::{Event, event},
    members::members_event,
};
use jiff::{Timestamp, civil::Date};

use crate::{
    authz::Permit,
    charter::Charter,
    error::{Error, Result},
    state::view::Overlay,
};

/// What `decide` may know besides rows.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The charter in force.
    pub charter: &'a Charter,
    /// The roster as the entries before this one have left it.
    pub roster: &'a members::roster::Roster,
    /// The instant that the entry will carry.
    pub now: Timestamp,
    /// The index that the entry will have.
    pub index: u64,
    /// Sixteen bytes that are unique to the entry, for ids that the hub makes itself.
    pub seed: [u8; 16],
}

impl Context<'_> {
    /// Today in the charter's time zone.
    #[must_use]
    pub fn today(&self) -> Date {
        date::on(self.now, self.charter.zone())
    }

    /// The calendar of working days as it is known today.
    #[must_use]
    pub fn calendar(&self) -> Known<'_> {
        self.roster.calendar().as_of(self.today())
    }

    /// A UUIDv7 of the hub's own, from the entry's time and seed; `number` tells those of one entry
    /// apart.
    ///
    /// # Errors
    /// Never in practice: version and variant are set here.
    pub fn own_id(&self, number: u32) -> Result<RequestId> {
        let [_, _, _, _, _, _, a, b, c, d, e, f, g, h, i, j] = self.seed;
        let [_, _, y, z] = number.to_be_bytes();
        let ms = u64::try_from(self.now.as_millisecond()).unwrap_or_default();
        let [_, _, t0, t1, t2, t3, t4, t5] = ms.to_be_bytes();
        let version = (a & 0x0f) | 0x70;
        let variant = (c & 0x3f) | 0x80;
        RequestId::from_bytes([
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            version,
            b,
            variant,
            d,
            e,
            f,
            g,
            h,
            i ^ y,
            j ^ z,
        ])
        .ok_or_else(|| Error::internal("an id of the hub's own is malformed"))
    }
}

/// A typed request to change something. Its fields have been parsed and checked at the wire.
#[derive(Debug, Clone)]
pub enum Command {
    /// Who read what.
    Audit(audit::Command),
    /// Notifications, receipts, consumers.
    Channels(channels::Command),
    /// Fund alerts.
    Funds(funds::Command),
    /// Meetings, minutes, major issues.
    Meetings(meetings::Command),
    /// The roster.
    Members(members::Command),
    /// Referrals.
    Referrals(referrals::Command),
    /// Information requests.
    Requests(requests::Command),
    /// Contents whose period is over.
    Seal(sealing::Command),
}

impl From<audit::Command> for Command {
    fn from(command: audit::Command) -> Self {
        Self::Audit(command)
    }
}

impl From<channels::Command> for Command {
    fn from(command: channels::Command) -> Self {
        Self::Channels(command)
    }
}

impl From<meetings::Command> for Command {
    fn from(command: meetings::Command) -> Self {
        Self::Meetings(command)
    }
}

impl From<members::Command> for Command {
    fn from(command: members::Command) -> Self {
        Self::Members(command)
    }
}

impl From<funds::Command> for Command {
    fn from(command: funds::Command) -> Self {
        Self::Funds(command)
    }
}

impl From<referrals::Command> for Command {
    fn from(command: referrals::Command) -> Self {
        Self::Referrals(command)
    }
}

impl From<requests::Command> for Command {
    fn from(command: requests::Command) -> Self {
        Self::Requests(command)
    }
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// These events are to be recorded as one entry.
    Record(Vec<Event>),
    /// The same was recorded before, in this entry; nothing is to be recorded again.
    Already(u64),
}

/// The entry whose events are applied.
#[derive(Debug, Clone, Copy)]
pub struct EntryMeta<'a> {
    /// Its index.
    pub index: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its author's agency; `hub` for the hub itself.
    pub author: &'a str,
    /// Its author's officer; empty for the hub itself.
    pub officer: &'a str,
}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it; nothing is recorded then.
pub fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    match command {
        Command::Audit(command) => audit::decide(permit, command),
        Command::Channels(command) => channels::decide(context, view, permit, command),
        Command::Funds(command) => funds::decide(context, view, permit, command),
        Command::Meetings(command) => meetings::decide(context, view, permit, command),
        Command::Members(command) => members::decide(context, view, permit, command),
        Command::Referrals(command) => referrals::decide(context, view, permit, command),
        Command::Requests(command) => requests::decide(context, view, permit, command),
        Command::Seal(command) => sealing::decide(context, view, permit, command),
    }
}

/// Applies an entry's events to rows.
///
/// # Errors
/// Only when storage fails or holds a damaged row.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, events: &[Event]) -> Result<()> {
    for event in events {
        match &event.kind {
            Some(event::Kind::Audit(event)) => audit::apply(rows, entry, event),
            Some(event::Kind::Channels(event)) => channels::apply(rows, entry, event)?,
            Some(event::Kind::Funds(event)) => funds::apply(rows, entry, event)?,
            Some(event::Kind::Meetings(event)) => meetings::apply(rows, entry, event)?,
            Some(event::Kind::Members(event)) => members::apply(rows, entry, event)?,
            Some(event::Kind::Referrals(event)) => referrals::apply(rows, entry, event)?,
            Some(event::Kind::Requests(event)) => requests::apply(rows, entry, event)?,
            Some(event::Kind::ContentsSealed(event)) => sealing::apply(rows, entry, event)?,
            None => {}
        }
    }
    Ok(())
}

/// Wraps an event of the roster.
#[must_use]
pub fn members_event(kind: members_event::Kind) -> Event {
    let event = hub_proto::members::MembersEvent { kind: Some(kind) };
    Event {
        kind: Some(event::Kind::Members(event)),
    }
}

/// Wraps an event of the channels.
#[must_use]
pub fn channels_event(kind: channels_event::Kind) -> Event {
    let event = hub_proto::channels::ChannelsEvent { kind: Some(kind) };
    Event {
        kind: Some(event::Kind::Channels(event)),
    }
}
