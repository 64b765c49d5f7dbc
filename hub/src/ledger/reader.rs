//! Reading entries and proofs, while the writer goes on.
//!
//! Invariant: nothing past the published checkpoint is ever answered, and it is published after
//! the sync. Every record's checksum and every proof is checked before it is answered.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    num::NonZeroUsize,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use hub_core::{
    crypto::Digest,
    merkle::{verify_consistency, verify_inclusion},
};
use lru::LruCache;
use tlog_tiles::tlog::{prove_record, prove_tree, stored_hash_index};

use super::{
    Checkpoint, StoredEntry,
    error::{LedgerError, Result},
    index::{INDEX_HEAD_BYTES, index_path},
    record::{self, ENTRY_SPAN_BYTES_MAX, Record, RecordFault},
    segment::segment_path,
    tree::HashFile,
};

/// Rolled segments whose files stay open.
const OPEN_SEGMENTS_MAX: NonZeroUsize = match NonZeroUsize::new(64) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// Entries that one call answers.
pub(super) const READ_ENTRIES_MAX: usize = 4096;

/// Bytes that one call reads, beyond its first entry.
pub(super) const READ_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A segment that is complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Complete {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// The segment that grows.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) first: u64,
    pub(super) file: Arc<File>,
    pub(super) offsets: Vec<u32>,
    pub(super) bytes: u64,
}

/// Where entries are. Complete segments are in order and without gap, and the active one follows.
#[derive(Debug)]
pub(super) struct Segments {
    pub(super) complete: Vec<Complete>,
    pub(super) active: Active,
}

impl Segments {
    /// The complete segment that has an entry.
    fn complete_of(&self, index: u64) -> Option<Complete> {
        if index >= self.active.first {
            return None;
        }
        let after = self.complete.partition_point(|s| s.first <= index);
        self.complete.get(after.checked_sub(1)?).copied()
    }
}

#[derive(Debug)]
struct CompleteFiles {
    log: Arc<File>,
    index: File,
    /// Bytes of `log`.
    bytes: u64,
}

/// Files of complete segments that are open. Log and index of a pair belong together always.
#[derive(Debug)]
struct OpenSegments {
    recent: LruCache<u64, Arc<CompleteFiles>>,
    /// Those that are being rewritten: readers stay with the old pair until the new one is in place.
    pinned: BTreeMap<u64, Arc<CompleteFiles>>,
}

/// What writer and readers share.
pub(super) struct Shared {
    pub(super) ledger_dir: PathBuf,
    pub(super) segments: RwLock<Segments>,
    pub(super) published: ArcSwap<Checkpoint>,
    pub(super) tree: HashFile,
    open_segments: Mutex<OpenSegments>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("ledger_dir", &self.ledger_dir)
            .field("head", &self.published.load().size)
            .finish_non_exhaustive()
    }
}

/// Entries that lie one after the other in one segment.
struct Run {
    file: Arc<File>,
    path: PathBuf,
    offsets: Vec<u32>,
    /// Where the run surely ends.
    end: u64,
}

/// Reads the ledger. Clones share everything.
#[derive(Debug, Clone)]
pub struct Reader(pub(super) Arc<Shared>);

impl Shared {
    pub(super) fn new(
        ledger_dir: PathBuf,
        segments: Segments,
        checkpoint: Checkpoint,
        tree: HashFile,
    ) -> Self {
        Self {
            ledger_dir,
            segments: RwLock::new(segments),
            published: ArcSwap::from_pointee(checkpoint),
            tree,
            open_segments: Mutex::new(OpenSegments {
                recent: LruCache::new(OPEN_SEGMENTS_MAX),
                pinned: BTreeMap::new(),
            }),
        }
    }

    fn open_segments(&self) -> MutexGuard<'_, OpenSegments> {
        self.open_segments
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn complete_files(&self, first: u64) -> Result<Arc<CompleteFiles>> {
        let mut open = self.open_segments();
        if let Some(files) = open.pinned.get(&first) {
            return Ok(Arc::clone(files));
        }
        if let Some(files) = open.recent.get(&first) {
            return Ok(Arc::clone(files));
        }
        let files = Arc::new(CompleteFiles::open(&self.ledger_dir, first)?);
        open.recent.put(first, Arc::clone(&files));
        Ok(files)
    }

    /// Keeps readers with the files that a complete segment has now, whatever becomes of their names,
    /// until [`Shared::replaced`].
    pub(super) fn pin(&self, first: u64) -> Result<()> {
        let mut open = self.open_segments();
        if open.pinned.contains_key(&first) {
            return Ok(());
        }
        let files = match open.recent.get(&first) {
            Some(files) => Arc::clone(files),
            None => Arc::new(CompleteFiles::open(&self.ledger_dir, first)?),
        };
        open.pinned.insert(first, files);
        Ok(())
    }

    /// First entry of the segment that grows.
    pub(super) fn active_first(&self) -> u64 {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.active.first
    }

    /// The complete segment that has an entry.
    pub(super) fn complete_of(&self, index: u64) -> Option<Complete> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        segments.complete_of(index)
    }

    /// Segments whose rewriting began and has not ended well.
    pub(super) fn pinned(&self) -> Vec<u64> {
        self.open_segments().pinned.keys().copied().collect()
    }

    /// A complete segment has new files. Who reads from now on reads these.
    pub(super) fn replaced(&self, complete: Complete) {
        let mut segments = self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = segments
            .complete
            .iter_mut()
            .find(|known| known.first == complete.first)
        {
            *known = complete;
        }
        let mut open = self.open_segments();
        open.recent.pop(&complete.first);
        open.pinned.remove(&complete.first);
    }

    /// The run that begins at an entry, at most `count` long; the entry is below the head.
    fn run(&self, from: u64, count: u64) -> Result<Run> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let active = &segments.active;
        if from >= active.first {
            let start = usize_or_max(from - active.first);
            let all = active.offsets.get(start..).unwrap_or_default();
            let taken = all.get(..usize_or_max(count)).unwrap_or(all);
            return Ok(Run {
                file: Arc::clone(&active.file),
                path: segment_path(&self.ledger_dir, active.first),
                offsets: taken.to_vec(),
                end: all
                    .get(taken.len())
                    .map_or(active.bytes, |next| u64::from(*next)),
            });
        }
        let complete = segments.complete_of(from);
        drop(segments);
        let path = segment_path(&self.ledger_dir, from);
        let complete =
            complete.ok_or_else(|| LedgerError::missing(&path, 0, "no segment has the entry"))?;
        self.complete_run(complete, from, count)
    }

    fn complete_run(&self, complete: Complete, from: u64, count: u64) -> Result<Run> {
        let files = self.complete_files(complete.first)?;
        let skipped = from - complete.first;
        let taken = count.min(complete.count.saturating_sub(skipped));
        // One offset more, when there is one, tells where the run ends.
        let with_end = (taken + 1).min(complete.count.saturating_sub(skipped));
        let mut bytes = vec![0; usize_or_max(with_end).saturating_mul(4)];
        let path = index_path(&self.ledger_dir, complete.first);
        files
            .index
            .read_exact_at(&mut bytes, INDEX_HEAD_BYTES as u64 + skipped * 4)
            .map_err(LedgerError::io("read", &path))?;
        let (chunks, _) = bytes.as_chunks::<4>();
        let mut offsets: Vec<u32> = chunks.iter().map(|o| u32::from_le_bytes(*o)).collect();
        // Of the very file that is read: the segment may have been rewritten just now.
        let mut end = files.bytes;
        if with_end > taken
            && let Some(next) = offsets.pop()
        {
            end = u64::from(next);
        }
        Ok(Run {
            file: Arc::clone(&files.log),
            path: segment_path(&self.ledger_dir, complete.first),
            offsets,
            end,
        })
    }
}

impl CompleteFiles {
    fn open(ledger_dir: &Path, first: u64) -> Result<Self> {
        let open = |path: PathBuf| -> Result<(File, u64)> {
            let file = File::open(&path).map_err(LedgerError::io("open", &path))?;
            let metadata = file.metadata().map_err(LedgerError::io("read", &path))?;
            Ok((file, metadata.len()))
        };
        let (log, bytes) = open(segment_path(ledger_dir, first))?;
        let (index, _) = open(index_path(ledger_dir, first))?;
        Ok(Self {
            log: Arc::new(log),
            index,
            bytes,
        })
    }
}

impl Run {
    /// Reads entries until the next would pass `bytes_max`, and at least one.
    fn read(&self, bytes_max: usize) -> Result<Vec<StoredEntry>> {
        let Some(first) = self.offsets.first().map(|first| u64::from(*first)) else {
            return Ok(vec![]);
        };
        let ends = self.offsets.iter().skip(1).map(|o| u64::from(*o));
        let mut count = 0;
        let mut span = 0;
        for end in ends.chain([self.end]) {
            let next = end.checked_sub(first).map_or(usize::MAX, usize_or_max);
            if count > 0 && next > bytes_max {
                break;
            }
            count += 1;
            span = next;
        }
        if span > bytes_max.max(ENTRY_SPAN_BYTES_MAX) {
            return Err(LedgerError::damaged(
                &self.path,
                first,
                "the segment's index is out of order",
            ));
        }
        let mut bytes = vec![0; span];
        self.file
            .read_exact_at(&mut bytes, first)
            .map_err(LedgerError::io("read", &self.path))?;
        let bytes = Bytes::from(bytes);
        self.offsets
            .iter()
            .take(count)
            .map(|offset| self.entry(&bytes, u64::from(*offset), first))
            .collect()
    }

    fn entry(&self, bytes: &Bytes, offset: u64, base: u64) -> Result<StoredEntry> {
        let fault = |what: &str| LedgerError::damaged(&self.path, offset, what);
        let at = offset.checked_sub(base).map_or(usize::MAX, usize_or_max);
        match record::parse(bytes, at).map(|parsed| parsed.record) {
            Ok(Record::Entry {
                header,
                content,
                is_sealed,
            }) => Ok(StoredEntry {
                header: bytes.slice_ref(header),
                content: bytes.slice_ref(content),
                is_sealed,
            }),
            Ok(Record::Checkpoint(_)) => Err(fault("a checkpoint stands where an entry should")),
            Err(RecordFault::Broken(what) | RecordFault::Contradiction(what)) => Err(fault(what)),
        }
    }
}

impl Reader {
    /// Entries in the ledger, all of them durable.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.0.published.load().size
    }

    /// The newest checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Arc<Checkpoint> {
        self.0.published.load_full()
    }

    /// One entry; `None` at or past the head.
    ///
    /// # Errors
    /// [`LedgerError`] when the files cannot be read or are damaged.
    pub fn entry(&self, index: u64) -> Result<Option<StoredEntry>> {
        self.entries(index, 1, 0).map(|mut entries| entries.pop())
    }

    /// Entries from an index on: at most `count_max`, and no more than `bytes_max` bytes on disk,
    /// but at least one when there is one and `count_max` is not 0. Both are bounded here too, so
    /// fewer may come; none come only at the head. Entries of one answer share a buffer: keep a
    /// copy, not the entry, when one of many is kept for long.
    ///
    /// # Errors
    /// [`LedgerError`] when the files cannot be read or are damaged.
    pub fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>> {
        let head = self.head();
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        let count_max = count_max.min(READ_ENTRIES_MAX) as u64;
        let wanted = head.saturating_sub(from).min(count_max);
        if wanted == 0 {
            return Ok(vec![]);
        }
        let run = self.0.run(from, wanted)?;
        let mut entries = run.read(bytes_max)?;
        let read = entries.len() as u64;
        let used: usize = entries.iter().map(StoredEntry::bytes).sum();
        // At the end of a segment, what is left of the wish comes from the next one.
        if entries.len() == run.offsets.len() && read < wanted && used < bytes_max {
            let next = self.0.run(from + read, wanted - read)?;
            if next.end_of_first() <= bytes_max - used {
                entries.extend(next.read(bytes_max - used)?);
            }
        }
        Ok(entries)
    }

    /// The leaf hash of an entry.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] at or past the head; else when the hashes cannot be read.
    pub fn leaf_hash(&self, index: u64) -> Result<Digest> {
        if index >= self.head() {
            return Err(LedgerError::OutOfRange(format!(
                "entry {index} is not in the ledger"
            )));
        }
        self.0.tree.hash(stored_hash_index(0, index))
    }

    /// Root of the tree of the first `size` entries.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] past the head; else when the hashes cannot be read.
    pub fn root(&self, size: u64) -> Result<Digest> {
        let checkpoint = self.checkpoint();
        if size > checkpoint.size {
            return Err(LedgerError::OutOfRange(format!(
                "tree size {size} is past the head {}",
                checkpoint.size
            )));
        }
        if size == checkpoint.size {
            return Ok(checkpoint.root);
        }
        Ok(self.0.tree.frontier(size)?.root())
    }

    /// Proof that the tree of `tree_size` entries has the entry at `index` (RFC 6962 §2.1.1),
    /// checked before it is answered.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] when the tree has not the entry, or is not there yet; else when
    /// the hashes cannot be read or are damaged.
    pub fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>> {
        let root = self.root(tree_size)?;
        if index >= tree_size {
            return Err(LedgerError::OutOfRange(format!(
                "entry {index} is not in the tree of {tree_size} entries"
            )));
        }
        let tree = &self.0.tree;
        let proof = tree.prove(|tree| prove_record(tree_size, index, tree))?;
        verify_inclusion(&self.leaf_hash(index)?, index, tree_size, &proof, &root)
            .map_err(|_| tree.disagrees(format!("the hashes do not prove entry {index}")))?;
        Ok(proof)
    }

    /// Proof that the tree of `to` entries begins with the tree of `from` entries
    /// (RFC 6962 §2.1.2), checked before it is answered. Empty when `from` is 0 or `to`.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] when `from > to`, or `to` is past the head; else when the hashes
    /// cannot be read or are damaged.
    pub fn consistency_proof(&self, from: u64, to: u64) -> Result<Vec<Digest>> {
        let to_root = self.root(to)?;
        if from > to {
            return Err(LedgerError::OutOfRange(format!(
                "tree size {from} is past tree size {to}"
            )));
        }
        if from == 0 {
            return Ok(vec![]);
        }
        let tree = &self.0.tree;
        let proof = tree.prove(|tree| prove_tree(to, from, tree))?;
        verify_consistency(from, &self.root(from)?, to, &to_root, &proof).map_err(|_| {
            tree.disagrees(format!("the hashes do not prove that {from} begins {to}"))
        })?;
        Ok(proof)
    }
}

impl StoredEntry {
    /// Bytes of both parts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.header.len() + self.content.len()
    }
}

impl Run {
    /// Bytes that the first entry takes at most.
    fn end_of_first(&self) -> usize {
        let first = self.offsets.first().copied().map_or(0, u64::from);
        let end = self.offsets.get(1).copied().map_or(self.end, u64::from);
        end.checked_sub(first).map_or(usize::MAX, usize_or_max)
    }
}

fn usize_or_max(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
