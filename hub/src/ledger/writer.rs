//! Appending commits.
//!
//! Invariant: the published checkpoint moves only after the sync of the commit returned. After any
//! failed write or sync nothing is appended until the ledger is opened, and so verified, again. The
//! one exception is a disk that was full before the sync: what was written is taken back, and that
//! made durable, so the ledger is as it was ([`LedgerError::Full`]). A failed sync of a commit is
//! never tried again.

use std::{
    fs::File,
    path::Path,
    sync::{Arc, PoisonError},
};

use hub_core::{
    crypto::{Digest, SigningKey},
    merkle::{Frontier, leaf_hash},
    note::{NOTE_BYTES_MAX, NoteSigner},
};
use jiff::Timestamp;

use super::{
    CHECKPOINT_INTERVAL_MS, COMMIT_BYTES_MAX, COMMIT_ENTRIES_MAX, Checkpoint, Commit, EncodedEntry,
    checkpoint,
    error::{LedgerError, Result},
    index,
    lock::DataLock,
    reader::{Active, Complete, Shared},
    record::{self, ENTRY_BYTES_MAX, RECORD_HEAD_BYTES},
    seal::Sealer,
    segment::{new_segment, segment_path},
    storage::{Aside, Storage},
    tree::tree_bytes,
};

/// Bytes that the write buffer keeps between commits.
const BUFFER_BYTES_KEPT: usize = 4 * 1024 * 1024;

/// Bytes that a commit keeps free for its checkpoint.
const CHECKPOINT_RECORD_BYTES_MAX: usize = RECORD_HEAD_BYTES + NOTE_BYTES_MAX;

/// Appends to the ledger; there is one for a data folder.
#[derive(Debug)]
pub struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) signer: NoteSigner<Arc<SigningKey>>,
    pub(super) frontier: Frontier,
    pub(super) segment_bytes_max: u64,
    pub(super) buffer: Vec<u8>,
    pub(super) checkpoint_written_at: Option<Timestamp>,
    pub(super) poisoned: bool,
    pub(super) _lock: DataLock,
}

/// A commit that is not yet written; its bytes are in the writer's buffer.
struct Prepared {
    /// Where each entry's record begins in the buffer.
    starts: Vec<usize>,
    leaf_hashes: Vec<Digest>,
    stored_hashes: Vec<u8>,
    frontier: Frontier,
    checkpoint: Arc<Checkpoint>,
}

impl Writer {
    /// Entries in the ledger.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.frontier.size()
    }

    /// Whether an earlier write failed.
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Appends entries as one commit and returns when they are durable: all of them, or none is
    /// ever seen. `now` decides only whether the `checkpoint` file is due.
    ///
    /// # Errors
    /// [`LedgerError::HeadMismatch`], [`LedgerError::Limit`] and [`LedgerError::Full`] leave the
    /// ledger as it was. Any other error poisons the writer: the entries are not acknowledged, and whether they are on
    /// disk shows when the ledger is opened again.
    pub fn append(
        &mut self,
        expected_head: u64,
        entries: &[EncodedEntry],
        now: Timestamp,
    ) -> Result<Commit> {
        if self.poisoned {
            return Err(LedgerError::Poisoned);
        }
        if expected_head != self.head() {
            return Err(LedgerError::HeadMismatch {
                expected: expected_head,
                actual: self.head(),
            });
        }
        let prepared = self.prepare(entries)?;
        if let Err(error) = self.write(&prepared) {
            self.poisoned = !matches!(error, LedgerError::Full { .. });
            return Err(error);
        }
        let commit = Commit {
            first_index: expected_head,
            leaf_hashes: prepared.leaf_hashes,
            checkpoint: Arc::clone(&prepared.checkpoint),
        };
        self.frontier = prepared.frontier;
        self.shared.published.store(prepared.checkpoint);
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.write_checkpoint_when_due(&commit.checkpoint, now);
        Ok(commit)
    }

    fn prepare(&mut self, entries: &[EncodedEntry]) -> Result<Prepared> {
        if entries.is_empty() || entries.len() > COMMIT_ENTRIES_MAX {
            return Err(LedgerError::Limit(format!(
                "a commit has 1 to {COMMIT_ENTRIES_MAX} entries, not {}",
                entries.len()
            )));
        }
        self.buffer.clear();
        let mut starts = Vec::with_capacity(entries.len());
        let mut leaf_hashes = Vec::with_capacity(entries.len());
        let mut stored_hashes = Vec::with_capacity(entries.len() * 64);
        let mut frontier = self.frontier.clone();
        for entry in entries {
            starts.push(self.buffer.len());
            record::encode_entry(&mut self.buffer, entry).ok_or_else(|| {
                LedgerError::Limit(format!("an entry has at most {ENTRY_BYTES_MAX} bytes"))
            })?;
            if self.buffer.len() > COMMIT_BYTES_MAX - CHECKPOINT_RECORD_BYTES_MAX {
                return Err(LedgerError::Limit(format!(
                    "a commit has at most {COMMIT_BYTES_MAX} bytes"
                )));
            }
            let leaf = leaf_hash(&entry.header);
            leaf_hashes.push(leaf);
            frontier.push(leaf, |hash| stored_hashes.extend_from_slice(&hash));
        }
        let checkpoint = sign(&self.signer, &frontier)?;
        record::encode_checkpoint(&mut self.buffer, &checkpoint.note)
            .ok_or_else(|| LedgerError::Limit("the checkpoint's note is too long".to_owned()))?;
        Ok(Prepared {
            starts,
            leaf_hashes,
            stored_hashes,
            frontier,
            checkpoint: Arc::new(checkpoint),
        })
    }

    fn write(&mut self, prepared: &Prepared) -> Result<()> {
        let added = self.buffer.len() as u64;
        let (mut file, mut at) = self.active();
        if at.saturating_add(added) > self.segment_bytes_max && self.active_has_entries() {
            self.begin_segment()?;
            (file, at) = self.active();
        }
        let path = segment_path(&self.shared.ledger_dir, self.active_first());
        if let Err(error) = self.write_all(prepared, &file, at, &path) {
            let is_taken_back = self.take_back(&file, at);
            return Err(if is_taken_back {
                error.or_full()
            } else {
                error
            });
        }
        if let Err(error) = self.storage.sync(&file) {
            // What a failed sync left on the medium cannot be known, and reading it back proves
            // nothing. These entries were never acknowledged, so try to take them away; if that
            // fails too, opening decides.
            self.take_back(&file, at);
            return Err(LedgerError::io("sync", &path)(error));
        }
        self.publish_offsets(prepared, at, added)
    }

    /// Writes the commit and the hashes that it adds, without a sync. The hashes come first to the
    /// sync, so that a disk without room for them is noticed while the commit can be taken back.
    fn write_all(&self, prepared: &Prepared, file: &File, at: u64, path: &Path) -> Result<()> {
        self.storage
            .write_at(file, &self.buffer, at)
            .map_err(LedgerError::io("write", path))?;
        let tree = &self.shared.tree;
        let end = tree_bytes(self.frontier.size());
        self.storage
            .write_at(&tree.file, &prepared.stored_hashes, end)
            .map_err(LedgerError::io("write", &tree.path))
    }

    /// Cuts the segment back to the end of its last commit, durably. Answers whether that is so.
    fn take_back(&self, file: &File, at: u64) -> bool {
        let cut = self.storage.set_len(file, at);
        let is_cut = cut.and_then(|()| self.storage.sync(file)).is_ok();
        if !is_cut {
            tracing::warn!("a commit that failed could not be taken back");
        }
        is_cut
    }

    fn publish_offsets(&self, prepared: &Prepared, at: u64, added: u64) -> Result<()> {
        let offsets = prepared
            .starts
            .iter()
            .map(|start| u32::try_from(at + *start as u64))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| LedgerError::Limit("a segment is at most 4 GiB".to_owned()))?;
        let mut segments = self
            .shared
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.active.offsets.extend(offsets);
        segments.active.bytes = at + added;
        Ok(())
    }

    /// Begins a new segment, so that the present one is complete and may be rewritten. Does nothing
    /// while the present one has no entries.
    ///
    /// # Errors
    /// [`LedgerError::Full`] when there is no room, which changes nothing. [`LedgerError::Poisoned`]
    /// after a failed write, [`LedgerError::Io`] when this one fails, which poisons the writer: whether the new segment is in place shows when the ledger is opened again.
    pub fn roll(&mut self) -> Result<()> {
        if self.poisoned {
            return Err(LedgerError::Poisoned);
        }
        if !self.active_has_entries() {
            return Ok(());
        }
        let begun = self.begin_segment();
        let is_whole = matches!(begun, Ok(()) | Err(LedgerError::Full { .. }));
        self.poisoned = !is_whole;
        begun
    }

    /// What seals contents in the ledger that this writer appends to; there is to be one.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer {
            shared: Arc::clone(&self.shared),
            storage: Arc::clone(&self.storage),
            origin: self.signer.verifier().origin().to_owned(),
        }
    }

    /// Begins a new segment: first the segment, then the old one's index, so that an index says
    /// that a later segment exists. Both are written aside before either is put in place, so a full
    /// disk leaves the ledger as it was.
    fn begin_segment(&mut self) -> Result<()> {
        let first = self.frontier.size();
        let anchor = self.shared.published.load_full();
        let tree = &self.shared.tree;
        self.storage
            .sync(&tree.file)
            .map_err(LedgerError::io("sync", &tree.path))?;
        let (complete, offsets) = self.complete_active();
        let (storage, dir) = (&*self.storage, &self.shared.ledger_dir);
        let origin = self.signer.verifier().origin();
        let index = index_aside(storage, dir, complete, &offsets).map_err(LedgerError::or_full)?;
        let segment = match segment_aside(storage, dir, first, origin, &anchor.note) {
            Ok(segment) => segment,
            Err(error) => {
                index.discard(storage);
                return Err(error.or_full());
            }
        };
        let bytes = segment.bytes;
        let file = segment.put(storage)?;
        storage
            .sync_dir(dir)
            .map_err(LedgerError::io("sync", dir))?;
        index.put(storage)?;
        let mut segments = self
            .shared
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        segments.complete.push(complete);
        segments.active = Active {
            first,
            file: Arc::new(file),
            offsets: vec![],
            bytes,
        };
        drop(segments);
        self.checkpoint_written_at = None;
        Ok(())
    }

    fn write_checkpoint_when_due(&mut self, checkpoint: &Checkpoint, now: Timestamp) {
        let due = self.checkpoint_written_at.is_none_or(|written_at| {
            let elapsed_ms = now.as_millisecond() - written_at.as_millisecond();
            // A clock that was set back must not put it off for long.
            !(0..CHECKPOINT_INTERVAL_MS).contains(&elapsed_ms)
        });
        if !due {
            return;
        }
        self.checkpoint_written_at = Some(now);
        // The commit itself is durable and stays acknowledged; the next one finds out.
        let dir = &self.shared.ledger_dir;
        match checkpoint::write(&*self.storage, dir, &checkpoint.note).map_err(LedgerError::or_full)
        {
            Ok(()) => {}
            // The one before still stands; it is only older.
            Err(error @ LedgerError::Full { .. }) => {
                tracing::warn!(%error, "the checkpoint file is written again when there is room");
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the checkpoint file could not be written");
                self.poisoned = true;
            }
        }
    }

    /// Writes the `checkpoint` file and gives the data folder free.
    ///
    /// # Errors
    /// [`LedgerError::Poisoned`] after a failed write, [`LedgerError::Io`] when this one fails.
    /// The folder is free and the entries are durable in either case.
    pub fn close(self) -> Result<()> {
        if self.poisoned {
            return Err(LedgerError::Poisoned);
        }
        let dir = &self.shared.ledger_dir;
        let note = &self.shared.published.load().note;
        match checkpoint::write(&*self.storage, dir, note).map_err(LedgerError::or_full) {
            Err(error @ LedgerError::Full { .. }) => {
                tracing::warn!(%error, "the checkpoint file stays an older one");
            }
            written => written?,
        }
        self.storage
            .sync_dir(dir)
            .map_err(LedgerError::io("sync", dir))
    }

    /// The active segment as it is once rolled, and where its entries begin.
    fn complete_active(&self) -> (Complete, Vec<u32>) {
        let segments = self.shared.segments.read();
        let segments = segments.unwrap_or_else(PoisonError::into_inner);
        let active = &segments.active;
        let complete = Complete {
            first: active.first,
            count: active.offsets.len() as u64,
            bytes: active.bytes,
        };
        (complete, active.offsets.clone())
    }

    fn active(&self) -> (Arc<File>, u64) {
        let segments = self
            .shared
            .segments
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&segments.active.file), segments.active.bytes)
    }

    fn active_has_entries(&self) -> bool {
        self.active_first() < self.frontier.size()
    }

    fn active_first(&self) -> u64 {
        let segments = self.shared.segments.read();
        segments
            .unwrap_or_else(PoisonError::into_inner)
            .active
            .first
    }
}

/// Signs the tree of a frontier.
pub(super) fn sign(
    signer: &NoteSigner<Arc<SigningKey>>,
    frontier: &Frontier,
) -> Result<Checkpoint> {
    let root = frontier.root();
    Ok(Checkpoint {
        size: frontier.size(),
        root,
        note: signer.sign(frontier.size(), &root)?,
    })
}

/// Puts a new segment in place, durably, with header and anchor. Answers the file and its bytes.
pub(super) fn create_segment(
    storage: &dyn Storage,
    ledger_dir: &Path,
    first: u64,
    origin: &str,
    anchor_note: &str,
) -> Result<(File, u64)> {
    let segment = segment_aside(storage, ledger_dir, first, origin, anchor_note)?;
    let bytes = segment.bytes;
    let file = segment.put(storage)?;
    storage
        .sync_dir(ledger_dir)
        .map_err(LedgerError::io("sync", ledger_dir))?;
    Ok((file, bytes))
}

fn segment_aside(
    storage: &dyn Storage,
    ledger_dir: &Path,
    first: u64,
    origin: &str,
    anchor_note: &str,
) -> Result<Aside> {
    let bytes = new_segment(first, origin, anchor_note)
        .ok_or_else(|| LedgerError::Limit("the checkpoint's note is too long".to_owned()))?;
    debug_assert!(bytes.len() > RECORD_HEAD_BYTES, "header and anchor");
    Aside::write(storage, &segment_path(ledger_dir, first), &bytes)
}

/// Puts a rolled segment's index in place.
pub(super) fn write_index(
    storage: &dyn Storage,
    ledger_dir: &Path,
    complete: Complete,
    offsets: &[u32],
) -> Result<()> {
    index_aside(storage, ledger_dir, complete, offsets)?
        .put(storage)
        .map(drop)
}

fn index_aside(
    storage: &dyn Storage,
    ledger_dir: &Path,
    complete: Complete,
    offsets: &[u32],
) -> Result<Aside> {
    let path = index::index_path(ledger_dir, complete.first);
    let bytes = index::encode(complete.first, complete.bytes, offsets)
        .ok_or_else(|| LedgerError::Limit("the segment has too many entries".to_owned()))?;
    Aside::write(storage, &path, &bytes)
}
