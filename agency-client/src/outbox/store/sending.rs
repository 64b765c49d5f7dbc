//! What the sender reads and writes.

use std::path::PathBuf;

use bytes::Bytes;
use hub_core::crypto::sha256;
use jiff::Timestamp;
use prost::Message as _;
use rusqlite::OptionalExtension as _;

use super::{
    super::{ItemAttachment, OutboxError, Result, Ticket, item::Problem, method::Method},
    Store, open, read,
};
use crate::observer::OutboxGauge;
use hub_proto::common::Receipt;

/// The first item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) ticket: Ticket,
    pub(crate) stream: String,
    /// Grows with every `retry`.
    pub(crate) wakes: i64,
}

/// An item as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) ticket: Ticket,
    pub(crate) method: &'static Method,
    pub(crate) request: Bytes,
    pub(crate) request_id: String,
    /// An attempt of this outbox may have been recorded without an answer.
    pub(crate) is_uncertain: bool,
    /// The id may have been sent by others before it was enqueued.
    pub(crate) is_brought: bool,
    pub(crate) is_first: bool,
    pub(crate) files: Vec<(PathBuf, ItemAttachment)>,
}

/// How an attempt without success leaves an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parked {
    /// It stays queued.
    Waits,
    /// It is set aside.
    Aside,
    /// It is set aside, and its stream stands still.
    Holds,
}

impl Store {
    /// Changes with every commit of another connection.
    pub(crate) fn data_version(&self) -> Result<i64> {
        self.read(|connection| {
            connection.pragma_query_value(None, "data_version", |row| row.get(0))
        })
    }

    /// The agency that this outbox sends for; set by its first sender.
    pub(crate) fn claim(&self, agency: &str) -> Result<()> {
        let owner: String = self.write(|transaction| {
            self.sql(transaction.execute(
                "INSERT INTO meta (name, value) VALUES ('agency', ?1) ON CONFLICT DO NOTHING",
                [agency],
            ))?;
            self.sql(transaction.query_row(
                "SELECT value FROM meta WHERE name = 'agency'",
                [],
                |row| row.get(0),
            ))
        })?;
        if owner == agency {
            return Ok(());
        }
        Err(OutboxError::OtherAgency {
            folder: self.folder.clone(),
            owner,
            client: agency.to_owned(),
        })
    }

    /// Looks the whole database through.
    pub(crate) fn check_whole(&self) -> Result<()> {
        let said: String = self
            .read(|connection| connection.query_row("PRAGMA quick_check", [], |row| row.get(0)))?;
        if said == "ok" {
            return Ok(());
        }
        Err(self.corrupt(said))
    }

    fn corrupt(&self, detail: String) -> OutboxError {
        OutboxError::Corrupt {
            path: open::database(&self.folder),
            detail,
        }
    }

    /// The first queued item of every stream that does not stand still, oldest first.
    pub(crate) fn heads(&self) -> Result<Vec<Head>> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT head, items.stream, wakes FROM (SELECT MIN(ticket) AS head FROM items \
                 WHERE state = 'queued' AND stream NOT IN (SELECT stream FROM items \
                 WHERE state = 'refused' AND is_holding) GROUP BY stream) \
                 JOIN items ON ticket = head ORDER BY head",
            )?;
            let rows = query.query_map([], |row| {
                Ok(Head {
                    ticket: Ticket(row.get(0)?),
                    stream: row.get(1)?,
                    wakes: row.get(2)?,
                })
            })?;
            rows.collect()
        })
    }

    /// An item to send; `None` when it is not queued any more.
    pub(crate) fn load(&self, ticket: Ticket) -> Result<Option<Loaded>> {
        let found = self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT method, request, request_sha256, request_id, is_uncertain, is_brought, \
                 first_attempt_at_us IS NULL FROM items WHERE ticket = ?1 AND state = 'queued'",
            )?;
            let row = query.query_row([ticket.0], |row| {
                let method: String = row.get(0)?;
                let request: Option<Vec<u8>> = row.get(1)?;
                let digest: Vec<u8> = row.get(2)?;
                Ok((
                    method,
                    request.unwrap_or_default(),
                    digest,
                    (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?),
                ))
            });
            row.optional()
        })?;
        let Some((method, request, digest, (request_id, is_uncertain, is_brought, is_first))) =
            found
        else {
            return Ok(None);
        };
        if digest[..] != sha256(&[&request]) {
            let detail = format!("the request of item {ticket} is not what was stored");
            return Err(self.corrupt(detail));
        }
        let files = self.get(ticket)?.attachments;
        Ok(Some(Loaded {
            ticket,
            method: Method::find(&method)?,
            request: request.into(),
            request_id,
            is_uncertain,
            is_brought,
            is_first,
            files: files
                .into_iter()
                .map(|file| (self.files.path(&file.sha256), file))
                .collect(),
        }))
    }

    /// Stores that an item is about to be sent: from here on, nobody knows whether it was
    /// recorded until an answer has come. False when it is not queued any more.
    pub(crate) fn begin(&self, ticket: Ticket) -> Result<bool> {
        let now = Timestamp::now().as_microsecond();
        let changed = self.write(|transaction| {
            self.sql(transaction.execute(
                "UPDATE items SET is_uncertain = 1, last_attempt_at_us = ?2, \
                 first_attempt_at_us = COALESCE(first_attempt_at_us, ?2) \
                 WHERE ticket = ?1 AND state = 'queued'",
                (ticket.0, now),
            ))
        })?;
        Ok(changed > 0)
    }

    /// Stores another request id before anything is sent under it.
    pub(crate) fn remint(&self, item: &mut Loaded, request_id: String) -> Result<()> {
        let request = item.method.with_request_id(&item.request, &request_id)?;
        self.write(|transaction| {
            self.sql(transaction.execute(
                "UPDATE items SET request = ?2, request_sha256 = ?3, request_bytes = ?4, \
                 request_id = ?5, is_uncertain = 0, is_brought = 0 \
                 WHERE ticket = ?1 AND state = 'queued'",
                (
                    item.ticket.0,
                    &request[..],
                    sha256(&[&request]),
                    i64::try_from(request.len()).unwrap_or(i64::MAX),
                    &request_id,
                ),
            ))
        })?;
        item.request = request;
        item.request_id = request_id;
        item.is_uncertain = false;
        item.is_brought = false;
        Ok(())
    }

    /// The hub has recorded an item: its content goes, its receipt stays.
    pub(crate) fn delivered(&self, ticket: Ticket, name: &str, receipt: &Receipt) -> Result<()> {
        let now = Timestamp::now().as_microsecond();
        self.write(|transaction| {
            self.sql(transaction.execute(
                "UPDATE items SET state = 'delivered', request = NULL, is_uncertain = 0, \
                 is_holding = 0, attempts = attempts + 1, reason = NULL, message = NULL, \
                 name = ?2, receipt = ?3, settled_at_us = ?4 WHERE ticket = ?1",
                (ticket.0, name, receipt.encode_to_vec(), now),
            ))
        })?;
        Ok(())
    }

    /// An attempt ended without success.
    pub(crate) fn park(
        &self,
        ticket: Ticket,
        parked: Parked,
        is_uncertain: bool,
        problem: &Problem,
    ) -> Result<()> {
        let now = Timestamp::now().as_microsecond();
        let (state, is_holding) = match parked {
            Parked::Waits => ("queued", false),
            Parked::Aside => ("refused", false),
            Parked::Holds => ("refused", true),
        };
        self.write(|transaction| {
            self.sql(transaction.execute(
                "UPDATE items SET state = ?2, is_holding = ?3, is_uncertain = ?4, reason = ?5, \
                 message = ?6, attempts = attempts + 1, last_attempt_at_us = ?7 \
                 WHERE ticket = ?1 AND state = 'queued'",
                (
                    ticket.0,
                    state,
                    is_holding,
                    is_uncertain,
                    &problem.reason,
                    &problem.message,
                    now,
                ),
            ))
        })?;
        Ok(())
    }

    /// What an observer is told.
    pub(crate) fn gauge(&self) -> Result<OutboxGauge> {
        self.read(|connection| {
            let of = |state: &str| {
                connection
                    .prepare_cached("SELECT COUNT(*) FROM items WHERE state = ?1")?
                    .query_row([state], |row| row.get::<_, i64>(0))
            };
            Ok(OutboxGauge {
                queued: of("queued")?.unsigned_abs(),
                refused: of("refused")?.unsigned_abs(),
                bytes: read::held(connection)?.1,
            })
        })
    }
}
