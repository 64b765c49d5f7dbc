//! The machine that the hub of a simulation runs on: a ledger on a disk that can fail and lose its
//! power, and an index that can be lost, rolled back or damaged.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use hub_core::crypto::{Digest, SigningKey, sha256};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    ledger::{
        self, Checkpoint, EncodedEntry, Erasure, LedgerError, LedgerOptions, SealReport, Storage,
        StoredEntry,
        testing::{ModelDisk, Random},
    },
    state::{
        embedded::{EmbeddedStore, STATE_DIR, room::RoomOptions},
        store::{Committed, Direction, Row, RowBatch, Store, StoreError},
    },
};

/// Origin of the ledger's checkpoints.
const ORIGIN: &str = "simulation.example";

/// A private Ed25519 key of 32 bytes in PKCS#8 begins like this (RFC 8410).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The key of a seed.
pub(super) fn key(seed: u64) -> SigningKey {
    let secret = sha256(&[&seed.to_be_bytes()]);
    SigningKey::from_pkcs8(&[PKCS8_HEAD.as_slice(), &secret].concat()).unwrap()
}

/// Which index stands beside the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows in memory, for speed.
    Memory,
    /// sled, as in a real hub.
    Sled,
}

/// What becomes of the index when the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    /// As it was when it was last saved; sled's files are copied as they lie under a running hub.
    RolledBack,
    Lost,
    /// Some bytes of it are others. Rows in memory are lost then.
    Damaged,
}

/// Rows and how far they are.
type Rows = (BTreeMap<Vec<u8>, Bytes>, u64);

pub(super) struct Machine {
    dir: TempDir,
    key: Arc<SigningKey>,
    segment_bytes_max: u64,
    kind: Kind,
    pub(super) disk: Arc<ModelDisk>,
    rows: Arc<Mutex<Rows>>,
    saved: Arc<Mutex<Rows>>,
}

impl Machine {
    pub(super) fn new(kind: Kind, seed: u64, segment_bytes_max: u64) -> Self {
        let dir = TempDir::new().unwrap();
        let ledger = dir.path().join(ledger::LEDGER_DIR);
        fs::create_dir(&ledger).unwrap();
        Self {
            disk: Arc::new(ModelDisk::new(&ledger, seed)),
            dir,
            key: Arc::new(key(seed)),
            segment_bytes_max,
            kind,
            rows: Arc::default(),
            saved: Arc::default(),
        }
    }

    /// Where everything lies.
    pub(super) fn folder(&self) -> String {
        self.dir.path().display().to_string()
    }

    fn ledger_options(&self) -> LedgerOptions {
        LedgerOptions {
            segment_bytes_max: self.segment_bytes_max,
            storage: Arc::clone(&self.disk) as Arc<dyn Storage>,
            ..LedgerOptions::new(self.dir.path(), ORIGIN, Arc::clone(&self.key))
        }
    }

    /// Opens the store, as a process that starts does.
    pub(super) fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self.kind {
            Kind::Memory => {
                let (rows, saved) = (Arc::clone(&self.rows), Arc::clone(&self.saved));
                let store = RowStore::open(self.ledger_options(), rows, saved)?;
                Ok(Arc::new(store))
            }
            Kind::Sled => {
                let opened = EmbeddedStore::open_on(self.ledger_options(), RoomOptions::default());
                Ok(Arc::new(opened?.0))
            }
        }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join(STATE_DIR)
    }

    fn saved(&self) -> PathBuf {
        self.dir.path().join("saved")
    }

    /// The medium has of the index what it is now.
    pub(super) fn save_index(&self) {
        match self.kind {
            Kind::Memory => *lock(&self.saved) = lock(&self.rows).clone(),
            Kind::Sled => copy(&self.state(), &self.saved()),
        }
    }

    /// The process has ended; nothing of it holds the store any more.
    pub(super) fn end(&self, fate: Fate, random: &mut Random) {
        match (self.kind, fate) {
            (_, Fate::Kept) => {}
            (Kind::Memory, Fate::RolledBack) => *lock(&self.rows) = lock(&self.saved).clone(),
            (Kind::Memory, Fate::Lost | Fate::Damaged) => {
                *lock(&self.rows) = Rows::default();
                *lock(&self.saved) = Rows::default();
            }
            (Kind::Sled, Fate::RolledBack) => copy(&self.saved(), &self.state()),
            (Kind::Sled, Fate::Lost) => drop(fs::remove_dir_all(self.state())),
            (Kind::Sled, Fate::Damaged) => damage(&self.state().join("db"), random),
        }
    }

    /// Reads the whole ledger of a process that has ended.
    pub(super) fn fsck(&self) -> ledger::FsckReport {
        let signer = hub_core::note::NoteSigner::new(ORIGIN, Arc::clone(&self.key)).unwrap();
        let options = ledger::FsckOptions {
            dir: self.dir.path().to_path_buf(),
            verifier: signer.verifier().clone(),
        };
        ledger::fsck(&options, &mut |_, _| vec![], &mut |_| {}).unwrap()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a folder what another one is; a folder that is not there makes none.
fn copy(from: &Path, to: &Path) {
    drop(fs::remove_dir_all(to));
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::create_dir(to).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &name);
        } else {
            // sled removes files while it runs.
            drop(fs::copy(&path, name));
        }
    }
}

fn damage(file: &Path, random: &mut Random) {
    let Ok(mut bytes) = fs::read(file) else {
        return;
    };
    // sled's file is mostly room for later; what is there is at the beginning.
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
    for _ in 0..1 + random.below(8) {
        let at = random.index(end.min(bytes.len()));
        bytes[at] ^= 1 + u8::try_from(random.below(255)).unwrap();
    }
    if random.percent(30) {
        bytes.truncate(random.index(end));
    }
    fs::write(file, bytes).unwrap();
}

/// The ledger, with rows in memory that outlive it.
#[derive(Debug)]
struct RowStore {
    writer: Mutex<ledger::Writer>,
    sealer: Mutex<ledger::Sealer>,
    reader: ledger::Reader,
    rows: Arc<Mutex<Rows>>,
    saved: Arc<Mutex<Rows>>,
    head: watch::Sender<u64>,
}

impl RowStore {
    fn open(
        options: LedgerOptions,
        rows: Arc<Mutex<Rows>>,
        saved: Arc<Mutex<Rows>>,
    ) -> Result<Self, StoreError> {
        let applied = lock(&rows).1;
        let (writer, reader, _) = ledger::open(options, applied)?;
        Ok(Self {
            sealer: Mutex::new(writer.sealer()),
            writer: Mutex::new(writer),
            head: watch::Sender::new(reader.head()),
            reader,
            rows,
            saved,
        })
    }

    fn put(&self, applied: u64, rows: RowBatch) {
        let mut held = lock(&self.rows);
        for (key, value) in rows {
            match value {
                Some(value) => held.0.insert(key, value),
                None => held.0.remove(&key),
            };
        }
        held.1 = applied;
    }
}

impl Store for RowStore {
    fn head(&self) -> u64 {
        *self.head.borrow()
    }

    fn head_watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn applied(&self) -> u64 {
        lock(&self.rows).1
    }

    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let commit = match lock(&self.writer).append(expected_head, entries, now) {
            Err(error @ LedgerError::Full { .. }) => {
                return Err(StoreError::Full(error.to_string()));
            }
            appended => appended?,
        };
        self.put(commit.checkpoint.size, rows);
        self.head.send_replace(commit.checkpoint.size);
        Ok(Committed {
            leaf_hashes: commit.leaf_hashes,
        })
    }

    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError> {
        self.put(applied, rows);
        Ok(())
    }

    fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(lock(&self.rows).0.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(vec![]);
        }
        let rows = lock(&self.rows);
        let rows = rows.0.range(from.to_vec()..to.to_vec());
        let rows = rows.map(|(key, value)| (Bytes::copy_from_slice(key), value.clone()));
        Ok(match direction {
            Direction::Forward => rows.take(limit).collect(),
            Direction::Backward => rows.rev().take(limit).collect(),
        })
    }

    fn entry(&self, index: u64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.reader.entry(index)?)
    }

    fn entries(
        &self,
        from: u64,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        Ok(self.reader.entries(from, count_max, bytes_max)?)
    }

    fn seal(&self, erasures: &[Erasure]) -> Result<SealReport, StoreError> {
        // As the real one: rows that were derived from a content do not outlive it by a crash.
        *lock(&self.saved) = lock(&self.rows).clone();
        let mut sealer = lock(&self.sealer);
        if sealer.needs_roll(erasures) {
            lock(&self.writer).roll()?;
        }
        Ok(sealer.seal(erasures)?)
    }

    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError> {
        Ok(Some(self.reader.leaf_hash(index)?))
    }

    fn checkpoint(&self) -> Arc<Checkpoint> {
        self.reader.checkpoint()
    }

    fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<Vec<Digest>, StoreError> {
        Ok(self.reader.inclusion_proof(index, tree_size)?)
    }

    fn consistency_proof(&self, from_size: u64, to_size: u64) -> Result<Vec<Digest>, StoreError> {
        Ok(self.reader.consistency_proof(from_size, to_size)?)
    }

    fn close(&self, _now: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}
