//! `checkpoint`: the newest signed checkpoint, apart from the segments.
//!
//! It is what shows that the end of the ledger was lost: the segments may never hold less than it
//! claims.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use hub_core::note::{Checkpoint, NOTE_BYTES_MAX, NoteError, NoteVerifier};

use super::{
    error::{LedgerError, Result, damage},
    storage::{Storage, replace},
};

/// Name of the file in the ledger's folder.
pub const CHECKPOINT_FILE: &str = "checkpoint";

pub(super) fn checkpoint_path(ledger_dir: &Path) -> PathBuf {
    ledger_dir.join(CHECKPOINT_FILE)
}

/// Reads and verifies the file; `None` when it is not there.
pub(super) fn read(ledger_dir: &Path, verifier: &NoteVerifier) -> Result<Option<Checkpoint>> {
    let path = checkpoint_path(ledger_dir);
    let mut bytes = vec![];
    match File::open(&path) {
        Ok(file) => file
            .take(NOTE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(LedgerError::io("read", &path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io("open", &path)(error)),
    };
    let text = String::from_utf8(bytes).map_err(|_| NoteError::Malformed);
    match text.and_then(|text| verifier.verify(&text)) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(NoteError::ForeignOrigin) => Err(LedgerError::foreign(
            &path,
            0,
            "the checkpoint is of another ledger",
        )),
        Err(error) => {
            let remedy = "If the key is the right one, run `hub fsck`; when it finds nothing else, \
                          move this file away and start the hub, which writes it anew";
            Err(LedgerError::Damaged(damage(
                &path,
                0,
                error.to_string(),
                remedy,
            )))
        }
    }
}

/// Puts a checkpoint in place.
pub(super) fn write(storage: &dyn Storage, ledger_dir: &Path, note: &str) -> Result<()> {
    replace(storage, &checkpoint_path(ledger_dir), note.as_bytes()).map(drop)
}
