//! The segments before the last, and the tree over them: from what is derived when it stands, from
//! the segments themselves when it does not.

use std::{fs::File, io::Read as _};

use hub_core::{merkle::Frontier, note};

use super::{Opening, list_indexes};
use crate::ledger::{
    OpenReport,
    error::{LedgerError, Result},
    index,
    reader::Complete,
    segment::{
        Commit, SEGMENT_HEAD_BYTES, Scanner, Step, read_segment, require_head, segment_path,
    },
    tree::{HashFile, tree_bytes},
    writer::write_index,
};
impl Opening<'_> {
    /// An index is written only once the next segment is in place.
    pub(super) fn require_successor(&self, last_first: u64) -> Result<()> {
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
    pub(super) fn check_older(
        &self,
        older: &[u64],
        last_first: u64,
        report: &mut OpenReport,
    ) -> Result<Vec<Complete>> {
        let mut complete = Vec::with_capacity(older.len());
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
            complete.push(segment);
        }
        self.require_contiguous(expected, last_first)?;
        Ok(complete)
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
    ) -> Result<Complete> {
        let path = index::index_path(self.ledger_dir, first);
        let why = match index::read(&path)? {
            Ok((head, _)) if head.first == first => {
                return Ok(Complete {
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
        let segment = Complete {
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

    /// The tree before the last segment: from `tree.hashes` when they agree with the anchor, else
    /// from the segments; and whether the file was rebuilt so.
    pub(super) fn frontier_before(
        &self,
        tree: &HashFile,
        complete: &[Complete],
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
        for segment in complete {
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
}

/// Where the scan of an older segment ended.
struct ScanEnd {
    size: u64,
    frontier: Option<Frontier>,
}
