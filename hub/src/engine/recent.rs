//! The newest entries, decoded, in memory. Subscribers and replayed calls read them here; what has
//! left is read from the ledger.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
};

use super::recorded::Recorded;

/// About how many bytes of entries are kept.
pub const RECENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// A run of the newest entries, without gaps.
#[derive(Debug)]
pub struct Recent {
    bytes_max: usize,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    first: u64,
    bytes: usize,
    entries: VecDeque<Arc<Recorded>>,
}

impl Recent {
    /// Keeps about so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            inner: RwLock::default(),
        }
    }

    /// Adds the next entries. A gap starts the run anew.
    pub fn push(&self, entries: impl IntoIterator<Item = Arc<Recorded>>) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            let next = inner
                .first
                .saturating_add(u64::try_from(inner.entries.len()).unwrap_or(0));
            if entry.header.index != next {
                *inner = Inner {
                    first: entry.header.index,
                    ..Inner::default()
                };
            }
            inner.bytes = inner.bytes.saturating_add(entry.bytes_len());
            inner.entries.push_back(entry);
            while inner.bytes > self.bytes_max
                && let Some(oldest) = inner.entries.pop_front()
            {
                inner.bytes = inner.bytes.saturating_sub(oldest.bytes_len());
                inner.first = inner.first.saturating_add(1);
            }
        }
    }

    /// Forgets the entries up to and with an index: their contents may have been erased.
    pub fn forget_through(&self, index: u64) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        while inner.first <= index
            && let Some(oldest) = inner.entries.pop_front()
        {
            inner.bytes = inner.bytes.saturating_sub(oldest.bytes_len());
            inner.first = inner.first.saturating_add(1);
        }
    }

    /// Whether an entry is among the older half of what is kept, or has left: it will leave before long.
    #[must_use]
    pub fn is_aging(&self, index: u64) -> bool {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let half = u64::try_from(inner.entries.len() / 2).unwrap_or(u64::MAX);
        inner.bytes > self.bytes_max / 2 && index < inner.first.saturating_add(half)
    }

    /// An entry, if it is still here.
    #[must_use]
    pub fn find(&self, index: u64) -> Option<Arc<Recorded>> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let offset = usize::try_from(index.checked_sub(inner.first)?).ok()?;
        inner.entries.get(offset).cloned()
    }
}
