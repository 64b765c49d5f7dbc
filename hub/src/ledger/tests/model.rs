//! Random commits, crashes, cuts and lost derived files against a plain list.

use super::*;

#[test]
fn a_ledger_equals_a_list_through_crashes_and_lost_derived_files() {
    let mut random = Random::seeded();
    for _ in 0..15 {
        let home = Home::new(500 + random.below(4000));
        let mut model: Vec<EncodedEntry> = vec![];
        let mut second = 0;
        for _ in 0..12 {
            let (mut writer, reader, _) = home.open(model.len() as u64).unwrap();
            assert_eq!(reader.head(), model.len() as u64);
            for _ in 0..random.below(6) {
                second += random.below(2) as i64;
                append_some(&mut writer, &mut model, &mut random, second);
            }
            check(&reader, &model, &mut random);
            crash(&home, writer, &mut random);
        }
        let (_writer, reader, _) = home.open(model.len() as u64).unwrap();
        let all: Vec<_> = model.iter().map(stored).collect();
        assert_eq!(read_all(&reader).unwrap(), all);
        let (report, found) = home.fsck();
        assert!(report.is_clean(), "{:?}", report.findings);
        assert_eq!(found.into_values().collect::<Vec<_>>(), all);
    }
}

fn append_some(
    writer: &mut Writer,
    model: &mut Vec<EncodedEntry>,
    random: &mut Random,
    second: i64,
) {
    let commit: Vec<_> = (0..1 + random.below(9))
        .map(|n| {
            let header = usize::try_from(random.below(80)).unwrap();
            let content = usize::try_from(random.below(300)).unwrap();
            entry(model.len() as u64 + n, header, content)
        })
        .collect();
    let head = model.len() as u64;
    let done = writer.append(head, &commit, at(second)).unwrap();
    assert_eq!(done.first_index, head);
    model.extend(commit);
    assert_eq!(done.checkpoint.size, model.len() as u64);
}

fn check(reader: &Reader, model: &[EncodedEntry], random: &mut Random) {
    if model.is_empty() {
        return;
    }
    let size = 1 + random.below(model.len() as u64);
    let index = random.below(size);
    let proof = reader.inclusion_proof(index, size).unwrap();
    let leaf = hub_core::merkle::leaf_hash(&model[at_index(index)].header);
    let root = reader.root(size).unwrap();
    assert_eq!(
        hub_core::merkle::verify_inclusion(&leaf, index, size, &proof, &root),
        Ok(())
    );
    let found = reader.entry(index).unwrap();
    assert_eq!(found, Some(stored(&model[at_index(index)])));
    reader.consistency_proof(size, model.len() as u64).unwrap();
}

/// Ends the writer in one of the ways that lose nothing acknowledged.
fn crash(home: &Home, writer: Writer, random: &mut Random) {
    match random.below(5) {
        0 => writer.close().unwrap(),
        1 => drop(writer),
        2 => {
            drop(writer);
            let files = home.files();
            let derived: Vec<_> = files
                .keys()
                .filter(|path| path.extension().is_none_or(|e| e != "log"))
                .collect();
            let lost = random.below(derived.len() as u64);
            fs::remove_file(derived[at_index(lost)]).unwrap();
        }
        3 => {
            drop(writer);
            let path = home.ledger().join("tree.hashes");
            let mut bytes = fs::read(&path).unwrap();
            let length = random.below(bytes.len() as u64 + 1);
            bytes.truncate(usize::try_from(length).unwrap());
            fs::write(&path, bytes).unwrap();
        }
        _ => {
            // A write that did not finish: some bytes of a commit that was never acknowledged.
            drop(writer);
            let mut tail = vec![];
            for n in 0..3 {
                record::encode_entry(&mut tail, &entry(1000 + n, 30, 30)).unwrap();
            }
            let length = random.below(tail.len() as u64 + 1);
            tail.truncate(usize::try_from(length).unwrap());
            let files = home.files();
            let path = files
                .keys()
                .rfind(|path| path.extension().is_some_and(|e| e == "log"))
                .unwrap();
            let mut bytes = files[path].clone();
            bytes.extend(tail);
            fs::write(path, bytes).unwrap();
        }
    }
}
