//! Replies that stand. Each stands in a row by what it answers and for whom; beside a notification is
//! what it answers, so that its retraction can take the answer back.
//!
//! Invariant: a recipient's receipt names a reply exactly while one of its replies stands.

use hub_proto::channels::{NotificationKind, NotificationPublished, NotificationRef};

use super::{
    asks,
    log::NotificationPlace,
    receipts::{Act, ReceiptRow},
};
use crate::{
    domain::EntryMeta,
    error::Result,
    state::{
        keys,
        store::Direction,
        view::{Overlay, View as _, ViewExt as _, decode},
    },
};

/// Bytes of the place at the end of a reply's key.
const PLACE_BYTES: usize = 16;

/// What a notification answers.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AnswersRow {
    /// One for each recipient in whose name it answers.
    #[prost(message, repeated, tag = "1")]
    pub answers: Vec<Answer>,
}

/// An answer that is given.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Answer {
    /// To which notification.
    #[prost(message, optional, tag = "1")]
    pub notification: Option<NotificationRef>,
    /// In whose name.
    #[prost(string, tag = "2")]
    pub recipient: String,
    /// The reply that gave it first. A correction of a reply gives the same answer, at the same time.
    #[prost(message, optional, tag = "3")]
    pub reply: Option<NotificationRef>,
}

impl Answer {
    fn is_for(&self, other: &Self) -> bool {
        self.notification == other.notification && self.recipient == other.recipient
    }

    /// The row of the reply that stands.
    fn key(&self) -> Option<Vec<u8>> {
        let (to, reply) = (self.notification.as_ref()?, self.reply.as_ref()?);
        let key = keys::replies(to.entry_index, to.item, &self.recipient)
            .number(reply.entry_index)
            .number(u64::from(reply.item));
        Some(key.build())
    }
}

/// A notification was published: what it answers is answered. What it takes the place of answers no
/// more, but for what a correction goes on to answer: all of it, or what it names itself.
///
/// # Errors
/// When storage fails.
pub(super) fn apply(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    place: NotificationPlace,
    event: &NotificationPublished,
) -> Result<()> {
    let succession = event.succession.as_ref();
    let earlier = match succession.and_then(|one| one.predecessor.as_ref()) {
        Some(predecessor) => take(rows, predecessor)?,
        None => vec![],
    };
    let is_correction = succession.is_some_and(|one| one.kind() == NotificationKind::Correction);
    let goes_on = |one: &Answer| {
        is_correction && (event.in_reply_to.is_none() || event.in_reply_to == one.notification)
    };
    let (mut stand, fall): (Vec<Answer>, Vec<Answer>) = earlier.into_iter().partition(goes_on);
    let to = event.in_reply_to.as_ref();
    for (to, recipient) in to
        .into_iter()
        .flat_map(|to| event.replies_for.iter().map(move |one| (to, one)))
    {
        let answer = Answer {
            notification: Some(*to),
            recipient: recipient.clone(),
            reply: Some(place.into()),
        };
        if !stand.iter().any(|one| one.is_for(&answer)) {
            give(rows, entry, &answer)?;
            stand.push(answer);
        }
    }
    for answer in &fall {
        take_back(rows, answer)?;
    }
    if !stand.is_empty() {
        let row = AnswersRow { answers: stand };
        rows.put_message(keys::answers(place.entry_index, place.item), &row);
    }
    Ok(())
}

/// What a notification answers; from now on it answers nothing.
fn take(rows: &mut Overlay<'_>, place: &NotificationRef) -> Result<Vec<Answer>> {
    let key = keys::answers(place.entry_index, place.item);
    let row: Option<AnswersRow> = rows.message(&key)?;
    if row.is_some() {
        rows.remove(key);
    }
    Ok(row.unwrap_or_default().answers)
}

fn give(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, answer: &Answer) -> Result<()> {
    let (Some(to), Some(key)) = (&answer.notification, answer.key()) else {
        return Ok(());
    };
    let act = Act::new(entry, entry.officer);
    rows.put_message(key, &act);
    ReceiptRow::update(rows, Some(to), &answer.recipient, |row| {
        if row.replied.is_none() {
            row.replied = Some(act);
            row.reply.clone_from(&answer.reply);
        }
    })?;
    asks::answered(rows, to.into(), &answer.recipient)
}

/// The next reply that stands takes the place of this one; if there is none, the recipient owes a reply
/// again, by the time it was asked for.
fn take_back(rows: &mut Overlay<'_>, answer: &Answer) -> Result<()> {
    let (Some(to), Some(key)) = (&answer.notification, answer.key()) else {
        return Ok(());
    };
    rows.remove(key);
    let (from, end) = keys::replies(to.entry_index, to.item, &answer.recipient).range();
    let standing = rows.scan(&from, &end, Direction::Forward, 1)?;
    let next = match standing.first() {
        Some((key, value)) => reply_of(key).zip(Some(decode::<Act>(value.clone())?)),
        None => None,
    };
    let is_last = next.is_none();
    ReceiptRow::update(rows, Some(to), &answer.recipient, |row| {
        if row.reply == answer.reply {
            (row.reply, row.replied) = next.unzip();
        }
    })?;
    if is_last {
        asks::reopen(rows, to.into(), &answer.recipient)?;
    }
    Ok(())
}

/// The place at the end of a reply's key.
fn reply_of(key: &[u8]) -> Option<NotificationRef> {
    let at = key.len().checked_sub(PLACE_BYTES)?;
    let (entry, item) = key.get(at..)?.split_first_chunk::<8>()?;
    let item = u64::from_be_bytes(item.try_into().ok()?);
    Some(NotificationRef {
        entry_index: u64::from_be_bytes(*entry),
        item: u32::try_from(item).ok()?,
    })
}
