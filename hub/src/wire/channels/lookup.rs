//! Finding notifications and receipts for a caller. What the caller may not see is not found.

use std::sync::Arc;

use hub_core::{
    date,
    names::{ChannelId, LogName, NotificationName, Recipient},
};
use hub_proto::channels::{
    Ask, DeliveryReceipt, LogPosition, Notification, NotificationKind, NotificationPublished,
    NotificationRef, NotificationState, OutstandingAction,
};
use jiff::Timestamp;

use crate::{
    authz::Access,
    domain::{
        channels::{
            asks::Outstanding,
            audience::Got,
            log::{self, NotificationPlace},
            receipts::{self, Act, ReceiptRow},
            succession::SuccessorRow,
        },
        members::roster::Roster,
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    state::{keys, view::ViewExt as _},
    wire::meetings,
};

/// A notification that was found.
#[derive(Debug)]
pub(in crate::wire) struct Found {
    pub(super) place: NotificationPlace,
    pub(in crate::wire) entry: Arc<Recorded>,
    pub(in crate::wire) notification: Arc<Notification>,
}

impl Found {
    /// What its entry records of it; nothing for a notification that the hub wrote.
    pub(super) fn published(&self) -> Option<&NotificationPublished> {
        self.entry
            .published()
            .find(|event| event.item == self.place.item)
    }

    /// It with its entry and item, as a read of it is recorded.
    pub(in crate::wire) fn read(&self) -> (&Recorded, u32, &Notification) {
        (&self.entry, self.place.item, &self.notification)
    }

    fn is_visible(
        &self,
        engine: &Engine,
        access: &Access,
        name: &NotificationName,
    ) -> Result<bool> {
        let what = (self.place, &*self.notification);
        is_visible(engine, access, name, what, self.published())
    }

    /// Who got it: of whom something is asked, the addressees, or a channel's audience on the day it
    /// was published.
    pub(super) fn got(&self) -> Got {
        if let Some(ask) = self.published().and_then(|event| event.ask.as_ref()) {
            return Got::Named(parsed(&ask.recipients));
        }
        match self.notification.channel.parse() {
            Ok(LogName::Channel(channel)) if self.notification.addressees.is_empty() => {
                Got::Audience(channel, self.entry.recorded_at())
            }
            _ => Got::Named(parsed(&self.notification.addressees)),
        }
    }

    /// Who is asked to receive it.
    pub(super) fn recipients(&self, roster: &Roster) -> Vec<Recipient> {
        self.got().recipients(roster, self.entry.author())
    }
}

pub(in crate::wire) fn parsed(recipients: &[String]) -> Vec<Recipient> {
    recipients
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect()
}

/// A notification as it now stands: whether something took its place.
pub(super) fn shown(
    engine: &Engine,
    place: NotificationPlace,
    notification: Arc<Notification>,
) -> Result<Arc<Notification>> {
    let Some(row) = SuccessorRow::read(engine.store(), place)? else {
        return Ok(notification);
    };
    let state = match row.kind() {
        NotificationKind::Retraction => NotificationState::Retracted,
        _ => NotificationState::Corrected,
    };
    let mut shown = Arc::unwrap_or_clone(notification);
    shown.state = state.into();
    shown.superseded_by = row.name;
    Ok(Arc::new(shown))
}

/// The notification at a position of a log that the caller has been permitted. `last` is the entry
/// read last: the items of a batch follow each other, and are read once.
pub(super) fn at(
    engine: &Engine,
    log: &LogName,
    position: i64,
    last: &mut Option<Arc<Recorded>>,
) -> Result<Found> {
    let missing = || Error::internal(format!("{log} has no position {position}"));
    let place = log::place(engine.store(), log, position)?.ok_or_else(missing)?;
    let entry = match last {
        Some(entry) if entry.header.index == place.entry_index => Arc::clone(entry),
        _ => engine.recorded(place.entry_index)?.ok_or_else(missing)?,
    };
    let notification = entry.notification(place.item).ok_or_else(missing)?;
    let notification = shown(engine, place, notification)?;
    *last = Some(Arc::clone(&entry));
    Ok(Found {
        place,
        entry,
        notification,
    })
}

/// A notification by its name.
pub(in crate::wire) fn find(
    engine: &Engine,
    access: &Access,
    name: &NotificationName,
) -> Result<Found> {
    let not_found = || Error::not_found(&name.to_string());
    match located(engine, name)? {
        Some(found) if found.is_visible(engine, access, name)? => Ok(found),
        _ => Err(not_found()),
    }
}

/// A notification by its name whose attachments are to be read: also by who may see the meeting that it
/// tells of.
pub(in crate::wire) fn find_with_files(
    engine: &Engine,
    access: &Access,
    name: &NotificationName,
) -> Result<Found> {
    let found = located(engine, name)?;
    let not_found = || Error::not_found(&name.to_string());
    let found = found.ok_or_else(not_found)?;
    let is_visible = found.is_visible(engine, access, name)?
        || (log::is_issued(found.place.item)
            && meetings::lookup::sees_documents(engine, access, &found.notification.resource)?);
    if is_visible {
        Ok(found)
    } else {
        Err(not_found())
    }
}

/// A notification by its name, whoever may see it.
fn located(engine: &Engine, name: &NotificationName) -> Result<Option<Found>> {
    let place = match name {
        NotificationName::InChannel(channel, position) => log::place(
            engine.store(),
            &LogName::Channel(channel.clone()),
            *position,
        )?,
        NotificationName::Addressed(author, id) => {
            let reference: Option<NotificationRef> =
                engine.store().message(&keys::addressed(author, id))?;
            reference.as_ref().map(NotificationPlace::from)
        }
    };
    place.map_or(Ok(None), |place| read(engine, place))
}

/// Whether the caller may see a notification: as its author, its addressee or a channel's reader, or,
/// after it has left the channel, because a correction was sent to its inbox or it still owes what was
/// asked of it there. `published` is what its entry records of it.
pub(in crate::wire) fn is_visible(
    engine: &Engine,
    access: &Access,
    name: &NotificationName,
    (place, notification): (NotificationPlace, &Notification),
    published: Option<&NotificationPublished>,
) -> Result<bool> {
    let author = notification.author.strip_prefix("agencies/");
    let addressees = parsed(&notification.addressees);
    if access
        .sees(name, author.unwrap_or_default(), &addressees)
        .is_some()
    {
        return Ok(true);
    }
    let Some(event) = published else {
        return Ok(false);
    };
    let reads_inbox = |position: &LogPosition| {
        let log = position.log.parse();
        matches!(log, Ok(log @ LogName::Inbox(_)) if access.read_log(&log).is_ok())
    };
    if event.succession.is_some() && event.positions.iter().any(reads_inbox) {
        return Ok(true);
    }
    match (name, &event.ask) {
        (NotificationName::InChannel(channel, _), Some(ask)) => {
            settles(engine, access, channel, place, ask)
        }
        _ => Ok(false),
    }
}

/// Whether the caller has left a channel and owes something there all the same: it sees what it has to
/// sign or to answer, until then. What it did after it had left it goes on to see, so that a call whose
/// answer was lost can be repeated.
fn settles(
    engine: &Engine,
    access: &Access,
    channel: &ChannelId,
    place: NotificationPlace,
    ask: &Ask,
) -> Result<bool> {
    if !access.is_outside(channel, access.day()) {
        return Ok(false);
    }
    let after_leaving = |act: &Act| {
        Timestamp::from_microsecond(act.at_us)
            .is_ok_and(|at| access.is_outside(channel, access.roster().day(at)))
    };
    for recipient in parsed(&ask.recipients) {
        if access.read_log(&LogName::Inbox(recipient.clone())).is_err() {
            continue;
        }
        let row = ReceiptRow::read(engine.store(), place, &recipient)?;
        let mut acts = row.signed_for.iter().chain(&row.replied);
        if !row.asked.is_empty() || acts.any(after_leaving) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The notification at a place, if the caller may see it. `last` is the entry read last.
pub(super) fn seen_at(
    engine: &Engine,
    access: &Access,
    place: NotificationPlace,
    last: &mut Option<Arc<Recorded>>,
) -> Result<Option<Found>> {
    let entry = match last {
        Some(entry) if entry.header.index == place.entry_index => Arc::clone(entry),
        _ => match engine.recorded(place.entry_index)? {
            Some(entry) => entry,
            None => return Ok(None),
        },
    };
    *last = Some(Arc::clone(&entry));
    let Some(notification) = entry.notification(place.item) else {
        return Ok(None);
    };
    let found = Found {
        place,
        entry,
        notification: shown(engine, place, notification)?,
    };
    visible(engine, access, found)
}

/// What was found, if the caller may see it.
fn visible(engine: &Engine, access: &Access, found: Found) -> Result<Option<Found>> {
    let is_visible = match found.notification.name.parse() {
        Ok(name) => found.is_visible(engine, access, &name)?,
        Err(_) => false,
    };
    Ok(is_visible.then_some(found))
}

/// A notification that the caller is known to see.
pub(super) fn read(engine: &Engine, place: NotificationPlace) -> Result<Option<Found>> {
    let Some(entry) = engine.recorded(place.entry_index)? else {
        return Ok(None);
    };
    let Some(notification) = entry.notification(place.item) else {
        return Ok(None);
    };
    let notification = shown(engine, place, notification)?;
    Ok(Some(Found {
        place,
        entry,
        notification,
    }))
}

/// What a recipient has done with a notification.
pub(super) fn receipt(
    engine: &Engine,
    access: &Access,
    found: &Found,
    recipient: &Recipient,
) -> Result<DeliveryReceipt> {
    let row = ReceiptRow::read(engine.store(), found.place, recipient)?;
    let signed = match &row.signed_for {
        Some(act) => engine
            .recorded(act.entry_index)?
            .map(|entry| entry.receipt()),
        None => None,
    };
    let at = |act: &Option<Act>| {
        act.as_ref()
            .and_then(|act| Timestamp::from_microsecond(act.at_us).ok())
            .map(date::timestamp)
    };
    let by = |act: &Option<Act>| {
        act.as_ref()
            .map(|act| act.officer.clone())
            .unwrap_or_default()
    };
    let now = engine.clock().now();
    let (delivered_at, delivered_to) =
        delivered(engine, found, recipient, access.roster())?.unzip();
    Ok(DeliveryReceipt {
        recipient: recipient.to_string(),
        delivered_at: delivered_at.map(date::timestamp),
        opened_at: at(&row.opened),
        opened_by: by(&row.opened),
        signed_for_at: at(&row.signed_for),
        signed_for_by: by(&row.signed_for),
        signed_for_receipt: signed,
        delivered_to: delivered_to.unwrap_or_default(),
        replied_at: at(&row.replied),
        replied_by: by(&row.replied),
        reply: reply(engine, access, &row)?,
        outstanding_actions: row
            .asked
            .iter()
            .filter_map(|asked| {
                Some(Outstanding {
                    place: found.place,
                    recipient: recipient.to_string(),
                    action: asked.action(),
                    due_at: Timestamp::from_microsecond(asked.due_us).ok()?,
                    asked_at: Timestamp::from_microsecond(asked.asked_at_us).ok()?,
                })
            })
            .map(|one| outstanding(now, found, &one))
            .collect(),
    })
}

/// Something outstanding as callers see it at an instant.
pub(super) fn outstanding(now: Timestamp, found: &Found, one: &Outstanding) -> OutstandingAction {
    OutstandingAction {
        notification: found.notification.name.clone(),
        title: found.notification.title.clone(),
        author: found.notification.author.clone(),
        recipient: one.recipient.clone(),
        action: one.action.into(),
        due_at: Some(date::timestamp(one.due_at)),
        is_overdue: one.due_at <= now,
        asked_at: Some(date::timestamp(one.asked_at)),
    }
}

/// The name of a recipient's reply, if the caller may see it.
fn reply(engine: &Engine, access: &Access, row: &ReceiptRow) -> Result<String> {
    let Some(reference) = &row.reply else {
        return Ok(String::new());
    };
    let found = match read(engine, reference.into())? {
        Some(found) => visible(engine, access, found)?,
        None => None,
    };
    Ok(found
        .map(|found| found.notification.name.clone())
        .unwrap_or_default())
}

/// When a consumer of the recipient first acknowledged the notification, and which.
fn delivered(
    engine: &Engine,
    found: &Found,
    recipient: &Recipient,
    roster: &Roster,
) -> Result<Option<(Timestamp, String)>> {
    let agency = match recipient {
        Recipient::Agency(agency) => agency.clone(),
        Recipient::Office(mechanism) => match roster.charter().mechanism(mechanism) {
            Some(mechanism) => mechanism.office().host.clone(),
            None => return Ok(None),
        },
    };
    // A channel's correction comes to the inbox of whoever has left the channel.
    let mut logs = vec![LogName::Inbox(recipient.clone())];
    logs.extend(found.notification.channel.parse::<LogName>());
    for log in logs {
        if let Some(position) = position_in(&found.entry, found.place, &log) {
            return receipts::delivered(engine.store(), &log, &agency, position);
        }
    }
    Ok(None)
}

/// Where a notification stands in a log, from its entry's events.
fn position_in(entry: &Recorded, place: NotificationPlace, log: &LogName) -> Option<i64> {
    let name = log.to_string();
    let published = entry
        .published()
        .filter(|event| event.item == place.item)
        .map(|event| &event.positions);
    let issued = entry
        .issued()
        .filter(|event| place.item == log::issued_item(event.number))
        .map(|event| &event.positions);
    published
        .chain(issued)
        .flatten()
        .find(|position| position.log == name)
        .map(|position| position.position)
}
