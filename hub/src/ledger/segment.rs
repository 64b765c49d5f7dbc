//! Segment files: `segment-<first index, 20 digits>.log`.
//!
//! A header, then the anchor (a checkpoint record of the tree before the segment), then commits:
//! one or more entry records and the checkpoint record that closes them. A segment is put in place
//! whole with header and anchor, so these two are never torn. [`Scanner`] reads commits from
//! bytes and has no other input or effect: opening and fsck share it.

use std::path::{Path, PathBuf};

use hub_core::{
    crypto::{Digest, sha256},
    merkle::{Frontier, leaf_hash},
    note::{self, Checkpoint, NoteVerifier},
};

use super::{
    error::{LedgerError, Result},
    record::{self, KIND_CHECKPOINT, RECORD_HEAD_BYTES, Record, RecordFault},
};

const MAGIC: [u8; 8] = *b"HUBLEDG\n";
const FORMAT: u32 = 1;

/// Bytes of a segment's header.
pub(super) const SEGMENT_HEAD_BYTES: usize = 56;

/// Bytes at which a new segment begins, unless the options say otherwise.
pub const SEGMENT_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;

/// The most that the options may say.
pub const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The largest segment file that is read: a full one and one whole commit.
pub(super) const SEGMENT_FILE_BYTES_MAX: u64 = SEGMENT_BYTES_MAX + super::COMMIT_BYTES_MAX as u64;

/// The least that a disk writes at once.
const SECTOR_BYTES: usize = 512;

/// Name of the segment that begins at an entry.
pub(super) fn segment_path(ledger_dir: &Path, first: u64) -> PathBuf {
    ledger_dir.join(format!("segment-{first:020}.log"))
}

/// The bytes of a new segment: header and anchor; `None` when the note is too long.
pub(super) fn new_segment(first: u64, origin: &str, note: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(&sha256(&[origin.as_bytes()]));
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    record::encode_checkpoint(&mut bytes, note)?;
    Some(bytes)
}

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadFault {
    Damaged(&'static str),
    Foreign,
    /// Of a format that only a newer release writes.
    Newer(u32),
}

/// What is said of a segment of a newer format.
pub(super) fn newer_format(format: u32) -> String {
    format!("the segment has format {format}, this release reads format {FORMAT}")
}

/// Checks a segment's header against its name and the ledger's origin.
pub(super) fn check_head(
    bytes: &[u8],
    first: u64,
    origin: &str,
) -> std::result::Result<(), HeadFault> {
    let head = bytes
        .first_chunk::<SEGMENT_HEAD_BYTES>()
        .ok_or(HeadFault::Damaged("the file is shorter than its header"))?;
    let broken = HeadFault::Damaged("the header's checksum or form is wrong");
    let (covered, crc) = head.split_last_chunk::<4>().ok_or(broken)?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        return Err(broken);
    }
    let (magic, rest) = covered.split_first_chunk::<8>().ok_or(broken)?;
    let (format, rest) = rest.split_first_chunk::<4>().ok_or(broken)?;
    let (named, origin_hash) = rest.split_first_chunk::<8>().ok_or(broken)?;
    if *magic != MAGIC {
        return Err(broken);
    }
    match u32::from_le_bytes(*format) {
        FORMAT => {}
        newer if newer > FORMAT => return Err(HeadFault::Newer(newer)),
        _ => return Err(HeadFault::Damaged("there is no such format of segments")),
    }
    if u64::from_le_bytes(*named) != first {
        return Err(HeadFault::Damaged(
            "the header names another first index than the file's name",
        ));
    }
    if origin_hash != sha256(&[origin.as_bytes()]) {
        return Err(HeadFault::Foreign);
    }
    Ok(())
}

/// [`check_head`] as a ledger error.
pub(super) fn require_head(bytes: &[u8], path: &Path, first: u64, origin: &str) -> Result<()> {
    check_head(bytes, first, origin).map_err(|fault| match fault {
        HeadFault::Damaged(what) => LedgerError::damaged(path, 0, what),
        HeadFault::Foreign => {
            LedgerError::foreign(path, 0, "the segment belongs to another ledger origin")
        }
        HeadFault::Newer(format) => LedgerError::newer(path, 0, newer_format(format)),
    })
}

/// Reads a whole segment file, which is bounded.
pub(super) fn read_segment(path: &Path) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(LedgerError::io("read", path))?;
    if metadata.len() > SEGMENT_FILE_BYTES_MAX {
        let what = format!("the file has more than {SEGMENT_FILE_BYTES_MAX} bytes");
        return Err(LedgerError::damaged(path, SEGMENT_FILE_BYTES_MAX, what));
    }
    std::fs::read(path).map_err(LedgerError::io("read", path))
}

/// One entry as a scan found it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScannedEntry<'a> {
    pub(super) offset: u32,
    /// Where its record ends.
    pub(super) end: usize,
    pub(super) header: &'a [u8],
    pub(super) content: &'a [u8],
    pub(super) is_sealed: bool,
}

/// One commit, or the anchor when it has no entries. Its root agrees with the entries when the
/// scanner knew the tree; its signature is for the caller to verify.
#[derive(Debug)]
pub(super) struct Commit<'a> {
    pub(super) entries: Vec<ScannedEntry<'a>>,
    /// The hashes that the entries add to `tree.hashes`; empty when the tree is not known.
    pub(super) stored_hashes: Vec<Digest>,
    pub(super) note: &'a str,
    pub(super) checkpoint: Checkpoint,
    /// Where the checkpoint's record begins.
    pub(super) note_offset: usize,
}

/// Where a scan stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Beginning of the record at fault.
    pub(super) offset: usize,
    /// Whether an unfinished write can look like this.
    pub(super) may_be_torn: bool,
    pub(super) what: String,
    /// Whole entries after the last commit.
    pub(super) pending_entries: u64,
}

/// Result of one step.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Commit(Commit<'a>),
    End,
    Fault(Fault),
}

/// Reads a segment commit by commit. It stands at the end of the last good commit always.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    origin: &'a str,
    /// Where the next commit begins.
    pub(super) at: usize,
    /// Entries before that place.
    pub(super) size: u64,
    /// The tree over them, when it is known.
    pub(super) frontier: Option<Frontier>,
}

impl<'a> Scanner<'a> {
    /// A scanner that stands before the anchor.
    pub(super) fn new(
        bytes: &'a [u8],
        origin: &'a str,
        first: u64,
        frontier: Option<Frontier>,
    ) -> Self {
        Self {
            bytes,
            origin,
            at: SEGMENT_HEAD_BYTES,
            size: first,
            frontier: frontier.filter(|frontier| frontier.size() == first),
        }
    }

    /// The next commit.
    pub(super) fn step(&mut self) -> Step<'a> {
        if self.at == self.bytes.len() && self.at > SEGMENT_HEAD_BYTES {
            return Step::End;
        }
        let mut entries = vec![];
        let mut at = self.at;
        loop {
            let pending = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            let fault = |may_be_torn, what: &str| {
                Step::Fault(Fault {
                    offset: at,
                    may_be_torn,
                    what: what.to_owned(),
                    pending_entries: pending,
                })
            };
            let parsed = match record::parse(self.bytes, at) {
                Ok(parsed) => parsed,
                Err(RecordFault::Broken(what)) => return fault(true, what),
                Err(RecordFault::Contradiction(what)) => return fault(false, what),
            };
            match parsed.record {
                Record::Entry {
                    header,
                    content,
                    is_sealed,
                } => {
                    let Ok(offset) = u32::try_from(at) else {
                        return fault(false, "the segment is over 4 GiB");
                    };
                    if entries.len() >= super::COMMIT_ENTRIES_MAX {
                        return fault(false, "the commit has more entries than the limit");
                    }
                    entries.push(ScannedEntry {
                        offset,
                        end: parsed.end,
                        header,
                        content,
                        is_sealed,
                    });
                    at = parsed.end;
                }
                Record::Checkpoint(note) => {
                    return match self.close(entries, note, at) {
                        Ok(commit) => {
                            self.at = parsed.end;
                            Step::Commit(commit)
                        }
                        Err(what) => fault(false, what),
                    };
                }
            }
        }
    }

    fn close(
        &mut self,
        entries: Vec<ScannedEntry<'a>>,
        note: &'a str,
        note_offset: usize,
    ) -> std::result::Result<Commit<'a>, &'static str> {
        let checkpoint = note::parse_unverified(note).map_err(|_| "the checkpoint is malformed")?;
        if checkpoint.origin != self.origin {
            return Err("the checkpoint is of another ledger");
        }
        let anchor = self.at == SEGMENT_HEAD_BYTES;
        if entries.is_empty() != anchor {
            return Err("an anchor has entries, or a commit has none");
        }
        let added = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let size = self.size.saturating_add(added);
        if checkpoint.size != size {
            return Err("the checkpoint's size is not the number of entries before it");
        }
        let mut stored_hashes = Vec::with_capacity(entries.len() * 2);
        if let Some(before) = &self.frontier {
            let mut frontier = before.clone();
            for entry in &entries {
                frontier.push(leaf_hash(entry.header), |hash| stored_hashes.push(hash));
            }
            if frontier.root() != checkpoint.root {
                return Err("the checkpoint's root is not that of the entries before it");
            }
            self.frontier = Some(frontier);
        }
        self.size = size;
        Ok(Commit {
            entries,
            stored_hashes,
            note,
            checkpoint,
            note_offset,
        })
    }

    /// Goes on after a checkpoint found by [`find_checkpoint`].
    pub(super) fn resume(&mut self, found: &FoundCheckpoint, frontier: Option<Frontier>) {
        self.at = found.end;
        self.size = found.checkpoint.size;
        self.frontier = frontier.filter(|frontier| frontier.root() == found.checkpoint.root);
    }
}

/// A signed checkpoint record after damage.
#[derive(Debug)]
pub(super) struct FoundCheckpoint {
    pub(super) offset: usize,
    pub(super) end: usize,
    pub(super) checkpoint: Checkpoint,
}

/// Looks from an offset on for a whole, signed checkpoint record of a tree larger than `above`.
///
/// Only such a record proves that what comes before it was once complete: an entry may quote an
/// older checkpoint (receipts carry them), but none of a tree that was not signed when it was
/// submitted.
pub(super) fn find_checkpoint(
    bytes: &[u8],
    from: usize,
    above: u64,
    verifier: &NoteVerifier,
) -> Option<FoundCheckpoint> {
    let mut pattern = vec![KIND_CHECKPOINT];
    pattern.extend_from_slice(verifier.origin().as_bytes());
    pattern.push(b'\n');
    let mut search = from;
    loop {
        let rest = bytes.get(search..)?;
        let at = search + find(rest, &pattern)?;
        search = at + 1;
        let Some(offset) = at.checked_sub(RECORD_HEAD_BYTES - 1) else {
            continue;
        };
        if record::may_be_checkpoint(bytes, offset)
            && let Ok(parsed) = record::parse(bytes, offset)
            && let Record::Checkpoint(note) = parsed.record
            && let Ok(checkpoint) = verifier.verify(note)
            && checkpoint.size > above
        {
            return Some(FoundCheckpoint {
                offset,
                end: parsed.end,
                checkpoint,
            });
        }
    }
}

/// The signed checkpoint after a fault that proves that the commit at fault was once complete, so that
/// this is damage and no unfinished write. `commit_at` and `size` are where that commit begins and the
/// entries before it.
///
/// A disk writes the sectors of a commit in any order. When the power goes before the sync has
/// returned, a commit's own checkpoint may be there while a sector before it was never written. That
/// is known by the sector, which is read as zeros, and by nothing standing after the checkpoint.
pub(super) fn contradiction(
    bytes: &[u8],
    commit_at: usize,
    size: u64,
    fault: &Fault,
    verifier: &NoteVerifier,
) -> Option<FoundCheckpoint> {
    let found = find_checkpoint(bytes, commit_at, size, verifier)?;
    let is_last = found.end == bytes.len();
    let is_unwritten = has_unwritten_sector(bytes, commit_at, fault.offset, found.offset);
    (!is_last || !is_unwritten).then_some(found)
}

/// Whether a sector is nothing but zeros: one that ends before `to`, from the one of `from` on, and as
/// far as it lies in the commit.
fn has_unwritten_sector(bytes: &[u8], commit_at: usize, from: usize, to: usize) -> bool {
    let first = from - from % SECTOR_BYTES;
    (first..to).step_by(SECTOR_BYTES).any(|begin| {
        let end = begin.saturating_add(SECTOR_BYTES);
        let sector = bytes.get(begin.max(commit_at)..end.min(to));
        end <= to && sector.is_some_and(|sector| sector.iter().all(|byte| *byte == 0))
    })
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes
        .windows(pattern.len())
        .position(|window| window == pattern)
}
