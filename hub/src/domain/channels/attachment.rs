//! Attachments: which notifications name which content, both ways, so that a content goes when the last
//! notification that names it is sealed.

pub mod draft;

use bytes::Bytes;
use hub_core::{
    crypto::{Digest, parse_digest},
    names::AgencyId,
};
use hub_proto::channels::{Attachment, Notification};
use prost::Message as _;

use super::{
    log::NotificationPlace,
    notification::{BATCH_ITEMS_MAX, Rules},
};
use crate::{
    error::Result,
    state::{
        keys,
        store::Direction,
        view::{Overlay, View},
    },
};

/// Reads the attachments that a draft names.
pub(super) fn check(rules: &mut Rules<'_>, attachments: &[Attachment]) -> Vec<Digest> {
    let path = "notification.attachments";
    for (field, rule) in draft::broken(path, attachments, draft::ATTACHMENTS_MAX) {
        rules.broken(&field, rule);
    }
    let digests = attachments.iter();
    digests
        .filter_map(|one| parse_digest(&one.sha256))
        .collect()
}

/// Bytes of a SHA-256.
const DIGEST_BYTES: usize = 32;

fn reference(sha256: &Digest, author: &str, place: NotificationPlace) -> Vec<u8> {
    keys::attachment(sha256)
        .text(author)
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

/// Whether some notification of an agency names a content. One look-up, whoever else names it: how long
/// the answer takes tells nothing of others.
///
/// # Errors
/// When storage fails.
pub fn is_named_by(
    view: &(impl View + ?Sized),
    sha256: &Digest,
    agency: &AgencyId,
) -> Result<bool> {
    let (from, to) = keys::attachment(sha256).text(agency.as_str()).range();
    Ok(!view.scan(&from, &to, Direction::Forward, 1)?.is_empty())
}

/// What a notification of the hub's own names: files that go with the act it tells of. None once its
/// text is sealed.
pub(super) fn of_issued(notification: &[u8]) -> Vec<Bytes> {
    let notification = Notification::decode(notification).unwrap_or_default();
    let digests = notification.attachments.iter();
    digests
        .filter_map(|one| parse_digest(&one.sha256))
        .map(|sha256| Bytes::copy_from_slice(&sha256))
        .collect()
}

/// Records what a notification of an author names, or another record of an entry that has no notification
/// of that item.
pub(in crate::domain) fn apply(
    rows: &mut Overlay<'_>,
    author: &str,
    place: NotificationPlace,
    attachments: &[Bytes],
) {
    for sha256 in attachments {
        if let Ok(sha256) = Digest::try_from(&**sha256) {
            rows.put(reference(&sha256, author, place), vec![]);
        }
    }
    if !attachments.is_empty() {
        let digests = attachments.concat();
        rows.put(
            keys::attachments_of(place.entry_index)
                .number(u64::from(place.item))
                .build(),
            [author.as_bytes(), &[0], &digests].concat(),
        );
    }
}

/// Forgets what the notifications of an entry name, because they are sealed.
///
/// # Errors
/// When storage fails.
pub fn forget(rows: &mut Overlay<'_>, entry_index: u64) -> Result<()> {
    let prefix = keys::attachments_of(entry_index);
    let skip = prefix.clone().build().len();
    let (from, to) = prefix.range();
    for (key, all) in rows.scan(&from, &to, Direction::Forward, BATCH_ITEMS_MAX)? {
        let item = key
            .get(skip..)
            .and_then(|item| <[u8; 8]>::try_from(item).ok());
        let item = item.and_then(|item| u32::try_from(u64::from_be_bytes(item)).ok());
        let Some(item) = item else { continue };
        let place = NotificationPlace { entry_index, item };
        let end = all.iter().position(|byte| *byte == 0).unwrap_or(all.len());
        let (author, digests) = all.split_at(end);
        let author = String::from_utf8_lossy(author);
        let digests = digests.get(1..).unwrap_or_default();
        for sha256 in digests.chunks_exact(DIGEST_BYTES) {
            if let Ok(sha256) = Digest::try_from(sha256) {
                rows.remove(reference(&sha256, &author, place));
            }
        }
        rows.remove(key.to_vec());
    }
    Ok(())
}
