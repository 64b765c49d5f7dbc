//! Reads items as they are shown.

use hub_proto::common::Receipt;
use jiff::Timestamp;
use prost::Message as _;
use rusqlite::{
    Connection, OptionalExtension as _, Row,
    types::{FromSql, FromSqlError, FromSqlResult, Type, ValueRef},
};

use super::super::{
    Counts, Delivered, Item, ItemAttachment, LIST_DEFAULT, LIST_MAX, ListItems, Problem, State,
    Ticket,
};

/// A number that is never negative; SQLite's integers are signed.
pub(super) struct Count(pub(super) u64);

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = i64::column_result(value)?;
        u64::try_from(number)
            .map(Self)
            .map_err(|_| FromSqlError::OutOfRange(number))
    }
}

const COLUMNS: &str = "ticket, stream, key, title, method, request_id, state, is_holding, \
     request_bytes, enqueued_at_us, attempts, first_attempt_at_us, last_attempt_at_us, \
     is_uncertain, reason, message, name, receipt, settled_at_us";

pub(super) fn item(connection: &Connection, ticket: Ticket) -> rusqlite::Result<Option<Item>> {
    let sql = format!("SELECT {COLUMNS} FROM items WHERE ticket = ?1");
    let mut query = connection.prepare_cached(&sql)?;
    let found = query.query_row([ticket.0], read).optional()?;
    found.map(|item| with_files(connection, item)).transpose()
}

pub(super) fn by_key(connection: &Connection, key: &str) -> rusqlite::Result<Option<Item>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM items WHERE key = ?1 ORDER BY state = 'discarded', ticket DESC LIMIT 1"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let found = query.query_row([key], read).optional()?;
    found.map(|item| with_files(connection, item)).transpose()
}

pub(super) fn list(connection: &Connection, request: &ListItems) -> rusqlite::Result<Vec<Item>> {
    let (past, order) = if request.newest_first {
        ("ticket < ?3", "DESC")
    } else {
        ("ticket > ?3", "ASC")
    };
    let limit = match request.limit {
        0 => LIST_DEFAULT,
        limit => limit.min(LIST_MAX),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM items WHERE (?1 IS NULL OR state = ?1) \
         AND (?2 IS NULL OR stream = ?2) AND (?3 IS NULL OR {past}) \
         ORDER BY ticket {order} LIMIT ?4"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let rows = query.query_map(
        (
            request.state.map(State::as_str),
            &request.stream,
            request.after.map(|ticket| ticket.0),
            i64::try_from(limit).unwrap_or(i64::MAX),
        ),
        read,
    )?;
    rows.map(|item| with_files(connection, item?)).collect()
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    let mut query =
        connection.prepare_cached("SELECT state, COUNT(*) FROM items GROUP BY state")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (state, Count(number)): (String, Count) = (row.get(0)?, row.get(1)?);
        match state.parse() {
            Ok(State::Queued) => counts.queued = number,
            Ok(State::Refused) => counts.refused = number,
            Ok(State::Delivered) => counts.delivered = number,
            Ok(State::Discarded) => counts.discarded = number,
            Err(_) => {}
        }
    }
    counts.bytes = held(connection)?.1;
    counts.streams_held = connection
        .query_row(
            "SELECT COUNT(DISTINCT stream) FROM items WHERE state = 'refused' AND is_holding",
            [],
            |row| row.get::<_, Count>(0),
        )?
        .0;
    let oldest: Option<i64> = connection
        .query_row(
            "SELECT enqueued_at_us FROM items WHERE ticket = \
         (SELECT MIN(ticket) FROM items WHERE state = 'queued')",
            [],
            |row| row.get(0),
        )
        .optional()?;
    counts.oldest_queued_at = oldest.and_then(instant);
    Ok(counts)
}

/// Items that count against the bounds, and their bytes.
pub(super) fn held(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let (Count(items), Count(bytes)): (Count, Count) = connection
        .prepare_cached(
            "SELECT COUNT(*), COALESCE(SUM(request_bytes), 0) FROM items \
             WHERE state IN ('queued', 'refused')",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Count(files) = connection
        .prepare_cached(
            "SELECT COALESCE(SUM(size_bytes), 0) FROM (SELECT DISTINCT sha256, size_bytes \
             FROM attachments JOIN items USING (ticket) WHERE state IN ('queued', 'refused'))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok((items, bytes.saturating_add(files)))
}

/// An instant as it is stored.
pub(super) fn instant(at_us: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(at_us).ok()
}

fn at(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.and_then(instant))
}

fn broken(column: &str, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    // The column's number is not known here; its name is in the error.
    let error = std::io::Error::other(format!("{column}: {error}"));
    rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Item> {
    let state: String = row.get("state")?;
    let state: State = state.parse().map_err(|error| broken("state", error))?;
    let reason: Option<String> = row.get("reason")?;
    let delivered = match row.get::<_, Option<Vec<u8>>>("receipt")? {
        Some(receipt) if state == State::Delivered => Some(Delivered {
            name: row.get::<_, Option<String>>("name")?.unwrap_or_default(),
            receipt: Receipt::decode(&receipt[..]).map_err(|error| broken("receipt", error))?,
            at: at(row, "settled_at_us")?.unwrap_or_default(),
        }),
        _ => None,
    };
    Ok(Item {
        ticket: Ticket(row.get("ticket")?),
        stream: row.get("stream")?,
        key: row.get("key")?,
        title: row.get("title")?,
        method: row.get("method")?,
        request_id: row.get("request_id")?,
        state,
        is_holding: row.get("is_holding")?,
        request_bytes: row.get::<_, Count>("request_bytes")?.0,
        attachments: vec![],
        enqueued_at: at(row, "enqueued_at_us")?.unwrap_or_default(),
        attempts: row.get("attempts")?,
        first_attempt_at: at(row, "first_attempt_at_us")?,
        last_attempt_at: at(row, "last_attempt_at_us")?,
        is_uncertain: row.get("is_uncertain")?,
        problem: match reason {
            Some(reason) => Some(Problem {
                reason,
                message: row.get::<_, Option<String>>("message")?.unwrap_or_default(),
            }),
            None => None,
        },
        delivered,
    })
}

fn with_files(connection: &Connection, mut item: Item) -> rusqlite::Result<Item> {
    let mut query = connection.prepare_cached(
        "SELECT sha256, size_bytes, file_name, media_type FROM attachments \
         WHERE ticket = ?1 ORDER BY position",
    )?;
    let rows = query.query_map([item.ticket.0], |row| {
        Ok(ItemAttachment {
            sha256: row.get(0)?,
            size_bytes: row.get::<_, Count>(1)?.0,
            file_name: row.get(2)?,
            media_type: row.get(3)?,
        })
    })?;
    item.attachments = rows.collect::<rusqlite::Result<_>>()?;
    Ok(item)
}
