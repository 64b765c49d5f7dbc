//! Files that go with notifications: upload, and download, over cuts.
//!
//! A file is uploaded first and then named in a draft with
//! [`NotificationDraft::attach`](crate::channels::NotificationDraft::attach). Uploads and downloads go
//! on where they broke off, also in another process, and end when nothing has moved for
//! [`PATIENCE`]. Nothing counts as done before its SHA-256 is right.
//!
//! ```no_run
//! use agency_client::{Client, channels::NotificationDraft, profile, proto::channels::Classification};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = profile::load("tax/profile.toml".as_ref())?;
//! let client = Client::connect(&profile).await?;
//! let report = client
//!     .attachments()
//!     .upload("report.pdf", |progress| eprintln!("{} of {}", progress.done_bytes, progress.total_bytes))
//!     .await?;
//! let draft = NotificationDraft::to(["health"])
//!     .category("coordination")
//!     .title("Report")
//!     .classification(Classification::Internal)
//!     .attach(report);
//! client.channels().publish(draft).await?;
//! # Ok(())
//! # }
//! ```

mod download;
mod files;
mod upload;

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use hub_core::crypto::{hex, sha256};
use hub_proto::{attachments::Upload, channels::Attachment};

use crate::{
    client::Client,
    error::{ClientError, Result},
    retry::{RetryPolicy, jitter},
};

use upload::Source;

/// Largest file in bytes (100 MiB).
///
/// ```
/// assert_eq!(agency_client::attachments::FILE_BYTES_MAX, 100 * 1024 * 1024);
/// ```
pub const FILE_BYTES_MAX: u64 = 104_857_600;

/// An upload or download is given up when nothing has moved for so long, unless
/// [`ClientBuilder::transfer_patience`](crate::ClientBuilder::transfer_patience) says otherwise.
///
/// ```
/// assert_eq!(agency_client::attachments::PATIENCE, std::time::Duration::from_secs(120));
/// ```
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A connection on which nothing has moved for so long counts as cut.
fn stall_max(client: &Client) -> Duration {
    Duration::from_secs(60).min(client.transfer_patience())
}

/// Waits between attempts: 200 ms, doubling to 5 s.
const AGAIN: RetryPolicy = RetryPolicy {
    attempts_max: u32::MAX,
    backoff_min: Duration::from_millis(200),
    backoff_max: Duration::from_secs(5),
};

const UPLOAD: &str = "/hub.attachments.v1.AttachmentService/UploadAttachment";
const GET_UPLOAD: &str = "/hub.attachments.v1.AttachmentService/GetUpload";
const DOWNLOAD: &str = "/hub.attachments.v1.AttachmentService/DownloadAttachment";

/// What is being done with a file.
///
/// ```no_run
/// use agency_client::{Client, attachments::{Phase, Progress}};
///
/// # async fn example(client: Client) -> agency_client::Result<()> {
/// let tell = |progress: Progress| match progress.phase {
///     Phase::Hashing => eprintln!("reading"),
///     _ => eprintln!("{} of {}", progress.done_bytes, progress.total_bytes),
/// };
/// client.attachments().upload("report.pdf", tell).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The file is read and hashed.
    Hashing,
    /// Bytes go to the hub or come from it.
    Transferring,
}

/// How far an upload or download is.
///
/// ```no_run
/// use agency_client::{Client, attachments::Progress};
///
/// # async fn example(client: Client) -> agency_client::Result<()> {
/// let percent = |progress: Progress| progress.done_bytes * 100 / progress.total_bytes.max(1);
/// let tell = move |progress| eprintln!("{} %", percent(progress));
/// client.attachments().upload("report.pdf", tell).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes that are done in this phase. After a cut it can go back.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

/// Told of progress, often; it must not block.
pub(crate) type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// The attachments service. Made by [`Client::attachments`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let report = client.attachments().upload("report.pdf", |_| {}).await?;
/// println!("{} bytes", report.size_bytes);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Attachments {
    client: Client,
}

impl Attachments {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Uploads a file of 1 byte to [`FILE_BYTES_MAX`] and describes it for a notification: the file's
    /// name, and a media type after its ending, `application/octet-stream` where that says nothing.
    /// Both can be changed in the answer. What the hub has of the file already is not sent again.
    ///
    /// ```no_run
    /// use agency_client::{Client, channels::NotificationDraft};
    ///
    /// # async fn example(client: Client) -> agency_client::Result<()> {
    /// let report = client.attachments().upload("report.pdf", |_| {}).await?;
    /// let draft = NotificationDraft::to(["health"]).title("Report").attach(report);
    /// client.channels().publish(draft).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::LocalFile`] when the file cannot be read, is empty or too large, or changes
    /// meanwhile; else what the hub refuses, or [`ClientError::Unreachable`] once nothing has moved for
    /// [`PATIENCE`].
    pub async fn upload(
        &self,
        file: impl AsRef<Path>,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Attachment> {
        let path = file.as_ref();
        let tell: Tell = Arc::new(progress);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (digest, size_bytes) = files::hash(path, Arc::clone(&tell)).await?;
        let attachment = Attachment {
            sha256: hex(&digest),
            file_name: name.into_owned(),
            media_type: media_type(path).to_owned(),
            size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        };
        upload::run(
            &self.client,
            &attachment,
            Source::File(path.to_owned()),
            &tell,
        )
        .await?;
        Ok(attachment)
    }

    /// Uploads bytes that are in memory under a name for people.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let table = client
    ///     .attachments()
    ///     .upload_bytes("table.csv", "text/csv", "a,b\n1,2\n", |_| {})
    ///     .await?;
    /// assert_eq!(table.size_bytes, 8);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Input`] when there are none or too many; else as [`Self::upload`].
    pub async fn upload_bytes(
        &self,
        file_name: impl Into<String>,
        media_type: impl Into<String>,
        content: impl Into<Bytes>,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Attachment> {
        let content: Bytes = content.into();
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        if !(1..=FILE_BYTES_MAX).contains(&size) {
            let rule = format!("must be 1 to {FILE_BYTES_MAX} bytes, is {size}");
            return Err(ClientError::input("content", rule));
        }
        let attachment = Attachment {
            sha256: hex(&sha256(&[&content])),
            file_name: file_name.into(),
            media_type: media_type.into(),
            size_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        };
        let tell: Tell = Arc::new(progress);
        upload::run(&self.client, &attachment, Source::Bytes(content), &tell).await?;
        Ok(attachment)
    }

    /// How much the hub has of a file that the caller's agency uploads; nothing when it knows of none.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client, sha256: &str) -> agency_client::Result<()> {
    /// if let Some(upload) = client.attachments().status(sha256).await? {
    ///     println!("{} of {} bytes are there", upload.received_bytes, upload.size_bytes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn status(&self, sha256: &str) -> Result<Option<Upload>> {
        upload::status(&self.client, sha256).await
    }

    /// Downloads an attachment of a notification that the caller may see into a file, which it
    /// replaces. What has come in so far is kept beside it as `{file}.part`, and gone on with by the
    /// next call. The file is there only once its SHA-256 is right and it is on the disk.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let name = "channels/all-members/notifications/7";
    /// let notification = client.channels().notification(name).await?.notification;
    /// for attachment in notification.iter().flat_map(|one| &one.attachments) {
    ///     client
    ///         .attachments()
    ///         .download(name, attachment, &attachment.file_name, |_| {})
    ///         .await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::LocalFile`] when the file cannot be written, [`ClientError::Verification`] when
    /// what the hub sends is not what the notification names; else what the hub refuses, or
    /// [`ClientError::Unreachable`] once nothing has moved for [`PATIENCE`].
    pub async fn download(
        &self,
        notification: &str,
        attachment: &Attachment,
        file: impl AsRef<Path>,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<()> {
        let tell: Tell = Arc::new(progress);
        download::run(&self.client, notification, attachment, file.as_ref(), &tell).await
    }
}

/// Decides, attempt after attempt, whether there is another one.
struct Attempts {
    failed: u32,
    moved_at: tokio::time::Instant,
}

impl Attempts {
    fn new() -> Self {
        Self {
            failed: 0,
            moved_at: tokio::time::Instant::now(),
        }
    }

    /// Bytes have moved: patience begins anew.
    fn moved(&mut self) {
        self.failed = 0;
        self.moved_at = tokio::time::Instant::now();
    }

    /// Waits before the next attempt, or gives the error back when there is none.
    async fn wait(&mut self, client: &Client, error: ClientError) -> Result<()> {
        self.failed = self.failed.saturating_add(1);
        let patience = client.transfer_patience();
        let remains = patience.saturating_sub(self.moved_at.elapsed());
        let asked = if error.is_token_expired() && self.failed <= 1 {
            client.forget_token();
            Some(Duration::ZERO)
        } else {
            retryable(&error)
        };
        let wait = asked.map(|asked| asked.max(AGAIN.backoff(self.failed, jitter())));
        let Some(wait) = wait.filter(|wait| *wait < remains) else {
            return Err(error);
        };
        tracing::debug!(%error, failed = self.failed, "a transfer broke off, going on");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// As for other calls; and another call of this agency that uploads the same file ends some time, be it
/// that the hub has not noticed yet that it was cut.
fn retryable(error: &ClientError) -> Option<Duration> {
    let is_busy = error.reason() == Some(hub_core::reason::Reason::Conflict);
    let is_late = matches!(error, ClientError::Deadline { .. });
    if is_busy || is_late {
        return Some(Duration::ZERO);
    }
    error.retryable()
}

/// The media type that a file's ending stands for; `application/octet-stream` where it says nothing.
///
/// ```
/// assert_eq!(agency_client::attachments::media_type("a.PDF".as_ref()), "application/pdf");
/// ```
#[must_use]
pub fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    match ending.to_ascii_lowercase().as_str() {
        "pdf" => "application/pdf",
        "ofd" => "application/ofd",
        "doc" => "application/msword",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls" => "application/vnd.ms-excel",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "csv" => "text/csv",
        "txt" => "text/plain",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "xml" => "application/xml",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "tif" | "tiff" => "image/tiff",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use hub_core::reason::Reason;

    use super::*;
    use crate::error::Refusal;

    #[test]
    fn a_name_tells_the_media_type() {
        assert_eq!(media_type("报告.PDF".as_ref()), "application/pdf");
        for unknown in ["report", "report.xyz", ".pdf"] {
            assert_eq!(media_type(unknown.as_ref()), "application/octet-stream");
        }
    }

    #[test]
    fn only_what_passes_is_gone_on_with() {
        for reason in Reason::ALL {
            let error = ClientError::Refused(Box::new(Refusal {
                reason: Some(*reason),
                reason_text: reason.as_str().into(),
                code: tonic::Code::Unknown,
                message: String::new(),
                violations: vec![],
                retry_after: Some(Duration::from_secs(1)),
            }));
            let passes = matches!(
                reason,
                Reason::Unavailable
                    | Reason::LimitExceeded
                    | Reason::StorageFull
                    | Reason::Conflict
            );
            assert_eq!(retryable(&error).is_some(), passes, "{reason}");
        }
    }
}
