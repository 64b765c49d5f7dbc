//! Looks into a state folder without touching it: sled repairs and rewrites what it opens, so it is
//! given a copy.
//!
//! The caller holds the data folder's lock, so that nobody writes what is being copied.

use std::{fs, io, path::Path};

use bytes::Bytes;
use tempfile::TempDir;

use super::{STATE_DIR, Sum, index_error, open_sled, sum_rows};
use crate::state::{
    keys,
    store::{Row, StoreError},
};

/// Folders inside the state folder that are copied; sled has one.
const DEPTH_MAX: usize = 4;

/// What a state folder holds.
pub struct Inspection {
    rows: sled::Db,
    sum: Sum,
    // Removed only after sled has let go of it.
    _copy: TempDir,
}

impl std::fmt::Debug for Inspection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspection")
            .field("sum", &self.sum)
            .finish_non_exhaustive()
    }
}

/// Why a state folder could not be looked into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// There is none.
    #[error("there is no state index")]
    Absent,
    /// sled cannot read it.
    #[error("the state index cannot be read: {0}")]
    Damaged(String),
    /// It could not be copied into the folder for temporary files.
    #[error("the state index could not be copied for the check")]
    Copy(#[source] io::Error),
}

/// Looks into the state folder of a data folder.
///
/// # Errors
/// [`InspectError`]: what is wrong with it, or with the copy.
pub fn inspect(data_dir: &Path) -> Result<Inspection, InspectError> {
    let dir = data_dir.join(STATE_DIR);
    if !dir.is_dir() {
        return Err(InspectError::Absent);
    }
    let copy = TempDir::with_prefix("hub-state").map_err(InspectError::Copy)?;
    copy_dir(&dir, copy.path(), DEPTH_MAX).map_err(InspectError::Copy)?;
    let (sled, sum) = open_sled(copy.path(), None, sum_rows).map_err(InspectError::Damaged)?;
    Ok(Inspection {
        rows: sled.db,
        sum,
        _copy: copy,
    })
}

fn copy_dir(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other("the state folder is nested too deep"));
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy_dir(&entry.path(), &target, depth.saturating_sub(1))?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

impl Inspection {
    /// Entries that the index says it has applied; 0 when it does not say.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.sum.meta.unwrap_or_default().applied
    }

    /// What is to be said when the rows are of another release's form, so that a start makes them
    /// anew.
    #[must_use]
    pub fn other_form(&self) -> Option<String> {
        self.sum.meta.unwrap_or_default().other_form()
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows_count(&self) -> u64 {
        self.sum.count
    }

    /// Whether the rows are those that the stored digest was made over.
    ///
    /// # Errors
    /// With what is wrong.
    pub fn check_digest(&self) -> Result<(), String> {
        self.sum.whole().map(drop)
    }

    /// Every row in the order of keys, but the one that says how far the index is.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, StoreError>> + '_ {
        let meta = keys::meta();
        self.rows.iter().filter_map(move |row| match row {
            Ok((key, _)) if *key == *meta => None,
            Ok((key, value)) => Some(Ok((
                Bytes::copy_from_slice(&key),
                Bytes::copy_from_slice(&value),
            ))),
            Err(error) => Some(Err(index_error(error))),
        })
    }
}
