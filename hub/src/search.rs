//! Search: an index beside the state index, for what notifications are about.
//!
//! It is derived from the ledger and may be deleted at any time: it is made anew in the background.
//! It is not on the way of a publish, does not delay a start, and no fault of it stops the hub.
//!
//! The cast:
//! - [`Search`]: the handle. A search waits until the index has what was recorded before it.
//! - `indexer`: the thread that follows the ledger's head.
//! - `rows`: what an entry changes; `posting`: the places of a term.
//! - `index`: the file, its form, and what makes it unfit.
//! - `hits`: one search, and how it is ended.
//! - `cursor`: places that have everything that is asked, found by leaps.
//! - `text`: words of titles.
//!
//! Invariant: nothing is found outside the logs of a query. What may be seen is not decided here: the
//! caller gives the logs that it has been permitted.

mod cursor;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hits;
mod index;
mod indexer;
mod posting;
mod rows;
#[cfg(test)]
mod tests;
mod text;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use self::{
    hits::{Failure, Stop},
    index::FaultKind,
};
use crate::{
    domain::channels::log::NotificationPlace,
    engine::Engine,
    error::{Error, Result},
};

pub use self::{
    cursor::PIECES_MAX,
    hits::{Hit, Hits},
    index::{SEARCH_FILE, Term, delete},
};

/// Searches that run at once; each has a connection of its own.
pub const SEARCHES_MAX: usize = 4;

/// How long a search waits for its turn.
pub const TURN_WAIT_MAX: Duration = Duration::from_secs(2);

/// How long a search waits for the index to have what was recorded before it.
pub const INDEX_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a search may take.
pub const SEARCH_TIME_MAX: Duration = Duration::from_secs(2);

/// When a search may be tried again that found the index behind.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// What is looked for. All of it must hold.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The logs that are looked into: those that the caller may read. None means nothing is found.
    pub logs: Vec<Term>,
    /// What the notification must have.
    pub terms: Vec<Term>,
    /// The author's own id of it, as its 16 bytes.
    pub request_id: Option<[u8; 16]>,
    /// Words of the title.
    pub title: Option<TitleQuery>,
    /// Published at or after, microseconds since 1970-01-01T00:00:00Z.
    pub from_us: Option<i64>,
    /// Published before, in the same.
    pub before_us: Option<i64>,
    /// Only what comes after this one, in the query's order.
    pub after: Option<NotificationPlace>,
    /// Oldest first instead of newest first.
    pub is_oldest_first: bool,
}

/// Words that a title must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TitleQuery(String);

impl TitleQuery {
    /// Reads what a caller looks for: parts between spaces, each of which must be there as it is. There
    /// is no syntax. `None` when there is no letter, digit or character in it.
    #[must_use]
    pub fn new(asked: &str) -> Option<Self> {
        text::query(asked).map(Self)
    }
}

/// How far the index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Progress {
    applied: u64,
    is_open: bool,
    /// Which opening of the file; connections to an earlier one are of no use.
    generation: u64,
}

/// What the indexer is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Follow,
    /// Make the file anew if it is still that of this generation.
    Renew(u64),
    Stop,
}

/// What the handle and the indexer share.
#[derive(Debug)]
struct Shared {
    progress: watch::Sender<Progress>,
    orders: watch::Sender<Order>,
    /// Searches that wait for the index.
    waiting: AtomicUsize,
    /// Whether the first unfit file has been met, which is made anew without a pause.
    has_renewed: AtomicBool,
}

impl Shared {
    fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// True the first time that a file is made anew.
    fn is_first_renewal(&self) -> bool {
        !self.has_renewed.swap(true, Ordering::SeqCst)
    }
}

/// A handle on the index.
#[derive(Debug)]
pub struct Search {
    engine: Arc<Engine>,
    dir: PathBuf,
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
    readers: Arc<Mutex<Vec<(u64, Connection)>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Search {
    /// Starts to follow an engine, with the file in a folder. Returns at once: the file is opened, and
    /// made if need be, in the background.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(engine: &Arc<Engine>, dir: impl Into<PathBuf>) -> Result<Arc<Self>> {
        let dir = dir.into();
        let shared = Arc::new(Shared {
            progress: watch::Sender::new(Progress::default()),
            orders: watch::Sender::new(Order::Follow),
            waiting: AtomicUsize::new(0),
            has_renewed: AtomicBool::new(false),
        });
        let (of_thread, its_dir, its_engine) =
            (Arc::clone(&shared), dir.clone(), Arc::clone(engine));
        let thread = std::thread::Builder::new()
            .name("search-index".into())
            .spawn(move || indexer::run(&its_engine, &its_dir, &of_thread))
            .map_err(|error| {
                Error::internal(format!("the search thread did not start: {error}"))
            })?;
        Ok(Arc::new(Self {
            engine: Arc::clone(engine),
            dir,
            shared,
            turns: Arc::new(Semaphore::new(SEARCHES_MAX)),
            readers: Arc::default(),
            thread: Mutex::new(Some(thread)),
        }))
    }

    /// Runs a search. `read` takes from the hits what it needs, on a thread that may block, and what
    /// it makes of them is returned. The hits have all that was recorded before the call.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::Unavailable`] when the index is behind or being made anew,
    /// [`hub_core::reason::Reason::LimitExceeded`] when too many search at once; else what `read`
    /// answers.
    pub async fn find<T: Send + 'static>(
        &self,
        query: Query,
        read: impl FnOnce(&mut Hits<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let head = self.engine.store().head();
        let generation = self.caught_up(head).await?;
        let turn = timeout(TURN_WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(Error::limit(
                format!("{SEARCHES_MAX} searches run, and others wait"),
                Duration::from_millis(500),
            ));
        };
        let stop = Arc::new(Stop::default());
        let (readers, dir, its_stop) = (
            Arc::clone(&self.readers),
            self.dir.clone(),
            Arc::clone(&stop),
        );
        let mut task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let connection = hits::reader(&readers, generation, &dir)?;
            its_stop.begin(&connection);
            let outcome = hits::search(&connection, query, &its_stop, read);
            its_stop.end();
            if outcome.is_ok() {
                let mut readers = readers.lock().unwrap_or_else(PoisonError::into_inner);
                readers.push((generation, connection));
            }
            outcome
        });
        let outcome = match timeout(SEARCH_TIME_MAX, &mut task).await {
            Ok(outcome) => outcome,
            Err(_) => {
                stop.stop();
                task.await
            }
        };
        let outcome = outcome.map_err(|_| Error::internal("a search panicked"))?;
        outcome.map_err(|fault| self.failed(fault, generation))
    }

    /// Entries, oldest first, with a notification of a category whose text has not been sealed and
    /// that was published before an instant; after an entry, and at most so many.
    ///
    /// # Errors
    /// As [`Search::find`].
    pub async fn due_for_sealing(
        &self,
        category: &str,
        before: Timestamp,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let query = Query {
            logs: vec![Term::unsealed(category)],
            before_us: Some(before.as_microsecond()),
            is_oldest_first: true,
            after: after.map(|entry_index| NotificationPlace {
                entry_index,
                item: u32::MAX,
            }),
            ..Query::default()
        };
        self.find(query, move |hits| {
            let mut entries: Vec<u64> = vec![];
            while entries.len() < limit
                && let Hit::Place(place) = hits.read_next()?
            {
                if entries.last() != Some(&place.entry_index) {
                    entries.push(place.entry_index);
                }
            }
            Ok(entries)
        })
        .await
    }

    /// Entries of the category of reminders that remind of an entry's notifications and are not sealed:
    /// the oldest first and at most so many.
    ///
    /// # Errors
    /// As [`Search::find`].
    pub async fn unsealed_reminders_of(
        &self,
        category: &str,
        entry_index: u64,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let query = Query {
            logs: vec![Term::unsealed(category)],
            terms: vec![Term::reminder_of(entry_index)],
            is_oldest_first: true,
            ..Query::default()
        };
        self.find(query, move |hits| {
            let mut entries = vec![];
            while entries.len() < limit
                && let Hit::Place(place) = hits.read_next()?
            {
                entries.push(place.entry_index);
            }
            Ok(entries)
        })
        .await
    }

    /// Waits until the index is so far.
    async fn caught_up(&self, head: u64) -> Result<u64> {
        let mut progress = self.shared.progress.subscribe();
        let is_there = |progress: &Progress| progress.is_open && progress.applied >= head;
        let _waiting = Waiting::new(self);
        let reached = timeout(INDEX_WAIT_MAX, progress.wait_for(is_there)).await;
        if let Ok(Ok(reached)) = reached {
            return Ok(reached.generation);
        }
        let applied = self.shared.progress.borrow().applied;
        Err(Error::unavailable(
            format!(
                "the search index is being made or is behind: it has {applied} of {head} entries; \
                 lists and reads by name work meanwhile"
            ),
            RETRY_AFTER,
        ))
    }

    /// What the caller is told of a fault, and what the indexer.
    fn failed(&self, failure: Failure, generation: u64) -> Error {
        let fault = match failure {
            Failure::Told(error) => return error,
            Failure::Index(fault) => fault,
        };
        if fault.kind() == FaultKind::Unfit {
            self.order(Order::Renew(generation));
        }
        tracing::warn!(%fault, "a search failed");
        Error::unavailable(
            "the search index failed and is being made anew if need be; lists and reads by name \
             work meanwhile",
            RETRY_AFTER,
        )
    }

    fn order(&self, order: Order) {
        self.shared.orders.send_if_modified(|given| {
            let stands = *given == Order::Stop;
            if !stands {
                *given = order;
            }
            !stands
        });
        self.wake();
    }

    fn wake(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = &*thread {
            thread.thread().unpark();
        }
    }

    /// Ends the thread and closes the file. Blocks until it has ended.
    pub fn stop(&self) {
        self.order(Order::Stop);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the search thread panicked");
        }
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.order(Order::Stop);
    }
}

/// Counts a search that waits, and wakes the indexer for it.
struct Waiting<'a>(&'a Search);

impl<'a> Waiting<'a> {
    fn new(search: &'a Search) -> Self {
        search.shared.waiting.fetch_add(1, Ordering::SeqCst);
        search.wake();
        Self(search)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.shared.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
