//! The whole hub against the whole model.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use hub_core::{
    merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion},
    names::LogName,
};

use super::{Simulation, machine, model::Model};
use crate::{
    domain::channels::{self, log},
    engine::{Engine, recorded::Recorded, replay},
    state::{
        keys,
        memory::MemoryStore,
        store::{Direction, Store},
        view::Overlay,
    },
};

impl Simulation {
    /// Entries, tree, logs, consumers and rows are those of the model.
    pub(super) fn check(&mut self) {
        let engine = Arc::clone(&self.hub().engine);
        let entries = entries(&engine, &self.model);
        self.check_tree(engine.store(), &entries);
        check_logs(engine.store(), &self.model);
        check_consumers(engine.store(), &self.model);
        let live = rows(engine.store());
        assert_eq!(live, replayed(&entries), "the rows are those of a replay");
        self.say("all is checked");
    }

    /// The newest checkpoint is over exactly these entries and continues what members remember.
    fn check_tree(&mut self, store: &dyn Store, entries: &[Recorded]) {
        let mut tree = Frontier::new();
        for entry in entries {
            tree.push(leaf_hash(&entry.header_bytes), |_| {});
        }
        let checkpoint = store.checkpoint();
        assert_eq!(
            (checkpoint.size, checkpoint.root),
            (tree.size(), tree.root())
        );
        for (size, root) in &self.remembered {
            let proof = store.consistency_proof(*size, checkpoint.size).unwrap();
            verify_consistency(*size, root, checkpoint.size, &checkpoint.root, &proof)
                .expect("a member's memory stands");
        }
        if checkpoint.size > 0 {
            let index = self.random.below(checkpoint.size);
            let proof = store.inclusion_proof(index, checkpoint.size).unwrap();
            let leaf = entries[usize::try_from(index).unwrap()].leaf_hash;
            verify_inclusion(&leaf, index, checkpoint.size, &proof, &checkpoint.root)
                .expect("an entry is proved");
            self.remembered.push((checkpoint.size, checkpoint.root));
        }
        let surplus = self.remembered.len().saturating_sub(8);
        self.remembered.drain(..surplus);
    }
}

/// Every entry is what was asked, in the order of the answers.
fn entries(engine: &Engine, model: &Model) -> Vec<Recorded> {
    let store = engine.store();
    assert_eq!(store.head(), model.head());
    let mut last_at = i64::MIN;
    let stored = |index| store.entry(index).unwrap().expect("below the head");
    let mut entries = vec![];
    for (index, fact) in (0..).zip(&model.facts) {
        let entry = Recorded::from_stored(&stored(index)).unwrap();
        assert_eq!(entry.header.index, index);
        assert_eq!(entry.header.method, fact.method, "entry {index}");
        assert_eq!(entry.author(), fact.agency, "entry {index}");
        assert_eq!(entry.header.recorded_at_us, fact.recorded_at_us);
        assert!(entry.header.recorded_at_us >= last_at, "time goes back");
        last_at = entry.header.recorded_at_us;
        if entry.is_sealed() {
            assert!(model.ordered.contains_key(&index), "erased without order");
        } else {
            assert_eq!(entry.content.request, fact.request, "entry {index}");
            assert!(!model.erased.contains(&index), "what was erased is back");
        }
        let seen = engine.recorded(index).unwrap().expect("below the head");
        assert_eq!(seen.header_bytes, entry.header_bytes);
        assert_eq!(seen.is_sealed(), entry.is_sealed());
        entries.push(entry);
    }
    assert!(store.entry(model.head()).unwrap().is_none());
    entries
}

fn check_logs(store: &dyn Store, model: &Model) {
    for (name, places) in &model.logs {
        let mut found = vec![];
        loop {
            let next = i64::try_from(found.len()).unwrap() + 1;
            let more = log::read(store, name, next).unwrap();
            if more.is_empty() {
                break;
            }
            found.extend(more.into_iter().map(|(_, place)| place));
        }
        assert_eq!(&found, places, "{name}");
    }
}

fn check_consumers(store: &dyn Store, model: &Model) {
    let mut found = BTreeMap::new();
    for agency in super::AGENCIES {
        let consumers = channels::consumers(store, &agency.parse().unwrap()).unwrap();
        for (consumer, row) in consumers {
            let positions: BTreeMap<LogName, i64> = row
                .positions
                .iter()
                .map(|one| (one.log.parse().unwrap(), one.position))
                .collect();
            found.insert((agency.to_owned(), consumer), positions);
        }
    }
    assert_eq!(found, model.consumers);
}

type Rows = BTreeMap<Vec<u8>, Bytes>;

fn rows(store: &dyn Store) -> Rows {
    let rows = store.scan(&[0], &[0xff; 64], Direction::Forward, usize::MAX);
    let rows = rows.unwrap().into_iter();
    rows.filter(|(key, _)| **key != *keys::meta())
        .map(|(key, value)| (key.to_vec(), value))
        .collect()
}

/// The rows that the entries make of nothing.
fn replayed(entries: &[Recorded]) -> Rows {
    let empty = MemoryStore::new("empty.example", Arc::new(machine::key(0))).unwrap();
    let mut rows = Overlay::new(&empty);
    for entry in entries {
        replay::apply(&mut rows, entry, &entry.request_ids()).unwrap();
    }
    let changes = rows.take_changes().into_iter();
    changes
        .filter_map(|(key, value)| Some((key, value?)))
        .collect()
}
