//! Who gets a notification. It is computed where the notification is decided, from the roster as the
//! entries before it have left it: what was in force when the call came in may be past by then.

use hub_core::names::{AgencyId, ChannelId, Recipient};
use jiff::{Timestamp, civil::Date};

use crate::{charter::Destination, domain::members::roster::Roster};

/// Who got a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Got {
    /// Whom its entry names.
    Named(Vec<Recipient>),
    /// The audience of a channel on the day of an instant, but for the author's agency.
    Audience(ChannelId, Timestamp),
}

impl Got {
    /// The recipients.
    #[must_use]
    pub fn recipients(&self, roster: &Roster, author: &str) -> Vec<Recipient> {
        match self {
            Self::Named(recipients) => recipients.clone(),
            Self::Audience(channel, at) => readers(roster, channel, roster.day(*at), author),
        }
    }
}

/// Who receives what an author sends somewhere on a day.
#[must_use]
pub fn of(
    roster: &Roster,
    destination: &Destination,
    on: Date,
    author: &AgencyId,
) -> Vec<Recipient> {
    match destination {
        Destination::Channel(channel) => readers(roster, channel, on, author.as_str()),
        Destination::Recipients(list) => list.clone(),
    }
}

fn readers(roster: &Roster, channel: &ChannelId, on: Date, author: &str) -> Vec<Recipient> {
    roster
        .audience(channel, on)
        .into_iter()
        .filter(|agency| agency.as_str() != author)
        .map(Recipient::Agency)
        .collect()
}

/// Those who got what went somewhere and do not read there on a day: they get what takes its place in
/// their inboxes.
#[must_use]
pub fn departed(
    roster: &Roster,
    destination: &Destination,
    on: Date,
    got_by: &[Recipient],
) -> Vec<Recipient> {
    let Destination::Channel(channel) = destination else {
        return vec![];
    };
    let audience = roster.audience(channel, on);
    let is_gone = |recipient: &&Recipient| match recipient {
        Recipient::Agency(agency) => !audience.contains(agency),
        Recipient::Office(_) => true,
    };
    got_by.iter().filter(is_gone).cloned().collect()
}
