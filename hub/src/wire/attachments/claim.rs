//! Holds the attachments of what is about to be published until it is recorded.

use hub_core::crypto::{Digest, parse_digest};
use hub_proto::channels::{Attachment, Notification};

use crate::{
    attachments::Pins, authz::Access, domain::channels::attachment, error::Result, wire::Services,
};

impl Services {
    /// Holds what drafts name, each with the path that stands before its fields. Give the answer to
    /// [`Self::settle_attachments`] once they are recorded.
    pub(in crate::wire) async fn claim_attachments(
        &self,
        access: &Access,
        drafts: impl Iterator<Item = (&str, &Notification)> + Send,
    ) -> Result<Pins> {
        let files = drafts.flat_map(|(path, draft)| {
            let named = draft.attachments.iter().enumerate();
            named.map(move |(number, file)| {
                (format!("{path}notification.attachments[{number}]"), file)
            })
        });
        self.claim_files(access, files.collect()).await
    }

    /// As [`Self::claim_attachments`], for files with the path of each.
    pub(in crate::wire) async fn claim_files(
        &self,
        access: &Access,
        files: Vec<(String, &Attachment)>,
    ) -> Result<Pins> {
        let mut paths = vec![];
        let mut wanted = vec![];
        for (path, file) in files {
            // Checked with the other fields before.
            let size = u64::try_from(file.size_bytes).ok();
            if let Some(one) = parse_digest(&file.sha256).zip(size) {
                paths.push(path);
                wanted.push(one);
            }
        }
        let store = self.engine.store();
        let has_attached =
            |digest: &Digest| attachment::is_named_by(store, digest, access.agency());
        let claim = self
            .attachments
            .claim(access.agency(), &wanted, has_attached);
        claim.await.map_err(|error| {
            error.into_error(|number| paths.get(number).cloned().unwrap_or_default())
        })
    }

    /// What was held is recorded. Never in a caller's way: what cannot be settled now is cleaned later.
    pub(in crate::wire) async fn settle_attachments(&self, access: &Access, pins: Pins) {
        if pins.digests().is_empty() {
            return;
        }
        if let Err(error) = self.attachments.settle(access.agency(), pins).await {
            tracing::warn!(%error, context = error.context, "an upload could not be settled");
        }
    }
}
