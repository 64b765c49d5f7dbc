//! What append, read, proof and open promise.

use hub_core::{
    merkle::{EMPTY_ROOT, leaf_hash, node_hash, verify_consistency, verify_inclusion},
    note::NoteVerifier,
};

use super::*;

#[test]
fn what_was_appended_is_read_back_with_its_hashes_and_checkpoint() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, reader, report) = home.open(0).unwrap();
    assert!(report.created && report.warnings.is_empty());
    assert_eq!(reader.head(), 0);
    assert_eq!(reader.checkpoint().root, EMPTY_ROOT);
    assert_eq!(reader.entry(0).unwrap(), None);

    let entries: Vec<_> = (0..5).map(|n| entry(n, 40, 60)).collect();
    let first = writer.append(0, &entries[..2], at(0)).unwrap();
    let second = writer.append(2, &entries[2..], at(0)).unwrap();
    assert_eq!((first.first_index, second.first_index), (0, 2));
    for (hash, entry) in first.leaf_hashes.iter().zip(&entries) {
        assert_eq!(*hash, leaf_hash(&entry.header));
    }
    assert_eq!(writer.head(), 5);
    assert_eq!(reader.head(), 5);
    assert_eq!(reader.checkpoint(), second.checkpoint);
    assert_eq!(
        read_all(&reader).unwrap(),
        entries.iter().map(stored).collect::<Vec<_>>()
    );
    assert_eq!(
        reader.entry(4).unwrap(),
        Some(stored(&entries[4])),
        "the last entry, before whose end a checkpoint stands"
    );
    assert_eq!(reader.entry(5).unwrap(), None);

    let verifier: NoteVerifier = home.fsck_options().verifier;
    let checkpoint = verifier.verify(&second.checkpoint.note).unwrap();
    assert_eq!(
        (checkpoint.size, checkpoint.root),
        (5, second.checkpoint.root)
    );
    writer.close().unwrap();

    let (writer, reader, report) = home.open(5).unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_eq!((report.entries, report.created), (5, false));
    assert_eq!(reader.checkpoint(), second.checkpoint);
    assert_eq!(writer.head(), 5);
    assert!(home.fsck().0.is_clean());
}

#[test]
fn a_wrong_head_and_a_passed_limit_change_nothing() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, reader, _) = home.open(0).unwrap();
    writer.append(0, &[entry(0, 10, 10)], at(0)).unwrap();
    let before = home.files();
    for wrong in [0, 2] {
        let error = writer
            .append(wrong, &[entry(1, 10, 10)], at(9))
            .unwrap_err();
        assert!(
            matches!(error, LedgerError::HeadMismatch { expected, actual: 1 } if expected == wrong)
        );
    }
    let huge = entry(1, 10, ENTRY_BYTES_MAX - 9);
    let many = vec![entry(1, 1, 1); COMMIT_ENTRIES_MAX + 1];
    let heavy = vec![entry(1, 0, ENTRY_BYTES_MAX); COMMIT_BYTES_MAX / ENTRY_BYTES_MAX];
    for refused in [vec![], vec![huge], many, heavy] {
        let error = writer.append(1, &refused, at(9)).unwrap_err();
        assert!(matches!(error, LedgerError::Limit(_)), "{error}");
    }
    assert_eq!(home.files(), before);
    assert_eq!(reader.head(), 1);

    let largest = entry(1, 10, ENTRY_BYTES_MAX - 10);
    let most = vec![entry(2, 1, 1); COMMIT_ENTRIES_MAX];
    writer
        .append(1, std::slice::from_ref(&largest), at(9))
        .unwrap();
    writer.append(2, &most, at(9)).unwrap();
    assert_eq!(reader.entry(1).unwrap(), Some(stored(&largest)));
    assert_eq!(reader.head(), 2 + COMMIT_ENTRIES_MAX as u64);
}

#[test]
fn a_second_opener_is_refused_with_the_holder() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (writer, _reader, _) = home.open(0).unwrap();
    let error = home.open(0).unwrap_err();
    let pid = std::process::id().to_string();
    assert!(matches!(&error, LedgerError::Locked { holder, .. } if *holder == pid));
    assert!(error.to_string().contains(&pid), "{error}");
    drop(writer);
    assert!(home.open(0).is_ok(), "a reader that lives on holds no lock");
}

#[test]
fn segments_roll_and_all_of_them_are_read() {
    let home = Home::new(2000);
    let (mut writer, reader, _) = home.open(0).unwrap();
    let entries: Vec<_> = (0..60).map(|n| entry(n, 30, at_index(n) * 3)).collect();
    let mut head = 0;
    for commit in entries.chunks(4) {
        writer.append(head, commit, at(0)).unwrap();
        head += commit.len() as u64;
    }
    let all: Vec<_> = entries.iter().map(stored).collect();
    assert_eq!(read_all(&reader).unwrap(), all);
    let check = |reader: &Reader| {
        for from in 0..all.len() {
            assert_eq!(
                reader.entry(from as u64).unwrap().as_ref(),
                all.get(from),
                "{from}"
            );
            for (count, bytes) in [(1, 0), (3, 1 << 20), (100, 200), (100, 1 << 20)] {
                let got = reader.entries(from as u64, count, bytes).unwrap();
                assert!(!got.is_empty() && got.len() <= count);
                let taken: usize = got.iter().map(StoredEntry::bytes).sum();
                assert!(got.len() == 1 || taken <= bytes);
                assert_eq!(got, all[from..from + got.len()]);
            }
        }
        assert_eq!(reader.entries(60, 9, 9).unwrap(), vec![]);
        assert_eq!(reader.entries(u64::MAX, 9, 9).unwrap(), vec![]);
        assert_eq!(reader.entries(0, 0, 9).unwrap(), vec![]);
    };
    check(&reader);
    let sizes: Vec<_> = home
        .files()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|e| e == "log"))
        .map(|(_, bytes)| bytes.len())
        .collect();
    assert!(sizes.len() > 4, "{sizes:?}");
    assert!(sizes.iter().all(|bytes| *bytes <= 2000), "{sizes:?}");
    drop(writer);
    let (writer, reader, report) = home.open(60).unwrap();
    assert_eq!(report.segments, sizes.len() as u64);
    assert_eq!(report.warnings, Vec::<String>::new());
    check(&reader);
    drop(writer);
    let (report, found) = home.fsck();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.entries, report.entries_checked), (60, 60));
    assert_eq!(report.checkpoints, 15 + report.segments);
    assert_eq!(found.into_values().collect::<Vec<_>>(), all);
}

/// RFC 6962 §2.1 word for word.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

#[test]
fn every_proof_verifies_against_a_root_computed_apart() {
    let home = Home::new(1500);
    let (mut writer, reader, _) = home.open(0).unwrap();
    let entries: Vec<_> = (0..40).map(|n| entry(n, 33, 9)).collect();
    for (commit, head) in entries.chunks(3).zip((0..).step_by(3)) {
        writer.append(head, commit, at(0)).unwrap();
    }
    let leaves: Vec<_> = entries.iter().map(|e| leaf_hash(&e.header)).collect();
    let roots: Vec<_> = (0..=40).map(|size| naive_root(&leaves[..size])).collect();
    assert_eq!(reader.checkpoint().root, roots[40]);
    for size in 0..=40_u64 {
        let root = &roots[at_index(size)];
        assert_eq!(&reader.root(size).unwrap(), root);
        for index in 0..size {
            let leaf = &leaves[at_index(index)];
            assert_eq!(&reader.leaf_hash(index).unwrap(), leaf);
            let proof = reader.inclusion_proof(index, size).unwrap();
            assert_eq!(verify_inclusion(leaf, index, size, &proof, root), Ok(()));
        }
        for from in 0..=size {
            let proof = reader.consistency_proof(from, size).unwrap();
            let old = &roots[at_index(from)];
            assert_eq!(verify_consistency(from, old, size, root, &proof), Ok(()));
        }
    }
    for refused in [
        reader.inclusion_proof(5, 5),
        reader.inclusion_proof(0, 0),
        reader.inclusion_proof(0, 41),
        reader.inclusion_proof(u64::MAX, u64::MAX),
        reader.consistency_proof(6, 5),
        reader.consistency_proof(0, 41),
        reader.leaf_hash(40).map(|hash| vec![hash]),
    ] {
        assert!(matches!(refused, Err(LedgerError::OutOfRange(_))));
    }
}

#[test]
fn a_proof_from_damaged_hashes_is_refused_and_not_answered() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, reader, _) = home.open(0).unwrap();
    let entries: Vec<_> = (0..8).map(|n| entry(n, 33, 9)).collect();
    writer.append(0, &entries, at(0)).unwrap();
    let path = home.ledger().join("tree.hashes");
    let mut bytes = fs::read(&path).unwrap();
    bytes[5 * 32 + 3] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = (0..8).filter(|index| reader.inclusion_proof(*index, 8).is_err());
    assert!(refused.count() > 0);
    for index in 0..8 {
        if let Ok(proof) = reader.inclusion_proof(index, 8) {
            let leaf = leaf_hash(&entries[at_index(index)].header);
            let root = reader.checkpoint().root;
            assert_eq!(verify_inclusion(&leaf, index, 8, &proof, &root), Ok(()));
        }
    }
}

#[test]
fn the_checkpoint_file_follows_at_most_once_a_second_and_on_close() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let path = home.ledger().join(CHECKPOINT_FILE);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    let verifier = home.fsck_options().verifier;
    let size = || {
        let note = fs::read_to_string(&path).unwrap();
        verifier.verify(&note).unwrap().size
    };
    assert_eq!(size(), 0);
    let ms = |ms: i64| Timestamp::from_millisecond(1_700_000_000_000 + ms).unwrap();
    for (head, now, claimed) in [
        (0, ms(0), 1),
        (1, ms(1), 1),
        (2, ms(999), 1),
        (3, ms(1000), 4),
        (4, ms(1001), 4),
        (5, ms(-5), 6),
    ] {
        writer.append(head, &[entry(head, 9, 9)], now).unwrap();
        assert_eq!(size(), claimed, "after {head}");
    }
    writer.append(6, &[entry(6, 9, 9)], ms(-4)).unwrap();
    assert_eq!(size(), 6);
    writer.close().unwrap();
    assert_eq!(size(), 7);
}

#[test]
fn another_origin_and_another_key_are_refused() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    writer.close().unwrap();
    let before = home.files();

    let foreign = LedgerOptions {
        origin: "hub.example/other".to_owned(),
        ..home.options()
    };
    assert!(matches!(
        open(foreign, 0).unwrap_err(),
        LedgerError::Foreign(_)
    ));
    let other = Home::new(1);
    let foreign = LedgerOptions {
        key: other.key,
        ..home.options()
    };
    assert!(matches!(
        open(foreign, 0).unwrap_err(),
        LedgerError::Foreign(_)
    ));
    let unusable = LedgerOptions {
        origin: "white space".to_owned(),
        ..home.options()
    };
    assert!(matches!(
        open(unusable, 0).unwrap_err(),
        LedgerError::Key(_)
    ));
    assert_eq!(home.files(), before);
}

#[test]
fn readers_on_other_threads_see_only_whole_commits_in_order() {
    let home = Home::new(4000);
    let (mut writer, reader, _) = home.open(0).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let reader = reader.clone();
            scope.spawn(move || {
                let mut seen = 0;
                while seen < 300 {
                    let head = reader.head();
                    assert!(head >= seen && head.is_multiple_of(3));
                    for (index, found) in (seen..).zip(reader.entries(seen, 64, 1 << 16).unwrap()) {
                        assert_eq!(found, stored(&entry(index, 20, 50)));
                        seen = index + 1;
                    }
                    if head > 0 {
                        reader.inclusion_proof(head - 1, head).unwrap();
                    }
                }
            });
        }
        for head in (0..300).step_by(3) {
            let commit: Vec<_> = (head..head + 3).map(|n| entry(n, 20, 50)).collect();
            writer.append(head, &commit, at(0)).unwrap();
        }
    });
}
