//! Attachments: which notifications name which content, both ways, so that a content goes when the last
//! notification that names it is sealed.

use bytes::Bytes;
use hub_core::crypto::Digest;

use hub_proto::channels::Attachment;

use super::{
    log::NotificationPlace,
    notification::{BATCH_ITEMS_MAX, Rules},
};
use crate::{
    error::Result,
    state::{
        keys::{self, Key, Kind},
        store::Direction,
        view::{Overlay, View},
    },
};

/// Reads the attachments that a draft names.
pub(super) fn check(rules: &mut Rules<'_>, attachments: &[Attachment]) -> Vec<Digest> {
    rules.require(
        attachments.is_empty(),
        "notification.attachments",
        "must be empty",
    );
    vec![]
}

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

fn reference(sha256: &Digest, place: NotificationPlace) -> Vec<u8> {
    keys::attachment(sha256)
        .number(place.entry_index)
        .number(u64::from(place.item))
        .build()
}

/// Whether some notification names a content.
///
/// # Errors
/// When storage fails.
pub fn is_named(view: &(impl View + ?Sized), sha256: &Digest) -> Result<bool> {
    let (from, to) = keys::attachment(sha256).range();
    Ok(!view.scan(&from, &to, Direction::Forward, 1)?.is_empty())
}

/// Records what a notification names.
pub(super) fn apply(rows: &mut Overlay<'_>, place: NotificationPlace, attachments: &[Bytes]) {
    for sha256 in attachments {
        if let Ok(sha256) = Digest::try_from(&**sha256) {
            rows.put(reference(&sha256, place), vec![]);
        }
    }
    if !attachments.is_empty() {
        rows.put(
            keys::attachments_of(place.entry_index, place.item),
            attachments.concat(),
        );
    }
}

/// Forgets what the notifications of an entry name.
///
/// # Errors
/// When storage fails.
pub fn forget_entry(rows: &mut Overlay<'_>, entry_index: u64) -> Result<()> {
    let (from, to) = Key::new(Kind::AttachmentsOf).number(entry_index).range();
    for (key, _) in rows.scan(&from, &to, Direction::Forward, BATCH_ITEMS_MAX)? {
        let item = key.last_chunk::<8>().map(|item| u64::from_be_bytes(*item));
        if let Some(item) = item.and_then(|item| u32::try_from(item).ok()) {
            forget(rows, NotificationPlace { entry_index, item })?;
        }
    }
    Ok(())
}

/// Forgets what a notification names.
///
/// # Errors
/// When storage fails.
fn forget(rows: &mut Overlay<'_>, place: NotificationPlace) -> Result<()> {
    let key = keys::attachments_of(place.entry_index, place.item);
    let Some(all) = rows.row(&key)? else {
        return Ok(());
    };
    for sha256 in all.chunks_exact(DIGEST_BYTES) {
        if let Ok(sha256) = Digest::try_from(sha256) {
            rows.remove(reference(&sha256, place));
        }
    }
    rows.remove(key);
    Ok(())
}
