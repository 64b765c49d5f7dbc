//! The ledger: the durable truth, an append-only row of entries under one signed Merkle tree.
//!
//! The cast:
//! - [`open`] takes the data folder, repairs what was never acknowledged, refuses the rest.
//! - [`Writer`] appends commits: entries and their checkpoint in one write and one sync.
//! - [`Reader`] answers entries and proofs; any number, on any thread.
//! - [`Sealer`] erases contents from complete segments, beside writer and readers.
//! - [`fsck`] reads everything again and changes nothing.
//! - [`snapshot`] reads whole segments beside a running hub, and writes them elsewhere.
//!
//! Invariant: a reader sees an entry only after the sync of its commit returned, and what a reader
//! saw is there after every crash. The ledger does not look into entries: header and content are
//! bytes, a leaf of the tree is the hash of the header.
//!
//! Files in `<data>/ledger/`: `segment-….log` (the truth), `segment-….idx` and `tree.hashes`
//! (derived), `checkpoint` (the newest signed checkpoint, at most a second behind while entries
//! come in). `<data>/lock` keeps a second process out.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use hub_core::crypto::{Digest, SigningKey};

mod checkpoint;
mod error;
mod fsck;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod index;
mod lock;
mod open;
mod reader;
mod record;
mod seal;
mod segment;
pub mod snapshot;
mod storage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod writer;

pub use checkpoint::CHECKPOINT_FILE;
pub(crate) use error::INSTALL_NEWER;
pub use error::{Damage, LedgerError};
pub use fsck::{FINDINGS_MAX, Finding, FsckOptions, FsckReport, Progress, Severity, fsck};
pub use lock::{DataLock, LOCK_FILE};
pub use open::{OpenReport, open, open_locked};
pub use reader::Reader;
pub use record::ENTRY_BYTES_MAX;
pub use seal::{Erasure, SealReport, Sealer};
pub use segment::{SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MAX};
pub use storage::{RealStorage, Storage};
pub use writer::Writer;

/// Folder of the ledger in the data folder.
pub const LEDGER_DIR: &str = "ledger";

/// Entries of one commit.
pub const COMMIT_ENTRIES_MAX: usize = 4096;

/// Bytes of one commit on disk.
pub const COMMIT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How far the `checkpoint` file may fall behind while commits come in, in milliseconds.
pub const CHECKPOINT_INTERVAL_MS: i64 = 1000;

/// How to open a ledger.
#[derive(Debug, Clone)]
pub struct LedgerOptions {
    /// The data folder; the ledger is in its `ledger` folder.
    pub dir: PathBuf,
    /// Name of the ledger in its checkpoints, such as `hub.example/ledger`: no white space, no `+`.
    pub origin: String,
    /// The Ed25519 key that signs checkpoints.
    pub key: Arc<SigningKey>,
    /// Bytes at which a new segment begins; at most [`SEGMENT_BYTES_MAX`].
    pub segment_bytes_max: u64,
    /// The calls that change files.
    pub storage: Arc<dyn Storage>,
}

impl LedgerOptions {
    /// Options with the defaults.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, origin: impl Into<String>, key: Arc<SigningKey>) -> Self {
        Self {
            dir: dir.into(),
            origin: origin.into(),
            key,
            segment_bytes_max: SEGMENT_BYTES_DEFAULT,
            storage: Arc::new(RealStorage),
        }
    }
}

/// An entry to append: the exact bytes of the two parts of `hub.ledger.v1.Entry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedEntry {
    /// Never erased; hashed into the tree.
    pub header: Bytes,
    /// May be sealed by retention.
    pub content: Bytes,
}

impl EncodedEntry {
    /// Bytes of both parts.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.header.len() as u64 + self.content.len() as u64
    }
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The exact header bytes.
    pub header: Bytes,
    /// The exact content bytes, or what stays of them once sealed.
    pub content: Bytes,
    /// Whether the content was erased and this is the residue.
    pub is_sealed: bool,
}

/// A signed state of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Digest,
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
}

/// What one append made durable.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Index of the first entry.
    pub first_index: u64,
    /// Leaf hashes of the entries, in order.
    pub leaf_hashes: Vec<Digest>,
    /// The tree with the entries in it.
    pub checkpoint: Arc<Checkpoint>,
}
