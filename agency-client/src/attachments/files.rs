//! Local files: hashed, read in pieces and put in place, off the async threads.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use hub_core::crypto::{Digest, Sha256};

use super::{FILE_BYTES_MAX, Phase, Progress, Tell};
use crate::error::{ClientError, Result};

/// How much of a file is read at once to hash it, in bytes.
const HASH_BYTES: usize = 1024 * 1024;

/// Runs what waits for the disk where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let owned = path.to_owned();
    tokio::task::spawn_blocking(move || work(&owned))
        .await
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| ClientError::file(path, error))
}

/// SHA-256 and size of a file that can be attached.
pub(super) async fn hash(path: &Path, tell: Tell) -> Result<(Digest, u64)> {
    blocking(path, move |path| {
        let file = File::open(path)?;
        let total_bytes = file.metadata()?.len();
        if !(1..=FILE_BYTES_MAX).contains(&total_bytes) {
            let rule = format!("must have 1 to {FILE_BYTES_MAX} bytes, has {total_bytes}");
            return Err(io::Error::other(rule));
        }
        // No more is read than a file may have, even if it grows meanwhile.
        let (digest, read_bytes) = digest(file.take(total_bytes), |done_bytes| {
            tell(Progress {
                phase: Phase::Hashing,
                done_bytes,
                total_bytes,
            });
        })?;
        if read_bytes != total_bytes {
            return Err(io::Error::other("changed while it was read"));
        }
        Ok((digest, total_bytes))
    })
    .await
}

/// SHA-256 of all that a reader gives, and how much that is.
pub(super) fn digest(
    mut reader: impl io::Read,
    mut tell: impl FnMut(u64),
) -> io::Result<(Digest, u64)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; HASH_BYTES];
    let mut done = 0_u64;
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok((hash.finish(), done));
        }
        hash.update(buffer.get(..count).unwrap_or_default());
        done = done.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        tell(done);
    }
}

/// Bytes of a file from an offset on, as many as asked for unless it ends.
pub(super) async fn read_at(path: PathBuf, offset: u64, length: usize) -> Result<Bytes> {
    blocking(&path, move |path| {
        let file = File::open(path)?;
        let mut piece = vec![0; length];
        let mut filled = 0_usize;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match file.read_at(rest, at)? {
                0 => break,
                count => filled = filled.saturating_add(count),
            }
        }
        piece.truncate(filled);
        Ok(piece.into())
    })
    .await
}
