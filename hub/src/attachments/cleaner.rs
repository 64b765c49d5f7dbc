//! Removes what no notification names: contents whose last notification was sealed or that never had
//! one, and uploads that nobody went on with.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt as _;
use jiff::Timestamp;

use super::{Attachments, blocking, contents::Listed};
use crate::error::Result;

/// How often the cleaner looks.
pub const CLEAN_INTERVAL: Duration = Duration::from_secs(3600);

/// What the cleaner removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Uploads, in part or complete.
    pub uploads: usize,
    /// Contents.
    pub contents: usize,
    /// Bytes of these contents.
    pub contents_bytes: u64,
}

impl Attachments {
    /// Cleans at once and then every [`CLEAN_INTERVAL`]. It ends only when dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            match self.clean(self.clock.now()).await {
                Ok(cleaned) if cleaned == Cleaned::default() => {}
                Ok(cleaned) => tracing::info!(
                    uploads = cleaned.uploads,
                    contents = cleaned.contents,
                    bytes = cleaned.contents_bytes,
                    "removed files that no notification names"
                ),
                Err(error) => {
                    let context = error.context.as_deref().unwrap_or_default();
                    tracing::warn!(%error, context, "attachments could not be cleaned");
                }
            }
            tokio::time::sleep(CLEAN_INTERVAL).await;
        }
    }

    /// Removes what is older, as of an instant, than the settings let it wait, and is neither named by
    /// a notification nor on its way into one.
    ///
    /// # Errors
    /// When the disk, the store or the index fails; what was not looked at is kept.
    pub async fn clean(&self, now: Timestamp) -> Result<Cleaned> {
        let before = now.checked_sub(self.orphan_after).unwrap_or(Timestamp::MIN);
        let staging = Arc::clone(&self.staging);
        let mut cleaned = Cleaned {
            uploads: blocking(move || staging.clean(before)).await?,
            ..Cleaned::default()
        };
        let claimed = self.staging.claimed();
        let mut listed = self.contents.list();
        while let Some(content) = listed.try_next().await? {
            let is_old = content.put_at < before && !claimed.contains(&content.digest);
            if is_old && self.remove_orphan(&content, now).await? {
                cleaned.contents += 1;
                cleaned.contents_bytes = cleaned.contents_bytes.saturating_add(content.size_bytes);
            }
        }
        Ok(cleaned)
    }

    /// Removes a content unless it is held or named. Nobody can begin to hold it in between.
    async fn remove_orphan(&self, content: &Listed, now: Timestamp) -> Result<bool> {
        let Some(_removal) = self.holds.remove(content.digest, now) else {
            return Ok(false);
        };
        if self.references.is_named(&content.digest)? {
            return Ok(false);
        }
        self.contents.remove(&content.digest).await?;
        Ok(true)
    }
}
