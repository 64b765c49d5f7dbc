//! Memory of the last verified checkpoint.
//!
//! Invariant: what is remembered was signed by the ledger's key and continues everything that was
//! remembered before. A hub that rewrites its history, or shows different members different
//! histories, is caught by the first member that asks again.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! // Fetched, verified, held against what was seen before, and remembered.
//! let newest = client.ledger().checkpoint().await?;
//! assert_eq!(client.checkpoint_memory().remembered()?, Some(newest));
//! # Ok(())
//! # }
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use hub_core::{
    crypto::{Digest, hex},
    merkle::verify_consistency,
    note::{Checkpoint, NoteVerifier},
};
use tokio::time::Instant;

use crate::error::{ClientError, Result};

/// File in the state folder that holds the remembered note.
///
/// ```
/// assert_eq!(agency_client::checkpoint::CHECKPOINT_FILE, "checkpoint");
/// ```
pub const CHECKPOINT_FILE: &str = "checkpoint";
const LOCK_FILE: &str = "checkpoint.lock";
/// How often a taken lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// A checkpoint whose signature was verified, and which continues what was remembered.
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let newest = client.ledger().checkpoint().await?;
/// println!("{} has {} entries", newest.origin, newest.size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    /// The signed note as it came.
    pub note: String,
    /// Entries in the tree.
    pub size: u64,
    /// RFC 6962 root hash.
    pub root: Digest,
    /// The ledger's name.
    pub origin: String,
}

impl TrustedCheckpoint {
    pub(crate) fn new(note: String, checkpoint: Checkpoint) -> Self {
        Self {
            note,
            size: checkpoint.size,
            root: checkpoint.root,
            origin: checkpoint.origin,
        }
    }
}

/// The state folder's remembered checkpoint. Several processes may share a folder.
///
/// ```no_run
/// use agency_client::{checkpoint::CheckpointMemory, profile};
///
/// # fn example() -> agency_client::Result<()> {
/// let key = profile::ledger_key("tax/ledger.vkey".as_ref())?;
/// let memory = CheckpointMemory::new("tax/state", key);
/// println!("{:?}", memory.remembered()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CheckpointMemory {
    folder: PathBuf,
    verifier: NoteVerifier,
}

/// Held while a checkpoint is fetched, compared and stored; released when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _lock: File,
}

impl CheckpointMemory {
    /// The memory in a folder, which is made when it is first needed.
    ///
    /// ```no_run
    /// use agency_client::{checkpoint::CheckpointMemory, profile};
    ///
    /// # fn example() -> agency_client::Result<()> {
    /// let key = profile::ledger_key("tax/ledger.vkey".as_ref())?;
    /// let memory = CheckpointMemory::new("tax/state", key);
    /// # drop(memory);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(folder: impl AsRef<Path>, verifier: NoteVerifier) -> Self {
        Self {
            folder: folder.as_ref().to_owned(),
            verifier,
        }
    }

    /// The key that checkpoints are verified with.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let bundle = client.ledger().bundle(7, None).await?;
    /// bundle.verify(client.checkpoint_memory().verifier(), None)?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn verifier(&self) -> &NoteVerifier {
        &self.verifier
    }

    /// Where the note is kept.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) {
    /// println!("{}", client.checkpoint_memory().path().display());
    /// # }
    /// ```
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.join(CHECKPOINT_FILE)
    }

    /// The remembered checkpoint, if there is one.
    ///
    /// ```no_run
    /// # fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// match client.checkpoint_memory().remembered()? {
    ///     Some(seen) => println!("{} entries", seen.size),
    ///     None => println!("nothing was seen yet"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::LocalFile`] when the file cannot be read or is no checkpoint of this ledger.
    pub fn remembered(&self) -> Result<Option<TrustedCheckpoint>> {
        let path = self.path();
        let note = match fs::read_to_string(&path) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ClientError::file(path, error)),
        };
        let checkpoint = self.verifier.verify(&note).map_err(|error| {
            ClientError::file(
                &path,
                format!(
                    "{error}; if the hub was set up anew, move this file away, else keep it as \
                     evidence"
                ),
            )
        })?;
        Ok(Some(TrustedCheckpoint::new(note, checkpoint)))
    }

    /// Waits until no other process fetches or stores a checkpoint.
    pub(crate) async fn hold(&self, patience: Duration) -> Result<Held> {
        let path = self.folder.join(LOCK_FILE);
        let open = || {
            fs::create_dir_all(&self.folder)?;
            OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
        };
        let lock = open().map_err(|error| ClientError::file(&path, error))?;
        let ends_at = Instant::now() + patience;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Held { _lock: lock }),
                Err(TryLockError::Error(error)) => return Err(ClientError::file(path, error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= ends_at => {
                    return Err(ClientError::file(
                        path,
                        format!("another process holds it since {} ms", patience.as_millis()),
                    ));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
            }
        }
    }

    /// Remembers a checkpoint: written beside, flushed, then moved into place.
    pub(crate) fn store(&self, _held: &Held, checkpoint: &TrustedCheckpoint) -> Result<()> {
        let path = self.path();
        let beside = self.folder.join(format!("{CHECKPOINT_FILE}.new"));
        let write = || {
            let mut file = File::create(&beside)?;
            file.write_all(checkpoint.note.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| ClientError::file(&path, error))
    }
}

/// Checks that a checkpoint continues the remembered one.
///
/// # Errors
/// [`ClientError::HistoryRewritten`] when it does not.
pub(crate) fn continues(
    remembered: &TrustedCheckpoint,
    shown: &TrustedCheckpoint,
    proof: &[Digest],
) -> Result<()> {
    let rewritten = |detail: &str| ClientError::HistoryRewritten {
        detail: detail.to_owned(),
        remembered_size: remembered.size,
        remembered_root: hex(&remembered.root),
        shown_size: shown.size,
        shown_root: hex(&shown.root),
    };
    if shown.size < remembered.size {
        return Err(rewritten("entries that were there are gone"));
    }
    if shown.size == remembered.size {
        return if shown.root == remembered.root {
            Ok(())
        } else {
            Err(rewritten("the same number of entries has another root"))
        };
    }
    verify_consistency(
        remembered.size,
        &remembered.root,
        shown.size,
        &shown.root,
        proof,
    )
    .map_err(|error| rewritten(&format!("the consistency proof fails: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    #[tokio::test]
    async fn what_is_stored_is_remembered_and_a_forged_file_is_not() {
        let fixture = Fixture::new();
        let memory = fixture.memory();
        assert_eq!(memory.remembered().unwrap(), None);
        let note = fixture.checkpoint(3);
        let held = memory.hold(Duration::ZERO).await.unwrap();
        memory.store(&held, &note).unwrap();
        assert_eq!(memory.remembered().unwrap(), Some(note.clone()));
        fs::write(memory.path(), note.note.replace("\n3\n", "\n4\n")).unwrap();
        let error = memory.remembered().unwrap_err();
        assert!(matches!(error, ClientError::LocalFile { .. }), "{error}");
    }

    #[tokio::test]
    async fn one_process_at_a_time() {
        let fixture = Fixture::new();
        let memory = fixture.memory();
        let held = memory.hold(Duration::ZERO).await.unwrap();
        let patience = Duration::from_millis(30);
        let error = memory.hold(patience).await.unwrap_err();
        assert!(error.to_string().contains("another process"), "{error}");
        drop(held);
        memory.hold(Duration::ZERO).await.unwrap();
    }

    #[test]
    fn a_shorter_or_other_history_is_rewritten() {
        let fixture = Fixture::new();
        let (three, five) = (fixture.checkpoint(3), fixture.checkpoint(5));
        continues(&three, &five, &fixture.consistency(3, 5)).unwrap();
        continues(&three, &three, &[]).unwrap();
        let mut other = three.clone();
        other.root[0] ^= 1;
        for (remembered, shown, proof) in [
            (&five, &three, vec![]),
            (&three, &other, vec![]),
            (&other, &five, fixture.consistency(3, 5)),
            (&three, &five, vec![]),
        ] {
            let error = continues(remembered, shown, &proof).unwrap_err();
            assert!(error.to_string().contains("REWRITTEN"), "{error}");
            assert_eq!(error.reason_text(), "HISTORY_REWRITTEN");
        }
    }
}
