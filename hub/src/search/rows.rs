//! What a ledger entry changes in the index.
//!
//! Invariant: after the same entries the index answers the same, whether it followed them live or was
//! made from a ledger of which parts have been sealed since.

use bytes::Bytes;
use hub_core::document_number::DocumentNumber;
use hub_proto::{
    channels::{
        Notification, NotificationIssued, NotificationKind, NotificationPublished,
        NotificationState, Succession, channels_event,
    },
    ledger::event,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    index::{Fault, Place, Term},
    posting::{Postings, put, take},
    text,
};
use crate::{
    domain::channels::log::{NotificationPlace, issued_item},
    engine::recorded::Recorded,
};

/// One change.
#[derive(Debug)]
pub(super) enum Change {
    /// A notification is there.
    Add(Box<Row>),
    /// Another took the place of a notification.
    Supersede(Place, NotificationState),
    /// The text of an entry's notifications is to go.
    Seal(u64),
}

/// A notification as the index sees it.
#[derive(Debug)]
pub(super) struct Row {
    place: Place,
    published_at_us: i64,
    request_id: Bytes,
    category: String,
    /// What stays when the text is sealed.
    kept: Vec<Term>,
    /// What tells of the text.
    erasable: Vec<Term>,
    title: String,
    is_sealed: bool,
}

/// What an entry changes, in order.
pub(super) fn changes(entry: &Recorded) -> Vec<Change> {
    let mut changes = vec![];
    for event in &entry.events {
        match &event.kind {
            Some(event::Kind::Channels(event)) => match &event.kind {
                Some(channels_event::Kind::NotificationPublished(event)) => {
                    let superseded = event.succession.as_ref().and_then(superseded);
                    changes.extend(published(entry, event));
                    changes.extend(superseded);
                }
                Some(channels_event::Kind::NotificationIssued(event)) => {
                    changes.extend(issued(entry, event));
                }
                _ => {}
            },
            Some(event::Kind::ContentsSealed(event)) => {
                changes.extend(event.entry_indexes.iter().copied().map(Change::Seal));
            }
            _ => {}
        }
    }
    changes
}

fn superseded(succession: &Succession) -> Option<Change> {
    let state = match succession.kind() {
        NotificationKind::Correction => NotificationState::Corrected,
        NotificationKind::Retraction => NotificationState::Retracted,
        _ => return None,
    };
    let predecessor = succession.predecessor.as_ref()?;
    let place = Place::new(NotificationPlace::from(predecessor))?;
    Some(Change::Supersede(place, state))
}

fn published(entry: &Recorded, event: &NotificationPublished) -> Option<Change> {
    let place = NotificationPlace {
        entry_index: entry.header.index,
        item: event.item,
    };
    let found = entry.notification(event.item);
    let notification = found.as_deref().filter(|found| !found.is_sealed);
    let category = match notification {
        Some(notification) => &notification.category,
        None => &event.category,
    };
    let mut row = row(entry, place, &event.request_id, category, notification)?;
    let kind = event.succession.as_ref().map(Succession::kind);
    row.kept.extend(places(&event.positions, &event.recipients));
    row.kept.push(Term::kind(
        kind.unwrap_or(NotificationKind::Original).into(),
    ));
    let reply = event.in_reply_to.as_ref().map(NotificationPlace::from);
    row.kept.extend(reply.map(Term::reply_to));
    Some(Change::Add(Box::new(row)))
}

fn issued(entry: &Recorded, event: &NotificationIssued) -> Option<Change> {
    let place = NotificationPlace {
        entry_index: entry.header.index,
        item: issued_item(event.number),
    };
    let found = entry.notification(place.item);
    let notification = found.as_deref().filter(|found| !found.is_sealed);
    let category = found.as_deref().map_or("", |found| &found.category);
    let mut row = row(entry, place, &event.request_id, category, notification)?;
    let kind = match found.as_deref().map(Notification::kind) {
        None | Some(NotificationKind::Unspecified) => NotificationKind::Original,
        Some(kind) => kind,
    };
    row.kept.extend(places(&event.positions, &event.recipients));
    row.kept.push(Term::kind(kind.into()));
    row.kept.extend(
        entry
            .reminds_of()
            .map(|of| Term::reminder_of(of.entry_index)),
    );
    Some(Change::Add(Box::new(row)))
}

fn places(
    positions: &[hub_proto::channels::LogPosition],
    recipients: &[String],
) -> impl Iterator<Item = Term> {
    let logs = positions.iter().map(|position| Term::log(&position.log));
    logs.chain(recipients.iter().map(|name| Term::addressee(name)))
}

/// What both kinds have. Without its notification it is a sealed one.
fn row(
    entry: &Recorded,
    place: NotificationPlace,
    request_id: &Bytes,
    category: &str,
    notification: Option<&Notification>,
) -> Option<Row> {
    let mut erasable = vec![];
    if let Some(notification) = notification {
        let subjects = notification.subjects.iter();
        erasable.extend(subjects.map(|subject| Term::subject(&subject.uscc)));
        let number: Option<DocumentNumber> = notification.document_number.parse().ok();
        erasable.extend(number.map(|number| Term::document(&number.to_string())));
    }
    Some(Row {
        place: Place::new(place)?,
        published_at_us: entry.header.recorded_at_us,
        request_id: request_id.clone(),
        category: category.to_owned(),
        kept: vec![
            Term::author(&format!("agencies/{}", entry.author())),
            Term::category(category),
        ],
        erasable,
        title: notification.map_or_else(String::new, |found| text::index_text(&found.title)),
        is_sealed: notification.is_none(),
    })
}

/// Writes changes. The caller holds the transaction. Returns whether text was taken out.
pub(super) fn write<'a>(
    connection: &Connection,
    changes: impl IntoIterator<Item = &'a Change>,
) -> Result<bool, Fault> {
    let mut is_erased = false;
    let mut postings = Postings::default();
    for change in changes {
        match change {
            Change::Add(row) => add(connection, row, &mut postings)?,
            Change::Supersede(place, state) => {
                postings.flush(connection)?;
                supersede(connection, *place, *state)?;
            }
            Change::Seal(entry) => {
                postings.flush(connection)?;
                is_erased |= seal(connection, *entry)?;
            }
        }
    }
    postings.flush(connection)?;
    Ok(is_erased)
}

fn add(connection: &Connection, row: &Row, postings: &mut Postings) -> Result<(), Fault> {
    let terms: Vec<u8> = row
        .erasable
        .iter()
        .flat_map(|term| term.id().to_be_bytes())
        .collect();
    let state = i32::from(NotificationState::Current);
    let is_new = connection
        .prepare_cached("INSERT OR IGNORE INTO notification VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            row.place.0,
            row.published_at_us,
            state,
            row.category,
            row.is_sealed,
            row.title,
            terms
        ])?;
    if is_new == 0 {
        return Ok(());
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO request VALUES (?1, ?2)")?
        .execute(params![&*row.request_id, row.place.0])?;
    for term in row.kept.iter().chain(&row.erasable) {
        postings.add(*term, row.place);
    }
    postings.add(Term::state(state), row.place);
    if !row.is_sealed {
        postings.add(Term::unsealed(&row.category), row.place);
    }
    if !row.title.is_empty() {
        connection
            .prepare_cached("INSERT INTO title (rowid, text) VALUES (?1, ?2)")?
            .execute(params![row.place.0, row.title])?;
    }
    Ok(())
}

fn supersede(connection: &Connection, place: Place, state: NotificationState) -> Result<(), Fault> {
    let before: Option<i32> = connection
        .prepare_cached("SELECT state FROM notification WHERE place = ?1")?
        .query_row(params![place.0], |row| row.get(0))
        .optional()?;
    let Some(before) = before else {
        return Ok(());
    };
    let state = i32::from(state);
    take(connection, Term::state(before), place)?;
    put(connection, Term::state(state), place)?;
    connection
        .prepare_cached("UPDATE notification SET state = ?2 WHERE place = ?1")?
        .execute(params![place.0, state])?;
    Ok(())
}

/// Takes out what tells of an entry's texts.
fn seal(connection: &Connection, entry: u64) -> Result<bool, Fault> {
    let Some((first, last)) = Place::of_entry(entry) else {
        return Ok(false);
    };
    let mut find = connection.prepare_cached(
        "SELECT place, category, title, terms FROM notification
         WHERE place BETWEEN ?1 AND ?2 AND is_sealed = 0",
    )?;
    let rows = find.query_map(params![first.0, last.0], |row| {
        Ok((
            Place(row.get(0)?),
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Vec<u8>>(3)?,
        ))
    })?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    for (place, category, title, terms) in &rows {
        for id in terms.chunks_exact(8) {
            let id = <[u8; 8]>::try_from(id).map_err(Fault::passing)?;
            take(connection, Term::from_id(i64::from_be_bytes(id)), *place)?;
        }
        take(connection, Term::unsealed(category), *place)?;
        if !title.is_empty() {
            connection
                .prepare_cached("INSERT INTO title (title, rowid, text) VALUES ('delete', ?1, ?2)")?
                .execute(params![place.0, title])?;
        }
        connection
            .prepare_cached(
                "UPDATE notification SET title = '', terms = x'', is_sealed = 1
                 WHERE place = ?1",
            )?
            .execute(params![place.0])?;
    }
    Ok(!rows.is_empty())
}
