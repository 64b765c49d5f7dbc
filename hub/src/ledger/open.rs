//! Opening: repairs what was never acknowledged, refuses everything else.
//!
//! Invariant: a file is changed only after every check has passed. The last segment is read whole;
//! of older ones the header, the index and the length (fsck reads them whole). What is derived is
//! rebuilt with a warning; a torn tail is cut with a warning; anything that could be lost or
//! changed truth is an error that names file, offset and remedy.

use std::{
    fs::{self, File, OpenOptions},
    io::Read as _,
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
    index,
    lock::DataLock,
    reader::{Active, Reader, Sealed, Segments, Shared},
    segment::{
        Commit, Fault, SEGMENT_BYTES_MAX, SEGMENT_HEAD_BYTES, Scanner, Step, find_checkpoint,
        read_segment, require_head, segment_path,
    },
    storage::{Storage, TEMPORARY_EXTENSION},
    tree::{HashFile, tree_bytes},
    writer::{Writer, create_segment, sign, write_index},
};

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
    let signer = NoteSigner::new(&options.origin, Arc::clone(&options.key))?;
    let ledger_dir = options.dir.join(LEDGER_DIR);
    fs::create_dir_all(&ledger_dir).map_err(LedgerError::io("make", &ledger_dir))?;
    let lock = DataLock::acquire(&options.dir)?;
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
        let sealed = self.check_older(older, last_first, report)?;
        let path = segment_path(self.ledger_dir, last_first);
        let bytes = read_segment(&path)?;
        require_head(&bytes, &path, last_first, self.verifier.origin())?;
        let anchor = self.anchor(&bytes, &path, last_first)?;
        let tree = HashFile::open(self.ledger_dir)?;
        let claimed = checkpoint::read(self.ledger_dir, self.verifier)?;
        let (before, tree_rebuilt) =
            self.frontier_before(&tree, &sealed, &anchor, claimed.as_ref(), report)?;
        let last = self.scan_last(&bytes, &path, before, claimed.as_ref())?;
        self.require_acknowledged(&last, &path, claimed.as_ref())?;

        // From here on files are changed.
        let file = self.settle_last(&last, &path, report)?;
        self.settle_tree(&tree, &last, tree_rebuilt, report)?;
        self.settle_checkpoint(claimed.is_some(), &last, report)?;
        self.remove_temporaries()?;
        report.entries = last.checkpoint.size;
        Ok(Opened {
            segments: Segments {
                sealed,
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

    /// An index is written only once the next segment is in place.
    fn require_successor(&self, last_first: u64) -> Result<()> {
        let newest = list_indexes(self.ledger_dir)?.last().copied();
        match newest {
            Some(newest) if newest >= last_first => Err(LedgerError::missing(
                &index::index_path(self.ledger_dir, newest),
                0,
                "this index says that a later segment exists, but its file is not there",
            )),
            _ => Ok(()),
        }
    }

    /// Headers, indexes and lengths of the segments before the last, and that none is missing.
    fn check_older(
        &self,
        older: &[u64],
        last_first: u64,
        report: &mut OpenReport,
    ) -> Result<Vec<Sealed>> {
        let mut sealed = Vec::with_capacity(older.len());
        let mut expected = 0;
        for (&first, &next) in older.iter().zip(older.iter().skip(1).chain([&last_first])) {
            self.require_contiguous(expected, first)?;
            let path = segment_path(self.ledger_dir, first);
            let mut head = vec![];
            let length = File::open(&path)
                .and_then(|file| {
                    let length = file.metadata()?.len();
                    file.take(SEGMENT_HEAD_BYTES as u64)
                        .read_to_end(&mut head)?;
                    Ok(length)
                })
                .map_err(LedgerError::io("read", &path))?;
            require_head(&head, &path, first, self.verifier.origin())?;
            let segment = self.indexed(first, next, length, report)?;
            if segment.bytes != length {
                let what = format!(
                    "the segment has {length} bytes, but was complete with {}",
                    segment.bytes
                );
                let offset = segment.bytes.min(length);
                return Err(LedgerError::damaged(&path, offset, what));
            }
            expected = first.saturating_add(segment.count);
            sealed.push(segment);
        }
        self.require_contiguous(expected, last_first)?;
        Ok(sealed)
    }

    fn require_contiguous(&self, expected: u64, found: u64) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        let path = segment_path(self.ledger_dir, expected);
        let what = format!("the segment is missing: the next one begins at entry {found}");
        Err(LedgerError::missing(&path, 0, what))
    }

    /// What a rolled segment's index says; the index is rebuilt when it cannot be used.
    fn indexed(
        &self,
        first: u64,
        next: u64,
        length: u64,
        report: &mut OpenReport,
    ) -> Result<Sealed> {
        let path = index::index_path(self.ledger_dir, first);
        let why = match index::read(&path)? {
            Ok((head, _)) if head.first == first => {
                return Ok(Sealed {
                    first,
                    count: head.count,
                    bytes: head.segment_bytes,
                });
            }
            Ok(_) => "it is of another segment".to_owned(),
            Err(why) => why,
        };
        let mut offsets = vec![];
        let end = self.scan_older(first, None, |commit| {
            offsets.extend(commit.entries.iter().map(|entry| entry.offset));
            Ok(())
        })?;
        let segment = Sealed {
            first,
            count: offsets.len() as u64,
            bytes: length,
        };
        // A segment that ends too early is found missing by the caller; its index is not written.
        if end.size == next {
            write_index(self.storage, self.ledger_dir, segment, &offsets)?;
            report.warn(format!("{} was rebuilt: {why}", path.display()));
        }
        Ok(segment)
    }

    /// Reads an older segment whole; it must be perfect to its end.
    fn scan_older(
        &self,
        first: u64,
        frontier: Option<Frontier>,
        mut visit: impl FnMut(&Commit<'_>) -> Result<()>,
    ) -> Result<ScanEnd> {
        let path = segment_path(self.ledger_dir, first);
        let bytes = read_segment(&path)?;
        require_head(&bytes, &path, first, self.verifier.origin())?;
        let mut scanner = Scanner::new(&bytes, self.verifier.origin(), first, frontier);
        loop {
            match scanner.step() {
                Step::Commit(commit) => visit(&commit)?,
                Step::End => {
                    return Ok(ScanEnd {
                        size: scanner.size,
                        frontier: scanner.frontier,
                    });
                }
                Step::Fault(fault) => {
                    return Err(LedgerError::damaged(&path, fault.offset as u64, fault.what));
                }
            }
        }
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

    /// The tree before the last segment: from `tree.hashes` when they agree with the anchor, else
    /// from the segments; and whether the file was rebuilt so.
    fn frontier_before(
        &self,
        tree: &HashFile,
        sealed: &[Sealed],
        anchor: &note::Checkpoint,
        claimed: Option<&note::Checkpoint>,
        report: &mut OpenReport,
    ) -> Result<(Frontier, bool)> {
        // A claim that lies before the last segment is checked here, a later one by the scan.
        let claimed = claimed.filter(|claimed| claimed.size < anchor.size);
        let claim_stands = |tree: &HashFile| match claimed {
            Some(claimed) => Ok(tree.frontier(claimed.size)?.root() == claimed.root),
            None => Ok::<_, LedgerError>(true),
        };
        if tree.len()? >= tree_bytes(anchor.size) {
            let frontier = tree.frontier(anchor.size)?;
            if frontier.root() == anchor.root && claim_stands(tree)? {
                return Ok((frontier, false));
            }
        }
        let mut frontier = Some(Frontier::new());
        let mut at = 0;
        for segment in sealed {
            let path = segment_path(self.ledger_dir, segment.first);
            let mut hashes = vec![];
            let end = self.scan_older(segment.first, frontier.take(), |commit| {
                hashes.extend(commit.stored_hashes.iter().flatten());
                Ok(())
            })?;
            if end.size != segment.first + segment.count || end.frontier.is_none() {
                return Err(LedgerError::damaged(
                    &path,
                    0,
                    "the segment's entries are not those that its index counts",
                ));
            }
            self.write_tree(tree, &hashes, at)?;
            at += hashes.len() as u64;
            frontier = end.frontier;
        }
        let frontier = frontier.filter(|frontier| frontier.root() == anchor.root);
        let frontier = frontier.ok_or_else(|| {
            let path = segment_path(self.ledger_dir, anchor.size);
            let what = "the segment's anchor was signed over other entries than those before it";
            LedgerError::damaged(&path, SEGMENT_HEAD_BYTES as u64, what)
        })?;
        report.warn(format!(
            "{} was rebuilt from the segments: it was missing, too short or wrong",
            tree.path.display()
        ));
        match claimed {
            Some(claimed) if !claim_stands(tree)? => Err(self.claim_refuted(claimed)),
            _ => Ok((frontier, true)),
        }
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
        // Only sizes at which a commit ended were ever signed.
        let mut claim = claimed.filter(|claimed| claimed.size >= first);
        let torn = loop {
            match scanner.step() {
                Step::Commit(commit) => {
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
            if let Some(found) = find_checkpoint(bytes, scanner.at, scanner.size, self.verifier) {
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

    /// Cuts a torn tail, and makes what was read durable: a process that died between write and
    /// sync left bytes that only the page cache may hold.
    fn settle_last(
        &self,
        last: &LastSegment,
        path: &Path,
        report: &mut OpenReport,
    ) -> Result<File> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(LedgerError::io("open", path))?;
        if let Some(fault) = &last.torn {
            self.storage
                .set_len(&file, last.good_bytes)
                .map_err(LedgerError::io("cut", path))?;
            report.torn_bytes_cut = last.file_bytes - last.good_bytes;
            report.torn_entries_cut = fault.pending_entries;
            report.warn(format!(
                "{}: cut {} bytes and {} whole entries from byte {} on, which an unfinished write \
                 left ({} at byte {}); they were never acknowledged",
                path.display(),
                report.torn_bytes_cut,
                report.torn_entries_cut,
                last.good_bytes,
                fault.what,
                fault.offset,
            ));
        }
        self.storage
            .sync(&file)
            .map_err(LedgerError::io("sync", path))?;
        Ok(file)
    }

    /// Makes the end of `tree.hashes` what the last segment says.
    fn settle_tree(
        &self,
        tree: &HashFile,
        last: &LastSegment,
        warned: bool,
        report: &mut OpenReport,
    ) -> Result<()> {
        let start = tree_bytes(last.first);
        let end = tree_bytes(last.checkpoint.size);
        let length = tree.len()?;
        let mut found = vec![0; last.stored_hashes.len()];
        if length >= end {
            tree.read_at(&mut found, start)?;
        }
        if length < end || found != last.stored_hashes {
            self.write_tree(tree, &last.stored_hashes, start)?;
            if !warned {
                report.warn(format!(
                    "{}: the end was rebuilt from the last segment",
                    tree.path.display()
                ));
            }
        }
        if length > end {
            self.storage
                .set_len(&tree.file, end)
                .map_err(LedgerError::io("cut", &tree.path))?;
        }
        Ok(())
    }

    fn write_tree(&self, tree: &HashFile, hashes: &[u8], at: u64) -> Result<()> {
        self.storage
            .write_at(&tree.file, hashes, at)
            .map_err(LedgerError::io("write", &tree.path))
    }

    fn settle_checkpoint(
        &self,
        was_there: bool,
        last: &LastSegment,
        report: &mut OpenReport,
    ) -> Result<()> {
        if !was_there && !report.created {
            report.warn(format!(
                "{} was missing and is written anew; that no later entries are lost cannot be \
                 checked without it",
                checkpoint_path(self.ledger_dir).display()
            ));
        }
        checkpoint::write(self.storage, self.ledger_dir, &last.checkpoint.note)?;
        self.storage
            .sync_dir(self.ledger_dir)
            .map_err(LedgerError::io("sync", self.ledger_dir))
    }

    /// Removes files that a crash left before they were put in place.
    fn remove_temporaries(&self) -> Result<()> {
        let dir = self.ledger_dir;
        for entry in fs::read_dir(dir).map_err(LedgerError::io("list", dir))? {
            let path = entry.map_err(LedgerError::io("list", dir))?.path();
            if path.extension().is_some_and(|e| e == TEMPORARY_EXTENSION) {
                fs::remove_file(&path).map_err(LedgerError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Where the scan of an older segment ended.
struct ScanEnd {
    size: u64,
    frontier: Option<Frontier>,
}
