//! Files that agencies upload, name and download.

use hub_core::reason::Reason;
use hub_proto::channels::Attachment;
use jiff::civil::Date;

use super::{Model, Officer};

/// What an agency has sent of a file and not yet named in a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    /// Bytes that came in.
    pub received_bytes: i64,
    /// Whether these are all.
    pub is_complete: bool,
}

impl Model {
    /// Whether an officer may upload: whoever may publish, address or refer.
    #[must_use]
    pub fn may_upload(&self, officer: &Officer, on: Date) -> bool {
        ["publish", "address", "refer"]
            .iter()
            .any(|what| self.may(officer, what, on))
    }

    /// What an agency has of a file.
    #[must_use]
    pub fn upload(&self, agency: &str, sha256: &str) -> Option<Upload> {
        let key = (agency.to_owned(), sha256.to_owned());
        self.uploads.get(&key).copied()
    }

    /// Bytes of an agency's came in; once they are all, the content is stored.
    pub fn uploaded(&mut self, agency: &str, sha256: &str, upload: Upload) {
        let key = (agency.to_owned(), sha256.to_owned());
        self.uploads.insert(key, upload);
        if upload.is_complete {
            self.stored.insert(sha256.to_owned());
        }
    }

    /// Whether an agency may name a content: it has uploaded it whole, or a notification of its own that
    /// is not sealed names it.
    #[must_use]
    pub fn may_name(&self, agency: &str, sha256: &str) -> bool {
        let author = format!("agencies/{agency}");
        let is_uploaded = self.upload(agency, sha256).is_some_and(|it| it.is_complete);
        is_uploaded
            || self
                .published
                .iter()
                .filter(|one| one.seen.author == author)
                .flat_map(|one| &one.seen.attachments)
                .any(|file| file.sha256 == sha256)
    }

    /// Whether an agency may name all of some files.
    ///
    /// # Errors
    /// The reason for which it may not.
    pub fn claims(&self, agency: &str, files: &[Attachment]) -> Result<(), Reason> {
        let may = files.iter().all(|file| self.may_name(agency, &file.sha256));
        may.then_some(()).ok_or(Reason::InvalidArgument)
    }

    /// A notification of an agency's names files: they wait for one no longer.
    pub fn settle_files(&mut self, agency: &str, files: &[Attachment]) {
        self.uploads.retain(|(by, sha256), upload| {
            let is_named = files.iter().any(|file| file.sha256 == *sha256);
            !(by == agency && upload.is_complete && is_named)
        });
    }

    /// Why an officer does not get a content by way of a notification.
    #[must_use]
    pub fn download(
        &self,
        officer: &Officer,
        number: usize,
        sha256: &str,
        on: Date,
    ) -> Option<Reason> {
        if !self.sees(officer, number, on) {
            return Some(self.unseen(officer, on));
        }
        let seen = &self.published[number].seen;
        if seen.is_sealed {
            return Some(Reason::ContentSealed);
        }
        let is_named = seen.attachments.iter().any(|file| file.sha256 == sha256);
        (!is_named).then_some(Reason::NotFound)
    }

    /// Everything that waits has waited too long, and what no notification names that is not sealed
    /// goes. Gives how many uploads and contents went.
    pub fn clean(&mut self) -> (usize, usize) {
        let uploads = self.uploads.len();
        self.uploads.clear();
        let before = self.stored.len();
        let named = self.published.iter().flat_map(|one| &one.seen.attachments);
        self.stored = named.map(|file| file.sha256.clone()).collect();
        (uploads, before - self.stored.len())
    }
}
