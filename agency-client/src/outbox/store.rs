//! The outbox on the disk: one SQLite database and a folder of files.
//!
//! Invariant: every change is one transaction that has been flushed when its method answers.

mod files;
mod open;
mod read;
mod sending;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hub_core::crypto::{Digest, sha256};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use tokio::sync::Notify;

use super::{
    Counts, DELIVERED_MAX, ENQUEUE_MANY_MAX, Enqueued, Item, ListItems, OutboxError, OutboxOptions,
    Outgoing, Pruned, REQUEST_BYTES_MAX, Result, STREAM_CHARS_MAX, STREAMS_PARALLEL_MAX, State,
    Ticket,
};
use crate::error::ClientError;
use files::{Arrived, Files};

pub(crate) use open::lock;
pub(crate) use sending::{Head, Loaded, Parked};

/// One connection to an outbox.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    options: OutboxOptions,
    files: Files,
    connection: Mutex<Connection>,
    changed: Arc<Notify>,
}

/// An item that is ready to be written.
struct Ready<'a> {
    stream: &'a str,
    what: &'a Outgoing,
    request: bytes::Bytes,
    content_sha256: Digest,
    files: Vec<Arrived>,
}

impl Store {
    pub(crate) fn open(folder: &Path, options: OutboxOptions) -> Result<Self> {
        check(&options)?;
        let connection = open::open(folder)?;
        let folder = std::path::absolute(folder).map_err(|error| open::of_io(folder, &error))?;
        Ok(Self {
            files: Files::open(&folder)?,
            folder,
            options,
            connection: Mutex::new(connection),
            changed: Arc::default(),
        })
    }

    /// A further connection to the same outbox.
    pub(crate) fn again(&self) -> Result<Self> {
        Ok(Self {
            folder: self.folder.clone(),
            options: self.options.clone(),
            files: Files::open(&self.folder)?,
            connection: Mutex::new(open::connect(&self.folder)?),
            changed: Arc::clone(&self.changed),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn options(&self) -> &OutboxOptions {
        &self.options
    }

    /// Told whenever this process has changed something.
    pub(crate) fn changed(&self) -> &Arc<Notify> {
        &self.changed
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A transaction that a panic cut off was rolled back when it was dropped.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sql<T>(&self, result: rusqlite::Result<T>) -> Result<T> {
        result.map_err(|error| open::of_sql(&open::database(&self.folder), &error))
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.sql(query(&self.connection()))
    }

    /// Runs a change in a transaction of its own and tells who waits.
    fn write<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.connection();
        let transaction =
            self.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
        let changed = change(&transaction)?;
        self.sql(transaction.commit())?;
        drop(connection);
        self.changed.notify_waiters();
        Ok(changed)
    }

    /// Writes items, all or none.
    pub(crate) fn enqueue(&self, items: &[(String, Outgoing)]) -> Result<Vec<Enqueued>> {
        if items.is_empty() || items.len() > ENQUEUE_MANY_MAX {
            let rule = format!("must be 1 to {ENQUEUE_MANY_MAX}, are {}", items.len());
            return Err(ClientError::input("items", rule).into());
        }
        let ready = items
            .iter()
            .map(|(stream, what)| self.make_ready(stream, what))
            .collect::<Result<Vec<_>>>()?;
        let now = Timestamp::now();
        let result = self.write(|transaction| {
            let before = self.sql(read::held(transaction))?;
            let enqueued = ready
                .iter()
                .map(|item| self.insert(transaction, item, now))
                .collect::<Result<Vec<_>>>()?;
            self.check_room(transaction, before)?;
            for file in ready.iter().flat_map(|item| &item.files) {
                self.files.keep(file)?;
            }
            Ok(enqueued)
        });
        for file in ready.iter().flat_map(|item| &item.files) {
            self.files.forget(file);
        }
        result
    }

    fn make_ready<'a>(&self, stream: &'a str, what: &'a Outgoing) -> Result<Ready<'a>> {
        check_stream(stream)?;
        what.check()?;
        let files = what
            .attachments
            .iter()
            .map(|file| self.files.take_in(file))
            .collect::<Result<Vec<_>>>()?;
        let attachments: Vec<_> = files.iter().map(Arrived::attachment).collect();
        let request = what.with_attachments(attachments)?;
        let size = request.len() as u64;
        if size > REQUEST_BYTES_MAX {
            return Err(OutboxError::TooLarge {
                what: format!("the request {:?}", what.title),
                bytes: size,
                bytes_max: REQUEST_BYTES_MAX,
            });
        }
        let whole = files.iter().map(Arrived::size_bytes).sum::<u64>() + size;
        if whole > self.options.bytes_max {
            return Err(OutboxError::TooLarge {
                what: format!("{:?} with its files", what.title),
                bytes: whole,
                bytes_max: self.options.bytes_max,
            });
        }
        let nameless = what.method.with_request_id(&request, "")?;
        Ok(Ready {
            stream,
            what,
            content_sha256: sha256(&[
                stream.as_bytes(),
                b"\n",
                what.method.path.as_bytes(),
                b"\n",
                &nameless,
            ]),
            request,
            files,
        })
    }

    fn insert(
        &self,
        transaction: &Transaction<'_>,
        item: &Ready<'_>,
        now: Timestamp,
    ) -> Result<Enqueued> {
        if let Some(key) = &item.what.key
            && let Some((ticket, content)) = self.sql(holder(transaction, key))?
        {
            return if content[..] == item.content_sha256 {
                Ok(Enqueued {
                    ticket,
                    is_repeated: true,
                })
            } else {
                Err(OutboxError::KeyReused {
                    key: key.clone(),
                    ticket,
                })
            };
        }
        self.sql(insert(transaction, item, now))
            .map(|ticket| Enqueued {
                ticket,
                is_repeated: false,
            })
    }

    /// Everything has been written: what is too much is rolled back.
    fn check_room(&self, transaction: &Transaction<'_>, before: (u64, u64)) -> Result<()> {
        let (items, bytes) = self.sql(read::held(transaction))?;
        let options = &self.options;
        let is_more = items > before.0 || bytes > before.1;
        if is_more && (items > options.items_max || bytes > options.bytes_max) {
            return Err(OutboxError::Full {
                items: before.0,
                items_max: options.items_max,
                bytes: before.1,
                bytes_max: options.bytes_max,
            });
        }
        Ok(())
    }

    pub(crate) fn get(&self, ticket: Ticket) -> Result<Item> {
        self.read(|connection| read::item(connection, ticket))?
            .ok_or(OutboxError::NoSuchItem(ticket))
    }

    pub(crate) fn find(&self, key: &str) -> Result<Option<Item>> {
        self.read(|connection| read::by_key(connection, key))
    }

    pub(crate) fn list(&self, request: &ListItems) -> Result<Vec<Item>> {
        self.read(|connection| read::list(connection, request))
    }

    pub(crate) fn counts(&self) -> Result<Counts> {
        self.read(read::counts)
    }

    pub(crate) fn retry(&self, ticket: Ticket) -> Result<()> {
        self.write(|transaction| {
            let changed = self.sql(transaction.execute(
                "UPDATE items SET state = 'queued', is_holding = 0, wakes = wakes + 1, \
                 reason = NULL, message = NULL, settled_at_us = NULL \
                 WHERE ticket = ?1 AND state IN ('queued', 'refused')",
                [ticket.0],
            ))?;
            self.met(transaction, changed, ticket, "retried", "it is settled")
        })
    }

    pub(crate) fn discard(&self, ticket: Ticket) -> Result<()> {
        let now = Timestamp::now().as_microsecond();
        self.write(|transaction| {
            let changed = self.sql(transaction.execute(
                "UPDATE items SET state = 'discarded', is_holding = 0, request = NULL, \
                 settled_at_us = ?2 WHERE ticket = ?1 AND (state = 'refused' \
                 OR (state = 'queued' AND is_uncertain = 0))",
                (ticket.0, now),
            ))?;
            let why = "only what is refused or certainly was not recorded can be";
            self.met(transaction, changed, ticket, "discarded", why)
        })
    }

    /// A change that met no item says why.
    fn met(
        &self,
        transaction: &Transaction<'_>,
        changed: usize,
        ticket: Ticket,
        verb: &'static str,
        why: &'static str,
    ) -> Result<()> {
        if changed > 0 {
            return Ok(());
        }
        let item = self.sql(read::item(transaction, ticket))?;
        let state = item.ok_or(OutboxError::NoSuchItem(ticket))?.state;
        Err(OutboxError::WrongState {
            ticket,
            state,
            verb,
            why,
        })
    }

    pub(crate) fn prune(&self) -> Result<Pruned> {
        let kept = i64::try_from(self.options.delivered_kept.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp::now().as_microsecond().saturating_sub(kept);
        let items = self.write(|transaction| {
            let old = self.sql(transaction.execute(
                "DELETE FROM items WHERE state IN ('delivered', 'discarded') \
                 AND settled_at_us < ?1",
                [before],
            ))?;
            let many = self.sql(transaction.execute(
                "DELETE FROM items WHERE ticket IN (SELECT ticket FROM items \
                 WHERE state IN ('delivered', 'discarded') \
                 ORDER BY settled_at_us DESC, ticket DESC LIMIT -1 OFFSET ?1)",
                [i64::try_from(DELIVERED_MAX).unwrap_or(i64::MAX)],
            ))?;
            Ok(old + many)
        })?;
        // A transaction of its own, which keeps enqueueing out: only what no committed item needs
        // is taken away.
        let files = self.write(|transaction| {
            let needed = self.sql(files::needed(transaction))?;
            self.files.sweep(&needed)
        })?;
        if items > 0 {
            self.read(|connection| {
                let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
                let mut rows = vacuum.query([])?;
                while rows.next()?.is_some() {}
                Ok(())
            })?;
        }
        Ok(Pruned {
            items: items as u64,
            files,
        })
    }
}

fn check(options: &OutboxOptions) -> Result<()> {
    let rules = [
        (options.items_max > 0, "items_max", "must be at least 1"),
        (options.bytes_max > 0, "bytes_max", "must be at least 1"),
        (
            (1..=STREAMS_PARALLEL_MAX).contains(&options.streams_parallel),
            "streams_parallel",
            "must be 1 to 64",
        ),
    ];
    match rules.into_iter().find(|(holds, _, _)| !holds) {
        Some((_, field, rule)) => Err(ClientError::input(field, rule).into()),
        None => Ok(()),
    }
}

fn check_stream(stream: &str) -> Result<()> {
    let is_allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if stream.is_empty() || stream.len() > STREAM_CHARS_MAX || !stream.chars().all(is_allowed) {
        let rule = format!("must be 1 to {STREAM_CHARS_MAX} characters of a-z 0-9 . _ -");
        return Err(ClientError::input("stream", rule).into());
    }
    Ok(())
}

/// The item that has a key, and what it was enqueued with.
fn holder(connection: &Connection, key: &str) -> rusqlite::Result<Option<(Ticket, Vec<u8>)>> {
    let mut query = connection.prepare_cached(
        "SELECT ticket, content_sha256 FROM items \
         WHERE key = ?1 AND key IS NOT NULL AND state <> 'discarded'",
    )?;
    query
        .query_row([key], |row| Ok((Ticket(row.get(0)?), row.get(1)?)))
        .optional()
}

fn insert(
    transaction: &Transaction<'_>,
    item: &Ready<'_>,
    now: Timestamp,
) -> rusqlite::Result<Ticket> {
    let what = item.what;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO items (stream, key, title, method, request, request_sha256, content_sha256, \
         request_bytes, request_id, state, is_brought, enqueued_at_us) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?;
    let ticket = statement.insert((
        item.stream,
        &what.key,
        &what.title,
        what.method.path,
        &item.request[..],
        sha256(&[&item.request]),
        item.content_sha256,
        i64::try_from(item.request.len()).unwrap_or(i64::MAX),
        &what.request_id,
        State::Queued.as_str(),
        what.is_brought,
        now.as_microsecond(),
    ))?;
    files::insert(transaction, Ticket(ticket), &item.files)?;
    Ok(Ticket(ticket))
}

#[cfg(test)]
mod tests;
