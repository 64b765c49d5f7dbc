//! The decoders of segment files as plain functions of bytes, for the fuzz targets.

use hub_core::{
    merkle::Frontier,
    note::{Checkpoint, NoteVerifier},
};

use super::{
    EncodedEntry, index,
    record::{self, Record},
    segment::{self, SEGMENT_HEAD_BYTES, ScannedEntry, Scanner, Step},
};

/// What reading records one after the other came to.
#[derive(Debug)]
pub struct Records {
    /// Where the last whole record ends.
    pub end: usize,
    /// All that was read, written again.
    pub again: Vec<u8>,
}

/// Reads records until one is none.
#[must_use]
pub fn records(bytes: &[u8]) -> Records {
    let (mut end, mut again) = (0, vec![]);
    while let Ok(parsed) = record::parse(bytes, end) {
        let written = match parsed.record {
            Record::Checkpoint(note) => record::encode_checkpoint(&mut again, note),
            Record::Entry {
                header,
                content,
                is_sealed: true,
            } => record::encode_sealed(&mut again, header, content),
            Record::Entry {
                header, content, ..
            } => {
                let entry = EncodedEntry {
                    header: header.to_vec().into(),
                    content: content.to_vec().into(),
                };
                record::encode_entry(&mut again, &entry)
            }
        };
        if written.is_none() {
            break;
        }
        end = parsed.end;
    }
    Records { end, again }
}

/// Appends a record of any kind and payload under a right checksum; `None` when it is too long.
#[must_use]
pub fn frame(buffer: &mut Vec<u8>, kind: u8, payload: &[u8]) -> Option<()> {
    record::encode(buffer, kind, &[payload])
}

/// Header and anchor of a new segment; `None` when the note is too long.
#[must_use]
pub fn new_segment(first: u64, origin: &str, anchor: &str) -> Option<Vec<u8>> {
    segment::new_segment(first, origin, anchor)
}

/// One entry that a scan found: header, content, and whether it is sealed.
pub type Entry = (Vec<u8>, Vec<u8>, bool);

/// What a scan came to.
#[derive(Debug, Default)]
pub struct Scan {
    /// Entries of whole commits.
    pub entries: Vec<Entry>,
    /// Where the last whole commit ends; 0 when the header is none.
    pub end: usize,
    /// Entries before that place.
    pub size: u64,
    /// Where it stopped, and whether an unfinished write can look like this; `None` at the end.
    pub fault: Option<(usize, bool)>,
    /// Signed checkpoints that were found after faults, as the opening of a damaged ledger looks for them.
    pub found: Vec<Checkpoint>,
}

/// Reads a segment as opening and fsck do: header, commits, and after a fault the next signed checkpoint
/// of a larger tree, until there is none.
#[must_use]
pub fn scan(bytes: &[u8], first: u64, verifier: &NoteVerifier) -> Scan {
    let mut scan = Scan::default();
    let origin = verifier.origin();
    if segment::check_head(bytes, first, origin).is_err() {
        scan.fault = Some((0, false));
        return scan;
    }
    let frontier = (first == 0).then(Frontier::new);
    let mut scanner = Scanner::new(bytes, origin, first, frontier);
    scan.end = SEGMENT_HEAD_BYTES;
    loop {
        match scanner.step() {
            Step::End => break,
            Step::Commit(commit) => scan.entries.extend(commit.entries.iter().map(entry)),
            Step::Fault(fault) => {
                scan.fault.get_or_insert((fault.offset, fault.may_be_torn));
                let (at, size) = (scanner.at, scanner.size);
                let found = segment::find_checkpoint(bytes, at, size, verifier);
                let Some(found) = found else { break };
                scanner.resume(&found, None);
                scan.found.push(found.checkpoint);
            }
        }
        if scan.found.is_empty() {
            (scan.end, scan.size) = (scanner.at, scanner.size);
        }
    }
    scan
}

fn entry(entry: &ScannedEntry<'_>) -> Entry {
    (
        entry.header.to_vec(),
        entry.content.to_vec(),
        entry.is_sealed,
    )
}

/// Reads an index file, and writes what it says again.
#[must_use]
pub fn index(bytes: &[u8]) -> Option<Vec<u8>> {
    let (head, offsets) = index::decode(bytes)?;
    index::encode(head.first, head.segment_bytes, &offsets)
}
