//! Ledger files and sled: the store of a hub that owns its disk.
//!
//! sled is only an index. It is written and flushed in the background, behind `rows`; a lost tail is
//! replayed. When it cannot be opened, or its rows do not agree with their digest, it is set aside and rebuilt from the
//! ledger. [`inspect`] looks into a state folder without touching it.

pub mod inspect;
pub mod room;
mod rows;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hub_core::crypto::{Digest, SigningKey};
use jiff::Timestamp;
use tokio::sync::watch;

use self::{
    room::{Room, RoomOptions},
    rows::Rows,
};
use super::{
    digest::RowDigest,
    keys,
    store::{Committed, Direction, Row, RowBatch, Store, StoreError},
};
use crate::ledger::{
    self, Checkpoint, EncodedEntry, Erasure, LedgerError, LedgerOptions, OpenReport, SealReport,
    StoredEntry,
};

/// Folder of the index in the data folder.
pub const STATE_DIR: &str = "state";

/// Memory that sled may use for pages, in bytes.
pub const SLED_CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// How often sled flushes in the background, in milliseconds.
const SLED_FLUSH_MS: u64 = 1_000;

/// Rows that are read through at a time, when all are.
const READ_ROWS: usize = 4_096;

/// How often they are read again: with [`READ_ROWS`] it makes 64 times for each of 256 groups of pages.
const READ_AGAIN: usize = 4;

/// The file in the state folder that sled appends to.
const SLED_FILE: &str = "db";

/// How often a lock of sled's that is still held is tried again.
const LOCK_TRIES_MAX: u32 = 20;

/// Pause between two tries.
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// The form of the rows. Raise it whenever `apply` writes other rows than before for entries that an
/// earlier release may have recorded: an index of another form is made anew at the next start.
pub const ROWS_FORMAT: u32 = 4;

/// Bytes of the row that says how far the index is: entries applied, the digest, the root of the
/// tree of those entries, and [`ROWS_FORMAT`]. Release 0.1 wrote no form, which means 1.
const META_BYTES: [usize; 2] = [56, 60];

/// Ledger files and sled.
pub struct EmbeddedStore {
    dir: PathBuf,
    writer: Mutex<Option<ledger::Writer>>,
    /// Taken before `writer` where both are.
    sealer: Mutex<Option<ledger::Sealer>>,
    reader: ledger::Reader,
    rows: Rows,
    room: Mutex<Room>,
    head: watch::Sender<u64>,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Meta {
    applied: u64,
    digest: RowDigest,
    /// Of which ledger the rows are.
    root: Digest,
    /// In which form they are.
    format: u32,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            applied: 0,
            digest: RowDigest::default(),
            root: Digest::default(),
            format: ROWS_FORMAT,
        }
    }
}

impl Meta {
    fn encode(self) -> Vec<u8> {
        [
            self.applied.to_be_bytes().as_slice(),
            &self.digest.to_bytes(),
            &self.root,
            &self.format.to_be_bytes(),
        ]
        .concat()
    }

    /// What is to be said when the rows are of another release's form.
    fn other_form(self) -> Option<String> {
        (self.format != ROWS_FORMAT).then(|| {
            format!(
                "its rows are of form {}, this release keeps form {ROWS_FORMAT}",
                self.format
            )
        })
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (applied, rest) = bytes.split_first_chunk::<8>()?;
        let (digest, rest) = rest.split_first_chunk::<16>()?;
        let (root, format) = rest.split_first_chunk::<32>()?;
        let format = match format.first_chunk::<4>() {
            Some(format) => u32::from_be_bytes(*format),
            None => 1,
        };
        Some(Self {
            applied: u64::from_be_bytes(*applied),
            digest: RowDigest::from_bytes(*digest),
            root: *root,
            format,
        })
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// The data folder.
    pub dir: PathBuf,
    /// Origin of the ledger's checkpoints.
    pub origin: String,
    /// The key that signs them.
    pub key: Arc<SigningKey>,
}

impl EmbeddedStore {
    /// Opens or makes a data folder. The rows may be behind the ledger afterwards, or empty; the
    /// engine applies what they lack.
    ///
    /// # Errors
    /// What [`ledger::open`] refuses: a second process, damage, missing entries.
    pub fn open(options: EmbeddedOptions) -> Result<(Self, OpenReport), StoreError> {
        Self::open_with(options, RoomOptions::default())
    }

    /// As [`EmbeddedStore::open`], with how much room there must be for a commit.
    ///
    /// # Errors
    /// As [`EmbeddedStore::open`].
    pub fn open_with(
        options: EmbeddedOptions,
        room: RoomOptions,
    ) -> Result<(Self, OpenReport), StoreError> {
        let EmbeddedOptions { dir, origin, key } = options;
        Self::open_on(LedgerOptions::new(dir, origin, key), room)
    }

    /// As [`EmbeddedStore::open_with`], on a ledger with options of its own.
    pub(crate) fn open_on(
        ledger_options: LedgerOptions,
        room: RoomOptions,
    ) -> Result<(Self, OpenReport), StoreError> {
        let dir = ledger_options.dir.clone();
        // sled is looked at first, so that the ledger can be held against what was applied.
        std::fs::create_dir_all(&dir).map_err(index_error)?;
        let lock = ledger::DataLock::acquire(&dir)?;
        let state_dir = dir.join(STATE_DIR);
        let (mut rows, mut meta) = open_rows(&state_dir)?;
        let (writer, reader, report) = ledger::open_locked(ledger_options, meta.applied, lock)?;
        let unfit = if meta.applied > 0 && reader.root(meta.applied)? != meta.root {
            Some("its rows are another ledger's".to_owned())
        } else {
            meta.other_form()
        };
        if let Some(why) = unfit {
            drop(rows);
            set_aside(&state_dir, &why)?;
            (rows, meta) = try_open_rows(&state_dir).map_err(StoreError::Index)?;
        }
        let head = watch::Sender::new(reader.head());
        let room = Room::new(&dir, state_dir.join(SLED_FILE), room);
        let store = Self {
            dir,
            sealer: Mutex::new(Some(writer.sealer())),
            room: Mutex::new(room),
            writer: Mutex::new(Some(writer)),
            reader,
            rows: Rows::new(rows, meta)?,
            head,
        };
        Ok((store, report))
    }

    /// Sum over all rows, for comparing two states.
    ///
    /// # Errors
    /// When the index fails.
    pub fn digest(&self) -> Result<RowDigest, StoreError> {
        self.rows.digest()
    }
}

fn index_error(error: impl fmt::Display) -> StoreError {
    StoreError::Index(error.to_string())
}

/// sled, and the settings that it was opened with.
struct Sled {
    db: sled::Db,
    config: sled::Config,
}

impl fmt::Debug for Sled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sled").finish_non_exhaustive()
    }
}

impl Sled {
    /// What sled first failed at, also where nobody waited for it. Its database does not tell, but its
    /// settings do, in a method that its documents leave out; the release of sled is pinned.
    fn in_background(&self) -> Result<(), sled::Error> {
        self.config.global_error()
    }
}

/// Opens the index, or sets a damaged one aside and starts an empty one.
fn open_rows(dir: &Path) -> Result<(Sled, Meta), StoreError> {
    let mut opened = try_open_rows(dir);
    for _ in 0..LOCK_TRIES_MAX {
        // The folder is ours, so whoever holds sled's own lock is on the way out.
        if !opened
            .as_ref()
            .is_err_and(|error| error.contains("acquire lock"))
        {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        opened = try_open_rows(dir);
    }
    match opened {
        Ok(opened) => Ok(opened),
        Err(damage) => {
            set_aside(dir, &damage)?;
            try_open_rows(dir).map_err(StoreError::Index)
        }
    }
}

/// Keeps a state folder that cannot be used, in place of one kept before.
fn set_aside(dir: &Path, why: &str) -> Result<(), StoreError> {
    let aside = dir.with_extension("damaged");
    tracing::warn!(
        why,
        folder = %dir.display(),
        kept = %aside.display(),
        "the state index cannot be used; it is set aside and rebuilt from the ledger"
    );
    if aside.exists() {
        std::fs::remove_dir_all(&aside).map_err(index_error)?;
    }
    if dir.exists() {
        std::fs::rename(dir, &aside).map_err(index_error)?;
    }
    Ok(())
}

fn try_open_rows(dir: &Path) -> Result<(Sled, Meta), String> {
    open_sled(dir, Some(SLED_FLUSH_MS), check_rows)
}

/// Opens sled and reads it through. sled answers some damage with a panic; here it is an error like
/// any other.
fn open_sled<T>(
    dir: &Path,
    flush_ms: Option<u64>,
    check: impl FnOnce(&sled::Db) -> Result<T, String>,
) -> Result<(Sled, T), String> {
    let open = || -> Result<(Sled, T), String> {
        let config = sled::Config::default()
            .path(dir)
            .cache_capacity(SLED_CACHE_BYTES)
            .flush_every_ms(flush_ms);
        let db = config.open().map_err(|error| error.to_string())?;
        let checked = check(&db)?;
        Ok((Sled { db, config }, checked))
    };
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err("sled could not read it".into()))
}

/// What a pass over all rows finds.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// What the head row says; nothing when it is not there.
    meta: Option<Meta>,
    /// The sum over the rows that are there.
    digest: RowDigest,
    /// How many those are, the head row left out.
    count: u64,
}

impl Sum {
    /// The head row, if the rows are those that it speaks of. An empty index needs none.
    fn whole(self) -> Result<Meta, String> {
        let meta = self.meta.unwrap_or_default();
        if meta.digest == self.digest {
            Ok(meta)
        } else {
            Err("rows are missing or altered: their digest is not the one that was stored".into())
        }
    }
}

/// Holds the rows against their digest.
fn check_rows(rows: &sled::Db) -> Result<Meta, String> {
    sum_rows(rows)?.whole()
}

fn sum_rows(rows: &sled::Db) -> Result<Sum, String> {
    let mut sum = Sum::default();
    let mut read = Vec::with_capacity(READ_ROWS);
    for row in rows.iter() {
        let (key, value) = row.map_err(|error| error.to_string())?;
        if *key == *keys::meta() {
            let is_whole = META_BYTES.contains(&value.len());
            let meta = Meta::decode(&value).filter(|_| is_whole);
            sum.meta = Some(meta.ok_or("its head row is damaged")?);
        } else {
            sum.digest.add(&key, &value);
            sum.count = sum.count.saturating_add(1);
        }
        read.push(key);
        if read.len() == READ_ROWS {
            let_go(rows, &read)?;
            read.clear();
        }
    }
    Ok(sum)
}

/// Has sled let go of the pages that these rows are in, but for as many as it may keep.
///
/// sled looks at that only when it has answered 64 times from pages of the same group, of which there are
/// 256. Whoever reads each page once holds up to 16,384 of them until then, 100 MiB and more. So the rows are
/// read again, as often as it takes: from memory.
fn let_go(rows: &sled::Db, read: &[sled::IVec]) -> Result<(), String> {
    for _ in 0..READ_AGAIN {
        for key in read {
            rows.get(key).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

impl Store for EmbeddedStore {
    fn head(&self) -> u64 {
        *self.head.borrow()
    }

    fn head_watch(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    fn applied(&self) -> u64 {
        self.rows.applied()
    }

    fn commit(
        &self,
        expected_head: u64,
        entries: &[EncodedEntry],
        rows: RowBatch,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let mut guard = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = guard
            .as_mut()
            .ok_or_else(|| index_error("the store is closed"))?;
        let found = writer.head();
        if found != expected_head {
            return Err(StoreError::Head {
                expected: expected_head,
                found,
            });
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = entries.iter().map(EncodedEntry::bytes).sum();
        room.check(bytes, now).map_err(StoreError::Full)?;
        let commit = match writer.append(expected_head, entries, now) {
            Err(error @ LedgerError::Full { .. }) => {
                room.found_full();
                return Err(StoreError::Full(error.to_string()));
            }
            appended => appended?,
        };
        drop(room);
        let head = commit.checkpoint.size;
        self.rows.commit(head, commit.checkpoint.root, rows)?;
        self.head.send_replace(head);
        Ok(Committed {
            leaf_hashes: commit.leaf_hashes,
        })
    }

    fn replay(&self, applied: u64, rows: RowBatch) -> Result<(), StoreError> {
        self.rows.commit(applied, self.reader.root(applied)?, rows)
    }

    fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.rows.row(key)
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.rows.scan(from, to, direction, limit)
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
        let closed = || index_error("the store is closed");
        let mut guard = self.sealer.lock().unwrap_or_else(PoisonError::into_inner);
        let sealer = guard.as_mut().ok_or_else(closed)?;
        let head = self.reader.head();
        if let Some(beyond) = erasures.iter().find(|erasure| erasure.index >= head) {
            let what = format!("entry {} is not in the ledger", beyond.index);
            return Err(LedgerError::OutOfRange(what).into());
        }
        // Rows that were derived from a content may not outlive it by a crash: what is replayed after
        // one is replayed from residues.
        self.rows.flush()?;
        if sealer.needs_roll(erasures) {
            // Appends wait for this only, not for the rewriting.
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.as_mut().ok_or_else(closed)?.roll()?;
        }
        Ok(sealer.seal(erasures)?)
    }

    fn leaf_hash(&self, index: u64) -> Result<Option<Digest>, StoreError> {
        if index >= self.reader.head() {
            return Ok(None);
        }
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

    fn has_failed(&self) -> bool {
        self.rows.has_failed()
    }

    fn has_room(&self) -> bool {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.ask(0).is_ok()
    }

    fn close(&self, _now: Timestamp) -> Result<(), StoreError> {
        // Waits for a sealing at work: nobody may write here once the folder is free.
        drop(
            self.sealer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        self.rows.flush()?;
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match writer {
            Some(writer) => Ok(writer.close()?),
            None => Ok(()),
        }
    }
}
