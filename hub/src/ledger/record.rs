//! One record of a segment: `length u32le | crc32c u32le over (kind ‖ payload) | kind u8 | payload`.
//!
//! Kind 1 is an entry (`header length u32le | header | content`), kind 2 a checkpoint (a signed
//! note over all entries before it), kind 3 an entry whose content is sealed: laid out as kind 1,
//! with what stays of the content. `length` counts the payload. Reading never trusts a length before it is bounded.

use hub_core::note::NOTE_BYTES_MAX;

use super::EncodedEntry;

/// Bytes before the payload.
pub(super) const RECORD_HEAD_BYTES: usize = 9;

/// Header and content of one entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Payload of a record, in bytes.
const PAYLOAD_BYTES_MAX: usize = ENTRY_BYTES_MAX + 4;

/// From one entry's beginning to the next one's, in bytes: the entry and a checkpoint.
pub(super) const ENTRY_SPAN_BYTES_MAX: usize =
    RECORD_HEAD_BYTES + PAYLOAD_BYTES_MAX + RECORD_HEAD_BYTES + NOTE_BYTES_MAX;

const KIND_ENTRY: u8 = 1;
pub(super) const KIND_CHECKPOINT: u8 = 2;
const KIND_SEALED: u8 = 3;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Entry {
        header: &'a [u8],
        content: &'a [u8],
        is_sealed: bool,
    },
    Checkpoint(&'a str),
}

/// A record, and where the next one begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parsed<'a> {
    pub(super) record: Record<'a>,
    pub(super) end: usize,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordFault {
    /// The file ends within the record, or its length or checksum is wrong: a write that did not
    /// finish looks like this, and so does damage.
    Broken(&'static str),
    /// The checksum stands, so this was written as it is: never an unfinished write.
    Contradiction(&'static str),
}

/// Reads the record that begins at an offset.
pub(super) fn parse(bytes: &[u8], at: usize) -> Result<Parsed<'_>, RecordFault> {
    use RecordFault::{Broken, Contradiction};

    let rest = bytes
        .get(at..)
        .ok_or(Broken("the record begins past the end"))?;
    let cut = Broken("the file ends within a record");
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
    let (crc, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
    let length =
        usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Broken("the length is wrong"))?;
    if length > PAYLOAD_BYTES_MAX {
        return Err(Broken("the record's length is over the limit"));
    }
    let covered = rest.get(..=length).ok_or(cut)?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        return Err(Broken("the record's checksum does not match"));
    }
    let (kind, payload) = covered.split_first().ok_or(cut)?;
    let record = match *kind {
        KIND_ENTRY | KIND_SEALED => parse_entry(payload, *kind == KIND_SEALED)
            .ok_or(Contradiction("the entry's header is longer than the entry"))?,
        KIND_CHECKPOINT => std::str::from_utf8(payload)
            .ok()
            .filter(|note| note.len() <= NOTE_BYTES_MAX)
            .map(Record::Checkpoint)
            .ok_or(Contradiction("the checkpoint is not text, or is too long"))?,
        _ => {
            return Err(Contradiction(
                "this release does not know the record's kind; a newer one may have written it",
            ));
        }
    };
    Ok(Parsed {
        record,
        end: at + RECORD_HEAD_BYTES + length,
    })
}

/// Whether what begins at an offset is short enough for a checkpoint: who looks for one need not sum up
/// what is longer, which contents could make it do again and again.
pub(super) fn may_be_checkpoint(bytes: &[u8], at: usize) -> bool {
    let length = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    let length = length.and_then(|length| usize::try_from(u32::from_le_bytes(*length)).ok());
    length.is_some_and(|length| length <= NOTE_BYTES_MAX)
}

fn parse_entry(payload: &[u8], is_sealed: bool) -> Option<Record<'_>> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (header, content) = rest.split_at_checked(length)?;
    Some(Record::Entry {
        header,
        content,
        is_sealed,
    })
}

/// Appends an entry's record; `None` when the entry is over [`ENTRY_BYTES_MAX`].
pub(super) fn encode_entry(buffer: &mut Vec<u8>, entry: &EncodedEntry) -> Option<()> {
    encode_parts(buffer, KIND_ENTRY, &entry.header, &entry.content)
}

/// Appends a sealed entry's record; `None` when it is over [`ENTRY_BYTES_MAX`].
pub(super) fn encode_sealed(buffer: &mut Vec<u8>, header: &[u8], residue: &[u8]) -> Option<()> {
    encode_parts(buffer, KIND_SEALED, header, residue)
}

fn encode_parts(buffer: &mut Vec<u8>, kind: u8, header: &[u8], content: &[u8]) -> Option<()> {
    let payload = header.len().checked_add(content.len())?;
    if payload > ENTRY_BYTES_MAX {
        return None;
    }
    let header_length = u32::try_from(header.len()).ok()?.to_le_bytes();
    encode(buffer, kind, &[&header_length, header, content])
}

/// Appends a checkpoint's record; `None` when the note is over its limit.
pub(super) fn encode_checkpoint(buffer: &mut Vec<u8>, note: &str) -> Option<()> {
    (note.len() <= NOTE_BYTES_MAX).then_some(())?;
    encode(buffer, KIND_CHECKPOINT, &[note.as_bytes()])
}

pub(super) fn encode(buffer: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) -> Option<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let crc = parts.iter().fold(crc32c::crc32c(&[kind]), |crc, part| {
        crc32c::crc32c_append(crc, part)
    });
    buffer.reserve(RECORD_HEAD_BYTES + length);
    buffer.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    buffer.extend_from_slice(&crc.to_le_bytes());
    buffer.push(kind);
    for part in parts {
        buffer.extend_from_slice(part);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(header: usize, content: usize) -> EncodedEntry {
        EncodedEntry {
            header: vec![1; header].into(),
            content: vec![2; content].into(),
        }
    }

    #[test]
    fn what_is_too_long_for_a_checkpoint_is_not_looked_at_as_one() {
        let mut buffer = vec![];
        encode_checkpoint(&mut buffer, &"n".repeat(NOTE_BYTES_MAX)).unwrap();
        assert!(may_be_checkpoint(&buffer, 0));
        let at = buffer.len();
        encode(&mut buffer, KIND_CHECKPOINT, &[&[b'n'; NOTE_BYTES_MAX + 1]]).unwrap();
        assert!(!may_be_checkpoint(&buffer, at));
        assert!(!may_be_checkpoint(&buffer, buffer.len() - 3));
        assert!(!may_be_checkpoint(&buffer, buffer.len() + 1));
    }

    #[test]
    fn records_round_trip() {
        let mut buffer = vec![];
        for (header, content) in [(0, 0), (1, 0), (0, 1), (100, 900)] {
            let at = buffer.len();
            let entry = entry(header, content);
            encode_entry(&mut buffer, &entry).unwrap();
            let parsed = parse(&buffer, at).unwrap();
            assert_eq!(parsed.end, buffer.len());
            assert_eq!(
                parsed.record,
                Record::Entry {
                    header: &entry.header,
                    content: &entry.content,
                    is_sealed: false,
                }
            );
            let at = buffer.len();
            encode_sealed(&mut buffer, &entry.header, &entry.content).unwrap();
            assert_eq!(
                parse(&buffer, at).unwrap().record,
                Record::Entry {
                    header: &entry.header,
                    content: &entry.content,
                    is_sealed: true,
                }
            );
        }
        let at = buffer.len();
        encode_checkpoint(&mut buffer, "note\n").unwrap();
        assert_eq!(
            parse(&buffer, at).unwrap().record,
            Record::Checkpoint("note\n")
        );
    }

    #[test]
    fn the_entry_limit_holds_at_it_and_one_past_it() {
        let mut buffer = vec![];
        assert!(encode_entry(&mut buffer, &entry(100, ENTRY_BYTES_MAX - 100)).is_some());
        assert!(parse(&buffer, 0).is_ok());
        let length = buffer.len();
        assert!(encode_entry(&mut buffer, &entry(100, ENTRY_BYTES_MAX - 99)).is_none());
        assert_eq!(buffer.len(), length, "nothing is written");
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_noticed() {
        let mut buffer = vec![];
        encode_entry(&mut buffer, &entry(20, 30)).unwrap();
        for at in 0..buffer.len() {
            for bit in 0..8 {
                buffer[at] ^= 1 << bit;
                assert!(parse(&buffer, 0).is_err(), "byte {at} bit {bit}");
                buffer[at] ^= 1 << bit;
            }
            assert!(parse(&buffer[..at], 0).is_err(), "cut at {at}");
        }
        assert!(parse(&buffer, buffer.len()).is_err());
        assert!(parse(&buffer, buffer.len() + 1).is_err());
    }

    #[test]
    fn a_header_longer_than_its_entry_and_unknown_kinds_are_contradictions() {
        let mut buffer = vec![];
        encode(&mut buffer, KIND_ENTRY, &[&9_u32.to_le_bytes(), b"short"]).unwrap();
        let at = buffer.len();
        encode(&mut buffer, KIND_SEALED, &[&9_u32.to_le_bytes(), b"short"]).unwrap();
        for at in [0, at] {
            assert!(matches!(
                parse(&buffer, at),
                Err(RecordFault::Contradiction(_))
            ));
        }
        for kind in [0, 4, 255] {
            let mut buffer = vec![];
            encode(&mut buffer, kind, &[b"payload"]).unwrap();
            assert!(matches!(
                parse(&buffer, 0),
                Err(RecordFault::Contradiction(_))
            ));
        }
    }
}
