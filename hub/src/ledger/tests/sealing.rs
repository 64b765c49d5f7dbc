//! Sealing: contents go, everything else stays, whatever fails on the way.

use std::{
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{faults::Faulty, *};

/// Entries of the ledgers here; their contents are long, so that they can be searched for.
fn big(number: u64) -> EncodedEntry {
    entry(number, 20, 40)
}

fn residue(number: u64) -> Bytes {
    format!("residue {number}").into()
}

fn erasure(index: u64) -> Erasure {
    Erasure {
        index,
        residue: residue(index),
    }
}

fn sealed(number: u64) -> StoredEntry {
    StoredEntry {
        header: big(number).header,
        content: residue(number),
        is_sealed: true,
    }
}

/// What a ledger of so many entries holds once some are sealed.
fn expected(count: u64, is_sealed: impl Fn(u64) -> bool) -> Vec<StoredEntry> {
    (0..count)
        .map(|n| {
            if is_sealed(n) {
                sealed(n)
            } else {
                stored(&big(n))
            }
        })
        .collect()
}

/// Twelve entries, two a commit, in three segments.
fn filled(home: &Home) -> (Writer, Reader) {
    filled_with(home, Arc::new(RealStorage))
}

fn filled_with(home: &Home, storage: Arc<dyn Storage>) -> (Writer, Reader) {
    let options = LedgerOptions {
        storage,
        ..home.options()
    };
    let (mut writer, reader, _) = open(options, 0).unwrap();
    let entries: Vec<_> = (0..12).map(big).collect();
    for (commit, head) in entries.chunks(2).zip((0..).step_by(2)) {
        writer.append(head, commit, at(0)).unwrap();
    }
    (writer, reader)
}

fn segments(home: &Home) -> Vec<String> {
    let files = home.files();
    let logs = files.keys().filter(|path| name(path).ends_with("log"));
    logs.map(|path| name(path)).collect()
}

/// Entries whose content is still somewhere in the folder.
fn found_on_disk(home: &Home) -> Vec<u64> {
    let files = home.files();
    let holds = |number: &u64| {
        let content = big(*number).content;
        files
            .values()
            .any(|bytes| bytes.windows(content.len()).any(|window| window == content))
    };
    (0..20).filter(holds).collect()
}

#[test]
fn a_sealed_content_is_gone_from_reads_and_disk_and_all_else_stays() {
    let home = Home::new(1000);
    let (mut writer, reader) = filled(&home);
    assert_eq!(segments(&home).len(), 3);
    // Files of all segments are open from here on.
    assert_eq!(read_all(&reader).unwrap(), expected(12, |_| false));
    let before = home.files();
    let (checkpoint, proof) = (reader.checkpoint(), reader.inclusion_proof(1, 12).unwrap());

    let mut sealer = writer.sealer();
    let erasures = [erasure(6), erasure(1), erasure(3)];
    assert!(!sealer.needs_roll(&erasures));
    let report = sealer.seal(&erasures).unwrap();
    assert_eq!((report.sealed, report.segments), (3, 2));
    let is_sealed = |n| [1, 3, 6].contains(&n);
    let after: usize = home
        .files()
        .iter()
        .filter(|(p, _)| name(p).ends_with("log"))
        .map(|(_, b)| b.len())
        .sum();
    let was: usize = before
        .iter()
        .filter(|(p, _)| name(p).ends_with("log"))
        .map(|(_, b)| b.len())
        .sum();
    assert_eq!(report.bytes_freed, (was - after) as u64);
    assert_eq!(read_all(&reader).unwrap(), expected(12, is_sealed));
    assert_eq!(found_on_disk(&home), [0, 2, 4, 5, 7, 8, 9, 10, 11]);
    assert_eq!(reader.checkpoint(), checkpoint);
    assert_eq!(reader.inclusion_proof(1, 12).unwrap(), proof);
    let last = home.ledger().join(&segments(&home)[2]);
    assert_eq!(home.files()[&last], before[&last]);

    let files = home.files();
    let again = sealer.seal(&erasures).unwrap();
    assert_eq!((again.sealed, again.already, again.segments), (0, 3, 0));
    assert_eq!(home.files(), files, "nothing is written");

    writer.append(12, &[big(12)], at(1)).unwrap();
    assert_eq!(reader.entry(12).unwrap(), Some(stored(&big(12))));
    writer.close().unwrap();
    let (report, found) = home.fsck();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!(
        found.into_values().collect::<Vec<_>>(),
        expected(13, is_sealed)
    );
    let (_writer, reader, opened) = home.open(13).unwrap();
    assert_eq!(opened.warnings, Vec::<String>::new());
    assert_eq!(read_all(&reader).unwrap(), expected(13, is_sealed));
}

#[test]
fn only_the_records_of_sealed_entries_change() {
    let home = Home::new(1000);
    let (writer, _reader) = filled(&home);
    let path = home.ledger().join(&segments(&home)[0]);
    let old = fs::read(&path).unwrap();
    writer.sealer().seal(&[erasure(2)]).unwrap();
    let new = fs::read(&path).unwrap();
    let mut record = vec![];
    record::encode_entry(&mut record, &big(2)).unwrap();
    let from = old
        .windows(record.len())
        .position(|window| window == record)
        .unwrap();
    let mut expected = old[..from].to_vec();
    record::encode_sealed(&mut expected, &big(2).header, &residue(2)).unwrap();
    expected.extend(&old[from + record.len()..]);
    assert_eq!(new, expected);
}

#[test]
fn an_entry_of_the_growing_segment_is_sealed_after_a_roll() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, reader) = filled(&home);
    let mut sealer = writer.sealer();
    assert!(sealer.needs_roll(&[erasure(0)]));
    let error = sealer.seal(&[erasure(0)]).unwrap_err();
    assert!(matches!(error, LedgerError::OutOfRange(_)), "{error}");
    writer.roll().unwrap();
    assert_eq!(segments(&home).len(), 2);
    writer.roll().unwrap();
    assert_eq!(
        segments(&home).len(),
        2,
        "an empty segment is not followed by another"
    );
    assert!(!sealer.needs_roll(&[erasure(11)]));
    sealer.seal(&[erasure(0), erasure(11)]).unwrap();
    writer.append(12, &[big(12)], at(1)).unwrap();
    let is_sealed = |n| n == 0 || n == 11;
    assert_eq!(read_all(&reader).unwrap(), expected(13, is_sealed));
    assert!(sealer.seal(&[erasure(13)]).is_err());
    drop(writer);
    let (_writer, reader, _) = home.open(13).unwrap();
    assert_eq!(read_all(&reader).unwrap(), expected(13, is_sealed));
    assert!(home.fsck().0.is_clean());
}

#[test]
fn another_residue_and_one_that_is_too_long_change_nothing() {
    let home = Home::new(1000);
    let (writer, reader) = filled(&home);
    let mut sealer = writer.sealer();
    sealer.seal(&[erasure(1)]).unwrap();
    let files = home.files();
    let other = |index, residue: Bytes| Erasure { index, residue };
    let refused = sealer.seal(&[erasure(0), other(1, "another".into())]);
    assert!(matches!(refused, Err(LedgerError::SealedOtherwise(1))));
    let refused = sealer.seal(&[erasure(2), other(2, "another".into())]);
    assert!(matches!(refused, Err(LedgerError::SealedOtherwise(2))));
    let refused = sealer.seal(&[other(0, vec![0; ENTRY_BYTES_MAX].into())]);
    assert!(matches!(refused, Err(LedgerError::Limit(_))));
    assert_eq!(home.files(), files);
    assert_eq!(read_all(&reader).unwrap(), expected(12, |n| n == 1));
}

#[test]
fn a_damaged_segment_is_not_written_anew() {
    let home = Home::new(1000);
    let (writer, _reader) = filled(&home);
    let files = home.files();
    for segment in [0, 1] {
        let path = home.ledger().join(&segments(&home)[segment]);
        for offset in [3, 70, 400, files[&path].len() - 5] {
            let mut bytes = files[&path].clone();
            bytes[offset] ^= 4;
            fs::write(&path, &bytes).unwrap();
            let damaged = home.files();
            let refused = writer.sealer().seal(&[erasure(0), erasure(5)]).unwrap_err();
            let names_it = matches!(&refused, LedgerError::Damaged(d) if d.file == path);
            assert!(names_it, "byte {offset}: {refused}");
            assert_eq!(home.files()[&path], damaged[&path]);
            home.restore(&files);
        }
    }
}

/// Seals until a call fails, then carries on as a hub that was not stopped, or as one that was.
fn seal_with_fault(fail_at: i64, stays_broken: bool, part: usize) -> bool {
    let home = Home::new(1000);
    let faulty = Faulty::new(i64::MAX, stays_broken, part);
    let (writer, reader) = filled_with(&home, Arc::clone(&faulty) as Arc<dyn Storage>);
    let mut sealer = writer.sealer();
    faulty.fail_after(fail_at);
    let erasures = [erasure(1), erasure(6), erasure(7)];
    let outcome = sealer.seal(&erasures);
    let place = format!("call {fail_at}, {stays_broken}, {part}: {outcome:?}");
    assert_eq!(outcome.is_err(), faulty.failed() > 0, "{place}");

    // Whatever is there now is one of the two states of each segment, for readers and for a start.
    let all = read_all(&reader).unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_one_of_the_states(&all, &place);
    drop(reader);
    let files = home.files();
    if !stays_broken {
        faulty.fail_after(i64::MAX);
        sealer
            .seal(&erasures)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_sealed(&home, &Reader(Arc::clone(&writer.shared)), &place);
    }
    drop(sealer);
    drop(writer);

    home.restore(&files);
    let (report, _) = home.fsck();
    assert_eq!(report.errors_total, 0, "{place}: {:?}", report.findings);
    let (writer, reader, _) = home
        .open(12)
        .unwrap_or_else(|error| panic!("{place}: {error}"));
    assert_one_of_the_states(&read_all(&reader).unwrap(), &place);
    let report = home.fsck().0;
    assert!(report.is_clean(), "{place}: {:?}", report.findings);
    writer.sealer().seal(&erasures).unwrap();
    assert_sealed(&home, &reader, &place);
    outcome.is_err()
}

/// A segment is sealed whole or not at all.
fn assert_one_of_the_states(all: &[StoredEntry], place: &str) {
    let states = [
        expected(12, |_| false),
        expected(12, |n| n == 1),
        expected(12, |n| [1, 6, 7].contains(&n)),
    ];
    assert!(states.iter().any(|state| state == all), "{place}: {all:?}");
}

fn assert_sealed(home: &Home, reader: &Reader, place: &str) {
    let all = read_all(reader).unwrap();
    assert_eq!(all, expected(12, |n| [1, 6, 7].contains(&n)), "{place}");
    assert_eq!(
        found_on_disk(home),
        [0, 2, 3, 4, 5, 8, 9, 10, 11],
        "{place}"
    );
    let files = home.files();
    assert_eq!(files.len(), 7, "{place}: {:?}", files.keys());
    assert!(home.fsck().0.is_clean(), "{place}");
}

#[test]
fn whichever_call_fails_nothing_is_lost_and_sealing_can_be_ended() {
    let mut failed = 0;
    for fail_at in 0.. {
        let mut any = false;
        for (stays_broken, part) in [(false, 0), (true, 0), (true, 128), (true, 256)] {
            any |= seal_with_fault(fail_at, stays_broken, part);
        }
        if !any {
            break;
        }
        failed += 1;
    }
    // For each of two segments: create, write, sync, remove, sync, rename, sync, and four for the index.
    assert_eq!(failed, 22);
}

#[test]
fn every_state_between_two_steps_opens() {
    let home = Home::new(1000);
    let (writer, reader) = filled(&home);
    let old = home.files();
    writer.sealer().seal(&[erasure(1)]).unwrap();
    drop((writer, reader));
    let new = home.files();
    let log = home.ledger().join(&segments(&home)[0]);
    let (index, temporary) = (log.with_extension("idx"), log.with_extension("tmp"));
    let state = |changes: &[(&PathBuf, Option<&[u8]>)]| {
        let mut files = old.clone();
        for (path, bytes) in changes {
            match bytes {
                Some(bytes) => files.insert((*path).clone(), bytes.to_vec()),
                None => files.remove(*path),
            };
        }
        files
    };
    let whole = &new[&log][..];
    let new_index = &new[&index][..];
    let states = [
        (
            false,
            state(&[(&temporary, Some(&whole[..whole.len() / 2]))]),
        ),
        (false, state(&[(&temporary, Some(whole))])),
        (false, state(&[(&temporary, Some(whole)), (&index, None)])),
        (true, state(&[(&log, Some(whole)), (&index, None)])),
        (
            true,
            state(&[
                (&log, Some(whole)),
                (&index, None),
                (&temporary, Some(new_index)),
            ]),
        ),
        (
            true,
            state(&[(&log, Some(whole)), (&index, Some(new_index))]),
        ),
    ];
    for (number, (is_sealed, files)) in states.iter().enumerate() {
        home.restore(files);
        assert_eq!(home.fsck().0.errors_total, 0, "state {number}");
        let (writer, reader, _) = home.open(12).unwrap();
        let all = read_all(&reader).unwrap();
        assert_eq!(
            all,
            expected(12, |n| *is_sealed && n == 1),
            "state {number}"
        );
        let outcome = if *is_sealed { &new } else { &old };
        drop(writer);
        let found = home.files();
        assert_eq!(found[&log], outcome[&log], "state {number}");
        assert_eq!(found[&index], outcome[&index], "state {number}");
        assert!(!temporary.exists(), "state {number}");
    }
}

/// Records the calls by name.
#[derive(Debug, Default)]
struct Calls(Mutex<Vec<String>>);

impl Calls {
    fn note(&self, call: &str, path: &Path) {
        let extension = path.extension().map(|e| format!(" {}", e.display()));
        let call = format!("{call}{}", extension.unwrap_or_default());
        self.0.lock().unwrap().push(call);
    }
}

impl Storage for Calls {
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        RealStorage.remove(path)
    }

    fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.note("sync", Path::new(""));
        RealStorage.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename", to);
        RealStorage.rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note("sync folder", path);
        RealStorage.sync_dir(path)
    }
}

#[test]
fn an_index_is_surely_gone_before_its_segment_is_replaced() {
    let home = Home::new(1000);
    let calls = Arc::new(Calls::default());
    let (writer, _reader) = filled_with(&home, Arc::clone(&calls) as Arc<dyn Storage>);
    calls.0.lock().unwrap().clear();
    writer.sealer().seal(&[erasure(1)]).unwrap();
    let order = [
        "sync",
        "remove idx",
        "sync folder",
        "rename log",
        "sync folder",
        "sync",
        "rename idx",
    ];
    assert_eq!(*calls.0.lock().unwrap(), order);
}

#[test]
fn readers_and_the_writer_go_on_while_contents_are_sealed() {
    let home = Home::new(1000);
    let (mut writer, reader) = filled(&home);
    let mut sealer = writer.sealer();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let reader = reader.clone();
            let is_done = &is_done;
            scope.spawn(move || {
                let mut last_round = false;
                while !last_round {
                    last_round = is_done.load(Ordering::SeqCst);
                    for (index, found) in (0..).zip(read_all(&reader).unwrap()) {
                        let is_right = found == stored(&big(index)) || found == sealed(index);
                        assert!(is_right, "entry {index}: {found:?}");
                        assert!(
                            !last_round || index > 99 || found.is_sealed,
                            "entry {index}"
                        );
                    }
                }
            });
        }
        let reader = &reader;
        scope.spawn({
            let is_done = &is_done;
            move || {
                for index in 0..100 {
                    while sealer.needs_roll(&[erasure(index)]) || reader.head() <= index {
                        std::thread::yield_now();
                    }
                    sealer.seal(&[erasure(index)]).unwrap();
                    assert_eq!(reader.entry(index).unwrap(), Some(sealed(index)));
                }
                is_done.store(true, Ordering::SeqCst);
            }
        });
        for head in 12..112 {
            writer.append(head, &[big(head)], at(0)).unwrap();
        }
        writer.roll().unwrap();
    });
    assert_eq!(read_all(&reader).unwrap(), expected(112, |n| n < 100));
    drop(writer);
    assert!(home.fsck().0.is_clean());
}
