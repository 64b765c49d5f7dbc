//! Notifications: where they stand, who has received, opened and signed for them, and how far
//! durable consumers have come.
//!
//! Invariants: positions of a log start at 1 and have no gap; a notification's text is in its
//! entry and nowhere else; a receipt's first opening and first signature are never replaced.

pub mod asks;
pub mod attachment;
pub mod audience;
pub mod cursor;
pub mod log;
pub mod notification;
pub mod receipts;
pub mod replies;
pub mod succession;

use self::{
    asks::{AskDraft, Reminder},
    audience::Got,
    cursor::Cursor,
    log::{Head, NotificationPlace},
    receipts::ReceiptRow,
};
use super::{Context, Decision, EntryMeta, channels_event};
use crate::{
    authz::Permit,
    charter::Destination,
    error::{Error, Result, Violation},
    state::{
        keys,
        view::{Overlay, View, ViewExt as _},
    },
};
use bytes::Bytes;
use hub_core::{
    crypto::Digest,
    names::{AgencyId, ConsumerId, LogName, Recipient, RequestId},
    reason::Reason,
};
use hub_proto::{
    channels::{
        Ask, ChannelsEvent, ConsumerAdvanced, LogPosition, Notification, NotificationIssued,
        NotificationKind, NotificationOpened, NotificationPublished, NotificationRef,
        NotificationSignedFor, RecipientReminded, RequestedAction, Succession,
        channels_event::Kind,
    },
    ledger::Event,
};
use jiff::Timestamp;

/// Most durable consumers of an agency.
pub const CONSUMERS_MAX: usize = 16;

/// A change to notifications, receipts or consumers.
#[derive(Debug, Clone)]
pub enum Command {
    /// Publish, one or a batch, all or nothing.
    Publish(Vec<PublishItem>),
    /// Put a correction or a retraction in the place of a notification.
    Supersede(Box<Predecessor>, Box<PublishItem>),
    /// Remind a recipient, as the hub.
    Remind(Box<Reminding>),
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
    /// What stands in front of its fields when one of them is refused.
    pub path: String,
    /// The author's id.
    pub request_id: RequestId,
    /// Category id.
    pub category: String,
    /// Where it goes.
    pub destination: Destination,
    /// What it asks.
    pub ask: AskDraft,
    /// What it answers.
    pub reply_to: Option<ReplyTo>,
    /// SHA-256 of each attachment.
    pub attachments: Vec<Digest>,
}

/// The notification that another one answers.
#[derive(Debug, Clone)]
pub struct ReplyTo {
    /// Which.
    pub place: NotificationPlace,
    /// The recipients of it in whose name the answer is given.
    pub replies_for: Vec<Recipient>,
}

/// The notification whose place another one takes.
#[derive(Debug, Clone)]
pub struct Predecessor {
    /// Which.
    pub place: NotificationPlace,
    /// Its name.
    pub name: String,
    /// Whether it is corrected or retracted.
    pub kind: NotificationKind,
    /// Who got it: they get what takes its place, and those who do not read the channel any more get
    /// that in their inboxes.
    pub got_by: Got,
}

/// A reminder that the hub gives.
#[derive(Debug, Clone)]
pub struct Reminding {
    /// Of what, to whom.
    pub reminder: Reminder,
    /// By when that is due.
    pub due_at: Timestamp,
    /// What the hub writes to the recipient.
    pub notification: Notification,
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
pub fn decide(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Command,
) -> Result<Decision> {
    match command {
        Command::Publish(items) => {
            publish(context, view, permit.agency(), items, None).map(Decision::Record)
        }
        Command::Supersede(predecessor, item) => {
            succession::check(view, predecessor)?;
            let items = std::slice::from_ref(&**item);
            publish(context, view, permit.agency(), items, Some(predecessor)).map(Decision::Record)
        }
        Command::Remind(reminding) => remind(context, view, permit, reminding),
        Command::Open(place, recipient) => open(view, permit, *place, recipient),
        Command::SignFor(place, recipient) => sign_for(view, permit, *place, recipient),
        Command::Acknowledge(consumer, cursor) => {
            acknowledge(view, permit.agency(), consumer, cursor)
        }
    }
}

fn publish(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    author: &AgencyId,
    items: &[PublishItem],
    predecessor: Option<&Predecessor>,
) -> Result<Vec<Event>> {
    check_times(context.now, items)?;
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
        let (got_by, departed) = receivers(context, author, item, predecessor);
        let mut logs = logs(&item.destination);
        logs.extend(departed.into_iter().map(LogName::Inbox));
        logs.push(LogName::Sent(author.clone()));
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let positions = heads.take(view, &logs)?;
        events.push(channels_event(Kind::NotificationPublished(published(
            context,
            item,
            (number, positions),
            &got_by,
            predecessor,
        ))));
    }
    Ok(events)
}

/// Who gets an item, and those of them who do not read the channel it goes to.
fn receivers(
    context: &Context<'_>,
    author: &AgencyId,
    item: &PublishItem,
    predecessor: Option<&Predecessor>,
) -> (Vec<Recipient>, Vec<Recipient>) {
    let (roster, today) = (context.roster, context.today());
    match predecessor {
        Some(one) => {
            let got_by = one.got_by.recipients(roster, author.as_str());
            let departed = audience::departed(roster, &item.destination, today, &got_by);
            (got_by, departed)
        }
        None => (
            audience::of(roster, &item.destination, today, author),
            vec![],
        ),
    }
}

/// Refuses to ask for something by a time that has passed.
fn check_times(now: Timestamp, items: &[PublishItem]) -> Result<()> {
    let mut violations = vec![];
    for item in items {
        for (field, rule) in item.ask.passed(now) {
            let field = format!("{}notification.{field}", item.path);
            violations.push(Violation { field, rule });
        }
    }
    if violations.is_empty() {
        return Ok(());
    }
    Err(Error::fields(violations))
}

fn published(
    context: &Context<'_>,
    item: &PublishItem,
    (number, positions): (u32, Vec<LogPosition>),
    got_by: &[Recipient],
    predecessor: Option<&Predecessor>,
) -> NotificationPublished {
    let follow_up = context.charter.follow_up();
    let replies_for = item.reply_to.iter().flat_map(|reply| &reply.replies_for);
    NotificationPublished {
        item: number,
        request_id: item.request_id.as_bytes().to_vec().into(),
        positions,
        recipients: recipients(&item.destination),
        category: item.category.clone(),
        ask: item
            .ask
            .decide(follow_up, got_by, predecessor.is_some(), context.now),
        succession: predecessor.map(|one| Succession {
            predecessor: Some(one.place.into()),
            kind: one.kind.into(),
            predecessor_name: one.name.clone(),
        }),
        in_reply_to: item.reply_to.as_ref().map(|reply| reply.place.into()),
        replies_for: replies_for.map(ToString::to_string).collect(),
        attachments: item
            .attachments
            .iter()
            .map(|sha256| Bytes::copy_from_slice(sha256))
            .collect(),
    }
}

/// Reminds a recipient, unless it has done meanwhile what was asked, or was reminded already.
fn remind(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    reminding: &Reminding,
) -> Result<Decision> {
    let Reminding {
        reminder, due_at, ..
    } = reminding;
    if !permit.is_hub() {
        return Err(Error::internal("only the hub gives reminders"));
    }
    let recipient: Recipient = reminder
        .recipient
        .parse()
        .map_err(|_| Error::internal("a reminder's recipient is none"))?;
    let row = ReceiptRow::read(view, reminder.place, &recipient)?;
    let is_pending = row.asked.iter().any(|asked| {
        asked.action() == reminder.action
            && asked.remind_at_us == reminder.remind_at.as_microsecond()
    });
    if !is_pending {
        return Err(Error::new(
            Reason::Conflict,
            "the reminder is no longer pending",
        ));
    }
    let next = context
        .charter
        .follow_up()
        .next_reminder(*due_at, context.now);
    let reminded = channels_event(Kind::RecipientReminded(RecipientReminded {
        notification: Some(reminder.place.into()),
        recipient: reminder.recipient.clone(),
        action: reminder.action.into(),
        next_remind_at_us: next.map_or(0, Timestamp::as_microsecond),
    }));
    let issue_to = Issue::new([recipient], reminding.notification.clone());
    let mut events = vec![reminded];
    events.extend(issue(context, view, &[issue_to])?);
    Ok(Decision::Record(events))
}

/// A notification that the hub writes itself, addressed to somebody, as part of another act.
#[derive(Debug, Clone)]
pub struct Issue {
    /// Whom it goes to.
    pub addressees: Vec<Recipient>,
    /// What it says.
    pub notification: Notification,
    /// What the addressees are asked to do.
    pub ask: Option<Ask>,
}

impl Issue {
    /// One that asks nothing.
    #[must_use]
    pub fn new(addressees: impl Into<Vec<Recipient>>, notification: Notification) -> Self {
        Self {
            addressees: addressees.into(),
            notification,
            ask: None,
        }
    }
}

/// The notifications that the hub writes as part of one act; all of an act in one call.
///
/// # Errors
/// When storage fails, or there are more than [`log::ISSUED_MAX`].
pub fn issue(
    context: &Context<'_>,
    view: &(impl View + ?Sized),
    issues: &[Issue],
) -> Result<Vec<Event>> {
    if issues.len() > log::ISSUED_MAX {
        return Err(Error::internal(
            "one act would write too many notifications",
        ));
    }
    let mut heads = Heads::default();
    (0_u32..)
        .zip(issues)
        .map(|(number, issue)| {
            let addressees = issue.addressees.iter();
            let logs: Vec<LogName> = addressees.clone().cloned().map(LogName::Inbox).collect();
            let notification = prost::Message::encode_to_vec(&issue.notification);
            Ok(channels_event(Kind::NotificationIssued(
                NotificationIssued {
                    positions: heads.take(view, &logs)?,
                    recipients: addressees.map(ToString::to_string).collect(),
                    request_id: context.own_id(number)?.as_bytes().to_vec().into(),
                    notification: notification.into(),
                    ask: issue.ask.clone(),
                    number,
                },
            )))
        })
        .collect()
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
            place_notification(rows, entry.author, place, event)?;
            follow_up(rows, entry, place, event)
        }
        Some(Kind::NotificationIssued(event)) => {
            let place = NotificationPlace {
                entry_index: entry.index,
                item: log::issued_item(event.number),
            };
            let published = NotificationPublished {
                item: place.item,
                request_id: event.request_id.clone(),
                positions: event.positions.clone(),
                recipients: event.recipients.clone(),
                ..NotificationPublished::default()
            };
            place_notification(rows, entry.author, place, &published)?;
            let files = attachment::of_issued(&event.notification);
            attachment::apply(rows, entry.author, place, &files);
            match &event.ask {
                Some(ask) => asks::put(rows, entry, place, ask, &[asks::sent_board(entry.author)]),
                None => Ok(()),
            }
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
            })?;
            let actions = [RequestedAction::SignFor, RequestedAction::Acknowledge];
            match &event.notification {
                Some(place) => asks::done(rows, place.into(), &event.recipient, &actions),
                None => Ok(()),
            }
        }
        Some(Kind::ConsumerAdvanced(event)) => advance(rows, entry, event),
        Some(Kind::RecipientReminded(event)) => match &event.notification {
            Some(place) => asks::reminded(
                rows,
                place.into(),
                &event.recipient,
                event.action(),
                event.next_remind_at_us,
            ),
            None => Ok(()),
        },
        None => Ok(()),
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

/// What a notification changes for others: the one whose place it takes no longer asks anything, the
/// one it answers has its answer, and its own requests and attachments are listed.
fn follow_up(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    place: NotificationPlace,
    event: &NotificationPublished,
) -> Result<()> {
    if let Some(succession) = &event.succession {
        succession::apply(rows, entry, place, succession, event)?;
    }
    replies::apply(rows, entry, place, event)?;
    if let Some(ask) = &event.ask {
        let channel = event
            .positions
            .iter()
            .map(|position| &position.log)
            .find(|log| log.starts_with("channels/"));
        let boards: Vec<String> = std::iter::once(asks::sent_board(entry.author))
            .chain(channel.cloned())
            .collect();
        asks::put(rows, entry, place, ask, &boards)?;
    }
    attachment::apply(rows, entry.author, place, &event.attachments);
    Ok(())
}

fn advance(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ConsumerAdvanced) -> Result<()> {
    let (Ok(agency), Ok(consumer)) = (event.agency.parse(), event.consumer.parse()) else {
        return Ok(());
    };
    for position in &event.positions {
        if let Ok(log) = position.log.parse() {
            let to = (&agency, &consumer);
            receipts::mark_delivered(rows, &log, to, position.position, entry.recorded_at)?;
        }
    }
    let row = ConsumerRow {
        positions: event.positions.clone(),
        acknowledged_at_us: entry.recorded_at.as_microsecond(),
    };
    rows.put_message(keys::consumer(&agency, &consumer), &row);
    Ok(())
}
