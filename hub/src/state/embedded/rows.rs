//! Rows of the state index: sled, with the newest changes laid over it in memory.
//!
//! A commit changes rows that the next one changes again: heads, and the runs that positions and
//! request ids are packed into. So changes are kept in memory first and go to sled many commits at a
//! time, in one atomic batch with how far the rows are, on a thread of its own. What a crash loses of
//! them is replayed from the ledger.
//!
//! sled writes in the background. Once it has failed there it answers reads for as long as it need not
//! write for them, and takes no more: so it is asked before every commit.
//!
//! Layers, the newest first: `active` takes the changes of commits; `frozen` is on its way to sled and
//! does not change; then sled. A layer leaves memory only after sled answers with its rows, and whoever
//! reads looks from the newest layer down, so nothing is missed in between.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use bytes::Bytes;
use hub_core::crypto::Digest;

use super::{Meta, ROWS_FORMAT, Sled, index_error};
use crate::state::{
    digest::RowDigest,
    keys,
    merge::{Change, lay_over},
    store::{Direction, Row, RowBatch, StoreError},
};

/// Entries whose rows wait in memory until they go to sled: a crash replays about as many, and up to
/// twice that while sled is busy.
const LAYER_ENTRIES_MAX: u64 = 4_096;

/// Bytes of keys and values after which they go in any case; with those of one more commit they fit
/// into what is reserved on the disk.
const LAYER_BYTES_MAX: usize = 512 * 1024;

/// How long they wait where there are fewer.
const LAYER_TIME_MAX: Duration = Duration::from_secs(1);

/// The rows.
#[derive(Debug)]
pub(super) struct Rows {
    shared: Arc<Shared>,
    /// Wakes the thread; gone when the rows are.
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    sled: Sled,
    layers: RwLock<Layers>,
    /// What sled holds. Whoever writes to sled holds this.
    written: Mutex<Meta>,
    /// Why sled takes no more: nobody knows any more what it holds.
    failed: OnceLock<String>,
}

#[derive(Debug, Default)]
struct Layers {
    active: Layer,
    frozen: Option<Arc<Layer>>,
}

/// Changes, from how far the rows were to how far they are with them.
#[derive(Debug, Default)]
struct Layer {
    changes: RowBatch,
    bytes: usize,
    from: u64,
    applied: u64,
    root: Digest,
}

impl Rows {
    /// Rows that sled holds, as far as it says.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn new(sled: Sled, meta: Meta) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            sled,
            layers: RwLock::new(Layers {
                active: Layer::after(meta.applied, meta.root),
                frozen: None,
            }),
            written: Mutex::new(meta),
            failed: OnceLock::new(),
        });
        let (wake, woken) = sync_channel(1);
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("state-index".into())
            .spawn(move || of_thread.run(&woken))
            .map_err(index_error)?;
        Ok(Self {
            shared,
            wake: Some(wake),
            thread: Some(thread),
        })
    }

    /// Entries whose rows can be read.
    pub(super) fn applied(&self) -> u64 {
        self.shared.layers().active.applied
    }

    /// Sum over all rows.
    ///
    /// # Errors
    /// When sled fails.
    pub(super) fn digest(&self) -> Result<RowDigest, StoreError> {
        self.shared.settle_all()?;
        Ok(self.shared.written().digest)
    }

    /// Takes changes, which can be read from now on, and how far the rows are with them.
    ///
    /// # Errors
    /// When sled failed at this or at earlier ones.
    pub(super) fn commit(
        &self,
        applied: u64,
        root: Digest,
        changes: RowBatch,
    ) -> Result<(), StoreError> {
        self.shared.check()?;
        let mut layers = self.shared.layers_mut();
        if layers.active.is_full() {
            while !layers.freeze() {
                // Memory is bounded: sled is waited for.
                drop(layers);
                self.shared.settle()?;
                layers = self.shared.layers_mut();
            }
            if let Some(wake) = &self.wake {
                // One that has been woken and has not looked yet needs no second call.
                let _woken_already = wake.try_send(());
            }
        }
        layers.active.take(applied, root, changes);
        Ok(())
    }

    /// Writes everything and waits until it is on the disk.
    ///
    /// # Errors
    /// When sled fails.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.shared.settle_all()?;
        let flushed = self.shared.sled.db.flush();
        flushed.map(drop).map_err(|error| self.shared.fail(&error))
    }

    /// Whether sled takes no more.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.check().is_err()
    }

    /// One row.
    pub(super) fn row(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        {
            let layers = self.shared.layers();
            if let Some(change) = layers.change(key) {
                return Ok(change.clone());
            }
        }
        let row = self.shared.sled.db.get(key);
        let row = row.map_err(|error| self.shared.unread(&error))?;
        Ok(row.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Up to `limit` rows in `from..to`.
    pub(super) fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to {
            return Ok(vec![]);
        }
        // Taken before sled is looked at: what settles meanwhile is then there twice, and not missed.
        let changes = self.shared.layers().changes(from, to);
        let changes = changes.into_iter();
        let rows = self.shared.sled.db.range(from..to).map(owned);
        let merged = match direction {
            Direction::Forward => lay_over(rows, changes, direction, limit),
            Direction::Backward => lay_over(rows.rev(), changes.rev(), direction, limit),
        };
        merged.map_err(|error| self.shared.unread(&error))
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the state index panicked");
        }
    }
}

/// A row that no longer holds on to one of sled's pages.
fn owned(row: sled::Result<(sled::IVec, sled::IVec)>) -> sled::Result<Row> {
    let (key, value) = row?;
    Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
}

impl Shared {
    fn layers(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers_mut(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, Meta> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), StoreError> {
        if let Some(why) = self.failed.get() {
            return Err(StoreError::Index(why.clone()));
        }
        let in_background = self.sled.in_background();
        in_background.map_err(|error| self.fail(&error))
    }

    /// Remembers why sled failed first, and says so once.
    fn fail(&self, error: &sled::Error) -> StoreError {
        let why = self.failed.get_or_init(|| {
            tracing::error!(
                %error,
                "the state index failed; nothing more is recorded until the hub has started again"
            );
            error.to_string()
        });
        StoreError::Index(why.clone())
    }

    fn run(&self, woken: &Receiver<()>) {
        loop {
            let settled = match woken.recv_timeout(LAYER_TIME_MAX) {
                Ok(()) => self.settle(),
                Err(RecvTimeoutError::Timeout) => self.settle_all(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Said already, and the next commit fails for the same reason.
            drop(settled);
        }
    }

    /// A read that sled did not answer: perhaps because it had failed before.
    fn unread(&self, error: &sled::Error) -> StoreError {
        let failed = self.check().err();
        failed.unwrap_or_else(|| StoreError::Unreadable(error.to_string()))
    }

    /// Brings the frozen layer to sled, if there is one.
    fn settle(&self) -> Result<(), StoreError> {
        let mut written = self.written();
        self.check()?;
        let Some(layer) = self.layers().frozen.clone() else {
            return Ok(());
        };
        let wrote = self.write(&layer, written.digest);
        *written = wrote.map_err(|error| self.fail(&error))?;
        self.layers_mut().frozen = None;
        Ok(())
    }

    /// Brings all layers to sled.
    fn settle_all(&self) -> Result<(), StoreError> {
        loop {
            self.settle()?;
            let mut layers = self.layers_mut();
            if layers.frozen.is_none() && layers.active.is_empty() {
                return Ok(());
            }
            layers.freeze();
        }
    }

    /// Writes rows and how far they are, in one atomic batch.
    fn write(&self, layer: &Layer, mut digest: RowDigest) -> Result<Meta, sled::Error> {
        let mut batch = sled::Batch::default();
        for (key, value) in &layer.changes {
            if let Some(old) = self.sled.db.get(key)? {
                digest.remove(key, &old);
            }
            match value {
                Some(value) => {
                    digest.add(key, value);
                    batch.insert(key.as_slice(), &**value);
                }
                None => batch.remove(key.as_slice()),
            }
        }
        let meta = Meta {
            applied: layer.applied,
            digest,
            root: layer.root,
            format: ROWS_FORMAT,
        };
        batch.insert(keys::meta(), meta.encode());
        self.sled.db.apply_batch(batch)?;
        Ok(meta)
    }
}

impl Layer {
    fn after(applied: u64, root: Digest) -> Self {
        Self {
            from: applied,
            applied,
            root,
            ..Self::default()
        }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.applied == self.from
    }

    fn is_full(&self) -> bool {
        self.bytes >= LAYER_BYTES_MAX || self.applied.saturating_sub(self.from) >= LAYER_ENTRIES_MAX
    }

    fn take(&mut self, applied: u64, root: Digest, changes: RowBatch) {
        for (key, value) in changes {
            let (key_bytes, value_bytes) = (key.len(), value.as_ref().map_or(0, Bytes::len));
            match self.changes.insert(key, value) {
                Some(before) => {
                    let before = before.map_or(0, |before| before.len());
                    self.bytes = self.bytes.saturating_sub(before);
                }
                None => self.bytes = self.bytes.saturating_add(key_bytes),
            }
            self.bytes = self.bytes.saturating_add(value_bytes);
        }
        (self.applied, self.root) = (applied, root);
    }
}

impl Layers {
    /// Begins a new active layer. False when the last one is still on its way to sled.
    fn freeze(&mut self) -> bool {
        if self.frozen.is_none() {
            let next = Layer::after(self.active.applied, self.active.root);
            self.frozen = Some(Arc::new(std::mem::replace(&mut self.active, next)));
            return true;
        }
        false
    }

    fn change(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        let active = self.active.changes.get(key);
        active.or_else(|| self.frozen.as_ref()?.changes.get(key))
    }

    /// What changed in a range, in order.
    fn changes(&self, from: &[u8], to: &[u8]) -> Vec<Change> {
        let bounds = (Bound::Included(from), Bound::Excluded(to));
        let owned = |(key, change): (&Vec<u8>, &Option<Bytes>)| {
            (Bytes::copy_from_slice(key), change.clone())
        };
        let active = self.active.changes.range::<[u8], _>(bounds).map(owned);
        let Some(frozen) = &self.frozen else {
            return active.collect();
        };
        let mut merged: BTreeMap<Bytes, Option<Bytes>> =
            frozen.changes.range::<[u8], _>(bounds).map(owned).collect();
        merged.extend(active);
        merged.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::testing::Random;

    fn open(dir: &std::path::Path) -> Rows {
        let (sled, meta) = super::super::try_open_rows(dir).unwrap();
        Rows::new(sled, meta).unwrap()
    }

    fn key(number: u64) -> Vec<u8> {
        format!("k{number:03}").into_bytes()
    }

    /// Where the rows of a commit are is of no account: in memory, on the way, or in sled.
    fn move_on(rows: &Rows, random: &mut Random) {
        match random.below(6) {
            0 => drop(rows.shared.layers_mut().freeze()),
            1 => rows.shared.settle().unwrap(),
            2 => rows.shared.settle_all().unwrap(),
            _ => {}
        }
    }

    #[test]
    fn reads_see_all_changes_wherever_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random::new(7);
        let rows = open(dir.path());
        let mut model: BTreeMap<Vec<u8>, Bytes> = BTreeMap::new();
        for applied in 1..1_500 {
            let mut changes = RowBatch::new();
            for _ in 0..random.below(6) {
                let value = (random.below(3) > 0).then(|| Bytes::from(format!("v{applied}")));
                changes.insert(key(random.below(60)), value);
            }
            for (key, change) in &changes {
                match change {
                    Some(value) => model.insert(key.clone(), value.clone()),
                    None => model.remove(key),
                };
            }
            rows.commit(applied, Digest::default(), changes).unwrap();
            move_on(&rows, &mut random);
            assert_eq!(rows.applied(), applied);
            let one = key(random.below(60));
            assert_eq!(rows.row(&one).unwrap().as_ref(), model.get(&one));
            let (from, to) = (key(random.below(60)), key(random.below(60)));
            let limit = usize::try_from(random.below(40)).unwrap();
            for direction in [Direction::Forward, Direction::Backward] {
                let mut expected: Vec<Row> = vec![];
                if from < to {
                    let range = model.range(from.clone()..to.clone());
                    let range = range.map(|(key, value)| (Bytes::from(key.clone()), value.clone()));
                    expected = match direction {
                        Direction::Forward => range.take(limit).collect(),
                        Direction::Backward => range.rev().take(limit).collect(),
                    };
                }
                let found = rows.scan(&from, &to, direction, limit).unwrap();
                assert_eq!(found, expected, "{direction:?} after {applied}");
            }
        }
        let digest = rows.digest().unwrap();
        rows.flush().unwrap();
        drop(rows);
        let (_, meta) = super::super::try_open_rows(dir.path()).unwrap();
        assert_eq!((meta.applied, meta.digest), (1_499, digest));
        let mut sum = RowDigest::default();
        for (key, value) in &model {
            sum.add(key, value);
        }
        assert_eq!(digest, sum);
    }

    /// What was not brought to sled is lost with the process, and then sled says how far it is.
    #[test]
    fn a_layer_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let rows = open(dir.path());
        let change = |number| RowBatch::from([(key(number), Some(Bytes::from_static(b"v")))]);
        rows.commit(1, Digest::default(), change(1)).unwrap();
        rows.commit(2, Digest::default(), change(2)).unwrap();
        rows.flush().unwrap();
        rows.commit(3, Digest::default(), change(3)).unwrap();
        assert!(rows.row(&key(3)).unwrap().is_some());
        drop(rows);
        let rows = open(dir.path());
        // It may just have gone by the clock.
        let is_there = rows.applied() == 3;
        assert!(is_there || rows.applied() == 2);
        assert!(rows.row(&key(2)).unwrap().is_some());
        assert_eq!(rows.row(&key(3)).unwrap().is_some(), is_there);
    }

    #[test]
    fn memory_is_bounded_however_slow_sled_is() {
        let dir = tempfile::tempdir().unwrap();
        let rows = open(dir.path());
        let value = Bytes::from(vec![7; 4_096]);
        for applied in 0..2_000_u64 {
            let changes = RowBatch::from([(key(applied), Some(value.clone()))]);
            rows.commit(applied + 1, Digest::default(), changes)
                .unwrap();
            let layers = rows.shared.layers();
            assert!(layers.active.bytes < LAYER_BYTES_MAX + 8_192);
        }
        // Many commits that change the same rows go too, for the sake of what a crash replays.
        for applied in 2_000..2_000 + 3 * LAYER_ENTRIES_MAX {
            let changes = RowBatch::from([(key(1), Some(Bytes::from_static(b"v")))]);
            rows.commit(applied + 1, Digest::default(), changes)
                .unwrap();
            let layers = rows.shared.layers();
            assert!(layers.active.applied - layers.active.from <= LAYER_ENTRIES_MAX);
        }
    }
}
