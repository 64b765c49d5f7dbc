//! Carrying out orders to seal: erases what an order on the ledger names, and nothing else.
//!
//! Invariant: orders are carried out in the order of the ledger, each whole before the next. So the
//! newest one that is done says that all before it are, and what a crash cut short is found without
//! reading the ledger.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::{recent::Recent, recorded::Recorded};
use crate::{
    domain::sealing,
    error::{Error, Result},
    ledger::{Erasure, SealReport},
    state::{
        keys::{self, Key, Kind},
        store::{Direction, Store},
    },
};

/// Orders that are looked up at a time.
const ORDERS_PAGE: usize = 16;

/// About how many bytes of residues are held at a time. What is over is erased in a further rewriting
/// of its segments.
const RESIDUES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Erases what is ordered.
#[derive(Debug)]
pub(super) struct Sealer {
    store: Arc<dyn Store>,
    recent: Arc<Recent>,
    at_work: Mutex<()>,
    is_stopping: AtomicBool,
}

impl Sealer {
    pub(super) fn new(store: Arc<dyn Store>, recent: Arc<Recent>) -> Self {
        Self {
            store,
            recent,
            at_work: Mutex::new(()),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Ends with the erasure that is at work.
    pub(super) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
    }

    /// Whether anything was ever ordered.
    pub(super) fn has_orders(&self) -> Result<bool> {
        Ok(!self.orders_before(u64::MAX)?.is_empty())
    }

    /// Carries out every order that is not yet done.
    pub(super) fn finish(&self) -> Result<SealReport> {
        let _alone = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let mut report = SealReport::default();
        for order in self.unfinished()? {
            if self.is_stopping.load(Ordering::SeqCst) {
                break;
            }
            let done = self.carry_out(order)?;
            tracing::info!(
                order,
                entries = done.sealed,
                segments = done.segments,
                bytes = done.bytes_freed,
                "contents were sealed"
            );
            report.add(done);
        }
        Ok(report)
    }

    /// Orders that are not done, the oldest first.
    fn unfinished(&self) -> Result<Vec<u64>> {
        let mut unfinished = vec![];
        let mut before = u64::MAX;
        loop {
            let page = self.orders_before(before)?;
            let Some(oldest) = page.last() else { break };
            before = *oldest;
            for order in page {
                if self.is_done(order)? {
                    unfinished.reverse();
                    return Ok(unfinished);
                }
                unfinished.push(order);
            }
        }
        unfinished.reverse();
        Ok(unfinished)
    }

    /// Some orders before an entry, the newest first.
    fn orders_before(&self, entry_index: u64) -> Result<Vec<u64>> {
        let (from, _) = Key::new(Kind::SealOrder).range();
        let to = keys::seal_order(entry_index);
        let rows = self
            .store
            .scan(&from, &to, Direction::Backward, ORDERS_PAGE)?;
        rows.iter()
            .map(|(key, _)| {
                key.last_chunk::<8>()
                    .map(|index| u64::from_be_bytes(*index))
                    .ok_or_else(|| Error::internal("a row of an order is damaged"))
            })
            .collect()
    }

    fn is_done(&self, order: u64) -> Result<bool> {
        for index in self.entries_of(order)? {
            if !self.entry(index)?.is_sealed() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn carry_out(&self, order: u64) -> Result<SealReport> {
        let mut report = SealReport::default();
        let mut erasures = vec![];
        let mut bytes: usize = 0;
        for index in self.entries_of(order)? {
            let entry = self.entry(index)?;
            if entry.is_sealed() {
                report.already = report.already.saturating_add(1);
                continue;
            }
            let residue = sealing::residue(&entry.header, &entry.content, &entry.events, order);
            bytes = bytes.saturating_add(residue.len());
            erasures.push(Erasure { index, residue });
            if bytes >= RESIDUES_BYTES_MAX {
                report.add(self.erase(&erasures)?);
                erasures.clear();
                bytes = 0;
            }
        }
        report.add(self.erase(&erasures)?);
        Ok(report)
    }

    /// Memory forgets first: an erasure that fails half way has erased some, and nothing else would
    /// make memory forget those.
    fn erase(&self, erasures: &[Erasure]) -> Result<SealReport> {
        if let Some(newest) = erasures.iter().map(|erasure| erasure.index).max() {
            self.recent.forget_through(newest);
        }
        Ok(self.store.seal(erasures)?)
    }

    /// What an order names, the lowest index first.
    fn entries_of(&self, order: u64) -> Result<Vec<u64>> {
        let entry = self.entry(order)?;
        let mut entries: Vec<u64> = sealing::ordered(&entry.events)
            .filter(|index| *index < order)
            .collect();
        entries.sort_unstable();
        Ok(entries)
    }

    fn entry(&self, index: u64) -> Result<Recorded> {
        let stored = self.store.entry(index)?;
        let stored = stored.ok_or_else(|| Error::internal(format!("entry {index} is missing")))?;
        Recorded::from_stored(&stored)
    }
}
