//! Truncate, flip and delete: repaired or refused, never accepted.

use super::*;

/// Three segments; the newest commit is the second of the last segment. The `checkpoint` file lags
/// behind it, as after a crash.
fn three_segments() -> (Home, Vec<StoredEntry>) {
    three_segments_sealed(&[])
}

/// [`three_segments`] with the contents of some entries erased.
fn three_segments_sealed(indexes: &[u64]) -> (Home, Vec<StoredEntry>) {
    let home = Home::new(900);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    let entries: Vec<_> = (0..12).map(|n| entry(n, 20, 12)).collect();
    for (commit, head) in entries.chunks(2).zip((0..).step_by(2)) {
        writer.append(head, commit, at(0)).unwrap();
    }
    let mut all: Vec<_> = entries.iter().map(stored).collect();
    let mut erasures = vec![];
    for index in indexes {
        let residue = Bytes::from(format!("residue {index}"));
        all[at_index(*index)].content = residue.clone();
        all[at_index(*index)].is_sealed = true;
        erasures.push(Erasure {
            index: *index,
            residue,
        });
    }
    writer.sealer().seal(&erasures).unwrap();
    drop(writer);
    let names: Vec<_> = home.files().keys().map(|path| name(path)).collect();
    assert_eq!(
        names,
        [
            "checkpoint",
            "segment-00000000000000000000.idx",
            "segment-00000000000000000000.log",
            "segment-00000000000000000004.idx",
            "segment-00000000000000000004.log",
            "segment-00000000000000000008.log",
            "tree.hashes",
        ]
    );
    (home, all)
}

/// What a failed check must say.
fn assert_helpful(error: &LedgerError) {
    let damage = error.damage().unwrap_or_else(|| panic!("{error:?}"));
    let text = error.to_string();
    assert!(text.contains(damage.file.to_str().unwrap()), "{text}");
    assert!(text.contains("byte ") && damage.remedy.len() > 10, "{text}");
}

#[test]
fn a_last_commit_cut_at_every_byte_opens_with_the_commits_before_it() {
    let (home, entries) = three_segments();
    let files = home.files();
    let path = home.ledger().join("segment-00000000000000000008.log");
    let whole = &files[&path];
    let (writer, _, _) = home.open(12).unwrap();
    drop(writer);
    home.restore(&files);
    let mut cuts = 0;
    let mut most_entries_cut = 0;
    for length in (0..whole.len()).rev() {
        home.restore(&files);
        fs::write(&path, &whole[..length]).unwrap();
        let (report, _) = home.fsck();
        match home.open(0) {
            Ok((mut writer, reader, opened)) => {
                let good = fs::metadata(&path).unwrap().len();
                assert_eq!(reader.head(), 10, "length {length}");
                assert_eq!(read_all(&reader).unwrap(), entries[..10]);
                assert_eq!(opened.torn_bytes_cut, length as u64 - good);
                assert_eq!(report.errors_total, 0, "{:?}", report.findings);
                assert_eq!(report.entries, 10);
                most_entries_cut = most_entries_cut.max(opened.torn_entries_cut);
                cuts += 1;
                // It goes on as if the commit had never been.
                writer.append(10, &[entry(77, 5, 5)], at(5)).unwrap();
                drop(writer);
                let (report, found) = home.fsck();
                assert!(report.is_clean(), "{:?}", report.findings);
                assert_eq!(found[&10], stored(&entry(77, 5, 5)));
                home.restore(&files);
                fs::write(&path, &whole[..length]).unwrap();
                assert_helpful(&home.open(11).unwrap_err());
                assert_eq!(
                    fs::metadata(&path).unwrap().len(),
                    length as u64,
                    "a refusal changes nothing"
                );
            }
            Err(error) => {
                assert_helpful(&error);
                assert!(report.errors_total > 0, "length {length}");
                assert!(length < 600, "refused at {length}: {error}");
            }
        }
    }
    assert!(cuts > 100, "{cuts}");
    assert_eq!(most_entries_cut, 2);
}

#[test]
fn a_lost_end_is_refused_when_the_checkpoint_file_knows_of_it() {
    let (home, _) = three_segments();
    home.open(12).unwrap().0.close().unwrap();
    let files = home.files();
    let path = home.ledger().join("segment-00000000000000000008.log");
    for cut in [1, 50, 200, 290] {
        home.restore(&files);
        let bytes = &files[&path];
        fs::write(&path, &bytes[..bytes.len() - cut]).unwrap();
        let before = home.files();
        let error = home.open(0).unwrap_err();
        assert!(matches!(error, LedgerError::Missing(_)), "{error}");
        assert_helpful(&error);
        assert_eq!(home.files(), before);
        assert!(home.fsck().0.errors_total > 0);
    }
}

#[test]
fn no_changed_byte_is_ever_accepted() {
    let (home, entries) = three_segments();
    change_every_byte(&home, &entries);
}

#[test]
fn no_changed_byte_is_ever_accepted_where_contents_are_sealed() {
    let (home, entries) = three_segments_sealed(&[0, 1, 5]);
    change_every_byte(&home, &entries);
}

fn change_every_byte(home: &Home, entries: &[StoredEntry]) {
    let files = home.files();
    let last = home.ledger().join("segment-00000000000000000008.log");
    let last_checkpoint_at = last_checkpoint_at(home, &files[&last]);
    for (path, bytes) in &files {
        for offset in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[offset] ^= 1 << (offset % 8);
            fs::write(path, &changed).unwrap();
            check_changed(home, path, offset, entries, last_checkpoint_at);
            if name(path) == "tree.hashes" && offset as u64 >= tree::tree_bytes(8) {
                assert_eq!(&fs::read(path).unwrap(), bytes, "the end is rebuilt");
            }
            home.restore(&files);
        }
    }
}

/// Where the checkpoint of the last commit begins.
fn last_checkpoint_at(home: &Home, bytes: &[u8]) -> usize {
    let verifier = home.fsck_options().verifier;
    let last = segment::find_checkpoint(bytes, 0, 10, &verifier).unwrap();
    assert_eq!((last.checkpoint.size, last.end), (12, bytes.len()));
    last.offset
}

fn check_changed(
    home: &Home,
    path: &Path,
    offset: usize,
    entries: &[StoredEntry],
    last_checkpoint_at: usize,
) {
    let place = format!("{} byte {offset}", name(path));
    let (report, found) = home.fsck();
    assert!(!report.is_clean(), "fsck did not notice {place}");
    for (index, entry) in &found {
        assert_eq!(
            entry,
            &entries[at_index(*index)],
            "fsck showed changed content: {place}"
        );
    }
    let in_last = name(path) == "segment-00000000000000000008.log";
    match home.open(0) {
        Ok((_writer, reader, opened)) => {
            // Without its checkpoint a commit is as good as never finished; with it, it is damaged.
            assert!(
                !in_last || offset >= last_checkpoint_at,
                "opened with {place}"
            );
            if in_last {
                assert_eq!(reader.head(), 10, "{place}");
                assert!(opened.torn_bytes_cut > 0);
            } else {
                assert_eq!(reader.head(), 12, "{place}");
            }
            match read_all(&reader) {
                Ok(all) => assert_eq!(all, entries[..at_index(reader.head())], "{place}"),
                Err(error) => assert_helpful(&error),
            }
            for index in 0..reader.head() {
                if let Ok(Some(entry)) = reader.entry(index) {
                    assert_eq!(entry, entries[at_index(index)], "{place}");
                }
            }
        }
        Err(error) => {
            assert_helpful(&error);
            if in_last {
                let names_it = matches!(&error, LedgerError::Damaged(d) if d.file == *path);
                assert!(names_it, "{place}: {error}");
            }
            assert!(report.errors_total > 0, "fsck only warned of {place}");
        }
    }
}

#[test]
fn every_deleted_file_is_rebuilt_or_refused() {
    let (home, entries) = three_segments();
    home.open(12).unwrap().0.close().unwrap();
    let files = home.files();
    for path in files.keys() {
        home.restore(&files);
        fs::remove_file(path).unwrap();
        let (report, _) = home.fsck();
        assert!(!report.is_clean(), "{}", name(path));
        let before = home.files();
        match (home.open(0), path.extension().is_some_and(|e| e == "log")) {
            (Ok((_writer, reader, opened)), false) => {
                assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);
                assert!(opened.warnings[0].contains(&name(path)));
                assert_eq!(report.errors_total, 0, "{:?}", report.findings);
                assert_eq!(read_all(&reader).unwrap(), entries);
                assert_eq!(home.files(), files, "rebuilt as it was");
            }
            (Err(error), true) => {
                assert!(matches!(error, LedgerError::Missing(_)), "{error}");
                assert_helpful(&error);
                assert!(report.errors_total > 0);
                assert_eq!(home.files(), before);
            }
            (opened, _) => panic!("{}: {opened:?}", name(path)),
        }
    }
}

#[test]
fn a_lost_last_segment_is_noticed_even_without_the_checkpoint_file() {
    let (home, _) = three_segments();
    fs::remove_file(home.ledger().join("segment-00000000000000000008.log")).unwrap();
    fs::remove_file(home.ledger().join(CHECKPOINT_FILE)).unwrap();
    let error = home.open(0).unwrap_err();
    assert!(matches!(error, LedgerError::Missing(_)), "{error}");
    assert_helpful(&error);
    assert!(home.fsck().0.errors_total > 0);
}

#[test]
fn a_folder_without_segments_is_empty_only_when_nothing_says_otherwise() {
    let (home, _) = three_segments();
    let files = home.files();
    for keep in [
        "checkpoint",
        "tree.hashes",
        "segment-00000000000000000004.idx",
    ] {
        home.restore(&files);
        for path in files.keys().filter(|path| name(path) != keep) {
            fs::remove_file(path).unwrap();
        }
        let error = home.open(0).unwrap_err();
        assert!(matches!(error, LedgerError::Missing(_)), "{error}");
        assert_helpful(&error);
        assert!(home.fsck().0.errors_total > 0);
    }
    for path in home.files().keys() {
        fs::remove_file(path).unwrap();
    }
    assert_helpful(&home.open(1).unwrap_err());
    assert_eq!(home.open(0).unwrap().1.head(), 0);
}

#[test]
fn a_quoted_checkpoint_in_a_torn_entry_does_not_keep_the_hub_from_starting() {
    let home = Home::new(SEGMENT_BYTES_DEFAULT);
    let (mut writer, _reader, _) = home.open(0).unwrap();
    writer.append(0, &[entry(0, 9, 9)], at(0)).unwrap();
    let newest = writer.append(1, &[entry(1, 9, 9)], at(0)).unwrap();
    let mut quoted = vec![];
    record::encode_checkpoint(&mut quoted, &newest.checkpoint.note).unwrap();
    let hostile = EncodedEntry {
        header: Bytes::from_static(b"header"),
        content: quoted.into(),
    };
    writer.append(2, &[hostile], at(0)).unwrap();
    drop(writer);
    let path = home.ledger().join("segment-00000000000000000000.log");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    let (_writer, reader, report) = home.open(2).unwrap();
    assert_eq!(reader.head(), 2);
    assert_eq!(report.torn_entries_cut, 1);
}

#[test]
fn an_entry_rewritten_with_a_right_checksum_is_refused() {
    let (home, _) = three_segments();
    let files = home.files();
    let last = home.ledger().join("segment-00000000000000000008.log");
    for (path, offset_of) in [(&last, 8), (&last, 11)] {
        home.restore(&files);
        let mut bytes = files[path].clone();
        let header = entry(offset_of, 20, 12).header;
        let at = bytes.windows(20).position(|w| w == &header[..]).unwrap();
        bytes[at] ^= 1;
        // length, checksum and kind stand before the payload and its header length.
        let start = at - 4 - 9;
        let crc = crc32c::crc32c(&bytes[start + 8..at + 20 + 12]);
        bytes[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
        fs::write(path, &bytes).unwrap();
        let error = home.open(0).unwrap_err();
        assert!(error.to_string().contains("root"), "{error}");
        assert_helpful(&error);
        assert!(home.fsck().0.errors_total > 0);
    }
}

#[test]
fn after_damage_fsck_goes_on_with_the_next_checkpoint() {
    let (home, _) = three_segments();
    let path = home.ledger().join("segment-00000000000000000004.log");
    let mut bytes = fs::read(&path).unwrap();
    let header = entry(4, 20, 12).header;
    let at = bytes.windows(20).position(|w| w == &header[..]).unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (report, found) = home.fsck();
    assert_eq!(report.errors_total, 1, "{:?}", report.findings);
    assert_eq!(report.entries, 12);
    assert_eq!(report.entries_checked, 10);
    assert!(!found.contains_key(&4) && !found.contains_key(&5) && found.contains_key(&6));
    let what = &report.findings[0].damage.what;
    assert!(what.contains("entries 4 to 5"), "{what}");
}

#[test]
fn what_the_caller_finds_wrong_with_an_entry_is_reported_where_it_lies() {
    let (home, _) = three_segments();
    let mut seen = vec![];
    let report = fsck(
        &home.fsck_options(),
        &mut |index, _| {
            if index == 9 {
                vec!["the author's signature does not verify".to_owned()]
            } else {
                vec![]
            }
        },
        &mut |progress| seen.push(progress),
    )
    .unwrap();
    assert_eq!(report.errors_total, 1);
    let damage = &report.findings[0].damage;
    assert!(damage.what.starts_with("entry 9: the author's"), "{damage}");
    assert_eq!(name(&damage.file), "segment-00000000000000000008.log");
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].entries, 12);
}

#[test]
fn stale_files_of_a_crash_are_removed_and_foreign_ones_are_reported() {
    let (home, _) = three_segments();
    let stale = home.ledger().join("segment-00000000000000000012.tmp");
    fs::write(&stale, b"half").unwrap();
    fs::write(home.ledger().join("notes.txt"), b"?").unwrap();
    assert_eq!(home.fsck().0.findings_total, 2);
    drop(home.open(12).unwrap());
    assert!(!stale.exists());
    assert_eq!(home.fsck().0.findings_total, 1);
}
