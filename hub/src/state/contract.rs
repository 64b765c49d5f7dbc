//! One suite for every store.

use std::sync::Arc;

use bytes::Bytes;
use hub_core::{
    crypto::{SigningKey, generate_ed25519_pkcs8},
    merkle,
};
use jiff::Timestamp;

use super::{
    embedded::{EmbeddedOptions, EmbeddedStore},
    keys,
    memory::MemoryStore,
    store::{Direction, RowBatch, Store, StoreError},
};
use crate::ledger::{EncodedEntry, Erasure, SealReport, StoredEntry};

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::from_pkcs8(&generate_ed25519_pkcs8().unwrap()).unwrap())
}

fn entry(text: &str) -> EncodedEntry {
    EncodedEntry {
        header: Bytes::from(format!("header {text}")),
        content: Bytes::from(format!("content {text}")),
    }
}

fn rows(pairs: &[(&str, Option<&str>)]) -> RowBatch {
    pairs
        .iter()
        .map(|(key, value)| {
            (
                key.as_bytes().to_vec(),
                value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
            )
        })
        .collect()
}

fn contract(store: &dyn Store) {
    let now = Timestamp::UNIX_EPOCH;
    let mut watch = store.head_watch();
    assert_eq!((store.head(), store.applied()), (0, 0));
    let batch = rows(&[("xa", Some("1")), ("xb", Some("2")), ("xc", Some("3"))]);
    let committed = store
        .commit(0, &[entry("a"), entry("b")], batch, now)
        .unwrap();
    assert_eq!(committed.leaf_hashes[1], merkle::leaf_hash(b"header b"));
    assert!(watch.has_changed().unwrap());
    assert_eq!((*watch.borrow_and_update(), store.applied()), (2, 2));

    let refused = store.commit(1, &[entry("c")], rows(&[("xa", None)]), now);
    assert!(matches!(
        refused,
        Err(StoreError::Head {
            expected: 1,
            found: 2
        })
    ));
    assert_eq!(
        store.row(b"xa").unwrap().as_deref(),
        Some(b"1".as_slice()),
        "nothing was written"
    );
    assert_eq!(store.head(), 2);

    store
        .commit(
            2,
            &[entry("c")],
            rows(&[("xb", None), ("xc", Some("4"))]),
            now,
        )
        .unwrap();
    assert_eq!(store.row(b"xb").unwrap(), None);
    let values = |direction, limit| {
        let rows = store.scan(b"x", b"y", direction, limit).unwrap();
        rows.into_iter().map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(values(Direction::Forward, 9), ["1", "4"]);
    assert_eq!(values(Direction::Backward, 1), ["4"]);
    assert_eq!(store.scan(b"y", b"x", Direction::Forward, 9).unwrap(), []);

    assert_eq!(store.entry(2).unwrap().unwrap().content, "content c");
    assert_eq!(store.entry(3).unwrap(), None);
    assert_eq!(
        store.entries(1, 9, 1).unwrap().len(),
        1,
        "at least one, whatever its size"
    );
    assert_eq!(store.entries(0, 2, 1 << 20).unwrap().len(), 2);
    assert_eq!(store.entries(3, 2, 1 << 20).unwrap(), []);

    let checkpoint = store.checkpoint();
    assert_eq!(checkpoint.size, 3);
    for index in 0..3 {
        let leaf = store.leaf_hash(index).unwrap().unwrap();
        let proof = store.inclusion_proof(index, 3).unwrap();
        merkle::verify_inclusion(&leaf, index, 3, &proof, &checkpoint.root).unwrap();
    }
    assert_eq!(store.leaf_hash(3).unwrap(), None);
    assert!(!store.consistency_proof(2, 3).unwrap().is_empty());
    assert!(store.inclusion_proof(3, 3).is_err());
    sealing_contract(store);
}

/// On the three entries of [`contract`].
fn sealing_contract(store: &dyn Store) {
    let erasure = |index, residue: &'static str| Erasure {
        index,
        residue: residue.into(),
    };
    let (checkpoint, head) = (store.checkpoint(), store.head());
    let leaves = [0, 2].map(|index| store.leaf_hash(index).unwrap());
    assert_eq!(store.seal(&[]).unwrap(), SealReport::default());
    assert!(store.seal(&[erasure(3, "r")]).is_err(), "past the head");

    let report = store.seal(&[erasure(0, "r a"), erasure(2, "r c")]).unwrap();
    assert_eq!((report.sealed, report.already), (2, 0));
    assert_eq!(report.bytes_freed, 12);
    let sealed = |text: &str, residue: &'static str| StoredEntry {
        header: format!("header {text}").into(),
        content: residue.into(),
        is_sealed: true,
    };
    let kept = store.entry(1).unwrap().unwrap();
    assert_eq!((&*kept.content, kept.is_sealed), (&b"content b"[..], false));
    let all = vec![sealed("a", "r a"), kept, sealed("c", "r c")];
    assert_eq!(store.entries(0, 9, 1 << 20).unwrap(), all);

    let again = store.seal(&[erasure(2, "r c"), erasure(0, "r a")]).unwrap();
    assert_eq!((again.sealed, again.already), (0, 2));
    assert!(store.seal(&[erasure(0, "other")]).is_err());
    assert_eq!(store.entries(0, 9, 1 << 20).unwrap(), all);
    assert_eq!((store.checkpoint(), store.head()), (checkpoint, head));
    assert_eq!(leaves, [0, 2].map(|index| store.leaf_hash(index).unwrap()));
    assert_eq!(store.row(b"xa").unwrap().as_deref(), Some(&b"1"[..]));
}

#[test]
fn memory_keeps_the_contract() {
    contract(&MemoryStore::new("test.example", key()).unwrap());
}

#[test]
fn embedded_keeps_the_contract_and_survives() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        dir: dir.path().into(),
        origin: "test.example".into(),
        key: key(),
    };
    let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
    contract(&store);
    let digest = store.digest().unwrap();
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);

    let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
    assert_eq!(
        (store.head(), store.applied(), store.digest().unwrap()),
        (3, 3, digest)
    );
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);

    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let (store, _) = EmbeddedStore::open(options).unwrap();
    assert_eq!(
        (store.head(), store.applied()),
        (3, 0),
        "rows are to be replayed"
    );
}

#[test]
fn sealed_contents_stay_sealed_and_appends_go_on_after_them() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        dir: dir.path().into(),
        origin: "test.example".into(),
        key: key(),
    };
    let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
    contract(&store);
    let now = Timestamp::UNIX_EPOCH;
    store.commit(3, &[entry("d")], rows(&[]), now).unwrap();
    let all = store.entries(0, 9, 1 << 20).unwrap();
    store.close(now).unwrap();
    let closed = store.seal(&[Erasure {
        index: 3,
        residue: Bytes::new(),
    }]);
    assert!(closed.is_err(), "another hub may have the folder by now");
    drop(store);
    let (store, report) = EmbeddedStore::open(options).unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_eq!(store.entries(0, 9, 1 << 20).unwrap(), all);
    assert_eq!((store.head(), store.applied()), (4, 4));
}

#[test]
fn an_index_of_another_schema_is_set_aside_and_still_tells_of_lost_entries() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        dir: dir.path().into(),
        origin: "test.example".into(),
        key: key(),
    };
    let reopened_with = |meta: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let rows = sled::open(dir.path().join("state")).unwrap();
        let found = rows.get(keys::meta()).unwrap().unwrap().to_vec();
        rows.insert(keys::meta(), meta(found)).unwrap();
        rows.flush().unwrap();
        drop(rows);
        EmbeddedStore::open(options.clone())
    };
    let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
    contract(&store);
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);
    let (store, _) = reopened_with(&|meta| meta).unwrap();
    assert_eq!(store.applied(), 3, "this release's own is trusted");
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);

    let claims_more = |mut meta: Vec<u8>| {
        meta[7] = 9;
        meta.truncate(56);
        meta
    };
    let refused = reopened_with(&claims_more).unwrap_err().to_string();
    assert!(refused.contains("applied 9"), "{refused}");
    let first_schema = |mut meta: Vec<u8>| {
        meta[7] = 3;
        meta
    };
    let (store, _) = reopened_with(&first_schema).unwrap();
    assert_eq!((store.head(), store.applied()), (3, 0));
    assert!(dir.path().join("state.damaged").exists());
    let value = rows(&[("xz", Some("1"))]);
    store.replay(3, value).unwrap();
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);

    let later_schema = |mut meta: Vec<u8>| {
        *meta.last_mut().unwrap() += 1;
        meta
    };
    let (store, _) = reopened_with(&later_schema).unwrap();
    assert_eq!(store.applied(), 0);
}

#[test]
fn altered_rows_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        dir: dir.path().into(),
        origin: "test.example".into(),
        key: key(),
    };
    let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
    contract(&store);
    store.close(Timestamp::UNIX_EPOCH).unwrap();
    drop(store);
    let rows = sled::open(dir.path().join("state")).unwrap();
    rows.insert(b"xa", b"forged").unwrap();
    rows.flush().unwrap();
    drop(rows);

    let (store, _) = EmbeddedStore::open(options).unwrap();
    assert_eq!(store.applied(), 0);
    assert!(dir.path().join("state.damaged").exists());
}

#[test]
fn rows_of_another_ledger_are_set_aside() {
    let [own, other] = [1, 2].map(|salt| {
        let dir = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions {
            dir: dir.path().into(),
            origin: "test.example".into(),
            key: key(),
        };
        let (store, _) = EmbeddedStore::open(options.clone()).unwrap();
        let entries = [entry(&format!("{salt}"))];
        let row = rows(&[("xa", Some("1"))]);
        store
            .commit(0, &entries, row, Timestamp::UNIX_EPOCH)
            .unwrap();
        store.close(Timestamp::UNIX_EPOCH).unwrap();
        (dir, options)
    });
    let state = own.0.path().join("state");
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(other.0.path().join("state"), &state).unwrap();
    let (store, _) = EmbeddedStore::open(own.1).unwrap();
    assert_eq!(
        (store.head(), store.applied()),
        (1, 0),
        "they are to be replayed"
    );
    assert!(own.0.path().join("state.damaged").exists());
}
