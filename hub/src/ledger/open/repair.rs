//! What opening changes, once every check has passed.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
};

use super::{LastSegment, Opening};
use crate::ledger::{
    OpenReport,
    checkpoint::{self, checkpoint_path},
    error::{LedgerError, Result},
    storage::TEMPORARY_EXTENSION,
    tree::{HashFile, tree_bytes},
};
impl Opening<'_> {
    /// Cuts a torn tail, and makes what was read durable: a process that died between write and
    /// sync left bytes that only the page cache may hold. The last commit is written once more, the
    /// same bytes: after a sync that failed the system takes what it holds for written, and another
    /// sync alone would say that it is.
    pub(super) fn settle_last(
        &self,
        last: &LastSegment,
        bytes: &[u8],
        path: &Path,
        report: &mut OpenReport,
    ) -> Result<File> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(LedgerError::io("open", path))?;
        if let Some(fault) = &last.torn {
            self.storage
                .set_len(&file, last.good_bytes)
                .map_err(LedgerError::io("cut", path))?;
            report.torn_bytes_cut = last.file_bytes - last.good_bytes;
            report.torn_entries_cut = fault.pending_entries;
            report.warn(format!(
                "{}: cut {} bytes and {} whole entries from byte {} on, which an unfinished write \
                 left ({} at byte {}); they were never acknowledged",
                path.display(),
                report.torn_bytes_cut,
                report.torn_entries_cut,
                last.good_bytes,
                fault.what,
                fault.offset,
            ));
        }
        let commit = usize::try_from(last.commit_at).unwrap_or(usize::MAX)
            ..usize::try_from(last.good_bytes).unwrap_or(usize::MAX);
        self.storage
            .write_at(&file, bytes.get(commit).unwrap_or_default(), last.commit_at)
            .map_err(LedgerError::io("write", path))?;
        self.storage
            .sync(&file)
            .map_err(LedgerError::io("sync", path))?;
        Ok(file)
    }

    /// Makes the end of `tree.hashes` what the last segment says.
    pub(super) fn settle_tree(
        &self,
        tree: &HashFile,
        last: &LastSegment,
        is_rebuilt: bool,
        report: &mut OpenReport,
    ) -> Result<()> {
        let start = tree_bytes(last.first);
        let end = tree_bytes(last.checkpoint.size);
        let length = tree.len()?;
        let mut found = vec![0; last.stored_hashes.len()];
        if length >= end {
            tree.read_at(&mut found, start)?;
        }
        // Written in any case, as the last commit is: what a sync that failed has left may be in memory
        // only, and the next segment begins on the word of another sync.
        self.write_tree(tree, &last.stored_hashes, start)?;
        if (length < end || found != last.stored_hashes) && !is_rebuilt {
            report.warn(format!(
                "{}: the end was rebuilt from the last segment",
                tree.path.display()
            ));
        }
        if length > end {
            self.storage
                .set_len(&tree.file, end)
                .map_err(LedgerError::io("cut", &tree.path))?;
        }
        if is_rebuilt {
            // Of older segments only the edge of their tree is looked at when the ledger is opened.
            self.storage
                .sync(&tree.file)
                .map_err(LedgerError::io("sync", &tree.path))?;
        }
        Ok(())
    }

    pub(super) fn write_tree(&self, tree: &HashFile, hashes: &[u8], at: u64) -> Result<()> {
        self.storage
            .write_at(&tree.file, hashes, at)
            .map_err(LedgerError::io("write", &tree.path))
    }

    pub(super) fn settle_checkpoint(
        &self,
        was_there: bool,
        last: &LastSegment,
        report: &mut OpenReport,
    ) -> Result<()> {
        if !was_there && !report.created {
            report.warn(format!(
                "{} was missing and is written anew; that no later entries are lost cannot be \
                 checked without it",
                checkpoint_path(self.ledger_dir).display()
            ));
        }
        checkpoint::write(self.storage, self.ledger_dir, &last.checkpoint.note)?;
        self.storage
            .sync_dir(self.ledger_dir)
            .map_err(LedgerError::io("sync", self.ledger_dir))
    }

    /// Removes files that a crash left before they were put in place.
    pub(super) fn remove_temporaries(&self) -> Result<()> {
        let dir = self.ledger_dir;
        for entry in fs::read_dir(dir).map_err(LedgerError::io("list", dir))? {
            let path = entry.map_err(LedgerError::io("list", dir))?.path();
            if path.extension().is_some_and(|e| e == TEMPORARY_EXTENSION) {
                self.storage
                    .remove(&path)
                    .map_err(LedgerError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}
