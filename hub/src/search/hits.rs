//! One search, on a thread that may block: what it finds, and how it is ended.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::{Connection, InterruptHandle, OptionalExtension as _, params};

use super::{
    Query, TitleQuery,
    cursor::{self, Effort, PIECES_MAX, Places, Source},
    index::{self, Fault, FaultKind, Place},
};
use crate::{
    domain::channels::log::NotificationPlace,
    error::{Error, Result},
};

/// Ends a search that takes too long.
#[derive(Default)]
pub(super) struct Stop {
    is_over: Arc<AtomicBool>,
    handle: Mutex<Option<InterruptHandle>>,
}

impl Stop {
    pub(super) fn begin(&self, connection: &Connection) {
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        *handle = Some(connection.get_interrupt_handle());
    }

    pub(super) fn end(&self) {
        self.handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = &*handle {
            handle.interrupt();
        }
    }
}

/// What ended a search.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller is told this.
    Told(Error),
    /// The index failed.
    Index(Fault),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Index(fault)
    }
}

/// A connection to the file of a generation.
pub(super) fn reader(
    readers: &Mutex<Vec<(u64, Connection)>>,
    generation: u64,
    dir: &Path,
) -> Result<Connection, Fault> {
    let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
    readers.retain(|(of, _)| *of == generation);
    let found = readers.pop();
    drop(readers);
    match found {
        Some((_, connection)) => Ok(connection),
        None => index::open_reader(dir),
    }
}

pub(super) fn search<T>(
    connection: &Connection,
    query: Query,
    stop: &Stop,
    read: impl FnOnce(&mut Hits<'_>) -> Result<T>,
) -> Result<T, Failure> {
    // One view of the index for the whole page.
    let view = connection.unchecked_transaction().map_err(Fault::from)?;
    let effort = Effort::new(PIECES_MAX, Arc::clone(&stop.is_over));
    let mut hits = Hits::new(&view, effort, query)?;
    let outcome = read(&mut hits);
    if let Some(fault) = hits.fault.take() {
        return Err(fault.into());
    }
    outcome.map_err(Failure::Told)
}

fn places(connection: &Connection, query: Query) -> Result<Places, Fault> {
    let order = if query.is_oldest_first {
        cursor::Order::OldestFirst
    } else {
        cursor::Order::NewestFirst
    };
    let (mut least, mut greatest) = (Place(0), Place(i64::MAX - 1));
    if let Some(from_us) = query.from_us {
        least = bound(connection, from_us)?;
    }
    if let Some(before_us) = query.before_us {
        greatest = Place(bound(connection, before_us)?.0 - 1);
    }
    if let Some(after) = query.after.and_then(Place::new) {
        if query.is_oldest_first {
            least = least.max(Place(after.0.saturating_add(1)));
        } else {
            greatest = greatest.min(Place(after.0.saturating_sub(1)));
        }
    }
    let mut groups: Vec<Vec<Source>> = vec![];
    groups.extend(query.terms.into_iter().map(|term| vec![Source::Term(term)]));
    groups.extend(query.request_id.map(|id| vec![Source::Request(id)]));
    groups.extend(
        query
            .title
            .map(|TitleQuery(words)| vec![Source::Title(words)]),
    );
    groups.push(query.logs.into_iter().map(Source::Term).collect());
    Ok(Places::new(groups, order, (least, greatest)))
}

/// Looks up a notification at or after a place, or before it.
pub(super) const PERIOD_STATEMENTS: [&str; 2] = [
    "SELECT place, published_at_us FROM notification WHERE place >= ?1 ORDER BY place LIMIT 1",
    "SELECT place, published_at_us FROM notification WHERE place < ?1 ORDER BY place DESC LIMIT 1",
];

/// A bound between the places of what was published before an instant and of what was later: found by
/// halving, since instants never go back along the ledger.
fn bound(connection: &Connection, at_us: i64) -> Result<Place, Fault> {
    let [on, back] = PERIOD_STATEMENTS;
    let last = connection
        .prepare_cached(back)?
        .query_row(params![i64::MAX], |row| row.get::<_, i64>(0))
        .optional()?;
    let mut statement = connection.prepare_cached(on)?;
    let (mut least, mut greatest) = (0, last.map_or(0, |last| last.saturating_add(1)));
    while least < greatest {
        let middle = least + (greatest - least) / 2;
        let found = statement
            .query_row(params![middle], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .optional()?;
        match found {
            Some((place, published_at_us)) if published_at_us < at_us => {
                least = place.saturating_add(1);
            }
            _ => greatest = middle,
        }
    }
    Ok(Place(least))
}

/// What a search finds, in its order.
#[derive(Debug)]
pub struct Hits<'a> {
    connection: &'a Connection,
    effort: Effort,
    places: Places,
    fault: Option<Fault>,
}

/// The next of what a search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// A notification.
    Place(NotificationPlace),
    /// There is no more.
    End,
    /// There may be more, but this search has read as much as one may.
    TooFar,
}

impl<'a> Hits<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        effort: Effort,
        query: Query,
    ) -> Result<Self, Fault> {
        Ok(Self {
            connection,
            effort,
            places: places(connection, query)?,
            fault: None,
        })
    }

    /// The next one.
    ///
    /// # Errors
    /// When the index fails; the search answers that, whatever is made of it.
    pub fn read_next(&mut self) -> Result<Hit> {
        match self.places.next(self.connection, &self.effort) {
            Ok(Some(place)) => Ok(Hit::Place(place.notification())),
            Ok(None) => Ok(Hit::End),
            Err(fault) if fault.kind() == FaultKind::Interrupted => Ok(Hit::TooFar),
            Err(fault) => {
                let text = fault.to_string();
                self.fault = Some(fault);
                Err(Error::internal(text))
            }
        }
    }
}
