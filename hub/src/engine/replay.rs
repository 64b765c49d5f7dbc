//! Rows from the ledger: at start for what the index lacks, and from nothing in `hub rebuild`.

use hub_core::names::RequestId;
use jiff::Timestamp;

use super::{recorded::Recorded, window};
use crate::{
    domain::{self, EntryMeta},
    error::Result,
    state::{store::Store, view::Overlay},
};

/// Entries read and applied at a time.
const REPLAY_COUNT_MAX: usize = 1_024;

/// About how many bytes are read at a time.
const REPLAY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Applies every entry that the index lacks. Returns how many those were.
///
/// # Errors
/// When storage fails or an entry cannot be read.
pub fn catch_up(store: &dyn Store) -> Result<u64> {
    let mut applied = store.applied();
    let mut count: u64 = 0;
    while applied < store.head() {
        let entries = store.entries(applied, REPLAY_COUNT_MAX, REPLAY_BYTES_MAX)?;
        let mut rows = Overlay::new(store);
        for stored in &entries {
            let entry = Recorded::from_stored(stored)?;
            apply(&mut rows, &entry, &entry.request_ids())?;
            applied = applied.saturating_add(1);
            count = count.saturating_add(1);
        }
        store.replay(applied, rows.take_changes())?;
    }
    if count > 0 {
        tracing::info!(
            entries = count,
            "applied entries that the state index lacked"
        );
    }
    Ok(count)
}

/// Applies one entry, which answers these request ids: those of [`Recorded::request_ids`], which the
/// sequencer knows without reading the request again.
///
/// # Errors
/// When storage fails.
pub fn apply(rows: &mut Overlay<'_>, entry: &Recorded, ids: &[RequestId]) -> Result<()> {
    let meta = EntryMeta {
        index: entry.header.index,
        recorded_at: Timestamp::from_microsecond(entry.header.recorded_at_us)
            .unwrap_or(Timestamp::UNIX_EPOCH),
        author: entry.author(),
        officer: entry.officer(),
    };
    domain::apply(rows, &meta, &entry.events)?;
    window::apply(rows, entry.author(), entry.header.index, ids)
}
