//! Reads a ledger segment by segment, whole and verified, while another process may write it: what
//! backups are made of, and what is restored from them.
//!
//! Invariant: what [`Walker::next`] answers was checked from its first byte: every checksum, every
//! leaf, the root, and the signature of the last checkpoint in it. It takes no lock and changes
//! nothing. Each file is opened once, so a segment that retention replaces meanwhile is read as it
//! was or as it is, never as a mixture.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hub_core::{
    crypto::{Digest, SigningKey},
    merkle::{Frontier, leaf_hash},
    note::{NoteSigner, NoteVerifier},
};

use super::{
    Checkpoint, LEDGER_DIR,
    checkpoint::{self, checkpoint_path},
    error::{LedgerError, Result},
    index::{self, index_path},
    open::list_segments,
    record,
    segment::{
        Commit, Fault, SEGMENT_FILE_BYTES_MAX, Scanner, Step, contradiction, require_head,
        segment_path,
    },
    storage::{RealStorage, Storage as _, TEMPORARY_EXTENSION, replace},
    tree::{HashFile, tree_bytes},
    writer::sign,
};

/// How often a segment is read again that was being written or replaced.
const READ_TRIES_MAX: u32 = 20;

/// Pause between two tries.
const READ_PAUSE: Duration = Duration::from_millis(50);

/// A segment that was checked from its first byte to its last commit.
#[derive(Debug)]
pub struct Whole {
    /// Index of its first entry.
    pub first: u64,
    /// Entries in it.
    pub entries: u64,
    /// Header, anchor and whole commits.
    pub bytes: Vec<u8>,
    /// The tree up to its end.
    pub checkpoint: Checkpoint,
    /// Whether that was signed just now, because a cut lay within a commit.
    pub signed_anew: bool,
    /// Whether contents of it have been erased.
    pub has_sealed: bool,
    offsets: Vec<u32>,
    hashes: Vec<u8>,
}

/// Ends a ledger at an entry.
#[derive(Debug)]
pub struct Cut {
    /// Entries that stay.
    pub entries: u64,
    /// Signs the tree of these, when no checkpoint of this size was stored.
    pub signer: NoteSigner<Arc<SigningKey>>,
}

/// Goes through the segments of a folder in order.
#[derive(Debug)]
pub struct Walker<'a> {
    ledger_dir: PathBuf,
    verifier: &'a NoteVerifier,
    frontier: Frontier,
    /// Roots of trees that the ledger must have gone through, largest last.
    milestone: Option<(u64, Digest)>,
}

/// First indexes of the segments in a data folder or a backup, in order.
///
/// # Errors
/// [`LedgerError::Io`] when the folder cannot be listed.
pub fn segments(dir: &Path) -> Result<Vec<u64>> {
    list_segments(&dir.join(LEDGER_DIR))
}

/// Path of a segment in a data folder or a backup.
#[must_use]
pub fn segment_file(dir: &Path, first: u64) -> PathBuf {
    segment_path(&dir.join(LEDGER_DIR), first)
}

/// Root of the tree of the first entries, as `tree.hashes` has it: quick, and to be borne out by a
/// [`Walker`]. Nothing when the file does not reach so far.
#[must_use]
pub fn quick_root(dir: &Path, entries: u64) -> Option<Digest> {
    let tree = HashFile::open_existing(&dir.join(LEDGER_DIR))?;
    let is_long_enough = tree.len().ok()? >= tree_bytes(entries);
    is_long_enough.then(|| tree.frontier(entries).ok().map(|f| f.root()))?
}

impl<'a> Walker<'a> {
    /// Stands before the first segment. `milestone` is a tree that the ledger must have gone
    /// through: that of an earlier backup.
    #[must_use]
    pub fn new(dir: &Path, verifier: &'a NoteVerifier, milestone: Option<(u64, Digest)>) -> Self {
        Self {
            ledger_dir: dir.join(LEDGER_DIR),
            verifier,
            frontier: Frontier::new(),
            milestone,
        }
    }

    /// Entries of the segments so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Whether the milestone has been met.
    #[must_use]
    pub fn met_milestone(&self) -> bool {
        self.milestone.is_none()
    }

    /// Reads the next segment from its file. An end that no checkpoint closes is left out of the
    /// last one: it is being written, and not acknowledged.
    ///
    /// # Errors
    /// [`LedgerError`] with file, byte and remedy; it is read again for a while before.
    pub fn next(&mut self, first: u64, is_last: bool) -> Result<Whole> {
        let path = segment_path(&self.ledger_dir, first);
        let mut tries = 1;
        loop {
            let read = read_once(&path).map_err(LedgerError::io("read", &path));
            match read.and_then(|bytes| self.check(first, bytes, is_last, None)) {
                Ok(whole) => return Ok(whole),
                // A reader may see the middle of a write that goes on, and a name that is on the way.
                Err(error) if tries >= READ_TRIES_MAX || !may_pass(&error, is_last) => {
                    return Err(error);
                }
                Err(_) => {
                    tries += 1;
                    std::thread::sleep(READ_PAUSE);
                }
            }
        }
    }

    /// Checks the bytes of the next segment, and ends them at a cut if there is one.
    ///
    /// # Errors
    /// [`LedgerError`] with file, byte and remedy.
    pub fn check(
        &mut self,
        first: u64,
        mut bytes: Vec<u8>,
        is_last: bool,
        cut: Option<&Cut>,
    ) -> Result<Whole> {
        let path = segment_path(&self.ledger_dir, first);
        let origin = self.verifier.origin().to_owned();
        require_head(&bytes, &path, first, &origin)?;
        if first != self.frontier.size() {
            let expected = segment_path(&self.ledger_dir, self.frontier.size());
            let what = format!("the segment is missing: the next one begins at entry {first}");
            return Err(LedgerError::missing(&expected, 0, what));
        }
        let known = Some(self.frontier.clone());
        let mut found = Found::default();
        let mut milestone = self.milestone;
        let (frontier, end, tail) = {
            let mut scanner = Scanner::new(&bytes, &origin, first, known);
            loop {
                let before = (scanner.frontier.clone(), scanner.at);
                match scanner.step() {
                    Step::Commit(commit) => {
                        if let Some(cut) = cut.filter(|cut| commit.checkpoint.size > cut.entries) {
                            let frontier = before.0.unwrap_or_default();
                            let tail = found.part(&commit, frontier, cut, &bytes)?;
                            break (tail.0, before.1, tail.1);
                        }
                        found.take(&commit);
                        let here = (commit.checkpoint.size, commit.checkpoint.root);
                        milestone = milestone.filter(|expected| *expected != here);
                    }
                    Step::End => {
                        break (
                            scanner.frontier.take().unwrap_or_default(),
                            scanner.at,
                            vec![],
                        );
                    }
                    Step::Fault(fault) => {
                        self.require_unfinished(&fault, &scanner, &bytes, is_last, &path)?;
                        break (
                            scanner.frontier.take().unwrap_or_default(),
                            scanner.at,
                            vec![],
                        );
                    }
                }
            }
        };
        let Some(checkpoint) = found.checkpoint else {
            return Err(LedgerError::damaged(&path, 0, "the anchor is missing"));
        };
        self.verifier.verify(&checkpoint.note).map_err(|_| {
            let what = "the checkpoint was not signed by the configured ledger key";
            LedgerError::foreign(&path, end as u64, what)
        })?;
        bytes.truncate(end);
        bytes.extend_from_slice(&tail);
        let entries = frontier.size().saturating_sub(first);
        self.frontier = frontier;
        self.milestone = milestone;
        Ok(Whole {
            first,
            entries,
            bytes,
            checkpoint,
            signed_anew: !tail.is_empty(),
            has_sealed: found.has_sealed,
            offsets: found.offsets,
            hashes: found.hashes,
        })
    }

    /// A fault is nothing but a write that goes on, or did not finish.
    fn require_unfinished(
        &self,
        fault: &Fault,
        scanner: &Scanner<'_>,
        bytes: &[u8],
        is_last: bool,
        path: &Path,
    ) -> Result<()> {
        let later = || contradiction(bytes, scanner.at, scanner.size, fault, self.verifier);
        if is_last && fault.may_be_torn && later().is_none() {
            return Ok(());
        }
        let what = fault.what.clone();
        Err(LedgerError::damaged(path, fault.offset as u64, what))
    }
}

/// What a scan of a segment has come upon.
#[derive(Debug, Default)]
struct Found {
    offsets: Vec<u32>,
    hashes: Vec<u8>,
    checkpoint: Option<Checkpoint>,
    has_sealed: bool,
}

impl Found {
    fn take(&mut self, commit: &Commit<'_>) {
        self.has_sealed |= commit.entries.iter().any(|entry| entry.is_sealed);
        self.offsets.extend(commit.entries.iter().map(|e| e.offset));
        self.hashes.extend(commit.stored_hashes.iter().flatten());
        self.checkpoint = Some(Checkpoint {
            size: commit.checkpoint.size,
            root: commit.checkpoint.root,
            note: commit.note.to_owned(),
        });
    }

    /// The first entries of a commit, closed by a checkpoint of their own; nothing when the cut lies
    /// at its beginning.
    fn part(
        &mut self,
        commit: &Commit<'_>,
        mut frontier: Frontier,
        cut: &Cut,
        bytes: &[u8],
    ) -> Result<(Frontier, Vec<u8>)> {
        let left = usize::try_from(cut.entries.saturating_sub(frontier.size()));
        let left = left.unwrap_or(usize::MAX);
        if left == 0 {
            return Ok((frontier, vec![]));
        }
        for entry in commit.entries.iter().take(left) {
            self.has_sealed |= entry.is_sealed;
            self.offsets.push(entry.offset);
            let hashes = &mut self.hashes;
            frontier.push(leaf_hash(entry.header), |hash| hashes.extend(hash));
        }
        let start = commit
            .entries
            .first()
            .map_or(0, |entry| entry.offset as usize);
        let next = commit.entries.get(left).map(|entry| entry.offset as usize);
        let kept = bytes.get(start..next.unwrap_or(commit.note_offset));
        let mut tail = kept.unwrap_or_default().to_vec();
        let checkpoint = sign(&cut.signer, &frontier)?;
        record::encode_checkpoint(&mut tail, &checkpoint.note)
            .ok_or_else(|| LedgerError::Limit("the checkpoint's note is too long".to_owned()))?;
        self.checkpoint = Some(checkpoint);
        Ok((frontier, tail))
    }
}

fn may_pass(error: &LedgerError, is_last: bool) -> bool {
    match error {
        LedgerError::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        LedgerError::Damaged(_) => is_last,
        _ => false,
    }
}

/// The whole file, opened once.
fn read_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    let file = File::open(path)?;
    file.take(SEGMENT_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes segments and what is derived from them into another folder, so that it is a ledger that
/// opens as it is. Every file is put in place whole and is on the medium when a call returns.
#[derive(Debug)]
pub struct Target {
    ledger_dir: PathBuf,
    tree: HashFile,
}

impl Target {
    /// Makes the `ledger` folder of a folder.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn new(dir: &Path) -> Result<Self> {
        let ledger_dir = dir.join(LEDGER_DIR);
        std::fs::create_dir_all(&ledger_dir).map_err(LedgerError::io("make", &ledger_dir))?;
        let tree = HashFile::open(&RealStorage, &ledger_dir)?;
        Ok(Self { ledger_dir, tree })
    }

    /// Writes a segment, unless the very same bytes are there. Answers whether it was written.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn segment(&self, whole: &Whole) -> Result<bool> {
        let path = segment_path(&self.ledger_dir, whole.first);
        let start = tree_bytes(whole.first);
        let mut hashes = vec![0; whole.hashes.len()];
        if self.tree.read_at(&mut hashes, start).is_err() || hashes != whole.hashes {
            RealStorage
                .write_at(&self.tree.file, &whole.hashes, start)
                .map_err(LedgerError::io("write", &self.tree.path))?;
        }
        if read_once(&path).is_ok_and(|there| there == whole.bytes) {
            return Ok(false);
        }
        replace(&RealStorage, &path, &whole.bytes)?;
        Ok(true)
    }

    /// Writes the index of a segment that has a successor.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn index(&self, whole: &Whole) -> Result<()> {
        let path = index_path(&self.ledger_dir, whole.first);
        let bytes = index::encode(whole.first, whole.bytes.len() as u64, &whole.offsets)
            .ok_or_else(|| LedgerError::Limit("the segment has too many entries".to_owned()))?;
        if read_once(&path).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        replace(&RealStorage, &path, &bytes).map(drop)
    }

    /// Writes the `checkpoint` file, cuts `tree.hashes` and removes what belongs to no segment of
    /// these.
    ///
    /// # Errors
    /// [`LedgerError::Io`].
    pub fn finish(&self, firsts: &[u64], newest: &Checkpoint) -> Result<()> {
        let tree = &self.tree;
        RealStorage
            .set_len(&tree.file, tree_bytes(newest.size))
            .and_then(|()| RealStorage.sync(&tree.file))
            .map_err(LedgerError::io("write", &tree.path))?;
        self.remove_others(firsts)?;
        let claim = checkpoint_path(&self.ledger_dir);
        if !read_once(&claim).is_ok_and(|there| there == newest.note.as_bytes()) {
            checkpoint::write(&RealStorage, &self.ledger_dir, &newest.note)?;
        }
        RealStorage
            .sync_dir(&self.ledger_dir)
            .map_err(LedgerError::io("sync", &self.ledger_dir))
    }

    fn remove_others(&self, firsts: &[u64]) -> Result<()> {
        let dir = &self.ledger_dir;
        let mut keep: Vec<PathBuf> = firsts.iter().map(|f| segment_path(dir, *f)).collect();
        let complete = firsts.split_last().map_or(&[][..], |(_, older)| older);
        keep.extend(complete.iter().map(|first| index_path(dir, *first)));
        for entry in std::fs::read_dir(dir).map_err(LedgerError::io("list", dir))? {
            let path = entry.map_err(LedgerError::io("list", dir))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            let is_ours = matches!(extension, Some("log" | "idx" | TEMPORARY_EXTENSION));
            if is_ours && !keep.contains(&path) {
                RealStorage
                    .remove(&path)
                    .map_err(LedgerError::io("remove", &path))?;
            }
        }
        Ok(())
    }
}
