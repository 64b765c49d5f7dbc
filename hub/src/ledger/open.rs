//! Opening: repairs what was never acknowledged, refuses everything else.
//!
//! Invariant: a file is changed only after every check has passed. The last segment is read whole;
//! of older ones the header, the index and the length (fsck reads them whole). What is derived is
//! rebuilt with a warning; a torn tail is cut with a warning; anything that could be lost or
//! changed truth is an error that names file, offset and remedy.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use hub_core::{
    crypto::SigningKey,
    merkle::Frontier,
    note::{self, NoteSigner, NoteVerifier},
};

use super::{
    Checkpoint, LEDGER_DIR, LedgerOptions,
    checkpoint::{self, checkpoint_path},
    error::{LedgerError, Result},
    lock::DataLock,
    reader::{Active, Reader, Segments, Shared},
    segment::{
        Fault, SEGMENT_BYTES_MAX, SEGMENT_HEAD_BYTES, Scanner, Step, contradiction, read_segment,
        require_head, segment_path,
    },
    storage::Storage,
    tree::HashFile,
    writer::{Writer, create_segment, sign},
};

mod older;
mod repair;

/// What opening found and repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// Entries in the ledger.
    pub entries: u64,
    /// Segment files.
    pub segments: u64,
    /// The ledger was made just now.
    pub created: bool,
    /// Bytes of an unfinished, never acknowledged commit that were cut.
    pub torn_bytes_cut: u64,
    /// Whole entries among them.
    pub torn_entries_cut: u64,
    /// What was repaired, in words; each was logged too.
    pub warnings: Vec<String>,
}

impl OpenReport {
    fn warn(&mut self, text: String) {
        tracing::warn!("{text}");
        self.warnings.push(text);
    }
}

/// Opens or makes the ledger of a data folder. `floor` is how many entries the caller's state says
/// were applied: they were acknowledged, so the segments must hold them.
///
/// # Errors
/// [`LedgerError`]; nothing was changed then, but for the lock file, a missing folder, and an
/// index or `tree.hashes` that can be derived again.
pub fn open(options: LedgerOptions, floor: u64) -> Result<(Writer, Reader, OpenReport)> {
    fs::create_dir_all(&options.dir).map_err(LedgerError::io("make", &options.dir))?;
    let lock = DataLock::acquire(&options.dir)?;
    open_locked(options, floor, lock)
}

/// As [`open`], by a caller who holds the data folder already. The writer holds it from then on.
///
/// # Errors
/// As [`open`].
pub fn open_locked(
    options: LedgerOptions,
    floor: u64,
    lock: DataLock,
) -> Result<(Writer, Reader, OpenReport)> {
    let signer = NoteSigner::new(&options.origin, Arc::clone(&options.key))?;
    let ledger_dir = options.dir.join(LEDGER_DIR);
    fs::create_dir_all(&ledger_dir).map_err(LedgerError::io("make", &ledger_dir))?;
    let mut report = OpenReport::default();
    let mut firsts = list_segments(&ledger_dir)?;
    if firsts.is_empty() {
        create(&options, &ledger_dir, &signer, floor)?;
        report.created = true;
        firsts.push(0);
    }
    report.segments = firsts.len() as u64;

    let opening = Opening {
        ledger_dir: &ledger_dir,
        storage: &*options.storage,
        verifier: signer.verifier(),
        floor,
    };
    let opened = opening.run(&firsts, &mut report)?;
    let frontier = opened.frontier;
    let shared = Arc::new(Shared::new(
        ledger_dir,
        opened.segments,
        opened.checkpoint,
        opened.tree,
    ));
    let writer = Writer {
        shared: Arc::clone(&shared),
        storage: options.storage,
        signer,
        frontier,
        segment_bytes_max: options.segment_bytes_max.min(SEGMENT_BYTES_MAX),
        buffer: vec![],
        checkpoint_written_at: None,
        poisoned: false,
        _lock: lock,
    };
    Ok((writer, Reader(shared), report))
}

/// First indexes of the segment files, in order.
pub(super) fn list_segments(ledger_dir: &Path) -> Result<Vec<u64>> {
    list(ledger_dir, "log")
}

/// First indexes of the index files, in order.
pub(super) fn list_indexes(ledger_dir: &Path) -> Result<Vec<u64>> {
    list(ledger_dir, "idx")
}

fn list(ledger_dir: &Path, extension: &str) -> Result<Vec<u64>> {
    let mut firsts = vec![];
    for entry in fs::read_dir(ledger_dir).map_err(LedgerError::io("list", ledger_dir))? {
        let entry = entry.map_err(LedgerError::io("list", ledger_dir))?;
        let path = PathBuf::from(entry.file_name());
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if path.extension().is_none_or(|found| found != extension) {
            continue;
        }
        let digits = stem.and_then(|stem| stem.strip_prefix("segment-"));
        if let Some(first) = digits
            .filter(|d| d.len() == 20)
            .and_then(|d| d.parse().ok())
        {
            firsts.push(first);
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// Makes an empty ledger, unless something says that there was one.
fn create(
    options: &LedgerOptions,
    ledger_dir: &Path,
    signer: &NoteSigner<Arc<SigningKey>>,
    floor: u64,
) -> Result<()> {
    let path = segment_path(ledger_dir, 0);
    if floor > 0 {
        let what = format!("there is no segment, but {floor} entries were applied to the state");
        return Err(LedgerError::missing(&path, 0, what));
    }
    let tree = HashFile::open_existing(ledger_dir).map_or(Ok(0), |tree| tree.len())?;
    let remains = [
        (checkpoint_path(ledger_dir).exists(), "a checkpoint"),
        (!list_indexes(ledger_dir)?.is_empty(), "an index"),
        (tree > 0, "a file of hashes"),
    ];
    if let Some((_, remain)) = remains.iter().find(|(there, _)| *there) {
        let what = format!("there is no segment, but {remain} of one");
        return Err(LedgerError::missing(&path, 0, what));
    }
    let empty = sign(signer, &Frontier::new())?;
    create_segment(
        &*options.storage,
        ledger_dir,
        0,
        &options.origin,
        &empty.note,
    )?;
    options
        .storage
        .sync_dir(&options.dir)
        .map_err(LedgerError::io("sync", &options.dir))
}

struct Opening<'a> {
    ledger_dir: &'a Path,
    storage: &'a dyn Storage,
    verifier: &'a NoteVerifier,
    floor: u64,
}

struct Opened {
    segments: Segments,
    tree: HashFile,
    frontier: Frontier,
    checkpoint: Checkpoint,
}

/// The last segment as its scan found it.
struct LastSegment {
    first: u64,
    offsets: Vec<u32>,
    stored_hashes: Vec<u8>,
    checkpoint: Checkpoint,
    frontier: Frontier,
    /// Where the last commit begins.
    commit_at: u64,
    good_bytes: u64,
    file_bytes: u64,
    torn: Option<Fault>,
}

impl Opening<'_> {
    fn run(&self, firsts: &[u64], report: &mut OpenReport) -> Result<Opened> {
        let Some((&last_first, older)) = firsts.split_last() else {
            let path = segment_path(self.ledger_dir, 0);
            return Err(LedgerError::missing(&path, 0, "there is no segment"));
        };
        self.require_successor(last_first)?;
        let complete = self.check_older(older, last_first, report)?;
        let path = segment_path(self.ledger_dir, last_first);
        let bytes = read_segment(&path)?;
        require_head(&bytes, &path, last_first, self.verifier.origin())?;
        let anchor = self.anchor(&bytes, &path, last_first)?;
        let tree = HashFile::open(self.storage, self.ledger_dir)?;
        let claimed = checkpoint::read(self.ledger_dir, self.verifier)?;
        let (before, tree_rebuilt) =
            self.frontier_before(&tree, &complete, &anchor, claimed.as_ref(), report)?;
        let last = self.scan_last(&bytes, &path, before, claimed.as_ref())?;
        self.require_acknowledged(&last, &path, claimed.as_ref())?;

        // From here on files are changed.
        let file = self.settle_last(&last, &bytes, &path, report)?;
        self.settle_tree(&tree, &last, tree_rebuilt, report)?;
        self.settle_checkpoint(claimed.is_some(), &last, report)?;
        self.remove_temporaries()?;
        report.entries = last.checkpoint.size;
        Ok(Opened {
            segments: Segments {
                complete,
                active: Active {
                    first: last.first,
                    file: Arc::new(file),
                    offsets: last.offsets,
                    bytes: last.good_bytes,
                },
            },
            tree,
            frontier: last.frontier,
            checkpoint: last.checkpoint,
        })
    }

    /// The signed tree before the last segment.
    fn anchor(&self, bytes: &[u8], path: &Path, first: u64) -> Result<note::Checkpoint> {
        let at = SEGMENT_HEAD_BYTES as u64;
        let mut scanner = Scanner::new(bytes, self.verifier.origin(), first, None);
        match scanner.step() {
            Step::Commit(commit) => {
                self.require_signed(commit.note, path, at)?;
                Ok(commit.checkpoint)
            }
            Step::Fault(fault) => Err(LedgerError::damaged(path, fault.offset as u64, fault.what)),
            Step::End => Err(LedgerError::damaged(path, at, "the anchor is missing")),
        }
    }

    fn require_signed(&self, note: &str, path: &Path, offset: u64) -> Result<()> {
        self.verifier.verify(note).map(drop).map_err(|_| {
            LedgerError::foreign(
                path,
                offset,
                "the checkpoint was not signed by the configured ledger key",
            )
        })
    }

    fn claim_refuted(&self, claimed: &note::Checkpoint) -> LedgerError {
        let what = format!(
            "the checkpoint of {} entries was signed over other entries than these",
            claimed.size
        );
        LedgerError::damaged(&checkpoint_path(self.ledger_dir), 0, what)
    }

    fn scan_last(
        &self,
        bytes: &[u8],
        path: &Path,
        before: Frontier,
        claimed: Option<&note::Checkpoint>,
    ) -> Result<LastSegment> {
        let first = before.size();
        let mut scanner = Scanner::new(bytes, self.verifier.origin(), first, Some(before));
        let mut offsets = vec![];
        let mut stored_hashes = vec![];
        let mut newest = None;
        let mut commit_at = scanner.at;
        // Only sizes at which a commit ended were ever signed.
        let mut claim = claimed.filter(|claimed| claimed.size >= first);
        let torn = loop {
            let began = scanner.at;
            match scanner.step() {
                Step::Commit(commit) => {
                    commit_at = began;
                    claim = claim.filter(|claim| claim.root != commit.checkpoint.root);
                    offsets.extend(commit.entries.iter().map(|entry| entry.offset));
                    stored_hashes.extend(commit.stored_hashes.iter().flatten());
                    newest = Some(commit);
                }
                Step::End => break None,
                Step::Fault(fault) => break Some(fault),
            }
        };
        let damaged =
            |offset: usize, what: String| Err(LedgerError::damaged(path, offset as u64, what));
        if let Some(fault) = &torn {
            if !fault.may_be_torn {
                return damaged(fault.offset, fault.what.clone());
            }
            if let Some(found) =
                contradiction(bytes, scanner.at, scanner.size, fault, self.verifier)
            {
                let what = format!(
                    "{}; a signed checkpoint of {} entries follows at byte {}, so this is no \
                     unfinished write",
                    fault.what, found.checkpoint.size, found.offset
                );
                return damaged(fault.offset, what);
            }
        }
        if let Some(claim) = claim.filter(|claim| claim.size <= scanner.size) {
            return Err(self.claim_refuted(claim));
        }
        let (Some(newest), Some(frontier)) = (newest, scanner.frontier) else {
            return damaged(SEGMENT_HEAD_BYTES, "the anchor is missing".to_owned());
        };
        // Its root is over all entries before it, so the newest signature vouches for them all.
        self.require_signed(newest.note, path, newest.note_offset as u64)?;
        Ok(LastSegment {
            first,
            offsets,
            stored_hashes,
            checkpoint: Checkpoint {
                size: newest.checkpoint.size,
                root: newest.checkpoint.root,
                note: newest.note.to_owned(),
            },
            frontier,
            commit_at: commit_at as u64,
            good_bytes: scanner.at as u64,
            file_bytes: bytes.len() as u64,
            torn,
        })
    }

    /// Refuses when someone was told of more entries than there are.
    fn require_acknowledged(
        &self,
        last: &LastSegment,
        path: &Path,
        claimed: Option<&note::Checkpoint>,
    ) -> Result<()> {
        let held = last.checkpoint.size;
        let claims = [
            (claimed.map_or(0, |c| c.size), "the checkpoint file claims"),
            (self.floor, "the state says that it applied"),
        ];
        match claims.iter().find(|(size, _)| *size > held) {
            Some((size, who)) => Err(LedgerError::missing(
                path,
                last.good_bytes,
                format!("the segments hold {held} entries, but {who} {size}"),
            )),
            None => Ok(()),
        }
    }
}
