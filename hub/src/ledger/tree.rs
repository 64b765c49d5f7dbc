//! `tree.hashes`: the tree's hashes in the stored order of tlog-tiles, 32 bytes each.
//!
//! Derived from the segments: it is written without a sync, checked against signed checkpoints at
//! open, and rebuilt when it does not agree. Memory does not grow with it: each hash is read where
//! it lies.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use hub_core::{crypto::Digest, merkle::Frontier};
use tlog_tiles::tlog::{self, Hash, HashReader, stored_hash_count, sub_tree_index};

use super::{
    error::{LedgerError, Result, damage},
    storage::Storage,
};

/// Name of the file.
pub(super) const TREE_FILE: &str = "tree.hashes";

const HASH_BYTES: u64 = 32;

/// Bytes that the hashes of a tree of so many leaves take.
pub(super) fn tree_bytes(size: u64) -> u64 {
    stored_hash_count(size).saturating_mul(HASH_BYTES)
}

/// The file of hashes.
#[derive(Debug)]
pub(super) struct HashFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl HashFile {
    /// Opens the file for reading and writing, making it when it is not there.
    pub(super) fn open(storage: &dyn Storage, ledger_dir: &Path) -> Result<Self> {
        let path = ledger_dir.join(TREE_FILE);
        let file = storage
            .open_or_create(&path)
            .map_err(LedgerError::io("open", &path))?;
        Ok(Self { file, path })
    }

    /// Opens the file for reading; `None` when it is not there.
    pub(super) fn open_existing(ledger_dir: &Path) -> Option<Self> {
        let path = ledger_dir.join(TREE_FILE);
        let file = File::open(&path).ok()?;
        Some(Self { file, path })
    }

    pub(super) fn len(&self) -> Result<u64> {
        self.file
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(LedgerError::io("read", &self.path))
    }

    /// Fills the buffer from an offset.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(LedgerError::io("read", &self.path))
    }

    /// One hash by its place in the stored order.
    pub(super) fn hash(&self, index: u64) -> Result<Digest> {
        let mut hash = [0; 32];
        self.read_at(&mut hash, index.saturating_mul(HASH_BYTES))?;
        Ok(hash)
    }

    /// The right edge of the tree of a size, as this file has it.
    pub(super) fn frontier(&self, size: u64) -> Result<Frontier> {
        let peaks = sub_tree_index(0, size, vec![])
            .into_iter()
            .map(|index| self.hash(index))
            .collect::<Result<Vec<_>>>()?;
        Frontier::from_peaks(size, peaks).ok_or_else(|| self.disagrees("its hashes fit no tree"))
    }

    /// The error of a file that contradicts the signed tree.
    pub(super) fn disagrees(&self, what: impl Into<String>) -> LedgerError {
        let remedy = "Stop the hub, delete this file and start the hub: the file is rebuilt";
        LedgerError::Damaged(damage(&self.path, 0, what, remedy))
    }

    /// Runs a proof function of tlog-tiles over this file.
    pub(super) fn prove(
        &self,
        prove: impl FnOnce(&Self) -> std::result::Result<Vec<Hash>, tlog::Error>,
    ) -> Result<Vec<Digest>> {
        prove(self)
            .map(|hashes| hashes.into_iter().map(|hash| hash.0).collect())
            .map_err(|error| self.disagrees(format!("no proof can be made ({error})")))
    }
}

impl HashReader for HashFile {
    fn read_hashes(&self, indexes: &[u64]) -> std::result::Result<Vec<Hash>, tlog::Error> {
        indexes
            .iter()
            .map(|index| {
                self.hash(*index)
                    .map(Hash)
                    .map_err(|error| tlog::Error::InvalidInput(error.to_string()))
            })
            .collect()
    }
}
