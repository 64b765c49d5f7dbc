//! The seam between the engine and storage.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use hub_core::crypto::Digest;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::ledger::{Checkpoint, EncodedEntry, Erasure, SealReport, StoredEntry};

/// Rows to write: a value, or nothing to remove the row.
pub type RowBatch = BTreeMap<Vec<u8>, Option<Bytes>>;

/// A row.
pub type Row = (Bytes, Bytes);

/// Which way a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending keys.
    Forward,
    /// Descending keys.
    Backward,
}

/// What storage failed at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The ledger refused or failed.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::LedgerError),
    /// The index of rows failed for good: see [`Store::has_failed`].
    #[error("the state index failed: {0}")]
    Index(String),
    /// The index of rows could not be read this time.
    #[error("the state index cannot be read: {0}")]
    Unreadable(String),
    /// There is no room on the disk. Nothing was written: what was recorded stands, and can be read.
    #[error("the disk is full: {0}")]
    Full(String),
    /// Another writer was faster; nothing was written.
    #[error(
        "expected {expected} entries on the ledger, found {found}: another process writes here"
    )]
    Head {
        /// Entries that the writer built upon.
        expected: u64,
        /// Entries that there are.
        found: u64,
    },
}

/// What a commit made durable.
#[derive(Debug, Clone)]
pub struct Committed {
    /// RFC 6962 leaf hash of each entry, in order.
    pub leaf_hashes: Vec<Digest>,
}

/// Ledger and rows. Reads may run beside the one writer.
pub trait Store: Send + Sync + std::fmt::Debug {
    /// Entries on the ledger; every one of them is durable.
    fn head(&self) -> u64;

    /// Follows [`Store::head`]. It moves only after the rows of the new entries can be read.
    fn head_watch(&self) -> watch::Receiver<u64>;

    /// Entries whose rows are in the index.
    fn applied(&self) -> u64;

    /// Appends entries at an expected head, atomically with their rows. **When this returns `Ok`,
    /// the entries are flushed to stable storage**; their rows need not be, since they can be
    /// replayed. After an error other than [`StoreError::Head`] and [`StoreError::Full`] the store must be
    /// opened again.
    ///
    /// # Errors
    /// [`StoreError::Head`] when the head is another, [`StoreError::Full`] when there is no room;
    /// else what failed.
    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        now: Timestamp,
    ) -> Result<Committed, StoreError>;

    /// Writes rows of entries that are on the ledger already, and moves [`Store::applied`].
    ///
    /// # Errors
    /// When the index fails.
    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError>;

    /// One row.
    ///
    /// # Errors
    /// When the index fails.
    fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// Up to `limit` rows whose keys lie in `from..to`, in order.
    ///
    /// # Errors
    /// When the index fails.
    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;

    /// One entry; `None` past the head.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError>;

    /// Entries from an index on, at most so many and about so many bytes, at least one if there is.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>, StoreError>;

    /// Erases contents of entries below the head and keeps residues in their place; headers and rows
    /// stay. **When this returns `Ok`, the contents are gone from stable storage**, and no later read
    /// answers them. Runs beside commits and reads. Sealing an entry again with the same residue does
    /// nothing; after an error some may be sealed and others not, and to call again is safe.
    ///
    /// # Errors
    /// When an entry is not there, or is sealed with another residue; else what failed.
    fn seal(&self, erasures: &[Erasure]) -> Result<SealReport, StoreError>;

    /// Leaf hash of an entry; `None` past the head.
    ///
    /// # Errors
    /// When the tree cannot be read.
    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError>;

    /// The newest signed checkpoint.
    fn checkpoint(&self) -> Arc<Checkpoint>;

    /// Audit path of an entry in the tree of a size (RFC 6962 section 2.1.1).
    ///
    /// # Errors
    /// When the tree cannot be read, or the numbers are out of range.
    fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>, StoreError>;

    /// Proof that one tree is a prefix of another (RFC 6962 section 2.1.2).
    ///
    /// # Errors
    /// When the tree cannot be read, or the numbers are out of range.
    fn consistency_proof(&self, from_size: u64, to_size: u64) -> Result<Vec<Digest>, StoreError>;

    /// Whether something failed since the store was opened, so that it takes no commit any more.
    fn has_failed(&self) -> bool {
        false
    }

    /// Whether there is room for another commit, as far as can be told without writing.
    fn has_room(&self) -> bool {
        true
    }

    /// Flushes what is lazy, before a clean stop.
    ///
    /// # Errors
    /// When flushing fails.
    fn close(&self, now: Timestamp) -> Result<(), StoreError>;
}
