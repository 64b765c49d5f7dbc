//! The power goes at every call that changes a file. What was not synced is there or not, sector by
//! sector and name by name; the ledger opens with all that was acknowledged, and goes on.

use super::{
    testing::{Failure, Fault, ModelDisk},
    *,
};

/// Commits of a run.
const COMMITS: u64 = 9;

/// How a run ended.
struct Ended {
    /// Entries that were acknowledged.
    acknowledged: u64,
    /// Entries with those of the commit that was under way.
    under_way: u64,
}

fn commit(head: u64) -> Vec<EncodedEntry> {
    // One to three entries of up to some sectors.
    let count = 1 + head % 3;
    (head..head + count)
        .map(|number| {
            let bytes = usize::try_from(number * 397 % 1_800).unwrap();
            entry(number, 30, bytes)
        })
        .collect()
}

fn residue(index: u64) -> Erasure {
    Erasure {
        index,
        residue: format!("sealed {index}").into(),
    }
}

fn on(home: &Home, disk: &Arc<ModelDisk>) -> LedgerOptions {
    LedgerOptions {
        storage: Arc::clone(disk) as Arc<dyn Storage>,
        ..home.options()
    }
}

/// Appends and seals until a call fails.
fn run(home: &Home, disk: &Arc<ModelDisk>) -> Ended {
    let mut ended = Ended {
        acknowledged: 0,
        under_way: 0,
    };
    let Ok((mut writer, _reader, _)) = open(on(home, disk), 0) else {
        return ended;
    };
    let mut sealer = writer.sealer();
    for number in 0..COMMITS {
        let entries = commit(ended.acknowledged);
        ended.under_way = ended.acknowledged + entries.len() as u64;
        // Seconds pass, so that the checkpoint file is written too.
        let appended = writer.append(ended.acknowledged, &entries, at(number as i64));
        if appended.is_err() {
            return ended;
        }
        ended.acknowledged = ended.under_way;
        if number == 5 && (writer.roll().is_err() || sealer.seal(&[residue(1)]).is_err()) {
            return ended;
        }
    }
    drop(writer.close());
    ended
}

/// The ledger as a hub opens it whose disk works again.
fn reopen(home: &Home, disk: &Arc<ModelDisk>, acknowledged: u64, what: &str) -> (Writer, Reader) {
    let opened = open(on(home, disk), acknowledged);
    let (writer, reader, _) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
    (writer, reader)
}

fn check(home: &Home, disk: &Arc<ModelDisk>, ended: &Ended, what: &str) -> u64 {
    let (_writer, reader) = reopen(home, disk, ended.acknowledged, what);
    let entries = read_all(&reader).unwrap();
    let head = entries.len() as u64;
    assert!(
        head == ended.acknowledged || head == ended.under_way,
        "{what}: {head} entries, {} acknowledged, {} written",
        ended.acknowledged,
        ended.under_way
    );
    let mut tree = hub_core::merkle::Frontier::new();
    for (index, found) in (0..).zip(&entries) {
        let expected = entry_of(index);
        assert_eq!(found.header, expected.header, "{what}: entry {index}");
        if found.is_sealed {
            assert_eq!(
                (index, &found.content),
                (1, &residue(index).residue),
                "{what}"
            );
        } else {
            assert_eq!(found.content, expected.content, "{what}: entry {index}");
        }
        tree.push(hub_core::merkle::leaf_hash(&found.header), |_| {});
    }
    let checkpoint = reader.checkpoint();
    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (head, tree.root()),
        "{what}"
    );
    for index in 0..head {
        reader
            .inclusion_proof(index, head)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    head
}

fn entry_of(number: u64) -> EncodedEntry {
    let mut head = 0;
    loop {
        let entries = commit(head);
        let count = entries.len() as u64;
        if number < head + count {
            return entries[at_index(number - head)].clone();
        }
        head += count;
    }
}

#[test]
fn wherever_the_power_goes_the_ledger_opens_with_all_that_was_acknowledged() {
    let mut random = Random::seeded();
    let (mut cuts, mut whole, mut lost) = (0, 0, 0);
    'calls: for after in 0.. {
        for _ in 0..12 {
            let seed = random.bits();
            let home = Home::new(4_000);
            fs::create_dir(home.ledger()).unwrap();
            let disk = Arc::new(ModelDisk::new(&home.ledger(), seed));
            disk.set_fault(Some(Fault {
                after,
                count: 1,
                failure: Failure::Killed,
            }));
            let ended = run(&home, &disk);
            if disk.take_fired().is_empty() {
                break 'calls;
            }
            disk.cut_power();
            let what = format!("call {after}, disk {seed}");
            let head = check(&home, &disk, &ended, &what);
            if ended.under_way > ended.acknowledged {
                whole += u32::from(head == ended.under_way);
                lost += u32::from(head == ended.acknowledged);
            }
            let (report, _) = home.fsck();
            assert!(report.is_clean(), "{what}: {:?}", report.findings);
            cuts += 1;
        }
    }
    assert!(cuts > 600, "{cuts}");
    // What was under way is there sometimes, and sometimes not.
    assert!(whole > 10 && lost > 100, "{whole} {lost}");
}

#[test]
fn what_a_sync_that_failed_left_in_memory_is_not_taken_for_durable() {
    let mut random = Random::seeded();
    for after in 0..140 {
        let seed = random.bits();
        let home = Home::new(4_000);
        fs::create_dir(home.ledger()).unwrap();
        let disk = Arc::new(ModelDisk::new(&home.ledger(), seed));
        // It stays broken, so nothing can be taken back.
        disk.set_fault(Some(Fault {
            after,
            count: 3,
            failure: Failure::Broken,
        }));
        let ended = run(&home, &disk);
        // The process starts again, on a disk that works, and answers from what it reads.
        disk.set_fault(None);
        let what = format!("call {after}, disk {seed}");
        let (writer, reader) = reopen(&home, &disk, ended.acknowledged, &what);
        let answered = reader.head();
        drop((writer, reader));
        disk.cut_power();
        let told = Ended {
            acknowledged: answered,
            under_way: answered,
        };
        check(&home, &disk, &told, &what);
    }
}

/// A ledger of two commits of several sectors, without its checkpoint file, and where each begins.
fn two_commits() -> (Home, PathBuf, Vec<u8>, [usize; 3]) {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    let path = home.ledger().join("segment-00000000000000000000.log");
    let length = || usize::try_from(fs::metadata(&path).unwrap().len()).unwrap();
    let mut ends = vec![length()];
    for head in 0..2 {
        let one = entry(head, 90, 3_000);
        writer.append(head, &[one], at(0)).unwrap();
        ends.push(length());
    }
    drop(writer);
    fs::remove_file(home.ledger().join("checkpoint")).unwrap();
    let bytes = fs::read(&path).unwrap();
    (home, path, bytes, ends.try_into().unwrap())
}

#[test]
fn a_last_commit_with_a_sector_that_was_never_written_is_cut_and_an_altered_one_is_refused() {
    let (home, path, bytes, [_, first_end, end]) = two_commits();
    let files = home.files();
    let verifier = home.fsck_options().verifier;
    let checkpoint_at = segment::find_checkpoint(&bytes, first_end, 1, &verifier)
        .unwrap()
        .offset;
    let sectors = (first_end / 512..end / 512).map(|n| (n * 512).max(first_end)..(n + 1) * 512);
    let mut cut = 0;
    for sector in sectors {
        let mut unwritten = bytes.clone();
        unwritten[sector.clone()].fill(0);
        home.restore(&files);
        fs::write(&path, &unwritten).unwrap();
        let (report, _) = home.fsck();
        assert_eq!(report.errors_total, 0, "{sector:?}: {:?}", report.findings);
        // Whoever was told of it is not passed over.
        let error = home.open(2).unwrap_err();
        assert!(matches!(error, LedgerError::Missing(_)), "{error}");
        let (writer, _reader, opened) = home.open(1).unwrap();
        assert_eq!((writer.head(), opened.torn_entries_cut), (1, 0));
        drop(writer);
        cut += 1;

        // One byte of it that was written says that all of it was.
        for change in [sector.start, sector.end - 1] {
            let mut altered = bytes.clone();
            altered[change] ^= 1;
            home.restore(&files);
            fs::write(&path, &altered).unwrap();
            match home.open(0) {
                Err(LedgerError::Damaged(damage)) => assert_eq!(damage.file, path),
                // Without its checkpoint a commit is as good as never finished.
                Ok((_, reader, _)) => {
                    assert_eq!(reader.head(), 1, "byte {change}");
                    assert!(change >= checkpoint_at, "byte {change} of {checkpoint_at}");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(cut > 4, "{cut}");
}

#[test]
fn an_earlier_commit_with_a_sector_of_zeros_is_damage() {
    let (home, path, bytes, [first_begin, first_end, _]) = two_commits();
    let begin = first_begin.next_multiple_of(512);
    assert!(begin + 512 < first_end);
    let mut damaged = bytes;
    damaged[begin..begin + 512].fill(0);
    fs::write(&path, damaged).unwrap();
    let error = home.open(0).unwrap_err();
    assert!(matches!(error, LedgerError::Damaged(_)), "{error}");
    assert!(home.fsck().0.errors_total > 0);
}
