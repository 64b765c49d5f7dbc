//! The ledger as a whole: what it promises, what damage does to it, what failing calls do to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8, sha256},
    note::NoteSigner,
};
use jiff::Timestamp;
use tempfile::TempDir;

use super::{testing::Random, *};

mod contract;
mod damage;
mod faults;
mod full_disk;
mod model;
mod power_cut;
mod sealing;

const ORIGIN: &str = "hub.example/ledger";

/// A data folder and its key.
struct Home {
    dir: TempDir,
    key: Arc<SigningKey>,
    segment_bytes_max: u64,
}

impl Home {
    fn new(segment_bytes_max: u64) -> Self {
        let key = SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap();
        Self {
            dir: TempDir::new().unwrap(),
            key: Arc::new(key),
            segment_bytes_max,
        }
    }

    fn options(&self) -> LedgerOptions {
        let key = Arc::clone(&self.key);
        LedgerOptions {
            segment_bytes_max: self.segment_bytes_max,
            ..LedgerOptions::new(self.dir.path(), ORIGIN, key)
        }
    }

    fn open(&self, floor: u64) -> Result<(Writer, Reader, OpenReport), LedgerError> {
        open(self.options(), floor)
    }

    fn ledger(&self) -> PathBuf {
        self.dir.path().join(LEDGER_DIR)
    }

    fn fsck_options(&self) -> FsckOptions {
        let signer = NoteSigner::new(ORIGIN, Arc::clone(&self.key)).unwrap();
        FsckOptions {
            dir: self.dir.path().to_path_buf(),
            verifier: signer.verifier().clone(),
        }
    }

    /// The report, and the entries that fsck read.
    fn fsck(&self) -> (FsckReport, BTreeMap<u64, StoredEntry>) {
        let mut entries = BTreeMap::new();
        let report = fsck(
            &self.fsck_options(),
            &mut |index, entry| {
                assert!(entries.insert(index, entry.clone()).is_none());
                vec![]
            },
            &mut |_| {},
        )
        .unwrap();
        (report, entries)
    }

    /// All files of the ledger with their bytes.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fs::read_dir(self.ledger())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// Makes the ledger's folder what it was.
    fn restore(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        for path in self.files().keys() {
            if !files.contains_key(path) {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in files {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

/// An entry that no other number gives.
fn entry(number: u64, header_bytes: usize, content_bytes: usize) -> EncodedEntry {
    let fill = |part: u8, length: usize| -> Bytes {
        let seed = sha256(&[&[part], &number.to_le_bytes()]);
        seed.iter().copied().cycle().take(length).collect()
    };
    EncodedEntry {
        header: fill(1, header_bytes),
        content: fill(2, content_bytes),
    }
}

fn stored(entry: &EncodedEntry) -> StoredEntry {
    StoredEntry {
        header: entry.header.clone(),
        content: entry.content.clone(),
        is_sealed: false,
    }
}

fn at_index(index: u64) -> usize {
    usize::try_from(index).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

/// All entries that a reader answers.
fn read_all(reader: &Reader) -> Result<Vec<StoredEntry>, LedgerError> {
    let mut entries = vec![];
    loop {
        let more = reader.entries(entries.len() as u64, 7, 300)?;
        if more.is_empty() {
            return Ok(entries);
        }
        entries.extend(more);
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}
