//! Sealing: what retention erases, and what stays in its place.

use bytes::Bytes;
use hub_proto::ledger::ContentsSealed;

use super::EntryMeta;
use crate::state::{keys, view::Overlay};

/// Remembers an order: by entry, that reads and replays know; by order, that an erasure which a crash
/// cut short is found again without a search.
pub(super) fn apply(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &ContentsSealed) {
    let order = Bytes::copy_from_slice(&entry.index.to_be_bytes());
    for index in &event.entry_indexes {
        rows.put(keys::sealed(*index), order.clone());
    }
    let count = u64::try_from(event.entry_indexes.len()).unwrap_or(u64::MAX);
    rows.put(keys::seal_order(entry.index), count.to_be_bytes().to_vec());
}
