//! What recipients are asked to do by a time: sign, reply, acknowledge a correction. Each thing that
//! is outstanding stands in its recipient's receipt row and on boards that are ordered by the time:
//! the recipient's own, the author's, and the channel's. A reminder that is to come has a row of its
//! own, ordered by when.
//!
//! Invariant: a board or reminder row is there exactly while the receipt row says that the action is
//! outstanding.

use hub_core::names::{ChannelId, Recipient};
use hub_proto::channels::{Ask, AskedAction, NotificationRef, RequestedAction};
use jiff::Timestamp;

use super::{
    log::NotificationPlace,
    receipts::{AskedRow, ReceiptRow},
};
use crate::{
    charter::FollowUp,
    domain::EntryMeta,
    error::Result,
    state::{
        keys::{self, Key},
        store::Direction,
        view::{Overlay, View, decode},
    },
};

/// Rows that are read at a time.
const ROWS_PAGE: usize = 256;

/// What a notification asks of its recipients, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AskDraft {
    /// To sign for it, by when.
    pub sign_by_at: Option<Timestamp>,
    /// To reply, by when.
    pub reply_by_at: Option<Timestamp>,
}

impl AskDraft {
    /// The fields whose time has passed, with the rule that they break.
    pub(super) fn passed(&self, now: Timestamp) -> impl Iterator<Item = (&'static str, String)> {
        [
            ("sign_by_at", self.sign_by_at),
            ("reply_by_at", self.reply_by_at),
        ]
        .into_iter()
        .filter(move |(_, by)| by.is_some_and(|by| by <= now))
        .map(move |(field, _)| (field, format!("must be later than now, {now:.0}")))
    }

    /// The event's part; nothing when nothing is asked. A correction is acknowledged by the time it
    /// names, or within the charter's.
    pub(super) fn decide(
        &self,
        follow_up: &FollowUp,
        recipients: &[Recipient],
        is_successor: bool,
        now: Timestamp,
    ) -> Option<Ask> {
        let sign = match (is_successor, self.sign_by_at) {
            (true, by) => {
                let by = by.or_else(|| now.checked_add(follow_up.acknowledge()).ok());
                by.map(|by| (RequestedAction::Acknowledge, by))
            }
            (false, by) => by.map(|by| (RequestedAction::SignFor, by)),
        };
        let reply = self.reply_by_at.map(|by| (RequestedAction::Reply, by));
        let actions: Vec<AskedAction> = sign
            .into_iter()
            .chain(reply)
            .map(|(action, due_at)| AskedAction {
                action: action.into(),
                due_us: due_at.as_microsecond(),
                remind_at_us: follow_up
                    .next_reminder(due_at, now)
                    .map_or(0, Timestamp::as_microsecond),
            })
            .collect();
        (!actions.is_empty() && !recipients.is_empty()).then(|| Ask {
            recipients: recipients.iter().map(ToString::to_string).collect(),
            actions,
        })
    }
}

/// Asks one thing of recipients by a time, with the charter's reminders; nothing when there is nobody
/// to ask.
#[must_use]
pub fn ask(
    follow_up: &FollowUp,
    recipients: &[Recipient],
    action: RequestedAction,
    due_at: Timestamp,
    now: Timestamp,
) -> Option<Ask> {
    let remind_at = follow_up.next_reminder(due_at, now);
    (!recipients.is_empty()).then(|| Ask {
        recipients: recipients.iter().map(ToString::to_string).collect(),
        actions: vec![AskedAction {
            action: action.into(),
            due_us: due_at.as_microsecond(),
            remind_at_us: remind_at.map_or(0, Timestamp::as_microsecond),
        }],
    })
}

/// The board of an author.
#[must_use]
pub fn sent_board(author: &str) -> String {
    format!("agencies/{author}/sent")
}

/// The board of a channel.
#[must_use]
pub fn channel_board(channel: &ChannelId) -> String {
    format!("channels/{channel}")
}

/// Something outstanding, as a board lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// Of which notification.
    pub place: NotificationPlace,
    /// Of whom it is asked.
    pub recipient: String,
    /// What.
    pub action: RequestedAction,
    /// By when.
    pub due_at: Timestamp,
    /// Since when.
    pub asked_at: Timestamp,
}

/// A reminder that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reminder {
    /// Of which notification.
    pub place: NotificationPlace,
    /// Whom it goes to.
    pub recipient: String,
    /// Of what.
    pub action: RequestedAction,
    /// When it goes out.
    pub remind_at: Timestamp,
}

/// Numbers, then a text: how the keys of this module end.
struct Tail<'a>(&'a [u8]);

impl<'a> Tail<'a> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    fn instant(&mut self) -> Option<Timestamp> {
        Timestamp::from_microsecond(i64::try_from(self.number()?).ok()?).ok()
    }

    fn place(&mut self) -> Option<NotificationPlace> {
        Some(NotificationPlace {
            entry_index: self.number()?,
            item: u32::try_from(self.number()?).ok()?,
        })
    }

    fn action(&mut self) -> Option<RequestedAction> {
        RequestedAction::try_from(i32::try_from(self.number()?).ok()?).ok()
    }

    fn text(self) -> Option<String> {
        let text = self.0.strip_suffix(&[0])?;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }
}

/// An instant in a key. Instants before 1970 are not asked for; they sort first.
fn instant(us: i64) -> u64 {
    u64::try_from(us).unwrap_or(0)
}

fn board_key(board: &str, place: NotificationPlace, recipient: &str, asked: &AskedRow) -> Vec<u8> {
    keys::outstanding(board)
        .number(instant(asked.due_us))
        .number(place.entry_index)
        .number(u64::from(place.item))
        .number(u64::try_from(asked.action).unwrap_or(0))
        .text(recipient)
        .build()
}

fn reminder_key(place: NotificationPlace, recipient: &str, asked: &AskedRow) -> Vec<u8> {
    keys::reminders()
        .number(instant(asked.remind_at_us))
        .number(place.entry_index)
        .number(u64::from(place.item))
        .number(u64::try_from(asked.action).unwrap_or(0))
        .text(recipient)
        .build()
}

/// A page of a board, the earliest due first: what is outstanding, and where each stands in the list.
/// `after` is the standing of the last one seen. With `due_by`, what is due later is left out.
///
/// # Errors
/// When storage fails.
pub fn page(
    view: &(impl View + ?Sized),
    board: &str,
    after: Option<&[u8]>,
    due_by: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Outstanding)>> {
    let (start, end) = keys::outstanding(board).range();
    let skip = start.len();
    let from = match after {
        // The smallest key greater than the last one.
        Some(standing) => [&start, standing, &[0]].concat(),
        None => start,
    };
    let to = match due_by {
        Some(at) => keys::outstanding(board)
            .number(instant(at.as_microsecond()).saturating_add(1))
            .build(),
        None => end,
    };
    if from >= to {
        return Ok(vec![]);
    }
    let rows = view.scan(&from, &to, Direction::Forward, limit)?;
    Ok(rows
        .iter()
        .filter_map(|(key, value)| {
            let standing = key.get(skip..)?;
            Some((standing.to_vec(), outstanding(standing, value)?))
        })
        .collect())
}

fn outstanding(standing: &[u8], value: &[u8]) -> Option<Outstanding> {
    let mut tail = Tail(standing);
    let due_at = tail.instant()?;
    let place = tail.place()?;
    let action = tail.action()?;
    Some(Outstanding {
        place,
        recipient: tail.text()?,
        action,
        due_at,
        asked_at: Tail(value).instant()?,
    })
}

/// Reminders that are due at an instant, the earliest first, and where the page ends. `after` is the end
/// of the page before; there is none after the last.
///
/// # Errors
/// When storage fails.
pub fn reminders_due(
    view: &(impl View + ?Sized),
    now: Timestamp,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<Reminder>, Option<Vec<u8>>)> {
    let (start, _) = keys::reminders().range();
    let skip = start.len();
    let from = match after {
        // The smallest key greater than the last one.
        Some(key) => [key, &[0]].concat(),
        None => start,
    };
    let to = keys::reminders()
        .number(instant(now.as_microsecond()).saturating_add(1))
        .build();
    if from >= to {
        return Ok((vec![], None));
    }
    let rows = view.scan(&from, &to, Direction::Forward, limit)?;
    let end = rows.last().filter(|_| rows.len() == limit);
    let end = end.map(|(key, _)| key.to_vec());
    let due = rows
        .iter()
        .filter_map(|(key, _)| {
            let mut tail = Tail(key.get(skip..)?);
            let remind_at = tail.instant()?;
            let place = tail.place()?;
            let action = tail.action()?;
            Some(Reminder {
                place,
                recipient: tail.text()?,
                action,
                remind_at,
            })
        })
        .collect();
    Ok((due, end))
}

/// Puts what a notification asks on every recipient's receipt and on the boards.
///
/// # Errors
/// When storage fails.
pub(in crate::domain) fn put(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    place: NotificationPlace,
    ask: &Ask,
    boards: &[String],
) -> Result<()> {
    let reference = NotificationRef::from(place);
    for recipient in &ask.recipients {
        for action in &ask.actions {
            let asked = AskedRow {
                action: action.action,
                due_us: action.due_us,
                asked_at_us: entry.recorded_at.as_microsecond(),
                remind_at_us: action.remind_at_us,
                boards: boards.to_vec(),
            };
            list(rows, place, recipient, &asked);
            ReceiptRow::update(rows, Some(&reference), recipient, |row| {
                row.asked.push(asked);
            })?;
        }
    }
    Ok(())
}

fn list(rows: &mut Overlay<'_>, place: NotificationPlace, recipient: &str, asked: &AskedRow) {
    let since = instant(asked.asked_at_us).to_be_bytes();
    for board in asked.boards.iter().map(String::as_str).chain([recipient]) {
        rows.put(board_key(board, place, recipient, asked), since.to_vec());
    }
    if asked.remind_at_us > 0 {
        rows.put(reminder_key(place, recipient, asked), vec![]);
    }
}

fn unlist(rows: &mut Overlay<'_>, place: NotificationPlace, recipient: &str, asked: &AskedRow) {
    for board in asked.boards.iter().map(String::as_str).chain([recipient]) {
        rows.remove(board_key(board, place, recipient, asked));
    }
    if asked.remind_at_us > 0 {
        rows.remove(reminder_key(place, recipient, asked));
    }
}

/// Moves what a recipient was asked to another time, with the reminder that is next then. Nothing happens
/// when it is done or was withdrawn.
///
/// # Errors
/// When storage fails.
pub(in crate::domain) fn moved(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
    action: RequestedAction,
    (due_us, remind_at_us): (i64, i64),
) -> Result<()> {
    let reference = NotificationRef::from(place);
    let mut changed = vec![];
    ReceiptRow::update(rows, Some(&reference), recipient, |row| {
        for asked in row.asked.iter_mut().filter(|one| one.action() == action) {
            let before = asked.clone();
            asked.due_us = due_us;
            asked.remind_at_us = remind_at_us;
            changed.push((before, asked.clone()));
        }
    })?;
    for (before, after) in changed {
        unlist(rows, place, recipient, &before);
        list(rows, place, recipient, &after);
    }
    Ok(())
}

/// Takes back that a recipient was asked to reply, because it has; what was asked is kept, in case that
/// the reply is taken back.
pub(super) fn answered(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
) -> Result<()> {
    let reply = [RequestedAction::Reply];
    finish(rows, place, recipient, &reply, |row, finished| {
        row.answered.extend_from_slice(finished);
    })
}

/// Asks anew for a reply, because none stands any more.
pub(super) fn reopen(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
) -> Result<()> {
    let reference = NotificationRef::from(place);
    let mut again = vec![];
    ReceiptRow::update(rows, Some(&reference), recipient, |row| {
        again = std::mem::take(&mut row.answered);
        row.asked.extend_from_slice(&again);
    })?;
    for asked in &again {
        list(rows, place, recipient, asked);
    }
    Ok(())
}

/// Takes back what a recipient was asked, because it is done.
///
/// # Errors
/// When storage fails.
pub(in crate::domain) fn done(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
    actions: &[RequestedAction],
) -> Result<()> {
    finish(rows, place, recipient, actions, |_, _| {})
}

fn finish(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
    actions: &[RequestedAction],
    keep: impl FnOnce(&mut ReceiptRow, &[AskedRow]),
) -> Result<()> {
    let reference = NotificationRef::from(place);
    let mut finished = vec![];
    ReceiptRow::update(rows, Some(&reference), recipient, |row| {
        let is_done = |asked: &AskedRow| actions.contains(&asked.action());
        (finished, row.asked) = std::mem::take(&mut row.asked)
            .into_iter()
            .partition(is_done);
        keep(row, &finished);
    })?;
    for asked in &finished {
        unlist(rows, place, recipient, asked);
    }
    Ok(())
}

/// Takes back all that a notification asks of anybody, because it no longer stands.
///
/// # Errors
/// When storage fails.
pub(in crate::domain) fn withdraw(rows: &mut Overlay<'_>, place: NotificationPlace) -> Result<()> {
    withdraw_of(
        rows,
        keys::receipts(place.entry_index).number(u64::from(place.item)),
    )
}

/// Takes back all that the notifications of an entry ask of anybody, because they are sealed.
///
/// # Errors
/// When storage fails.
pub fn withdraw_all(rows: &mut Overlay<'_>, entry_index: u64) -> Result<()> {
    withdraw_of(rows, keys::receipts(entry_index))
}

fn withdraw_of(rows: &mut Overlay<'_>, receipts: Key) -> Result<()> {
    let skip = keys::all_receipts().build().len();
    let (mut from, to) = receipts.range();
    loop {
        let page = rows.scan(&from, &to, Direction::Forward, ROWS_PAGE)?;
        for (key, value) in &page {
            let mut row: ReceiptRow = decode(value.clone())?;
            let mut tail = Tail(key.get(skip..).unwrap_or_default());
            let (Some(place), Some(recipient)) = (tail.place(), tail.text()) else {
                continue;
            };
            if row.asked.is_empty() && row.answered.is_empty() {
                continue;
            }
            row.answered.clear();
            for asked in std::mem::take(&mut row.asked) {
                unlist(rows, place, &recipient, &asked);
            }
            rows.put_message(key.to_vec(), &row);
        }
        match page.last() {
            // The smallest key greater than the last one.
            Some((key, _)) if page.len() == ROWS_PAGE => from = [key, [0].as_slice()].concat(),
            _ => return Ok(()),
        }
    }
}

/// Moves a reminder on to its next time.
pub(super) fn reminded(
    rows: &mut Overlay<'_>,
    place: NotificationPlace,
    recipient: &str,
    action: RequestedAction,
    next_remind_at_us: i64,
) -> Result<()> {
    let reference = NotificationRef::from(place);
    let mut moved = None;
    ReceiptRow::update(rows, Some(&reference), recipient, |row| {
        for asked in row.asked.iter_mut().filter(|one| one.action() == action) {
            let before = asked.clone();
            asked.remind_at_us = next_remind_at_us;
            moved = Some((before, asked.clone()));
        }
    })?;
    if let Some((before, after)) = moved {
        unlist(rows, place, recipient, &before);
        list(rows, place, recipient, &after);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
