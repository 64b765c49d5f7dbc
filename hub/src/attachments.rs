//! Files that go with notifications.
//!
//! The cast:
//! - [`Attachments`]: the handle that everyone else holds.
//! - [`settings`]: `[attachments]` of the settings file.
//! - `staging`: uploads that come in, and markers of those that came in whole; always local.
//! - `contents`: verified contents, once each, in a folder or an S3-compatible bucket.
//! - `holds`: keeps the cleaner off contents on their way into a notification.
//! - `cleaner`: removes what no notification names.
//!
//! Invariants: a content is in the store only if its SHA-256 was verified. An upload is answered as
//! complete only after its content is on the medium. An agency learns of its own uploads only: what it
//! must send, what it is answered and what it is charged for do not depend on what others have sent.

mod cleaner;
mod contents;
mod holds;
pub mod settings;
mod staging;
#[cfg(test)]
mod tests;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use hub_core::{crypto::Digest, names::AgencyId};
use jiff::SignedDuration;

pub use cleaner::{CLEAN_INTERVAL, Cleaned};
pub use holds::{HOLD_AFTER, Pins};
pub use settings::Settings;
pub use staging::{Incoming, Start, Upload};

use crate::{
    clock::Clock,
    error::{Error, Result, Violation},
};

use self::{contents::Contents, holds::Holds, staging::Begun, staging::Staging};

/// Largest file in bytes (100 MiB).
pub const FILE_BYTES_MAX: u64 = 104_857_600;

/// Largest chunk of an upload in bytes (512 KiB).
pub const CHUNK_BYTES_MAX: usize = 524_288;

/// Files that an agency uploads at once.
pub const AGENCY_OPEN_MAX: usize = 8;

/// Files that an agency has uploaded, wholly or in part, and not yet named in a notification.
pub const AGENCY_UPLOADS_MAX: usize = 1_000;

/// Bytes of the files that an agency has begun to upload, as announced (1 GiB).
pub const AGENCY_COMING_BYTES_MAX: u64 = 1 << 30;

/// Bytes of the files that an agency has uploaded and not yet named in a notification (10 GiB).
pub const AGENCY_COMPLETE_BYTES_MAX: u64 = 10 << 30;

/// Longest time between two messages of an upload.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// Downloads of an agency at once.
pub const AGENCY_DOWNLOADS_MAX: usize = 16;

/// When an upload may be tried again after the disk was full.
const FULL_RETRY: Duration = Duration::from_secs(60);

/// How many contents the store is asked about at once, for one call.
const ASKED_AT_ONCE: usize = 8;

/// Bounds of uploads; the defaults are the constants beside it.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// [`AGENCY_OPEN_MAX`].
    pub agency_open_max: usize,
    /// [`AGENCY_UPLOADS_MAX`].
    pub agency_uploads_max: usize,
    /// [`AGENCY_COMING_BYTES_MAX`].
    pub agency_coming_bytes_max: u64,
    /// [`AGENCY_COMPLETE_BYTES_MAX`].
    pub agency_complete_bytes_max: u64,
    /// [`IDLE_TIME_MAX`].
    pub idle_time_max: Duration,
    /// Free bytes of the data folder's file system that uploads leave; 0 unless the hub sets it.
    pub free_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agency_open_max: AGENCY_OPEN_MAX,
            agency_uploads_max: AGENCY_UPLOADS_MAX,
            agency_coming_bytes_max: AGENCY_COMING_BYTES_MAX,
            agency_complete_bytes_max: AGENCY_COMPLETE_BYTES_MAX,
            idle_time_max: IDLE_TIME_MAX,
            free_bytes_min: 0,
        }
    }
}

/// What notifications name. The cleaner asks it.
pub trait References: Send + Sync {
    /// Whether any notification that is not sealed names a content.
    ///
    /// # Errors
    /// When storage fails; the content is then kept.
    fn is_named(&self, sha256: &Digest) -> Result<bool>;
}

/// What attachments are made of.
pub struct Options {
    /// The settings.
    pub settings: Settings,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// What notifications name.
    pub references: Arc<dyn References>,
    /// Bounds.
    pub limits: Limits,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("settings", &self.settings)
            .field("data_dir", &self.data_dir)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Uploads, contents and what keeps them.
pub struct Attachments {
    contents: Contents,
    staging: Arc<Staging>,
    holds: Arc<Holds>,
    references: Arc<dyn References>,
    clock: Arc<dyn Clock>,
    orphan_after: SignedDuration,
    limits: Limits,
}

impl fmt::Debug for Attachments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachments")
            .field("contents", &self.contents)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Why a notification may not name a content.
#[derive(Debug)]
pub enum ClaimError {
    /// These of the contents asked for, by their number, with the field at fault and its rule.
    Refused(Vec<Refused>),
    /// The hub or its store failed.
    Failed(Error),
}

/// A content that an agency may not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which of those asked for.
    pub number: usize,
    /// `sha256` or `size_bytes`.
    pub field: &'static str,
    /// The rule.
    pub rule: String,
}

impl ClaimError {
    /// The error for the caller. `path` gives the path of an attachment by its number, such as
    /// `notification.attachments[0]`.
    #[must_use]
    pub fn into_error(self, path: impl Fn(usize) -> String) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Refused(refused) => {
                let violation = |one: Refused| Violation {
                    field: format!("{}.{}", path(one.number), one.field),
                    rule: one.rule,
                };
                Error::fields(refused.into_iter().map(violation).collect())
            }
        }
    }
}

/// What came of the beginning of an upload.
#[derive(Debug)]
pub enum Opened {
    /// The agency has sent all of it before; nothing more is needed.
    Complete(Upload),
    /// Bytes are awaited.
    Awaiting(Incoming),
}

impl Attachments {
    /// Opens the store and reads what uploads there are.
    ///
    /// # Errors
    /// When a folder cannot be made or read, or the store's settings do not do.
    pub fn open(options: Options) -> anyhow::Result<Arc<Self>> {
        let contents = Contents::open(&options.settings, &options.data_dir.join("attachments"))?;
        let staging = Staging::open(options.data_dir.join("uploads"), options.limits)?;
        Ok(Arc::new(Self {
            contents,
            staging,
            holds: Holds::new(Arc::clone(&options.clock)),
            references: options.references,
            clock: options.clock,
            orphan_after: SignedDuration::from_hours(options.settings.orphan_hours.into()),
            limits: options.limits,
        }))
    }

    /// The bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// An upload of an agency.
    #[must_use]
    pub fn upload(&self, agency: &AgencyId, sha256: &Digest) -> Option<Upload> {
        self.staging.upload(agency, sha256)
    }

    /// Begins an upload, or goes on with one. While the answer lives, no other call writes to it.
    ///
    /// # Errors
    /// [`hub_core::reason::Reason::Conflict`] while another call writes to it,
    /// [`hub_core::reason::Reason::LimitExceeded`] at a limit, or the field at fault.
    pub async fn begin(&self, agency: &AgencyId, start: Start) -> Result<Opened> {
        Ok(match self.staging.begin(agency, start).await? {
            Begun::Complete(upload) => Opened::Complete(upload),
            Begun::Open(incoming) => Opened::Awaiting(incoming),
        })
    }

    /// Verifies what was received and puts it into the store. **When this returns `Ok`, the content is
    /// on the medium.**
    ///
    /// # Errors
    /// When something is missing, which is kept; when the SHA-256 is another, and all is dropped; or
    /// when the disk or the store fails, and all is kept.
    pub async fn finish(&self, mut incoming: Incoming, start: Start) -> Result<Upload> {
        incoming.verify().await?;
        let _pins = self.holds.pin(vec![start.sha256]).await;
        let slot = Arc::clone(incoming.slot());
        let Some(path) = self.contents.local_path(&start.sha256) else {
            let part = slot.part();
            self.contents
                .send(&start.sha256, &part, start.size_bytes)
                .await?;
            return blocking(move || slot.complete()).await;
        };
        // Moved, not copied: it takes the same time whether or not the content was there before.
        blocking(move || {
            let folder = path.parent().unwrap_or(&path);
            contents::make_folder(folder).map_err(|error| Error::internal(format!("{error:#}")))?;
            fs::rename(slot.part(), &path).map_err(disk("put in place", &path))?;
            staging::sync_parent(&path)?;
            staging::sync_parent(folder)?;
            folder.parent().map_or(Ok(()), staging::sync_parent)?;
            slot.complete()
        })
        .await
    }

    /// Holds contents that a notification of an agency is to name. Each must be a complete upload of
    /// that agency's, or one that the agency `has_attached` before. Keep the answer until the
    /// notification is recorded, then give it to [`Self::settle`].
    ///
    /// # Errors
    /// With every content that the agency may not name, or that has another size.
    pub async fn claim(
        &self,
        agency: &AgencyId,
        wanted: &[(Digest, u64)],
        has_attached: impl Fn(&Digest) -> Result<bool>,
    ) -> Result<Pins, ClaimError> {
        let mut digests: Vec<Digest> = wanted.iter().map(|(digest, _)| *digest).collect();
        digests.sort_unstable();
        digests.dedup();
        // Held first, looked at afterwards: nothing is removed in between.
        let pins = self.holds.pin(digests).await;
        let mut asked: Vec<(Digest, Option<u64>)> = vec![];
        let mut to_ask: Vec<Digest> = vec![];
        for digest in pins.digests() {
            match self.staging.upload(agency, digest) {
                Some(upload) if upload.is_complete => {
                    asked.push((*digest, Some(upload.size_bytes)));
                }
                _ if has_attached(digest).map_err(ClaimError::Failed)? => to_ask.push(*digest),
                _ => asked.push((*digest, None)),
            }
        }
        let sizes: Vec<(Digest, Option<u64>)> = futures::stream::iter(to_ask)
            .map(async |digest| Ok((digest, self.contents.size(&digest).await?)))
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await
            .map_err(ClaimError::Failed)?;
        asked.extend(sizes);
        let refused: Vec<Refused> = wanted
            .iter()
            .enumerate()
            .filter_map(|(number, (digest, size))| {
                let known = asked.iter().find(|(one, _)| one == digest);
                refuse(number, known.and_then(|(_, size)| *size), *size)
            })
            .collect();
        if refused.is_empty() {
            Ok(pins)
        } else {
            Err(ClaimError::Refused(refused))
        }
    }

    /// A notification of the agency that names these contents has been recorded: they no longer count
    /// as waiting for one.
    ///
    /// # Errors
    /// When a marker cannot be removed; it is then removed by the cleaner.
    pub async fn settle(&self, agency: &AgencyId, pins: Pins) -> Result<()> {
        let (staging, agency) = (Arc::clone(&self.staging), agency.clone());
        blocking(move || staging.settle(&agency, pins.digests())).await
    }

    /// Size of a content in bytes, if it is in the store. For whoever may know that it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn size(&self, sha256: &Digest) -> Result<Option<u64>> {
        self.contents.size(sha256).await
    }

    /// Bytes `from..to` of a content; nothing when it is not in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn read(&self, sha256: &Digest, from: u64, to: u64) -> Result<Option<Bytes>> {
        self.contents.read(sha256, from, to).await
    }
}

fn refuse(number: usize, known: Option<u64>, size: u64) -> Option<Refused> {
    let (field, rule) = match known {
        Some(known) if known == size => return None,
        Some(known) => (
            "size_bytes",
            format!("must be {known}, the size of the file"),
        ),
        None => (
            "sha256",
            "must be a file that this agency has uploaded whole; upload it first".to_owned(),
        ),
    };
    Some(Refused {
        number,
        field,
        rule,
    })
}

/// Runs what waits for the disk where it holds nobody up.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(Error::internal)?
}

/// There is no room for uploads.
fn disk_full() -> Error {
    Error {
        message: "the hub's disk is full; what was received is kept, and reads go on".into(),
        ..Error::storage_full(FULL_RETRY)
    }
}

/// Turns a failed call of the operating system into an error: a full disk passes, the rest is for the
/// operator.
fn disk<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |error| {
        let context = format!("cannot {what} {}: {error}", path.display());
        if error.kind() == io::ErrorKind::StorageFull {
            return Error {
                context: Some(context),
                ..disk_full()
            };
        }
        Error::internal(context)
    }
}
