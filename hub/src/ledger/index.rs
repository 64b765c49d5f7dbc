//! `segment-….idx`: where the entries of a rolled segment begin, so that opening reads no old
//! segment.
//!
//! `magic 8 | format u32le | first index u64le | entries u32le | segment bytes u64le |
//! offset u32le × entries | crc32c u32le over all before`. Derived: rebuilt by a scan when it is
//! missing or damaged. That it exists says that a later segment exists too.

use std::path::{Path, PathBuf};

use super::error::{LedgerError, Result};

const MAGIC: [u8; 8] = *b"HUBLGIX\n";
const FORMAT: u32 = 1;

/// Bytes before the first offset.
pub(super) const INDEX_HEAD_BYTES: usize = 32;

/// Bytes that an index file may have; a segment has at most 2^28 records of 9 bytes and more.
const INDEX_BYTES_MAX: u64 = 1 << 30;

/// What an index file says about its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexHead {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) segment_bytes: u64,
}

/// Name of the index of the segment that begins at an entry.
pub(super) fn index_path(ledger_dir: &Path, first: u64) -> PathBuf {
    ledger_dir.join(format!("segment-{first:020}.idx"))
}

/// The file's bytes; `None` when the segment is too large to have one.
pub(super) fn encode(first: u64, segment_bytes: u64, offsets: &[u32]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(INDEX_HEAD_BYTES + offsets.len() * 4 + 4);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(offsets.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&segment_bytes.to_le_bytes());
    for offset in offsets {
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    Some(bytes)
}

/// Reads and checks the whole file; the inner `Err` says why it is unusable.
pub(super) fn read(path: &Path) -> Result<std::result::Result<(IndexHead, Vec<u32>), String>> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Err("it is missing".to_owned()));
        }
        Err(error) => return Err(LedgerError::io("read", path)(error)),
    };
    if length > INDEX_BYTES_MAX {
        return Ok(Err("it is too long".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(LedgerError::io("read", path))?;
    Ok(decode(&bytes).ok_or_else(|| "its checksum or form is wrong".to_owned()))
}

pub(super) fn decode(bytes: &[u8]) -> Option<(IndexHead, Vec<u32>)> {
    let (covered, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (magic, rest) = covered.split_first_chunk::<8>()?;
    let (format, rest) = rest.split_first_chunk::<4>()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (segment_bytes, rest) = rest.split_first_chunk::<8>()?;
    let (offsets, odd) = rest.as_chunks::<4>();
    let count = u32::from_le_bytes(*count);
    let right = *magic == MAGIC
        && u32::from_le_bytes(*format) == FORMAT
        && odd.is_empty()
        && u32::try_from(offsets.len()) == Ok(count);
    right.then(|| {
        let head = IndexHead {
            first: u64::from_le_bytes(*first),
            count: u64::from(count),
            segment_bytes: u64::from_le_bytes(*segment_bytes),
        };
        let offsets = offsets.iter().map(|o| u32::from_le_bytes(*o)).collect();
        (head, offsets)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_round_trips_and_every_changed_byte_is_noticed() {
        let mut bytes = encode(7, 999, &[60, 80, 100]).unwrap();
        let head = IndexHead {
            first: 7,
            count: 3,
            segment_bytes: 999,
        };
        assert_eq!(decode(&bytes), Some((head, vec![60, 80, 100])));
        for at in 0..bytes.len() {
            bytes[at] ^= 0x10;
            assert_eq!(decode(&bytes), None, "byte {at}");
            bytes[at] ^= 0x10;
            assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
        }
    }
}
