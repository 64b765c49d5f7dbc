//! A disk that fills up at every byte: nothing acknowledged is lost, reads go on, and appending goes on
//! as soon as there is room, without opening the ledger again.

use std::{
    io,
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
};

use super::*;

/// ENOSPC.
fn no_room() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

/// A disk with so many bytes of room. What does not fit is written in part, as a real one does.
#[derive(Debug)]
struct SmallDisk {
    free: AtomicI64,
    /// Refuses to cut files.
    is_stuck: AtomicBool,
}

impl SmallDisk {
    fn new(free: i64) -> Arc<Self> {
        Arc::new(Self {
            free: AtomicI64::new(free),
            is_stuck: AtomicBool::new(false),
        })
    }

    fn give(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap();
        self.free.fetch_add(bytes, Ordering::SeqCst);
    }

    fn give_file(&self, path: &Path) {
        self.give(fs::metadata(path).map_or(0, |metadata| metadata.len()));
    }
}

impl Storage for SmallDisk {
    fn create(&self, path: &Path) -> io::Result<fs::File> {
        self.give_file(path);
        RealStorage.create(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.give_file(path);
        RealStorage.remove(path)
    }

    fn write_at(&self, file: &fs::File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        let growth = end.saturating_sub(file.metadata()?.len());
        let growth = i64::try_from(growth).unwrap();
        let missing = growth - self.free.load(Ordering::SeqCst);
        if missing > 0 {
            let part = bytes.len() - usize::try_from(missing).unwrap().min(bytes.len());
            file.write_all_at(&bytes[..part], offset)?;
            self.free.store(0, Ordering::SeqCst);
            return Err(no_room());
        }
        self.free.fetch_sub(growth, Ordering::SeqCst);
        file.write_all_at(bytes, offset)
    }

    fn set_len(&self, file: &fs::File, length: u64) -> io::Result<()> {
        if self.is_stuck.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk does nothing any more"));
        }
        self.give(file.metadata()?.len().saturating_sub(length));
        RealStorage.set_len(file, length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.give_file(to);
        RealStorage.rename(from, to)
    }
}

fn options(home: &Home, disk: &Arc<SmallDisk>) -> LedgerOptions {
    LedgerOptions {
        storage: Arc::clone(disk) as Arc<dyn Storage>,
        ..home.options()
    }
}

#[test]
fn wherever_the_disk_is_full_nothing_is_lost_and_appending_goes_on_when_there_is_room() {
    let (mut refused, mut at_a_roll) = (0, 0);
    for room in (1_200..8_000).step_by(61) {
        let home = Home::new(900);
        let disk = SmallDisk::new(room);
        let Ok((mut writer, reader, _)) = open(options(&home, &disk), 0) else {
            continue;
        };
        let mut head = 0;
        while head < 12 {
            let one = entry(head, 20, 100);
            match writer.append(head, std::slice::from_ref(&one), at(head as i64)) {
                Ok(_) => head += 1,
                Err(LedgerError::Full { file }) => {
                    refused += 1;
                    at_a_roll += u32::from(file.extension().is_some_and(|e| e == "tmp"));
                    assert!(!writer.is_poisoned(), "room {room}");
                    assert_eq!(reader.head(), head, "room {room}");
                    assert_eq!(read_all(&reader).unwrap().len(), at_index(head));
                    // Trying again while it is full changes nothing.
                    for _ in 0..3 {
                        let again = writer.append(head, std::slice::from_ref(&one), at(0));
                        assert!(
                            matches!(again, Err(LedgerError::Full { .. })),
                            "room {room}"
                        );
                    }
                    disk.give(100_000);
                }
                Err(error) => panic!("room {room}: {error}"),
            }
        }
        writer.close().unwrap();
        let (_writer, reader, report) = home.open(12).unwrap();
        assert_eq!(report.warnings, Vec::<String>::new(), "room {room}");
        for (index, found) in (0..).zip(&read_all(&reader).unwrap()) {
            assert_eq!(found, &stored(&entry(index, 20, 100)), "room {room}");
        }
        assert_eq!(reader.head(), 12);
        let (report, _) = home.fsck();
        assert!(report.is_clean(), "room {room}: {:?}", report.findings);
    }
    assert!(refused > 80, "{refused}");
    assert!(at_a_roll > 0, "some did not fit into a new segment");
}

#[test]
fn a_process_that_dies_while_the_disk_is_full_leaves_a_ledger_that_opens() {
    for room in (1_200..6_000).step_by(113) {
        let home = Home::new(900);
        let disk = SmallDisk::new(room);
        let Ok((mut writer, _, _)) = open(options(&home, &disk), 0) else {
            continue;
        };
        let mut head = 0;
        while writer
            .append(head, &[entry(head, 20, 100)], at(head as i64))
            .is_ok()
        {
            head += 1;
        }
        drop(writer);
        let (_writer, reader, _) = home.open(head).unwrap();
        assert_eq!(reader.head(), head, "room {room}");
        let (report, _) = home.fsck();
        assert!(report.is_clean(), "room {room}: {:?}", report.findings);
    }
}

#[test]
fn a_new_segment_that_finds_no_room_can_be_begun_later() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let disk = SmallDisk::new(100_000);
    let (mut writer, _, _) = open(options(&home, &disk), 0).unwrap();
    writer.append(0, &[entry(0, 20, 100)], at(0)).unwrap();
    let before = home.files();
    // Enough for nothing; then for the old one's index, but not for the new segment.
    for room in [0, 60] {
        disk.free.store(room, Ordering::SeqCst);
        let error = writer.roll().unwrap_err();
        assert!(matches!(error, LedgerError::Full { .. }), "{error}");
        assert_eq!(home.files(), before, "nothing stays behind");
    }
    disk.give(100_000);
    writer.roll().unwrap();
    writer.append(1, &[entry(1, 20, 100)], at(0)).unwrap();
    writer.close().unwrap();
    let (report, _) = home.fsck();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(report.segments, 2);
}

#[test]
fn what_cannot_be_taken_back_stops_the_writer() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let disk = SmallDisk::new(3_000);
    let (mut writer, reader, _) = open(options(&home, &disk), 0).unwrap();
    writer.append(0, &[entry(0, 20, 100)], at(0)).unwrap();
    disk.is_stuck.store(true, Ordering::SeqCst);
    let large = entry(1, 20, 4_000);
    let error = writer.append(1, std::slice::from_ref(&large), at(0));
    let error = error.unwrap_err();
    assert!(matches!(error, LedgerError::Io { .. }), "{error}");
    disk.give(100_000);
    disk.is_stuck.store(false, Ordering::SeqCst);
    let again = writer.append(1, &[large], at(0));
    assert!(matches!(again, Err(LedgerError::Poisoned)));
    assert_eq!(reader.head(), 1);
    drop(writer);
    assert_eq!(home.open(1).unwrap().1.head(), 1, "opening cuts it");
}
