//! Sealing: contents are erased from segments that are complete.
//!
//! A segment is written anew aside, with a residue in place of each content and every other byte as
//! it was, and put in place of the old one. Headers, and so leaves, roots and signatures, stay.
//!
//! The steps, and what a crash after each leaves: the new file aside (removed at the next start); the
//! old index removed and the folder synced (start rebuilds it); the new segment renamed over the old
//! one and the folder synced (the same); the new index written (done). An index never stands beside a
//! segment of another length.
//!
//! Invariant: a reader has the old segment with the old index or the new one with the new; whoever
//! begins to read after [`Sealer::seal`] answered `Ok` gets no erased byte.

use std::{collections::BTreeMap, fs::File, io, path::Path, sync::Arc};

use bytes::Bytes;
use hub_core::merkle::Frontier;

use super::{
    error::{LedgerError, Result},
    index::index_path,
    reader::{Complete, Shared},
    record::{self, ENTRY_BYTES_MAX},
    segment::{ScannedEntry, Scanner, Step, read_segment, require_head, segment_path},
    storage::{Storage, TEMPORARY_EXTENSION},
    writer::write_index,
};

/// Bytes that are written at once.
const WRITE_BYTES: usize = 4 * 1024 * 1024;

/// An entry whose content is to be erased, and what stays in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Index of the entry.
    pub index: u64,
    /// What stays: bytes like those of a content.
    pub residue: Bytes,
}

/// What a sealing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Entries whose content was erased.
    pub sealed: u64,
    /// Entries that were sealed before, with the same residue.
    pub already: u64,
    /// Segment files that were written anew.
    pub segments: u64,
    /// Bytes by which they became shorter.
    pub bytes_freed: u64,
}

impl SealReport {
    /// Adds what another sealing did.
    pub fn add(&mut self, other: Self) {
        self.sealed = self.sealed.saturating_add(other.sealed);
        self.already = self.already.saturating_add(other.already);
        self.segments = self.segments.saturating_add(other.segments);
        self.bytes_freed = self.bytes_freed.saturating_add(other.bytes_freed);
    }
}

/// Erases contents; there is one for a ledger. Appending and reading go on beside it.
#[derive(Debug)]
pub struct Sealer {
    pub(super) shared: Arc<Shared>,
    pub(super) storage: Arc<dyn Storage>,
    pub(super) origin: String,
}

/// How a segment changes.
#[derive(Debug, Default)]
struct Plan {
    changes: Vec<Change>,
    /// Where entries begin afterwards.
    offsets: Vec<u32>,
    /// Entries that are sealed as they should be.
    already: u64,
}

/// A record in place of another.
#[derive(Debug)]
struct Change {
    from: usize,
    to: usize,
    record: Vec<u8>,
}

/// Erasures of one segment by index.
type Wanted<'a> = BTreeMap<u64, &'a Bytes>;

impl Sealer {
    /// Whether an entry is in the segment that still grows: [`super::Writer::roll`] first.
    #[must_use]
    pub fn needs_roll(&self, erasures: &[Erasure]) -> bool {
        let active = self.shared.active_first();
        erasures.iter().any(|erasure| erasure.index >= active)
    }

    /// Erases contents, and returns when what stays is on the medium and nothing else can be read.
    /// Sealing an entry again with the same residue does nothing. After an error some segments may be
    /// done and others not; to call again is safe.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] for an entry that is in no complete segment,
    /// [`LedgerError::SealedOtherwise`], [`LedgerError::Limit`] for a residue that is too long;
    /// nothing of the segment at fault was changed then. [`LedgerError::Damaged`] when a segment is
    /// not whole: it is left as it is. [`LedgerError::Io`] when the disk refuses.
    pub fn seal(&mut self, erasures: &[Erasure]) -> Result<SealReport> {
        for first in self.shared.pinned() {
            self.settle(first)?;
        }
        let mut segments: BTreeMap<u64, (Complete, Wanted<'_>)> = BTreeMap::new();
        for Erasure { index, residue } in erasures {
            let complete = self.shared.complete_of(*index).ok_or_else(|| {
                LedgerError::OutOfRange(format!("entry {index} is in no complete segment"))
            })?;
            let (_, wanted) = segments
                .entry(complete.first)
                .or_insert_with(|| (complete, Wanted::new()));
            if wanted
                .insert(*index, residue)
                .is_some_and(|other| other != residue)
            {
                return Err(LedgerError::SealedOtherwise(*index));
            }
        }
        let mut report = SealReport::default();
        for (complete, wanted) in segments.into_values() {
            report.add(self.rewrite(complete, &wanted)?);
        }
        Ok(report)
    }

    fn rewrite(&self, complete: Complete, wanted: &Wanted<'_>) -> Result<SealReport> {
        let path = segment_path(&self.shared.ledger_dir, complete.first);
        let bytes = read_segment(&path)?;
        let plan = self.plan(&bytes, &path, complete, wanted)?;
        let mut report = SealReport {
            already: plan.already,
            ..SealReport::default()
        };
        if plan.changes.is_empty() {
            return Ok(report);
        }
        let temporary = path.with_extension(TEMPORARY_EXTENSION);
        let length = match self.write_aside(&temporary, &bytes, &plan.changes) {
            Ok(length) => length,
            Err(error) => {
                // Often the disk is full; what was written is in the way then. Start removes it too.
                drop(self.storage.remove(&temporary));
                return Err(error);
            }
        };
        drop(bytes);
        let new = Complete {
            bytes: length,
            ..complete
        };
        if let Err(error) = self.swap(new, &plan.offsets, Some(&temporary)) {
            drop(self.storage.remove(&temporary));
            return Err(error);
        }
        report.segments = 1;
        report.sealed = plan.changes.len() as u64;
        report.bytes_freed = complete.bytes.saturating_sub(length);
        Ok(report)
    }

    /// Reads the segment whole, which must be perfect: what is written anew is vouched for anew.
    fn plan(
        &self,
        bytes: &[u8],
        path: &Path,
        complete: Complete,
        wanted: &Wanted<'_>,
    ) -> Result<Plan> {
        let first = complete.first;
        require_head(bytes, path, first, &self.origin)?;
        let frontier = match first {
            0 => Frontier::new(),
            _ => self.shared.tree.frontier(first)?,
        };
        let mut scanner = Scanner::new(bytes, &self.origin, first, Some(frontier));
        let mut plan = Plan::default();
        let mut shift: i64 = 0;
        loop {
            let before = scanner.size;
            match scanner.step() {
                Step::Commit(commit) => {
                    for (entry, index) in commit.entries.iter().zip(before..) {
                        let offset = i64::from(entry.offset) + shift;
                        plan.offsets.push(u32::try_from(offset).map_err(|_| {
                            LedgerError::Limit("a segment is at most 4 GiB".to_owned())
                        })?);
                        if let Some(residue) = wanted.get(&index) {
                            shift += plan.erase(index, entry, residue)?;
                        }
                    }
                }
                Step::End => break,
                Step::Fault(fault) => {
                    return Err(LedgerError::damaged(path, fault.offset as u64, fault.what));
                }
            }
        }
        if scanner.size != first.saturating_add(complete.count) {
            let what = "the segment's entries are not those that its index counts";
            return Err(LedgerError::damaged(path, scanner.at as u64, what));
        }
        Ok(plan)
    }

    /// Writes the segment with its changes, and syncs it. Answers its length.
    fn write_aside(&self, temporary: &Path, bytes: &[u8], changes: &[Change]) -> Result<u64> {
        let file = self
            .storage
            .create(temporary)
            .map_err(LedgerError::io("create", temporary))?;
        let mut aside = Aside {
            storage: &*self.storage,
            file: &file,
            path: temporary,
            buffer: Vec::with_capacity(WRITE_BYTES),
            at: 0,
        };
        let mut copied = 0;
        for change in changes {
            aside.push(bytes.get(copied..change.from).unwrap_or_default())?;
            aside.push(&change.record)?;
            copied = change.to;
        }
        aside.push(bytes.get(copied..).unwrap_or_default())?;
        aside.flush()?;
        let length = aside.at;
        self.storage
            .sync(&file)
            .map_err(LedgerError::io("sync", temporary))?;
        Ok(length)
    }

    /// Puts a segment's new file, if there is one, and its index in place.
    fn swap(&self, new: Complete, offsets: &[u32], temporary: Option<&Path>) -> Result<()> {
        let dir = &self.shared.ledger_dir;
        let sync_dir = || {
            self.storage
                .sync_dir(dir)
                .map_err(LedgerError::io("sync", dir))
        };
        self.shared.pin(new.first)?;
        let index = index_path(dir, new.first);
        match self.storage.remove(&index) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(LedgerError::io("remove", &index)(error));
            }
            _ => sync_dir()?,
        }
        if let Some(temporary) = temporary {
            let path = segment_path(dir, new.first);
            self.storage
                .rename(temporary, &path)
                .map_err(LedgerError::io("put in place", &path))?;
            sync_dir()?;
        }
        write_index(&*self.storage, dir, new, offsets)?;
        self.shared.replaced(new);
        Ok(())
    }

    /// Ends a rewriting that failed half way: whichever file has the segment's name now gets its index.
    fn settle(&self, first: u64) -> Result<()> {
        let path = segment_path(&self.shared.ledger_dir, first);
        let complete = self
            .shared
            .complete_of(first)
            .ok_or_else(|| LedgerError::missing(&path, 0, "no segment has the entry"))?;
        let bytes = read_segment(&path)?;
        let plan = self.plan(&bytes, &path, complete, &Wanted::new())?;
        let new = Complete {
            bytes: bytes.len() as u64,
            ..complete
        };
        // A rename whose sync failed may be undone by a crash yet, and the erased bytes be back.
        self.swap(new, &plan.offsets, None)
    }
}

impl Plan {
    /// Plans one erasure; answers by how much what follows moves.
    fn erase(&mut self, index: u64, entry: &ScannedEntry<'_>, residue: &[u8]) -> Result<i64> {
        if entry.is_sealed {
            if entry.content != residue {
                return Err(LedgerError::SealedOtherwise(index));
            }
            self.already += 1;
            return Ok(0);
        }
        let mut record = vec![];
        record::encode_sealed(&mut record, entry.header, residue).ok_or_else(|| {
            LedgerError::Limit(format!("an entry has at most {ENTRY_BYTES_MAX} bytes"))
        })?;
        let limit = |_| LedgerError::Limit("a segment is at most 4 GiB".to_owned());
        let from = usize::try_from(entry.offset).map_err(limit)?;
        let old = i64::try_from(entry.end - from).map_err(limit)?;
        let new = i64::try_from(record.len()).map_err(limit)?;
        self.changes.push(Change {
            from,
            to: entry.end,
            record,
        });
        Ok(new - old)
    }
}

/// A file that is written from its beginning in large pieces.
struct Aside<'a> {
    storage: &'a dyn Storage,
    file: &'a File,
    path: &'a Path,
    buffer: Vec<u8>,
    at: u64,
}

impl Aside<'_> {
    fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let room = WRITE_BYTES - self.buffer.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == WRITE_BYTES {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.storage
            .write_at(self.file, &self.buffer, self.at)
            .map_err(LedgerError::io("write", self.path))?;
        self.at += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
