//! Room on the disk, asked before every commit.
//!
//! Two things are kept free of surprise. There is a floor of free bytes below which nothing is
//! recorded. And the state index, which sled writes in the background and which cannot go on after a
//! write that failed, has its next bytes reserved on the disk: so what was committed before the disk
//! filled up can be flushed.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;

/// How long an answer of the file system holds, in milliseconds.
pub const ROOM_INTERVAL_MS: i64 = 250;

/// A commit of so many bytes asks in any case.
pub const ROOM_LARGE_BYTES: u64 = 1024 * 1024;

/// Once the disk counts as full, the floor is higher by this part of it, so that it does not go to
/// and fro.
const HYSTERESIS_PART: u64 = 16;

/// Bytes that are reserved for the state index beyond its end, when there is room.
pub const INDEX_RESERVE_BYTES: u64 = 8 * 1024 * 1024;

/// With less than this left of the reserve nothing is recorded: the rows that wait in memory for sled, one
/// commit's more, and sled's own rewriting must fit.
const INDEX_RESERVE_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// What is asked of the file system. The provided bodies are the real ones.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Bytes that this process may still write to the file system of a folder.
    ///
    /// # Errors
    /// The operating system's.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Reserves bytes of a file from an offset on, without changing its length. Where the file
    /// system cannot, it answers [`io::ErrorKind::Unsupported`].
    ///
    /// # Errors
    /// The operating system's.
    fn reserve(&self, file: &Path, offset: u64, bytes: u64) -> io::Result<()> {
        let file = fs::OpenOptions::new().write(true).open(file)?;
        let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
        Ok(rustix::fs::fallocate(&file, flags, offset, bytes)?)
    }
}

/// The operating system's file systems.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {}

/// How much room there must be.
#[derive(Debug, Clone)]
pub struct RoomOptions {
    /// Free bytes of the file system below which nothing is recorded.
    pub free_bytes_min: u64,
    /// What is asked.
    pub disk: Arc<dyn Disk>,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            free_bytes_min: 0,
            disk: Arc::new(RealDisk),
        }
    }
}

/// Knows whether there is room.
#[derive(Debug)]
pub(super) struct Room {
    options: RoomOptions,
    dir: PathBuf,
    /// The file that sled appends to.
    index: PathBuf,
    asked_at: Option<Timestamp>,
    is_full: bool,
    /// Up to here the index has its bytes reserved.
    reserved_to: u64,
    /// Length that the index last had; sled cuts its file now and then, and the reserve with it.
    index_bytes: u64,
}

impl Room {
    pub(super) fn new(dir: &Path, index: PathBuf, options: RoomOptions) -> Self {
        Self {
            options,
            dir: dir.to_owned(),
            index,
            asked_at: None,
            is_full: false,
            reserved_to: 0,
            index_bytes: 0,
        }
    }

    /// Whether a commit of so many bytes may be written; if not, why.
    pub(super) fn check(&mut self, bytes: u64, now: Timestamp) -> Result<(), String> {
        let is_fresh = self.asked_at.is_some_and(|asked_at| {
            let elapsed_ms = now
                .as_millisecond()
                .saturating_sub(asked_at.as_millisecond());
            (0..ROOM_INTERVAL_MS).contains(&elapsed_ms)
        });
        if is_fresh && !self.is_full && bytes < ROOM_LARGE_BYTES {
            return Ok(());
        }
        self.asked_at = Some(now);
        let asked = self.ask(bytes);
        self.is_full = asked.is_err();
        asked
    }

    /// A write found no room: ask before the next one.
    pub(super) fn found_full(&mut self) {
        self.asked_at = None;
    }

    /// Asks the file system.
    pub(super) fn ask(&mut self, bytes: u64) -> Result<(), String> {
        let floor = self.options.free_bytes_min;
        let hysteresis = if self.is_full {
            floor / HYSTERESIS_PART
        } else {
            0
        };
        let needed = floor.saturating_add(hysteresis).saturating_add(bytes);
        match self.options.disk.free_bytes(&self.dir) {
            Ok(free) if free < needed => {
                return Err(format!(
                    "{free} bytes are free for {}, {needed} are needed (limits.disk_free_bytes_min)",
                    self.dir.display()
                ));
            }
            Ok(_) => {}
            // A file system that does not tell is found full by writing.
            Err(error) => tracing::warn!(%error, "the free room of the disk is not known"),
        }
        self.reserve()
    }

    fn reserve(&mut self) -> Result<(), String> {
        let Ok(length) = fs::metadata(&self.index).map(|metadata| metadata.len()) else {
            // It is made with the first row.
            return Ok(());
        };
        if length < self.index_bytes {
            self.reserved_to = 0;
        }
        self.index_bytes = length;
        let left = self.reserved_to.saturating_sub(length);
        if left >= INDEX_RESERVE_BYTES / 2 {
            return Ok(());
        }
        let disk = &self.options.disk;
        match disk.reserve(&self.index, length, INDEX_RESERVE_BYTES) {
            Ok(()) => self.reserved_to = length.saturating_add(INDEX_RESERVE_BYTES),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                if left < INDEX_RESERVE_BYTES_MIN {
                    return Err(format!(
                        "there is no room to reserve {INDEX_RESERVE_BYTES} bytes for {}",
                        self.index.display()
                    ));
                }
            }
            // Not every file system can; the floor has to do there.
            Err(_) => self.reserved_to = u64::MAX,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// A disk that answers what it is told to, and counts the questions.
    #[derive(Debug, Default)]
    struct Told {
        free: AtomicU64,
        asked: AtomicU64,
    }

    impl Disk for Told {
        fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Ok(self.free.load(Ordering::SeqCst))
        }
    }

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap()
    }

    #[test]
    fn the_floor_holds_at_the_edge_with_hysteresis_and_is_asked_now_and_then() {
        let disk = Arc::new(Told::default());
        let options = RoomOptions {
            free_bytes_min: 1_600,
            disk: Arc::clone(&disk) as Arc<dyn Disk>,
        };
        let mut room = Room::new(Path::new("/nowhere"), "/nowhere/db".into(), options);
        let asked = || disk.asked.load(Ordering::SeqCst);
        let free = |bytes| disk.free.store(bytes, Ordering::SeqCst);
        free(1_600);
        assert_eq!(room.check(0, at_ms(0)), Ok(()));
        free(1_599);
        assert_eq!(
            room.check(0, at_ms(ROOM_INTERVAL_MS - 1)),
            Ok(()),
            "asked lately"
        );
        assert_eq!(asked(), 1);
        assert!(
            room.check(ROOM_LARGE_BYTES, at_ms(1)).is_err(),
            "a large one asks"
        );
        assert!(
            room.check(0, at_ms(2)).is_err(),
            "a full disk is asked every time"
        );
        free(1_699);
        assert!(
            room.check(0, at_ms(3)).is_err(),
            "one byte under the hysteresis"
        );
        free(1_700);
        assert_eq!(room.check(0, at_ms(4)), Ok(()));
        assert_eq!(asked(), 5);
        free(0);
        assert_eq!(room.check(0, at_ms(5)), Ok(()), "asked lately");
        room.found_full();
        assert!(room.check(0, at_ms(6)).is_err(), "a write found it full");
        // A clock that went back does not put the question off.
        free(9_999);
        assert_eq!(room.check(0, at_ms(7)), Ok(()));
        free(0);
        assert!(room.check(0, at_ms(-9_999)).is_err());
    }
}
