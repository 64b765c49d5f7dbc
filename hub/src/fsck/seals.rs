//! What is sealed must have been ordered, later on the ledger and by the hub itself; what was ordered
//! must be sealed. A content that is gone without an order was erased by somebody else.

use std::collections::BTreeMap;

use crate::{authz::HUB_AGENCY, domain::sealing, engine::recorded::Recorded};

/// Entries that are named one by one; the rest is counted.
const NAMED_MAX: usize = 50;

/// Holds sealed entries against orders, in the order of the ledger.
#[derive(Debug, Default)]
pub(super) struct SealCheck {
    /// Entries whose content is sealed.
    pub(super) sealed: u64,
    /// Sealed entries whose order has not come yet, with the entry that they say ordered it.
    open: BTreeMap<u64, u64>,
    /// Entries that were ordered to be sealed and are not.
    unerased: Vec<u64>,
}

impl SealCheck {
    /// What is wrong with an entry as an order. Whether it is sealed as ordered shows at the end.
    pub(super) fn check(&mut self, index: u64, entry: &Recorded) -> Vec<String> {
        if entry.is_sealed() {
            self.sealed = self.sealed.saturating_add(1);
            // 0, which says that it is not sealed, is found by the check of contents.
            let order = entry.content.sealed_by.saturating_sub(1);
            self.open.insert(index, order);
        }
        let mut wrong = vec![];
        let mut ordered = sealing::ordered(&entry.events).peekable();
        if ordered.peek().is_none() {
            return wrong;
        }
        if entry.author() != HUB_AGENCY || entry.header.method != sealing::METHOD {
            wrong.push("it orders contents to be sealed, but is no order of the hub's".to_owned());
            return wrong;
        }
        for named in ordered {
            if named >= index {
                wrong.push(format!(
                    "it orders entry {named} to be sealed, which is not before it"
                ));
            } else if self.open.get(&named) == Some(&index) {
                self.open.remove(&named);
            } else if !self.open.contains_key(&named) {
                self.unerased.push(named);
            }
        }
        wrong
    }

    /// How many entries were ordered to be sealed and still have their content.
    pub(super) fn unerased(&self) -> u64 {
        u64::try_from(self.unerased.len()).unwrap_or(u64::MAX)
    }

    /// The greatest index that a sealed entry without an order names as its order; nothing when each has
    /// its own.
    pub(super) fn missing_order(&self) -> Option<u64> {
        self.open.values().copied().max()
    }

    /// What is wrong with sealed entries, in words.
    pub(super) fn without_order(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self
            .open
            .iter()
            .take(NAMED_MAX)
            .map(|(index, order)| {
                format!("entry {index} is sealed without an order: it names entry {order}")
            })
            .collect();
        if self.open.len() > NAMED_MAX {
            let more = self.open.len() - NAMED_MAX;
            wrong.push(format!(
                "{more} further entries are sealed without an order"
            ));
        }
        wrong
    }
}
