//! Each call that changes a file fails in turn; what was acknowledged stays, what was not may go.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use super::*;

/// Fails one call, by number, and every call after it when the disk is to stay broken.
#[derive(Debug)]
pub(super) struct Faulty {
    calls: AtomicI64,
    fail_at: AtomicI64,
    stays_broken: bool,
    /// Part of a failing write reaches the file: this many 256ths.
    part: usize,
    failed: AtomicU64,
}

impl Faulty {
    pub(super) fn new(fail_at: i64, stays_broken: bool, part: usize) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicI64::new(0),
            fail_at: AtomicI64::new(fail_at),
            stays_broken,
            part,
            failed: AtomicU64::new(0),
        })
    }

    /// The call after so many more fails.
    pub(super) fn fail_after(&self, calls: i64) {
        let done = self.calls.load(Ordering::SeqCst);
        self.fail_at
            .store(done.saturating_add(calls), Ordering::SeqCst);
    }

    /// How many calls failed.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::SeqCst)
    }

    fn fails(&self) -> bool {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        let fail_at = self.fail_at.load(Ordering::SeqCst);
        let fails = call == fail_at || (self.stays_broken && call > fail_at);
        if fails {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        fails
    }

    fn check(&self) -> io::Result<()> {
        if self.fails() {
            return Err(io::Error::other("injected"));
        }
        Ok(())
    }
}

impl Storage for Faulty {
    fn create(&self, path: &Path) -> io::Result<fs::File> {
        self.check()?;
        RealStorage.create(path)
    }

    fn open_or_create(&self, path: &Path) -> io::Result<fs::File> {
        self.check()?;
        RealStorage.open_or_create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        RealStorage.remove(path)
    }

    fn write_at(&self, file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.fails() {
            let part = bytes.len() * self.part / 256;
            RealStorage.write_at(file, &bytes[..part], offset)?;
            return Err(io::Error::other("injected"));
        }
        RealStorage.write_at(file, bytes, offset)
    }

    fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.check()?;
        RealStorage.sync(file)
    }

    fn set_len(&self, file: &fs::File, length: u64) -> io::Result<()> {
        self.check()?;
        RealStorage.set_len(file, length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        RealStorage.rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        RealStorage.sync_dir(path)
    }
}

/// Opens, appends until the fault, and answers how many entries were acknowledged.
fn run(home: &Home, storage: Arc<Faulty>) -> u64 {
    let options = LedgerOptions {
        storage,
        ..home.options()
    };
    let Ok((mut writer, reader, _)) = open(options, 0) else {
        return 0;
    };
    for head in 0..8 {
        // Seconds pass, so that the checkpoint file is written too.
        let appended = writer.append(head, &[entry(head, 20, 100)], at(head as i64));
        if appended.is_err() {
            assert_eq!(reader.head(), head, "what failed is not shown");
            assert!(writer.is_poisoned());
            let again = writer.append(head, &[entry(99, 20, 100)], at(99));
            assert!(matches!(again, Err(LedgerError::Poisoned)));
            assert_eq!(reader.head(), head);
            assert!(matches!(writer.close(), Err(LedgerError::Poisoned)));
            return head;
        }
    }
    // A failure to write the checkpoint file on close does not touch the entries.
    drop(writer.close());
    8
}

#[test]
fn whichever_call_fails_the_ledger_reopens_with_all_that_was_acknowledged() {
    let mut reached_the_end = false;
    for fail_at in 0..400 {
        let mut any_failed = false;
        for (stays_broken, part) in [(false, 0), (true, 0), (true, 128), (true, 255), (true, 256)] {
            let home = Home::new(900);
            let faulty = Faulty::new(fail_at, stays_broken, part);
            let acknowledged = run(&home, Arc::clone(&faulty));
            any_failed |= faulty.failed.load(Ordering::SeqCst) > 0;
            let place = format!("call {fail_at}, {stays_broken}, {part}");
            let (_writer, reader, _) = home
                .open(acknowledged)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            let entries = read_all(&reader).unwrap();
            let head = entries.len() as u64;
            assert!(
                head == acknowledged || head == acknowledged + 1,
                "{place}: {head} of {acknowledged}"
            );
            for (index, found) in (0..).zip(&entries) {
                assert_eq!(found, &stored(&entry(index, 20, 100)), "{place}");
            }
            let (report, _) = home.fsck();
            assert!(report.is_clean(), "{place}: {:?}", report.findings);
        }
        if !any_failed {
            assert!(fail_at > 50, "only {fail_at} calls were failed");
            reached_the_end = true;
            break;
        }
    }
    assert!(reached_the_end);
}

#[test]
fn whichever_call_of_a_repair_fails_the_next_opening_repairs_it() {
    let home = Home::new(900);
    let acknowledged = run(&home, Faulty::new(i64::MAX, false, 0));
    assert_eq!(acknowledged, 8);
    let files = home.files();
    let logs: Vec<_> = files
        .keys()
        .filter(|path| name(path).ends_with("log"))
        .collect();
    let mut damaged = files.clone();
    // A torn tail, no derived file, and what a crash left.
    damaged.retain(|path, _| logs.contains(&path));
    damaged
        .get_mut(logs[logs.len() - 1])
        .unwrap()
        .extend([7; 90]);
    damaged.insert(home.ledger().join("checkpoint.tmp"), b"half".to_vec());
    let mut calls = 0;
    for fail_at in 0.. {
        home.restore(&damaged);
        let faulty = Faulty::new(fail_at, fail_at % 2 == 0, 100);
        let options = LedgerOptions {
            storage: Arc::clone(&faulty) as Arc<dyn Storage>,
            ..home.options()
        };
        let opened = open(options, 8);
        if faulty.failed.load(Ordering::SeqCst) == 0 {
            assert!(opened.is_ok());
            break;
        }
        let error = opened.unwrap_err();
        assert!(matches!(error, LedgerError::Io { .. }), "{error}");
        let (writer, _, _) = home.open(8).unwrap();
        writer.close().unwrap();
        assert_eq!(home.files(), files, "call {fail_at}");
        calls += 1;
    }
    assert!(calls > 15, "{calls}");
}

#[test]
fn a_commit_whose_sync_failed_is_taken_back() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let counter = Faulty::new(i64::MAX, false, 0);
    let options = LedgerOptions {
        storage: Arc::clone(&counter) as Arc<dyn Storage>,
        ..home.options()
    };
    let (mut writer, _reader, _) = open(options, 0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    let calls = counter.calls.load(Ordering::SeqCst);
    drop(writer);

    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    // The next commit is two writes (from call `calls` on) and one sync.
    let faulty = Faulty::new(calls + 2, false, 0);
    let options = LedgerOptions {
        storage: faulty,
        ..home.options()
    };
    let (mut writer, _reader, _) = open(options, 0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    let path = home.ledger().join("segment-00000000000000000000.log");
    let length = fs::metadata(&path).unwrap().len();
    let error = writer.append(1, &[entry(1, 9, 9)], at(0)).unwrap_err();
    assert!(matches!(error, LedgerError::Io { action: "sync", .. }));
    assert_eq!(fs::metadata(&path).unwrap().len(), length);
    drop(writer);
    assert_eq!(home.open(1).unwrap().1.head(), 1);
}

/// Records which files were synced.
#[derive(Debug, Default)]
struct Syncs(std::sync::Mutex<Vec<u64>>);

impl Storage for Syncs {
    fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.0.lock().unwrap().push(file.metadata()?.ino());
        RealStorage.sync(file)
    }
}

#[test]
fn opening_syncs_what_it_will_answer_from() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    drop(writer);
    let syncs = Arc::new(Syncs::default());
    let options = LedgerOptions {
        storage: Arc::clone(&syncs) as Arc<dyn Storage>,
        ..home.options()
    };
    drop(open(options, 1).unwrap());
    let path = home.ledger().join("segment-00000000000000000000.log");
    let segment = fs::metadata(path).unwrap().ino();
    assert!(syncs.0.lock().unwrap().contains(&segment));
}

#[test]
fn a_commit_is_one_write_and_one_sync_of_the_segment_and_one_write_of_hashes() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let counter = Faulty::new(i64::MAX, false, 0);
    let options = LedgerOptions {
        storage: Arc::clone(&counter) as Arc<dyn Storage>,
        ..home.options()
    };
    let (mut writer, _reader, _) = open(options, 0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    let before = counter.calls.load(Ordering::SeqCst);
    let commit: Vec<_> = (1..257).map(|n| entry(n, 90, 900)).collect();
    writer.append(1, &commit, at(0)).unwrap();
    assert_eq!(counter.calls.load(Ordering::SeqCst), before + 3);
}
