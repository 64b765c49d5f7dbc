//! A store in memory whose commits wait for a gate, so that the writer's queue can be filled.

use std::sync::Arc;

use hub::{
    ledger::{Checkpoint, EncodedEntry, Erasure, SealReport, StoredEntry},
    state::{
        memory::MemoryStore,
        store::{Committed, Direction, Row, RowBatch, Store, StoreError},
    },
};
use hub_core::crypto::Digest;
use jiff::Timestamp;
use tokio::sync::watch;

/// A store whose commits wait for a gate.
#[derive(Debug)]
pub struct Gated {
    inner: MemoryStore,
    open: watch::Receiver<bool>,
    waiting: watch::Sender<bool>,
}

/// The gate of a [`Gated`] store.
#[derive(Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
    waiting: watch::Receiver<bool>,
}

impl Gated {
    /// A store with an open gate.
    #[must_use]
    pub fn new(inner: MemoryStore) -> (Self, Gate) {
        let (open, is_open) = watch::channel(true);
        let (waiting, is_waiting) = watch::channel(false);
        let store = Self {
            inner,
            open: is_open,
            waiting,
        };
        let gate = Gate {
            open,
            waiting: is_waiting,
        };
        (store, gate)
    }
}

impl Gate {
    /// Commits wait from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// Commits go on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Returns once the writer stands before the closed gate.
    pub async fn until_the_writer_waits(&self) {
        let mut waiting = self.waiting.clone();
        waiting.wait_for(|waits| *waits).await.unwrap();
    }
}

impl Store for Gated {
    fn head(&self) -> u64 {
        self.inner.head()
    }

    fn head_watch(&self) -> watch::Receiver<u64> {
        self.inner.head_watch()
    }

    fn applied(&self) -> u64 {
        self.inner.applied()
    }

    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        while !*self.open.borrow() {
            self.waiting.send_replace(true);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        self.waiting.send_replace(false);
        self.inner.commit(expected_head, entries, rows, now)
    }

    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError> {
        self.inner.replay(applied, rows)
    }

    fn row(&self, key: &[u8]) -> Result<Option<bytes::Bytes>, StoreError> {
        self.inner.row(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(from, to, direction, limit)
    }

    fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        self.inner.entry(index)
    }

    fn seal(&self, erasures: &[Erasure]) -> Result<SealReport, StoreError> {
        self.inner.seal(erasures)
    }

    fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        self.inner.entries(from, count_max, bytes_max)
    }

    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError> {
        self.inner.leaf_hash(index)
    }

    fn checkpoint(&self) -> Arc<Checkpoint> {
        self.inner.checkpoint()
    }

    fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.inclusion_proof(index, tree_size)
    }

    fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<Digest>, StoreError> {
        self.inner.consistency_proof(from, to)
    }

    fn close(&self, now: Timestamp) -> Result<(), StoreError> {
        self.inner.close(now)
    }
}
