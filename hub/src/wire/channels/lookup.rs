//! Finding notifications and receipts for a caller. What the caller may not see is not found.

use std::sync::Arc;

use hub_core::{
    date,
    names::{LogName, NotificationName, Recipient},
};
use hub_proto::channels::{DeliveryReceipt, Notification, NotificationRef};
use jiff::Timestamp;

use crate::{
    authz::Access,
    domain::{
        channels::{
            log::{self, NotificationPlace},
            receipts::{self, Act, ReceiptRow},
        },
        members::roster::Roster,
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    state::{keys, view::ViewExt as _},
};

/// A notification that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) place: NotificationPlace,
    pub(super) entry: Arc<Recorded>,
    pub(super) notification: Arc<Notification>,
}

impl Found {
    /// Who is asked to receive it: the addressees, or a channel's audience on the day it was
    /// published without the author's agency.
    pub(super) fn recipients(&self, roster: &Roster) -> Vec<Recipient> {
        if !self.notification.addressees.is_empty() {
            return self
                .notification
                .addressees
                .iter()
                .filter_map(|one| one.parse().ok())
                .collect();
        }
        let Ok(LogName::Channel(channel)) = self.notification.channel.parse() else {
            return vec![];
        };
        roster
            .audience(&channel, roster.day(self.entry.recorded_at()))
            .into_iter()
            .filter(|agency| agency.as_str() != self.entry.author())
            .map(Recipient::Agency)
            .collect()
    }
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
    *last = Some(Arc::clone(&entry));
    Ok(Found {
        place,
        entry,
        notification,
    })
}

/// A notification by its name.
pub(super) fn find(engine: &Engine, access: &Access, name: &NotificationName) -> Result<Found> {
    let not_found = || Error::not_found(&name.to_string());
    let place = match name {
        NotificationName::InChannel(channel, position) => {
            let log = LogName::Channel(channel.clone());
            access.read_log(&log).map_err(|_| not_found())?;
            log::place(engine.store(), &log, *position)?
        }
        NotificationName::Addressed(author, id) => {
            let reference: Option<NotificationRef> =
                engine.store().message(&keys::addressed(author, id))?;
            reference.as_ref().map(NotificationPlace::from)
        }
    };
    let found = place
        .map(|place| read(engine, place))
        .transpose()?
        .flatten();
    let found = found.ok_or_else(not_found)?;
    let recipients: Vec<Recipient> = found
        .notification
        .addressees
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect();
    access
        .sees(name, &recipients)
        .map(|_| found)
        .ok_or_else(not_found)
}

/// What a search found at a place, if the caller may see it: an index is never the judge of that.
/// `last` is as in [`at`].
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
    let recipients: Vec<Recipient> = notification
        .addressees
        .iter()
        .filter_map(|one| one.parse().ok())
        .collect();
    let is_seen = notification
        .name
        .parse()
        .is_ok_and(|name| access.sees(&name, &recipients).is_some());
    Ok(is_seen.then_some(Found {
        place,
        entry,
        notification,
    }))
}

fn read(engine: &Engine, place: NotificationPlace) -> Result<Option<Found>> {
    let Some(entry) = engine.recorded(place.entry_index)? else {
        return Ok(None);
    };
    let notification = entry.notification(place.item);
    Ok(notification.map(|notification| Found {
        place,
        entry,
        notification,
    }))
}

/// What a recipient has done with a notification.
pub(super) fn receipt(
    engine: &Engine,
    found: &Found,
    recipient: &Recipient,
    roster: &Roster,
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
    Ok(DeliveryReceipt {
        recipient: recipient.to_string(),
        delivered_at: delivered_at(engine, found, recipient, roster)?.map(date::timestamp),
        opened_at: at(&row.opened),
        opened_by: by(&row.opened),
        signed_for_at: at(&row.signed_for),
        signed_for_by: by(&row.signed_for),
        signed_for_receipt: signed,
        ..DeliveryReceipt::default()
    })
}

/// When a consumer of the recipient first acknowledged the notification.
fn delivered_at(
    engine: &Engine,
    found: &Found,
    recipient: &Recipient,
    roster: &Roster,
) -> Result<Option<Timestamp>> {
    let agency = match recipient {
        Recipient::Agency(agency) => agency.clone(),
        Recipient::Office(mechanism) => match roster.charter().mechanism(mechanism) {
            Some(mechanism) => mechanism.office().host.clone(),
            None => return Ok(None),
        },
    };
    let log = match found.notification.channel.as_str() {
        "" => LogName::Inbox(recipient.clone()),
        channel => match channel.parse() {
            Ok(log) => log,
            Err(_) => return Ok(None),
        },
    };
    match position_in(&found.entry, found.place, &log) {
        Some(position) => receipts::delivered_at(engine.store(), &log, &agency, position),
        None => Ok(None),
    }
}

/// Where a notification stands in a log, from its entry's events.
fn position_in(entry: &Recorded, place: NotificationPlace, log: &LogName) -> Option<i64> {
    use hub_proto::{channels::channels_event::Kind, ledger::event};
    let name = log.to_string();
    entry.events.iter().find_map(|event| {
        let Some(event::Kind::Channels(event)) = &event.kind else {
            return None;
        };
        let positions = match &event.kind {
            Some(Kind::NotificationPublished(event)) if event.item == place.item => {
                &event.positions
            }
            Some(Kind::NotificationIssued(event)) if place.item == log::ISSUED_ITEM => {
                &event.positions
            }
            _ => return None,
        };
        positions
            .iter()
            .find(|position| position.log == name)
            .map(|position| position.position)
    })
}
