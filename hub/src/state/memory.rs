//! A store in memory, for tests and simulation. Nothing survives it; everything else holds.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hub_core::{
    crypto::{Digest, SigningKey},
    merkle::{self, Frontier},
    note::{NoteError, NoteSigner},
};
use jiff::Timestamp;
use tlog_tiles::{Hash, HashReader, prove_record, prove_tree, stored_hash_index};
use tokio::sync::watch;

use super::store::{Committed, Direction, Row, RowBatch, Store, StoreError};
use crate::ledger::{Checkpoint, EncodedEntry, Erasure, LedgerError, SealReport, StoredEntry};

/// Ledger and rows in memory.
#[derive(Debug)]
pub struct MemoryStore {
    signer: NoteSigner<Arc<SigningKey>>,
    inner: Mutex<Inner>,
    head: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    entries: Vec<StoredEntry>,
    hashes: Hashes,
    frontier: Frontier,
    rows: BTreeMap<Vec<u8>, Bytes>,
    applied: u64,
    checkpoint: Arc<Checkpoint>,
}

/// Hashes of the tree in the order of tlog's stored hashes.
#[derive(Debug, Default)]
struct Hashes(Vec<Digest>);

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let missing = || tlog_tiles::Error::InvalidInput("no such hash".into());
        indexes
            .iter()
            .map(|index| {
                let index = usize::try_from(*index).map_err(|_| missing())?;
                self.0.get(index).copied().map(Hash).ok_or_else(missing)
            })
            .collect()
    }
}

impl MemoryStore {
    /// An empty ledger whose checkpoints bear an origin and are signed with a key.
    ///
    /// # Errors
    /// When the origin is malformed or the key is not Ed25519.
    pub fn new(origin: &str, key: Arc<SigningKey>) -> Result<Self, NoteError> {
        let signer = NoteSigner::new(origin, key)?;
        let frontier = Frontier::new();
        let root = frontier.root();
        let checkpoint = Arc::new(Checkpoint {
            size: 0,
            root,
            note: signer.sign(0, &root)?,
        });
        let inner = Inner {
            entries: vec![],
            hashes: Hashes::default(),
            frontier,
            rows: BTreeMap::new(),
            applied: 0,
            checkpoint,
        };
        Ok(Self {
            signer,
            inner: Mutex::new(inner),
            head: watch::Sender::new(0),
        })
    }

    /// Forgets all rows, as a lost index would.
    pub fn drop_rows(&self) {
        let mut inner = self.lock();
        inner.rows.clear();
        inner.applied = 0;
    }

    /// Every row, for comparing two states.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<Vec<u8>, Bytes> {
        self.lock().rows.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, rows: RowBatch) {
        for (key, value) in rows {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    fn head(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }
}

fn index_error(error: impl std::fmt::Display) -> StoreError {
    StoreError::Index(error.to_string())
}

impl Store for MemoryStore {
    fn head(&self) -> u64 {
        *self.head.borrow()
    }

    fn head_watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn applied(&self) -> u64 {
        self.lock().applied
    }

    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        _now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let mut inner = self.lock();
        let found = inner.head();
        if found != expected_head {
            return Err(StoreError::Head {
                expected: expected_head,
                found,
            });
        }
        let mut leaf_hashes = Vec::with_capacity(entries.len());
        for entry in entries {
            let leaf = merkle::leaf_hash(&entry.header);
            let Inner {
                frontier, hashes, ..
            } = &mut *inner;
            frontier.push(leaf, |hash| hashes.0.push(hash));
            leaf_hashes.push(leaf);
            inner.entries.push(StoredEntry {
                header: entry.header.clone(),
                content: entry.content.clone(),
                is_sealed: false,
            });
        }
        let (size, root) = (inner.head(), inner.frontier.root());
        let note = self.signer.sign(size, &root).map_err(index_error)?;
        inner.checkpoint = Arc::new(Checkpoint { size, root, note });
        inner.put(rows);
        inner.applied = size;
        drop(inner);
        self.head.send_replace(size);
        Ok(Committed { leaf_hashes })
    }

    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.put(rows);
        inner.applied = applied;
        Ok(())
    }

    fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.lock().rows.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(vec![]);
        }
        let inner = self.lock();
        let rows = inner
            .rows
            .range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)))
            .map(|(key, value)| (Bytes::copy_from_slice(key), value.clone()));
        Ok(match direction {
            Direction::Forward => rows.take(limit).collect(),
            Direction::Backward => rows.rev().take(limit).collect(),
        })
    }

    fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(usize::try_from(index)
            .ok()
            .and_then(|index| self.lock().entries.get(index).cloned()))
    }

    fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let skip = usize::try_from(from).map_err(index_error)?;
        let inner = self.lock();
        let mut bytes = 0_usize;
        Ok(inner
            .entries
            .iter()
            .skip(skip)
            .take(count_max)
            .take_while(|entry| {
                let is_within = bytes < bytes_max;
                bytes = bytes.saturating_add(entry.header.len() + entry.content.len());
                is_within
            })
            .cloned()
            .collect())
    }

    fn seal(&self, erasures: &[Erasure]) -> Result<SealReport, StoreError> {
        let mut inner = self.lock();
        let mut report = SealReport::default();
        for Erasure { index, residue } in erasures {
            let at = usize::try_from(*index).map_err(index_error)?;
            let entry = inner.entries.get_mut(at).ok_or_else(|| {
                LedgerError::OutOfRange(format!("entry {index} is not in the ledger"))
            })?;
            if !entry.is_sealed {
                let freed = entry.content.len().saturating_sub(residue.len());
                report.bytes_freed = report.bytes_freed.saturating_add(freed as u64);
                report.sealed = report.sealed.saturating_add(1);
                entry.content = residue.clone();
                entry.is_sealed = true;
            } else if entry.content == *residue {
                report.already = report.already.saturating_add(1);
            } else {
                return Err(LedgerError::SealedOtherwise(*index).into());
            }
        }
        Ok(report)
    }

    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError> {
        let inner = self.lock();
        if index >= inner.head() {
            return Ok(None);
        }
        let at = usize::try_from(stored_hash_index(0, index)).map_err(index_error)?;
        Ok(inner.hashes.0.get(at).copied())
    }

    fn checkpoint(&self) -> Arc<Checkpoint> {
        Arc::clone(&self.lock().checkpoint)
    }

    fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>, StoreError> {
        let proof = prove_record(tree_size, index, &self.lock().hashes).map_err(index_error)?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    fn consistency_proof(&self, from_size: u64, to_size: u64) -> Result<Vec<Digest>, StoreError> {
        let proof = prove_tree(to_size, from_size, &self.lock().hashes).map_err(index_error)?;
        Ok(proof.into_iter().map(|hash| hash.0).collect())
    }

    fn close(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
