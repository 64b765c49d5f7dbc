//! Replays every event into empty state and holds the live index against it, key by key, at the
//! entry up to which the index has applied.
//!
//! The replayed rows are held in memory.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use hub_core::{crypto::SigningKey, note::NoteError};

use crate::{
    engine::{recorded::Recorded, replay},
    state::{
        embedded::inspect::Inspection,
        memory::MemoryStore,
        store::{Row, Store as _, StoreError},
        view::Overlay,
    },
};

/// Rows that differ are named up to this many; the rest is counted.
const NAMED_MAX: usize = 50;

/// Replays entries in order, and compares once the index's own entry is reached.
#[derive(Debug)]
pub(super) struct RowCheck<'a> {
    state: Option<&'a Inspection>,
    replayed: MemoryStore,
    next: u64,
    /// Why the replay cannot go on.
    broken: Option<String>,
    outcome: Option<Outcome>,
}

/// What a comparison came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Rows that were held against each other.
    pub(super) compared: u64,
    /// Why there was no comparison.
    pub(super) skipped: Option<String>,
    /// Rows that differ.
    pub(super) wrong: Vec<String>,
}

impl<'a> RowCheck<'a> {
    pub(super) fn new(
        origin: &str,
        key: Arc<SigningKey>,
        state: Option<&'a Inspection>,
    ) -> Result<Self, NoteError> {
        Ok(Self {
            state,
            replayed: MemoryStore::new(origin, key)?,
            next: 0,
            broken: None,
            outcome: None,
        })
    }

    /// Applies an entry; answers why that was not possible.
    pub(super) fn entry(&mut self, index: u64, entry: Option<&Recorded>) -> Option<String> {
        self.compare_if_due();
        if self.broken.is_some() {
            return None;
        }
        let Some(entry) = entry.filter(|_| index == self.next) else {
            self.broken = Some(format!("entry {} could not be read", self.next));
            return None;
        };
        self.next = index.saturating_add(1);
        match self.apply(entry) {
            Ok(()) => None,
            Err(what) => {
                self.broken = Some(format!("the events of entry {index} cannot be applied"));
                Some(format!("its events cannot be applied: {what}"))
            }
        }
    }

    fn apply(&self, entry: &Recorded) -> Result<(), String> {
        let mut rows = Overlay::new(&self.replayed);
        replay::apply(&mut rows, entry, &entry.request_ids())
            .map_err(|error| error.context.unwrap_or(error.message))?;
        let changes = rows.take_changes();
        self.replayed
            .replay(self.next, changes)
            .map_err(|error| error.to_string())
    }

    fn compare_if_due(&mut self) {
        let Some(state) = self.state.filter(|_| self.outcome.is_none()) else {
            return;
        };
        if self.broken.is_none() && self.next == state.applied() {
            self.outcome = Some(compare(self.replayed.rows(), state.rows()));
        }
    }

    /// The comparison, or why there was none.
    pub(super) fn finish(mut self) -> Outcome {
        self.compare_if_due();
        self.outcome.unwrap_or(Outcome {
            skipped: self.broken,
            ..Outcome::default()
        })
    }
}

/// Holds found rows against expected ones; both in the order of keys.
fn compare(
    mut expected: BTreeMap<Vec<u8>, Bytes>,
    found: impl Iterator<Item = Result<Row, StoreError>>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut total: usize = 0;
    let mut differs = |outcome: &mut Outcome, key: &[u8], what: &str| {
        total = total.saturating_add(1);
        if total <= NAMED_MAX {
            outcome
                .wrong
                .push(format!("row {}: {what}", key.escape_ascii()));
        }
    };
    for row in found {
        let (key, value) = match row {
            Ok(row) => row,
            Err(error) => {
                outcome.wrong.push(error.to_string());
                return outcome;
            }
        };
        outcome.compared = outcome.compared.saturating_add(1);
        match expected.remove(&*key) {
            None => differs(&mut outcome, &key, "the ledger does not give it"),
            Some(right) if right != value => {
                differs(&mut outcome, &key, "the ledger gives another value");
            }
            Some(_) => {}
        }
    }
    for key in expected.keys() {
        outcome.compared = outcome.compared.saturating_add(1);
        differs(&mut outcome, key, "it is missing");
    }
    if total > NAMED_MAX {
        outcome
            .wrong
            .push(format!("{} further rows differ", total - NAMED_MAX));
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(pairs: &[(&str, &str)]) -> Vec<Result<Row, StoreError>> {
        pairs
            .iter()
            .map(|(key, value)| {
                Ok((
                    Bytes::copy_from_slice(key.as_bytes()),
                    Bytes::copy_from_slice(value.as_bytes()),
                ))
            })
            .collect()
    }

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<Vec<u8>, Bytes> {
        let rows = rows(pairs).into_iter().map(Result::unwrap);
        rows.map(|(key, value)| (key.to_vec(), value)).collect()
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let right = expected(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let same = compare(
            right.clone(),
            rows(&[("a", "1"), ("b", "2"), ("c", "3")]).into_iter(),
        );
        assert_eq!((same.compared, same.wrong), (3, vec![]));
        let other = compare(
            right,
            rows(&[("a", "1"), ("b", "9"), ("d", "4")]).into_iter(),
        );
        assert_eq!(
            other.wrong,
            [
                "row b: the ledger gives another value",
                "row d: the ledger does not give it",
                "row c: it is missing"
            ]
        );
    }

    #[test]
    fn many_differences_are_counted() {
        let right =
            (0..=NAMED_MAX).map(|number| (vec![1, u8::try_from(number).unwrap()], Bytes::new()));
        let outcome = compare(right.collect(), std::iter::empty());
        assert_eq!(outcome.wrong.len(), NAMED_MAX + 1);
        assert_eq!(outcome.wrong.last().unwrap(), "1 further rows differ");
    }
}
