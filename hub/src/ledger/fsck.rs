//! Reads the whole ledger again and says what is wrong, where, and what to do. It takes no lock,
//! changes nothing, and works where [`super::open`] refuses.
//!
//! Damage does not end it: it goes on after the next signed checkpoint, so that one report names
//! all that must be restored. On a hub that runs, the commit being written may show as a torn tail.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use hub_core::{
    merkle::Frontier,
    note::{self, NoteVerifier},
};

use super::{
    Checkpoint, LEDGER_DIR, StoredEntry,
    checkpoint::{self, CHECKPOINT_FILE, checkpoint_path},
    error::{Damage, INSTALL_NEWER, LedgerError, RESTORE, Result},
    index::{self, index_path},
    open::{list_indexes, list_segments},
    segment::{
        Commit, Fault, HeadFault, SEGMENT_HEAD_BYTES, Scanner, Step, check_head, contradiction,
        find_checkpoint, newer_format, read_segment, segment_path,
    },
    tree::{HashFile, TREE_FILE, tree_bytes},
};

/// Findings that a report keeps; it counts them all.
pub const FINDINGS_MAX: usize = 1000;

const REMEDY_DERIVED: &str = "Nothing is lost: starting the hub rebuilds it from the segments";
const REMEDY_TREE: &str = "Stop the hub, delete this file and start the hub: the file is rebuilt";

/// What to check.
#[derive(Debug, Clone)]
pub struct FsckOptions {
    /// The data folder.
    pub dir: PathBuf,
    /// The ledger's origin and public key.
    pub verifier: NoteVerifier,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing that was acknowledged is touched; starting the hub repairs it.
    Warning,
    /// The ledger is not what it was, or cannot be shown to be.
    Error,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where, what, and what to do.
    pub damage: Damage,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Entries up to the end of the last commit that was found.
    pub entries: u64,
    /// Entries that were read and checked; fewer than `entries` when some are damaged.
    pub entries_checked: u64,
    /// Segment files.
    pub segments: u64,
    /// Checkpoints whose signature was verified.
    pub checkpoints: u64,
    /// The newest of them.
    pub newest: Option<Checkpoint>,
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many findings there were.
    pub findings_total: u64,
    /// How many of them were errors.
    pub errors_total: u64,
}

impl FsckReport {
    /// Whether nothing at all was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings_total == 0
    }
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Segments that were read.
    pub segments_done: u64,
    /// Segments in all.
    pub segments: u64,
    /// Entries that were checked.
    pub entries: u64,
}

/// Checks the ledger of a data folder: checksums, order, every leaf, every checkpoint's root and
/// signature, the indexes, `tree.hashes` and the `checkpoint` file.
///
/// `per_entry` is called for each readable entry in order, with its index, and answers what is
/// wrong with it; `progress` is called after each segment.
///
/// # Errors
/// [`LedgerError::Io`] when the folder cannot be listed; all else is a finding.
pub fn fsck(
    options: &FsckOptions,
    per_entry: &mut dyn FnMut(u64, &StoredEntry) -> Vec<String>,
    progress: &mut dyn FnMut(Progress),
) -> Result<FsckReport> {
    let ledger_dir = options.dir.join(LEDGER_DIR);
    let firsts = list_segments(&ledger_dir)?;
    let indexes = list_indexes(&ledger_dir)?;
    let mut check = Check {
        verifier: &options.verifier,
        tree: HashFile::open_existing(&ledger_dir),
        tree_wrong: false,
        last_first: firsts.last().copied().unwrap_or_default(),
        frontier: Some(Frontier::new()),
        claim: None,
        report: FsckReport::default(),
        ledger_dir,
    };
    check.other_files()?;
    check.read_claim();
    check.report.segments = firsts.len() as u64;
    for (&first, done) in firsts.iter().zip(1_u64..) {
        let is_last = done == check.report.segments;
        check.segment(first, is_last, per_entry);
        progress(Progress {
            segments_done: done,
            segments: check.report.segments,
            entries: check.report.entries_checked,
        });
    }
    check.end(firsts.last().copied(), indexes.last().copied());
    Ok(check.report)
}

struct Check<'a> {
    ledger_dir: PathBuf,
    verifier: &'a NoteVerifier,
    tree: Option<HashFile>,
    tree_wrong: bool,
    /// First entry of the last segment. Hashes from there on are not synced with a commit, and are
    /// compared and written anew at every start.
    last_first: u64,
    /// The tree of `report.entries` entries, unless damage hides it.
    frontier: Option<Frontier>,
    /// What the `checkpoint` file claims, until a commit bears it out.
    claim: Option<note::Checkpoint>,
    report: FsckReport,
}

impl Check<'_> {
    fn find(&mut self, severity: Severity, damage: Damage) {
        self.report.findings_total += 1;
        if severity == Severity::Error {
            self.report.errors_total += 1;
        }
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { severity, damage });
        }
    }

    fn error(&mut self, file: &Path, offset: u64, what: impl Into<String>, remedy: &str) {
        let damage = Damage {
            file: file.to_path_buf(),
            offset,
            what: what.into(),
            remedy: remedy.to_owned(),
        };
        self.find(Severity::Error, damage);
    }

    fn warning(&mut self, file: &Path, offset: u64, what: impl Into<String>, remedy: &str) {
        let damage = Damage {
            file: file.to_path_buf(),
            offset,
            what: what.into(),
            remedy: remedy.to_owned(),
        };
        self.find(Severity::Warning, damage);
    }

    /// An error of a function that opening uses too, as a finding.
    fn failed(&mut self, file: &Path, error: LedgerError) {
        match error {
            LedgerError::Damaged(damage)
            | LedgerError::Missing(damage)
            | LedgerError::Foreign(damage)
            | LedgerError::Newer(damage) => self.find(Severity::Error, *damage),
            LedgerError::Io { source, action, .. } => {
                let what = format!("could not {action} the file: {source}");
                self.error(
                    file,
                    0,
                    what,
                    "Make the file readable and run `hub fsck` again",
                );
            }
            other => self.error(file, 0, other.to_string(), RESTORE),
        }
    }

    fn other_files(&mut self) -> Result<()> {
        let dir = self.ledger_dir.clone();
        for entry in std::fs::read_dir(&dir).map_err(LedgerError::io("list", &dir))? {
            let path = entry.map_err(LedgerError::io("list", &dir))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let digits = path
                .file_stem()
                .and_then(|stem| stem.to_str()?.strip_prefix("segment-"));
            let extension = path.extension().and_then(|extension| extension.to_str());
            let numbered = digits.is_some_and(|d| d.len() == 20 && d.parse::<u64>().is_ok())
                && matches!(extension, Some("log" | "idx"));
            if !numbered && !matches!(name, Some(CHECKPOINT_FILE | TREE_FILE)) {
                self.warning(
                    &path,
                    0,
                    "this is no file of the ledger",
                    "If it ends in .tmp, a crash left it and starting the hub removes it; else \
                     move it away",
                );
            }
        }
        Ok(())
    }

    fn read_claim(&mut self) {
        let path = checkpoint_path(&self.ledger_dir);
        match checkpoint::read(&self.ledger_dir, self.verifier) {
            Ok(Some(claim)) => self.claim = Some(claim),
            Ok(None) => self.warning(
                &path,
                0,
                "the file is missing, so a loss at the ledger's end might not show",
                "Compare the number of entries with a backup or a member's receipts; starting the \
                 hub writes the file anew",
            ),
            Err(error) => self.failed(&path, error),
        }
    }

    fn segment(
        &mut self,
        first: u64,
        is_last: bool,
        per_entry: &mut dyn FnMut(u64, &StoredEntry) -> Vec<String>,
    ) {
        let path = segment_path(&self.ledger_dir, first);
        if first != self.report.entries {
            let expected = segment_path(&self.ledger_dir, self.report.entries);
            let what = format!(
                "the segment is missing or ends elsewhere: the next one begins at entry {first}"
            );
            self.error(&expected, 0, what, RESTORE);
            self.frontier = None;
        }
        let bytes = match read_segment(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.failed(&path, error);
                self.frontier = None;
                return;
            }
        };
        match check_head(&bytes, first, self.verifier.origin()) {
            Ok(()) => {}
            Err(HeadFault::Damaged(what)) => self.error(&path, 0, what, RESTORE),
            Err(HeadFault::Newer(format)) => {
                self.error(&path, 0, newer_format(format), INSTALL_NEWER);
            }
            Err(HeadFault::Foreign) => {
                let what = "the segment belongs to another ledger origin";
                self.error(
                    &path,
                    0,
                    what,
                    "Check the ledger's origin and the data folder",
                );
            }
        }
        let known = self.frontier.take();
        let frontier = known.or_else(|| self.frontier_from_tree(&bytes, first));
        let mut scanner = Scanner::new(&bytes, self.verifier.origin(), first, frontier);
        let offsets = self.scan(&mut scanner, &bytes, &path, is_last, per_entry);
        self.report.entries = scanner.size;
        self.frontier = scanner.frontier.take();
        if !is_last {
            self.index(first, bytes.len() as u64, offsets);
        }
    }

    /// After damage, the tree is known again where `tree.hashes` lead to a signed root.
    fn frontier_from_tree(&self, bytes: &[u8], first: u64) -> Option<Frontier> {
        match Scanner::new(bytes, self.verifier.origin(), first, None).step() {
            Step::Commit(anchor) => {
                let signed = self.verifier.verify(anchor.note).ok()?;
                self.signed_frontier(&signed)
            }
            _ => None,
        }
    }

    fn signed_frontier(&self, signed: &note::Checkpoint) -> Option<Frontier> {
        let tree = self.tree.as_ref()?;
        (tree.len().ok()? >= tree_bytes(signed.size)).then_some(())?;
        let frontier = tree.frontier(signed.size).ok()?;
        (frontier.root() == signed.root).then_some(frontier)
    }

    /// Scans to the end of the segment; answers where entries begin, or `None` after damage.
    fn scan(
        &mut self,
        scanner: &mut Scanner<'_>,
        bytes: &[u8],
        path: &Path,
        is_last: bool,
        per_entry: &mut dyn FnMut(u64, &StoredEntry) -> Vec<String>,
    ) -> Option<Vec<u32>> {
        let mut offsets = Some(vec![]);
        loop {
            let (before, started_at) = (scanner.size, scanner.at);
            match scanner.step() {
                Step::Commit(commit) => {
                    if let Some(offsets) = &mut offsets {
                        offsets.extend(commit.entries.iter().map(|entry| entry.offset));
                    }
                    self.commit(&commit, before, path, per_entry);
                }
                Step::End => return offsets,
                Step::Fault(fault) => {
                    offsets = None;
                    let torn = is_last && fault.may_be_torn && started_at > SEGMENT_HEAD_BYTES;
                    let found = if torn {
                        contradiction(bytes, started_at, before, &fault, self.verifier)
                    } else {
                        find_checkpoint(bytes, started_at, before, self.verifier)
                    };
                    let Some(found) = found else {
                        self.tail(&fault, torn, path, started_at, bytes.len());
                        return offsets;
                    };
                    let what = format!(
                        "{}; entries {before} to {} could not be checked",
                        fault.what,
                        found.checkpoint.size - 1
                    );
                    self.error(path, fault.offset as u64, what, RESTORE);
                    self.claim_borne_out(&found.checkpoint);
                    scanner.resume(&found, self.signed_frontier(&found.checkpoint));
                }
            }
        }
    }

    fn tail(&mut self, fault: &Fault, torn: bool, path: &Path, good_bytes: usize, bytes: usize) {
        let offset = fault.offset as u64;
        if torn {
            let what = format!(
                "the last {} bytes with {} whole entries are of a commit that was not finished, \
                 and so never acknowledged ({})",
                bytes.saturating_sub(good_bytes),
                fault.pending_entries,
                fault.what
            );
            self.warning(path, offset, what, "Starting the hub cuts them");
        } else {
            self.error(path, offset, fault.what.clone(), RESTORE);
        }
    }

    fn commit(
        &mut self,
        commit: &Commit<'_>,
        first_index: u64,
        path: &Path,
        per_entry: &mut dyn FnMut(u64, &StoredEntry) -> Vec<String>,
    ) {
        for (entry, index) in commit.entries.iter().zip(first_index..) {
            let stored = StoredEntry {
                header: Bytes::copy_from_slice(entry.header),
                content: Bytes::copy_from_slice(entry.content),
                is_sealed: entry.is_sealed,
            };
            for what in per_entry(index, &stored) {
                let what = format!("entry {index}: {what}");
                self.error(path, u64::from(entry.offset), what, RESTORE);
            }
            self.report.entries_checked += 1;
        }
        if self.verifier.verify(commit.note).is_ok() {
            self.report.checkpoints += 1;
            self.claim_borne_out(&commit.checkpoint);
            self.report.newest = Some(Checkpoint {
                size: commit.checkpoint.size,
                root: commit.checkpoint.root,
                note: commit.note.to_owned(),
            });
        } else {
            let what = "the checkpoint was not signed by the ledger's key";
            let remedy = "Check the ledger's key; if it is right, restore from a backup";
            self.error(path, commit.note_offset as u64, what, remedy);
        }
        self.compare_tree(commit, first_index);
    }

    fn claim_borne_out(&mut self, signed: &note::Checkpoint) {
        if self.claim.as_ref() == Some(signed) {
            self.claim = None;
        }
    }

    fn compare_tree(&mut self, commit: &Commit<'_>, first_index: u64) {
        let Some(tree) = self.tree.as_ref().filter(|_| !self.tree_wrong) else {
            return;
        };
        let offset = tree_bytes(first_index);
        let expected = commit.stored_hashes.as_flattened();
        let mut found = vec![0; expected.len()];
        let read = tree.read_at(&mut found, offset);
        if read.is_ok() && found == expected {
            return;
        }
        let differs = found.iter().zip(expected).take_while(|(a, b)| a == b);
        let offset = offset + differs.count() as u64;
        let path = tree.path.clone();
        self.tree_wrong = true;
        let what = "the file is shorter, or its hashes are others, than the entries give";
        if first_index >= self.last_first {
            self.warning(&path, offset, what, REMEDY_DERIVED);
        } else {
            self.error(&path, offset, what, REMEDY_TREE);
        }
    }

    fn index(&mut self, first: u64, segment_bytes: u64, offsets: Option<Vec<u32>>) {
        let path = index_path(&self.ledger_dir, first);
        let head = match index::read(&path) {
            Ok(Ok((head, found))) => {
                let same = offsets.is_none_or(|offsets| offsets == found);
                (same && head.first == first).then_some(head)
            }
            Ok(Err(why)) => {
                let what = format!("the index cannot be used: {why}");
                return self.warning(&path, 0, what, REMEDY_DERIVED);
            }
            Err(error) => return self.failed(&path, error),
        };
        match head {
            Some(head) if head.segment_bytes == segment_bytes => {}
            Some(head) => {
                let what = format!(
                    "the segment has {segment_bytes} bytes, but was complete with {}",
                    head.segment_bytes
                );
                let segment = segment_path(&self.ledger_dir, first);
                let offset = segment_bytes.min(head.segment_bytes);
                self.error(&segment, offset, what, RESTORE);
            }
            None => {
                let what = "the index is not that of its segment";
                let remedy = "Stop the hub, delete this file and start the hub: it is rebuilt";
                self.error(&path, 0, what, remedy);
            }
        }
    }

    fn end(&mut self, last: Option<u64>, newest_index: Option<u64>) {
        if let Some(newest) = newest_index.filter(|newest| last.is_none_or(|last| *newest >= last))
        {
            let path = index_path(&self.ledger_dir, newest);
            let what = "this index says that a later segment exists, but its file is not there";
            self.error(&path, 0, what, RESTORE);
        }
        let held = self.report.entries;
        if let Some(claim) = self.claim.take() {
            let path = checkpoint_path(&self.ledger_dir);
            let what = if claim.size > held {
                format!(
                    "acknowledged entries are missing: the checkpoint has {} entries, the \
                     segments {held}",
                    claim.size
                )
            } else {
                format!(
                    "the checkpoint of {} entries is in no segment with this root",
                    claim.size
                )
            };
            self.error(&path, 0, what, RESTORE);
        }
        if last.is_none() {
            let path = segment_path(&self.ledger_dir, 0);
            self.error(&path, 0, "there is no segment", RESTORE);
        }
        self.tree_end(held);
    }

    fn tree_end(&mut self, held: u64) {
        let path = self.ledger_dir.join(TREE_FILE);
        let length = self.tree.as_ref().map(HashFile::len);
        match length {
            None if held == 0 => {}
            None => self.warning(&path, 0, "the file is missing", REMEDY_DERIVED),
            Some(Ok(length)) if length > tree_bytes(held) => {
                let what = "the file has hashes of entries that the segments do not hold";
                self.warning(&path, tree_bytes(held), what, REMEDY_DERIVED);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => self.failed(&path, error),
        }
    }
}
