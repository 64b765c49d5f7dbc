//! Notifications: where they stand, who has received, opened and signed for them, and how far
//! durable consumers have come.
//!
//! Invariants: positions of a log start at 1 and have no gap; a notification's text is in its
//! entry and nowhere else; a receipt's first opening and first signature are never replaced.

pub mod attachment;
pub mod cursor;
pub mod log;
pub mod notification;
pub mod receipts;

use self::{
    cursor::Cursor,
    log::{Head, NotificationPlace},
    receipts::ReceiptRow,
};
use super::{Decision, EntryMeta, channels_event};
use crate::{
    authz::Permit,
    charter::Destination,
    error::{Error, Result},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};
use hub_core::{
    names::{AgencyId, ConsumerId, LogName, Recipient, RequestId},
    reason::Reason,
};
use hub_proto::{
    channels::{
        ChannelsEvent, ConsumerAdvanced, LogPosition, NotificationIssued, NotificationOpened,
        NotificationPublished, NotificationRef, NotificationSignedFor, channels_event::Kind,
    },
    ledger::Event,
};

/// Most durable consumers of an agency.
pub const CONSUMERS_MAX: usize = 16;

/// A change to notifications, receipts or consumers.
#[derive(Debug, Clone)]
pub enum Command {
    /// Publish, one or a batch, all or nothing.
    Publish(Vec<PublishItem>),
    /// Record that a recipient opened a notification.
    Open(NotificationPlace, Recipient),
    /// Record that a recipient signed for a notification.
    SignFor(NotificationPlace, Recipient),
    /// Move a consumer forward.
    Acknowledge(ConsumerId, Cursor),
}

/// What the domain needs to know of a notification: where it goes, and its author's id for it.
#[derive(Debug, Clone)]
pub struct PublishItem {
    /// The author's id.
    pub request_id: RequestId,
    /// Where it goes.
    pub destination: Destination,
}

/// The logs that a notification is delivered through.
fn logs(destination: &Destination) -> Vec<LogName> {
    match destination {
        Destination::Channel(channel) => vec![LogName::Channel(channel.clone())],
        Destination::Recipients(list) => list.iter().cloned().map(LogName::Inbox).collect(),
    }
}

fn recipients(destination: &Destination) -> Vec<String> {
    match destination {
        Destination::Channel(_) => vec![],
        Destination::Recipients(list) => list.iter().map(ToString::to_string).collect(),
    }
}

/// A consumer as state keeps it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ConsumerRow {
    /// Where it stands.
    #[prost(message, repeated, tag = "1")]
    pub positions: Vec<LogPosition>,
    /// When it last acknowledged, microseconds.
    #[prost(int64, tag = "2")]
    pub acknowledged_at_us: i64,
}

/// Decides a command.
///
/// # Errors
/// When a rule refuses it.
pub fn decide(view: &Overlay<'_>, permit: &Permit, command: &Command) -> Result<Decision> {
    match command {
        Command::Publish(items) => publish(view, permit.agency(), items).map(Decision::Record),
        Command::Open(place, recipient) => open(view, permit, *place, recipient),
        Command::SignFor(place, recipient) => sign_for(view, permit, *place, recipient),
        Command::Acknowledge(consumer, cursor) => {
            acknowledge(view, permit.agency(), consumer, cursor)
        }
    }
}

fn publish(
    view: &(impl View + ?Sized),
    author: &AgencyId,
    items: &[PublishItem],
) -> Result<Vec<Event>> {
    let mut heads = Heads::default();
    let mut ids = std::collections::HashSet::new();
    let mut events = Vec::with_capacity(items.len());
    for (number, item) in items.iter().enumerate() {
        let addressed = matches!(item.destination, Destination::Recipients(_));
        let is_taken = || -> Result<bool> {
            Ok(addressed
                && view
                    .row(&keys::addressed(author, &item.request_id))?
                    .is_some())
        };
        if !ids.insert(item.request_id) || is_taken()? {
            return Err(Error::new(
                Reason::RequestIdReused,
                format!(
                    "request_id {} is used for another notification",
                    item.request_id
                ),
            ));
        }
        let mut logs = logs(&item.destination);
        logs.push(LogName::Sent(author.clone()));
        events.push(channels_event(Kind::NotificationPublished(
            NotificationPublished {
                item: u32::try_from(number).unwrap_or(u32::MAX),
                request_id: item.request_id.as_bytes().to_vec().into(),
                positions: heads.take(view, &logs)?,
                recipients: recipients(&item.destination),
                ..NotificationPublished::default()
            },
        )));
    }
    Ok(events)
}

/// A notification that the hub writes itself, addressed to somebody, as part of another act.
///
/// # Errors
/// When storage fails.
pub fn issue(
    view: &(impl View + ?Sized),
    id: RequestId,
    addressees: &[Recipient],
    notification: &hub_proto::channels::Notification,
) -> Result<Event> {
    let logs: Vec<LogName> = addressees.iter().cloned().map(LogName::Inbox).collect();
    Ok(channels_event(Kind::NotificationIssued(
        NotificationIssued {
            positions: Heads::default().take(view, &logs)?,
            recipients: addressees.iter().map(ToString::to_string).collect(),
            request_id: id.as_bytes().to_vec().into(),
            notification: prost::Message::encode_to_vec(notification).into(),
        },
    )))
}

/// Heads of logs as one act moves them.
#[derive(Debug, Default)]
struct Heads(std::collections::HashMap<LogName, i64>);

impl Heads {
    fn take(&mut self, view: &(impl View + ?Sized), logs: &[LogName]) -> Result<Vec<LogPosition>> {
        logs.iter()
            .map(|log| {
                let head = match self.0.get(log) {
                    Some(head) => *head,
                    None => Head::read(view, log)?,
                };
                let position = head.saturating_add(1);
                self.0.insert(log.clone(), position);
                Ok(LogPosition {
                    log: log.to_string(),
                    position,
                })
            })
            .collect()
    }
}

fn open(
    view: &(impl View + ?Sized),
    permit: &Permit,
    place: NotificationPlace,
    recipient: &Recipient,
) -> Result<Decision> {
    let row = ReceiptRow::read(view, place, recipient)?;
    if let Some(first) = row.opened {
        return Ok(Decision::Already(first.entry_index));
    }
    Ok(Decision::Record(vec![channels_event(
        Kind::NotificationOpened(NotificationOpened {
            notification: Some(place.into()),
            recipient: recipient.to_string(),
            officer: permit.officer().to_string(),
        }),
    )]))
}

fn sign_for(
    view: &(impl View + ?Sized),
    permit: &Permit,
    place: NotificationPlace,
    recipient: &Recipient,
) -> Result<Decision> {
    let row = ReceiptRow::read(view, place, recipient)?;
    if let Some(first) = row.signed_for {
        return Ok(Decision::Already(first.entry_index));
    }
    let event = NotificationSignedFor {
        notification: Some(place.into()),
        recipient: recipient.to_string(),
        officer: permit.officer().to_string(),
    };
    Ok(Decision::Record(vec![channels_event(
        Kind::NotificationSignedFor(event),
    )]))
}

fn acknowledge(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
    consumer: &ConsumerId,
    cursor: &Cursor,
) -> Result<Decision> {
    let stored: Option<ConsumerRow> = view.message(&keys::consumer(agency, consumer))?;
    if stored.is_none() && consumers(view, agency)?.len() >= CONSUMERS_MAX {
        return Err(Error::field(
            "consumer",
            format!("an agency has at most {CONSUMERS_MAX} consumers; use one of them"),
        ));
    }
    let mut positions = Cursor::from_positions(&stored.unwrap_or_default().positions)?;
    for (log, position) in cursor.positions() {
        if *position > Head::read(view, log)? {
            return Err(Error::new(
                Reason::CursorInvalid,
                format!("cursor: stands after the newest notification of {log}"),
            ));
        }
        if *position < positions.position(log) {
            return Err(Error::new(
                Reason::CursorBehind,
                format!(
                    "cursor: would move consumer {consumer} back in {log}; it only moves forward"
                ),
            ));
        }
        positions.set(log.clone(), *position);
    }
    Ok(Decision::Record(vec![channels_event(
        Kind::ConsumerAdvanced(ConsumerAdvanced {
            agency: agency.to_string(),
            consumer: consumer.to_string(),
            positions: positions.to_positions(),
        }),
    )]))
}

/// Consumers of an agency in order of id.
///
/// # Errors
/// When storage fails.
pub fn consumers(
    view: &(impl View + ?Sized),
    agency: &AgencyId,
) -> Result<Vec<(String, ConsumerRow)>> {
    let prefix = keys::Key::new(keys::Kind::Consumer).text(agency.as_str());
    let skip = prefix.clone().build().len();
    let (from, to) = prefix.range();
    view.scan(
        &from,
        &to,
        crate::state::store::Direction::Forward,
        CONSUMERS_MAX,
    )?
    .into_iter()
    .map(|(key, value)| {
        let id = key
            .get(skip..key.len().saturating_sub(1))
            .unwrap_or_default();
        Ok((
            String::from_utf8_lossy(id).into_owned(),
            crate::state::view::decode(value)?,
        ))
    })
    .collect()
}

/// Applies an event.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ChannelsEvent) -> Result<()> {
    match &event.kind {
        Some(Kind::NotificationPublished(event)) => {
            let place = NotificationPlace {
                entry_index: entry.index,
                item: event.item,
            };
            place_notification(rows, entry.author, place, event)
        }
        Some(Kind::NotificationIssued(event)) => {
            let place = NotificationPlace {
                entry_index: entry.index,
                item: log::ISSUED_ITEM,
            };
            let published = NotificationPublished {
                item: place.item,
                request_id: event.request_id.clone(),
                positions: event.positions.clone(),
                recipients: event.recipients.clone(),
                ..NotificationPublished::default()
            };
            place_notification(rows, entry.author, place, &published)
        }
        Some(Kind::NotificationOpened(event)) => {
            let at = receipts::Act::new(entry, &event.officer);
            ReceiptRow::update(rows, event.notification.as_ref(), &event.recipient, |row| {
                row.opened.get_or_insert(at);
            })
        }
        Some(Kind::NotificationSignedFor(event)) => {
            let at = receipts::Act::new(entry, &event.officer);
            ReceiptRow::update(rows, event.notification.as_ref(), &event.recipient, |row| {
                row.signed_for.get_or_insert(at);
            })
        }
        Some(Kind::ConsumerAdvanced(event)) => advance(rows, entry, event),
        Some(Kind::RecipientReminded(_)) | None => Ok(()),
    }
}

fn place_notification(
    rows: &mut Overlay<'_>,
    author: &str,
    place: NotificationPlace,
    event: &NotificationPublished,
) -> Result<()> {
    for position in &event.positions {
        if let Ok(log) = position.log.parse() {
            log::append(rows, &log, position.position, place)?;
        }
    }
    if !event.recipients.is_empty()
        && let (Ok(author), Ok(id)) = (author.parse(), <[u8; 16]>::try_from(&*event.request_id))
        && let Some(id) = RequestId::from_bytes(id)
    {
        rows.put_message(keys::addressed(&author, &id), &NotificationRef::from(place));
    }
    Ok(())
}

fn advance(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ConsumerAdvanced) -> Result<()> {
    let (Ok(agency), Ok(consumer)) = (event.agency.parse(), event.consumer.parse()) else {
        return Ok(());
    };
    for position in &event.positions {
        if let Ok(log) = position.log.parse() {
            receipts::mark_delivered(rows, &log, &agency, position.position, entry.recorded_at)?;
        }
    }
    let row = ConsumerRow {
        positions: event.positions.clone(),
        acknowledged_at_us: entry.recorded_at.as_microsecond(),
    };
    rows.put_message(keys::consumer(&agency, &consumer), &row);
    Ok(())
}
