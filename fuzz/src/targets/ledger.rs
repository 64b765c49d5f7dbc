//! What lies on the disk: records, segments, their indexes, and the entries in them.

use bytes::Bytes;
use hub::{
    engine::recorded::Recorded,
    ledger::{COMMIT_ENTRIES_MAX, fuzzing},
    wire::rpc::RPCS,
};
use hub_core::{
    merkle::{EMPTY_ROOT, Frontier, leaf_hash},
    note::NoteVerifier,
};
use hub_proto::ledger::{EntryContent, EntryHeader};
use prost::Message as _;

use super::{ORIGIN, signer};
use crate::tape::Tape;

/// Kinds of records, as the format has them.
const ENTRY: u8 = 1;
const CHECKPOINT: u8 = 2;
const SEALED: u8 = 3;

/// Records one after the other: as bytes, or as pieces under right lengths and checksums. What is read and
/// written again is the same bytes.
pub fn records(input: &[u8]) {
    let mut tape = Tape::new(input);
    let bytes = match tape.byte() % 2 {
        0 => tape.rest().to_vec(),
        _ => {
            let mut bytes = vec![];
            while !tape.is_empty() {
                let kind = tape.byte() % 5;
                fuzzing::frame(&mut bytes, kind, tape.piece()).unwrap();
            }
            bytes
        }
    };
    let read = fuzzing::records(&bytes);
    assert_eq!(read.again, bytes[..read.end]);
}

/// A segment: as bytes, or as a sequence of entries, checkpoints (signed over what stands before them, or
/// over anything) and other bytes. Reading stops within the file, never before a good commit, and where all
/// is good gives back the entries that were put in. Only what the ledger's key signed is found after damage.
pub fn segment(input: &[u8]) {
    let mut tape = Tape::new(input);
    if tape.byte().is_multiple_of(2) {
        let scan = fuzzing::scan(tape.rest(), 0, signer().verifier());
        assert!(scan.end <= tape.rest().len());
        return;
    }
    let mut script = Script::new();
    while !tape.is_empty() {
        script.step(&mut tape);
    }
    let scan = fuzzing::scan(&script.bytes, 0, signer().verifier());
    assert!(scan.end <= script.bytes.len());
    assert!(scan.end >= script.good_end, "a good commit was not read");
    assert!(scan.entries.starts_with(&script.committed));
    if script.is_good && script.good_end == script.bytes.len() {
        assert_eq!(scan.fault, None);
        assert_eq!(scan.entries, script.committed);
        assert_eq!(scan.size, script.frontier.size());
    }
    let signed = |size: u64| script.signed.contains(&size);
    assert!(scan.found.iter().all(|found| signed(found.size)));
}

/// A segment as it is put together.
struct Script {
    bytes: Vec<u8>,
    frontier: Frontier,
    /// Nothing but good commits so far.
    is_good: bool,
    /// Where the last good commit of the good beginning ends, and the entries before it.
    good_end: usize,
    committed: Vec<fuzzing::Entry>,
    pending: Vec<fuzzing::Entry>,
    /// Sizes of trees that were signed, rightly or not.
    signed: Vec<u64>,
}

impl Script {
    fn new() -> Self {
        let anchor = signer().sign(0, &EMPTY_ROOT).unwrap();
        let bytes = fuzzing::new_segment(0, ORIGIN, &anchor).unwrap();
        Self {
            good_end: bytes.len(),
            bytes,
            frontier: Frontier::new(),
            is_good: true,
            committed: vec![],
            pending: vec![],
            signed: vec![0],
        }
    }

    fn step(&mut self, tape: &mut Tape<'_>) {
        match tape.byte() % 8 {
            0..3 => self.entry(tape),
            3 | 4 => self.commit(),
            5 => {
                let (size, root) = (tape.long(), [tape.byte(); 32]);
                self.put_note(&signer().sign(size, &root).unwrap());
                self.signed.push(size);
                self.is_good = false;
            }
            6 => {
                self.put_note(&String::from_utf8_lossy(tape.piece()));
                self.is_good = false;
            }
            _ => {
                self.bytes.extend_from_slice(tape.piece());
                self.is_good = false;
            }
        }
    }

    fn entry(&mut self, tape: &mut Tape<'_>) {
        let is_sealed = tape.byte().is_multiple_of(4);
        let (header, content) = (tape.piece().to_vec(), tape.piece().to_vec());
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        let payload = [&length[..], &header, &content].concat();
        let kind = if is_sealed { SEALED } else { ENTRY };
        fuzzing::frame(&mut self.bytes, kind, &payload).unwrap();
        self.frontier.push(leaf_hash(&header), |_| {});
        self.pending.push((header, content, is_sealed));
    }

    fn commit(&mut self) {
        let size = self.frontier.size();
        let note = signer().sign(size, &self.frontier.root()).unwrap();
        self.put_note(&note);
        self.signed.push(size);
        self.is_good &= !self.pending.is_empty() && self.pending.len() <= COMMIT_ENTRIES_MAX;
        if self.is_good {
            self.good_end = self.bytes.len();
            self.committed.append(&mut self.pending);
        }
    }

    fn put_note(&mut self, note: &str) {
        fuzzing::frame(&mut self.bytes, CHECKPOINT, note.as_bytes()).unwrap();
    }
}

/// The index of a segment: as bytes, or under a right checksum. What is read is written as the same bytes.
pub fn index(input: &[u8]) {
    let mut tape = Tape::new(input);
    let mut bytes = match tape.byte() % 3 {
        0 => vec![],
        1 => b"HUBLGIX\n\x01\0\0\0".to_vec(),
        _ => {
            let rest = tape.rest();
            let count = u32::try_from(rest.len() / 4).unwrap().to_le_bytes();
            [&b"HUBLGIX\n\x01\0\0\0"[..], &[1; 8], &count, &[2; 8]].concat()
        }
    };
    let is_sealed = !bytes.is_empty();
    bytes.extend_from_slice(tape.rest());
    if is_sealed {
        let sum = crc32c::crc32c(&bytes);
        bytes.extend(sum.to_le_bytes());
    }
    if let Some(again) = fuzzing::index(&bytes) {
        assert_eq!(again, bytes);
    }
}

/// An entry: header and content as bytes, under the name of any method. What is taken can be asked
/// everything that services and search ask of it, sealed or not.
pub fn entry(input: &[u8]) {
    let mut tape = Tape::new(input);
    let (choice, method) = (tape.byte(), usize::from(tape.byte()));
    let mut header = tape.piece().to_vec();
    let mut content = tape.rest().to_vec();
    if choice & 1 != 0 {
        let Ok(mut decoded) = EntryHeader::decode(&header[..]) else {
            return;
        };
        decoded.method = RPCS[method % RPCS.len()].method.to_owned();
        header = decoded.encode_to_vec();
    }
    if choice & 2 != 0 {
        let mut pieces = Tape::new(&content);
        let request = pieces.piece().to_vec();
        let events = pieces.rest().to_vec();
        content = EntryContent {
            author_salt: vec![1; 16].into(),
            event_salt: vec![2; 16].into(),
            request: request.into(),
            events: events.into(),
            ..EntryContent::default()
        }
        .encode_to_vec();
    }
    let stored = hub::ledger::StoredEntry {
        header: Bytes::from(header),
        content: Bytes::from(content),
        is_sealed: choice & 4 != 0,
    };
    let Ok(entry) = Recorded::from_stored(&stored) else {
        return;
    };
    assert_eq!(entry.receipt().header, stored.header);
    assert_eq!(entry.leaf_hash, leaf_hash(&stored.header));
    let all = entry.notifications();
    for (item, notification) in all {
        assert!(entry.notification(*item).is_some());
        assert!(!stored.is_sealed || notification.body.is_empty());
    }
    let counts = [
        entry.request_ids().len(),
        entry.published().count(),
        entry.issued().count(),
        entry.meetings_events().count(),
        entry.funds_events().count(),
        entry.referrals_events().count(),
        entry.requests_events().count(),
        usize::from(entry.reminds_of().is_some()),
        entry.author().len(),
        entry.officer().len(),
    ];
    assert!(
        counts.iter().sum::<usize>() <= input.len() + 256,
        "{counts:?}"
    );
    assert!(entry.bytes_len() >= stored.header.len());
    assert!(entry.recorded_at() >= jiff::Timestamp::MIN);
}

/// The verifier of the ledger that [`segment`] reads.
#[must_use]
pub fn verifier() -> &'static NoteVerifier {
    signer().verifier()
}
