//! Subscriptions: backlog and live in one, in order, from a cursor.
//!
//! A subscription pulls: it looks at the heads of its logs when the ledger's head has moved, and
//! reads what is new from memory or from the ledger. Nothing is queued for a slow reader, so it
//! costs no memory and slows nobody.
//!
//! Invariant: within a log positions follow each other without gap or repeat; across logs
//! notifications come in the ledger's order.

use std::{collections::VecDeque, sync::Arc};

use hub_core::names::LogName;
use hub_proto::channels::Notification;

use crate::{
    domain::channels::{
        cursor::Cursor,
        log::{self, NotificationPlace},
    },
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
};

/// A notification read from a log.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The log.
    pub log: LogName,
    /// Its position there.
    pub position: i64,
    /// Where it is on the ledger.
    pub place: NotificationPlace,
    /// The notification.
    pub notification: Arc<Notification>,
    /// Its entry.
    pub entry: Arc<Recorded>,
}

/// A reader of several logs.
#[derive(Debug)]
pub struct Subscription {
    engine: Arc<Engine>,
    logs: Vec<Reading>,
    cursor: Cursor,
    /// The entry read last: the items of a batch follow each other, and are read once.
    last: Option<Last>,
}

/// An entry, and those of its notifications that this reader alone holds: of an entry that is no longer
/// in memory, each is given away rather than copied.
#[derive(Debug)]
struct Last {
    entry: Arc<Recorded>,
    own: Vec<(u32, Option<Arc<Notification>>)>,
}

impl Last {
    fn take(&mut self, item: u32) -> Option<Arc<Notification>> {
        let at = usize::try_from(item).ok();
        let own = at.and_then(|at| self.own.get_mut(at));
        own.filter(|(number, _)| *number == item)
            .and_then(|(_, notification)| notification.take())
            .or_else(|| self.entry.notification(item))
    }
}

/// Where the reader stands in one log, with places already looked up.
#[derive(Debug)]
struct Reading {
    log: LogName,
    next: i64,
    places: VecDeque<(i64, NotificationPlace)>,
    /// The ledger's head when there was nothing more: so there is none until it has moved.
    read_out_at: Option<u64>,
}

impl Subscription {
    /// Reads logs after a cursor. The caller has been permitted each of them.
    #[must_use]
    pub fn new(engine: Arc<Engine>, logs: Vec<LogName>, mut cursor: Cursor) -> Self {
        // Also where nothing has come yet: what comes there later waits for a consumer that
        // acknowledges such a cursor, and counts as its lag.
        for log in &logs {
            let position = cursor.position(log);
            cursor.set(log.clone(), position);
        }
        let logs = logs
            .into_iter()
            .map(|log| Reading {
                next: cursor.position(&log).saturating_add(1),
                log,
                places: VecDeque::new(),
                read_out_at: None,
            })
            .collect();
        Self {
            engine,
            logs,
            cursor,
            last: None,
        }
    }

    /// The logs that it reads.
    pub fn logs(&self) -> impl Iterator<Item = &LogName> {
        self.logs.iter().map(|reading| &reading.log)
    }

    /// Cursor after what was read last. It keeps the positions of logs that are not read now.
    #[must_use]
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn entry(&mut self, index: u64) -> Result<&mut Last> {
        let is_last = |last: &Last| last.entry.header.index == index;
        let last = match self.last.take().filter(is_last) {
            Some(last) => last,
            None => self.read_entry(index)?,
        };
        Ok(self.last.insert(last))
    }

    fn read_entry(&self, index: u64) -> Result<Last> {
        if let Some(entry) = self.engine.recent(index) {
            return Ok(Last { entry, own: vec![] });
        }
        let entry = self.engine.recorded(index)?;
        let entry = entry.ok_or_else(|| Error::internal("a log points past the ledger"))?;
        let own = entry.decode_notifications().into_iter();
        let own = own.map(|(item, notification)| (item, Some(notification)));
        Ok(Last {
            own: own.collect(),
            entry,
        })
    }

    /// The next notification, or `None` when the newest has been read.
    ///
    /// # Errors
    /// When storage fails or holds damage.
    pub fn read_next(&mut self) -> Result<Option<Delivered>> {
        let head = self.engine.store().head();
        let mut first: Option<(NotificationPlace, usize)> = None;
        for (index, reading) in self.logs.iter_mut().enumerate() {
            if reading.places.is_empty() && reading.read_out_at != Some(head) {
                reading.places = log::read(self.engine.store(), &reading.log, reading.next)?.into();
            }
            let Some((_, place)) = reading.places.front() else {
                reading.read_out_at = Some(head);
                continue;
            };
            if place.entry_index < head && first.is_none_or(|(least, _)| *place < least) {
                first = Some((*place, index));
            }
        }
        let Some((place, index)) = first else {
            return Ok(None);
        };
        let last = self.entry(place.entry_index)?;
        let entry = Arc::clone(&last.entry);
        let notification = last.take(place.item);
        let reading = self
            .logs
            .get_mut(index)
            .ok_or_else(|| Error::internal("no such log"))?;
        let Some((position, _)) = reading.places.pop_front() else {
            return Ok(None);
        };
        reading.next = position.saturating_add(1);
        self.cursor.set(reading.log.clone(), position);
        let notification = notification.ok_or_else(|| {
            Error::internal(format!(
                "entry {} holds no such notification",
                place.entry_index
            ))
        })?;
        Ok(Some(Delivered {
            log: reading.log.clone(),
            position,
            place,
            notification,
            entry,
        }))
    }
}
