//! The thread that follows the ledger.
//!
//! It is never on the way of a publish: it looks at the head once that has moved. What it has written
//! and how far it is go into the file in one transaction.

use std::{path::Path, sync::Arc, time::Duration};

use futures::{
    executor::block_on,
    future::{Either, select},
};
use hub_core::crypto::Digest;
use rusqlite::Connection;
use tokio::sync::watch;

use super::{
    Order, Progress, Shared,
    index::{self, Fault, FaultKind},
    rows::{self, Change},
};
use crate::engine::{Engine, recorded::Recorded};

/// Entries read at a time.
const READ_COUNT_MAX: usize = 4_096;

/// About how many bytes of entries are read from the ledger at a time.
const READ_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Changes after which a transaction ends.
const CHANGES_MAX: usize = 4_096;

/// How long new entries may wait for more to come, so that many share a transaction: what a transaction
/// costs is in the pages that it changes, and many places share a page. A search that waits ends it.
const LINGER_STEP: Duration = Duration::from_millis(50);

/// How often they are looked at meanwhile: a second in all.
const LINGER_STEPS: u32 = 20;

/// Entries that wait for no more.
const LINGER_COUNT: u64 = 2_048;

/// Pause after a failure. The index is made anew at most so often.
const PAUSE: Duration = Duration::from_secs(2);

/// Follows the ledger until it is told to stop.
pub(super) fn run(engine: &Engine, dir: &Path, shared: &Shared) {
    let mut said = None;
    let mut orders = shared.orders.subscribe();
    loop {
        let outcome = follow(engine, dir, shared, &mut orders);
        shared
            .progress
            .send_modify(|progress| progress.is_open = false);
        let fault = match outcome {
            Ok(()) => return,
            Err(fault) => fault,
        };
        let is_unfit = fault.kind() == FaultKind::Unfit;
        let text = fault.to_string();
        if said.as_ref() != Some(&text) {
            let remedy = if is_unfit {
                "it is deleted and made anew from the ledger"
            } else {
                "it is tried again"
            };
            tracing::warn!(fault = text, remedy, "the search index cannot be used");
            said = Some(text);
        }
        if is_unfit && let Err(error) = index::delete(dir) {
            tracing::warn!(%error, "the search index cannot be deleted");
        }
        if is_unfit && shared.is_first_renewal() {
            continue;
        }
        std::thread::park_timeout(PAUSE);
        if *orders.borrow() == Order::Stop {
            return;
        }
    }
}

/// Opens the file, brings it up to the head and keeps it there. Ends well when told to stop.
fn follow(
    engine: &Engine,
    dir: &Path,
    shared: &Shared,
    orders: &mut watch::Receiver<Order>,
) -> Result<(), Fault> {
    let mut connection = index::open_writer(dir)?;
    let mut applied = accept(engine, &connection)?;
    index::set_clean(&connection, false)?;
    let mut heads = engine.head_watch();
    // What was sealed just before a crash may still be in the log.
    let mut must_truncate = !index::truncate_log(&connection)?;
    shared.opened(applied);
    loop {
        match *orders.borrow_and_update() {
            Order::Stop => {
                index::set_clean(&connection, true)?;
                index::truncate_log(&connection)?;
                return Ok(());
            }
            Order::Renew(generation) if generation >= shared.generation() => {
                return Err(Fault::unfit("a search found it damaged"));
            }
            Order::Renew(_) | Order::Follow => {}
        }
        let head = *heads.borrow_and_update();
        if applied < head {
            let (now, is_erased) = apply(engine, &mut connection, applied, head)?;
            must_truncate |= is_erased;
            applied = now;
            if must_truncate && applied >= head {
                // Until a reader lets go of the old pages they are on the disk: tried again next time.
                must_truncate = !index::truncate_log(&connection)?;
            }
            shared
                .progress
                .send_modify(|progress| progress.applied = applied);
            continue;
        }
        if must_truncate {
            // A reader held old pages. Nothing more may be recorded for days: do not wait for that.
            must_truncate = !index::truncate_log(&connection)?;
            if must_truncate {
                std::thread::park_timeout(PAUSE);
            }
            continue;
        }
        block_on(async {
            let moved = std::pin::pin!(heads.changed());
            let ordered = std::pin::pin!(orders.changed());
            match select(moved, ordered).await {
                // Whoever sends is gone: the hub is being taken apart, and an order to stop comes.
                Either::Left((Err(_), ordered)) => drop(ordered.await),
                Either::Left((Ok(()), _)) | Either::Right(_) => {}
            }
        });
        linger(engine, shared, applied);
    }
}

/// Waits for more entries: until there are many, it has been long, somebody waits for those there are, or
/// they would have to be read from the ledger again.
fn linger(engine: &Engine, shared: &Shared, applied: u64) {
    for _ in 0..LINGER_STEPS {
        let is_to_wait = engine.store().head().saturating_sub(applied) < LINGER_COUNT
            && !engine.is_aging(applied)
            && !shared.is_awaited()
            && *shared.orders.borrow() == Order::Follow;
        if !is_to_wait {
            return;
        }
        std::thread::park_timeout(LINGER_STEP);
    }
}

/// How far an opened file is, if it is fit and of this ledger.
fn accept(engine: &Engine, connection: &Connection) -> Result<u64, Fault> {
    let meta = index::meta(connection)?;
    if !meta.is_clean && meta.applied > 0 {
        index::check_whole(connection)?;
    }
    let Some(last) = meta.applied.checked_sub(1) else {
        return Ok(0);
    };
    let leaf = engine.store().leaf_hash(last).map_err(Fault::passing)?;
    if leaf.is_some_and(|leaf| leaf.as_slice() == meta.leaf) {
        Ok(meta.applied)
    } else {
        Err(Fault::unfit("it is another ledger's"))
    }
}

/// Writes the next entries in one transaction. Returns how far the index is then, and whether text
/// was taken out of it.
fn apply(
    engine: &Engine,
    connection: &mut Connection,
    applied: u64,
    head: u64,
) -> Result<(u64, bool), Fault> {
    let mut done = applied;
    let mut leaf: Digest = Digest::default();
    let mut changes: Vec<Change> = vec![];
    for entry in read(engine, applied, head)? {
        changes.extend(rows::changes(&entry));
        leaf = entry.leaf_hash;
        done = done.saturating_add(1);
        if changes.len() >= CHANGES_MAX {
            break;
        }
    }
    if done == applied {
        return Err(Fault::passing(format!("entry {applied} cannot be read")));
    }
    let transaction = connection.transaction()?;
    let is_erased = rows::write(&transaction, &changes)?;
    index::set_applied(&transaction, done, &leaf)?;
    transaction.commit()?;
    Ok((done, is_erased))
}

/// The next entries: from memory where they are still there, else from the ledger.
fn read(engine: &Engine, from: u64, head: u64) -> Result<Vec<Arc<Recorded>>, Fault> {
    let recent: Vec<_> = (from..head)
        .map_while(|index| engine.recent(index))
        .take(READ_COUNT_MAX)
        .collect();
    if !recent.is_empty() {
        return Ok(recent);
    }
    let fault = |error: crate::error::Error| Fault::passing(error.context.unwrap_or(error.message));
    let stored = engine
        .store()
        .entries(from, READ_COUNT_MAX, READ_BYTES_MAX)
        .map_err(Fault::passing)?;
    stored
        .iter()
        .map(|entry| Recorded::from_stored(entry).map(Arc::new).map_err(fault))
        .collect()
}

impl Shared {
    /// The file is open, so many entries far.
    fn opened(&self, applied: u64) {
        self.progress.send_modify(|progress| {
            *progress = Progress {
                applied,
                is_open: true,
                generation: progress.generation.saturating_add(1),
            };
        });
    }

    fn generation(&self) -> u64 {
        self.progress.borrow().generation
    }
}
