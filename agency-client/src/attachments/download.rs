//! Downloads: into `{file}.part`, from where it ends, and again until it is whole; then verified and put
//! in place.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use hub_core::crypto::{Digest, parse_digest};
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, DownloadAttachmentResponse, download_attachment_response::Part,
    },
    channels::Attachment,
};
use tonic::Streaming;

use super::{Attempts, DOWNLOAD, FILE_BYTES_MAX, Phase, Progress, Tell, files, stall_max};
use crate::{
    client::Client,
    error::{ClientError, Result},
};

/// What is written to the disk in one go, about, in bytes.
const WRITE_BYTES: usize = 1024 * 1024;

/// A download and how far it is.
struct Download<'a> {
    client: &'a Client,
    notification: &'a str,
    attachment: &'a Attachment,
    part: PathBuf,
    size: u64,
    tell: &'a Tell,
}

/// Downloads until the file is in place.
pub(super) async fn run(
    client: &Client,
    notification: &str,
    attachment: &Attachment,
    file: &Path,
    tell: &Tell,
) -> Result<()> {
    let digest = parse_digest(&attachment.sha256);
    let digest = digest.ok_or_else(|| ClientError::input("sha256", "must be a SHA-256"))?;
    let size = u64::try_from(attachment.size_bytes).unwrap_or_default();
    if !(1..=FILE_BYTES_MAX).contains(&size) {
        let rule = format!("must be 1 to {FILE_BYTES_MAX}");
        return Err(ClientError::input("size_bytes", rule));
    }
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let download = Download {
        client,
        notification,
        attachment,
        part: name.into(),
        size,
        tell,
    };
    let was_begun = download.fetch().await? > 0;
    match download.verify(digest, file).await {
        // What was there before may have been of another file.
        Err(ClientError::Verification(_)) if was_begun => {
            download.fetch().await?;
            download.verify(digest, file).await
        }
        outcome => outcome,
    }
}

impl Download<'_> {
    /// Fetches what is missing. Answers how much had been there.
    async fn fetch(&self) -> Result<u64> {
        let size = self.size;
        let (out, first) = files::blocking(&self.part, move |path| {
            // A link that others put here would lead into a file of this user's.
            if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
                return Err(io::Error::other("is there already and is no plain file"));
            }
            let out = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)?;
            let mut length = out.metadata()?.len();
            if length > size {
                out.set_len(0)?;
                length = 0;
            }
            Ok((Arc::new(out), length))
        })
        .await?;
        let mut at = first;
        let mut attempts = Attempts::new();
        while at < self.size {
            let before = at;
            let ended = self.receive(&out, &mut at).await;
            if at > before {
                attempts.moved();
            }
            match ended {
                Ok(()) if at == self.size => break,
                Ok(()) => {
                    attempts
                        .wait(self.client, self.lost("the hub ended it early"))
                        .await?
                }
                Err(error) => attempts.wait(self.client, error).await?,
            }
        }
        files::blocking(&self.part, move |_| out.sync_all()).await?;
        Ok(first)
    }

    fn lost(&self, detail: &str) -> ClientError {
        ClientError::Unreachable {
            endpoint: self.client.endpoint().to_owned(),
            detail: detail.to_owned(),
        }
    }

    /// One stream, as far as it goes.
    async fn receive(&self, out: &Arc<File>, at: &mut u64) -> Result<()> {
        let request = DownloadAttachmentRequest {
            notification: self.notification.to_owned(),
            sha256: self.attachment.sha256.clone(),
            offset: i64::try_from(*at).unwrap_or(i64::MAX),
        };
        let mut stream: Streaming<DownloadAttachmentResponse> =
            self.client.stream(DOWNLOAD, &request).await?;
        let stall_max = stall_max(self.client);
        let mut piece: Vec<u8> = vec![];
        let ended = loop {
            let message = match tokio::time::timeout(stall_max, stream.message()).await {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => break Ok(()),
                Ok(Err(status)) => break Err(self.client.explain(&status)),
                Err(_) => break Err(self.lost("the hub fell silent")),
            };
            match message.part {
                Some(Part::Start(start)) => {
                    let is_same = u64::try_from(start.size_bytes) == Ok(self.size)
                        && u64::try_from(start.offset) == Ok(*at);
                    if !is_same {
                        let detail = "a download begins elsewhere, or is of another size";
                        return Err(ClientError::Protocol(detail.into()));
                    }
                }
                Some(Part::Chunk(chunk)) => piece.extend_from_slice(&chunk),
                None => {}
            }
            if piece.len() >= WRITE_BYTES {
                self.write(out, at, std::mem::take(&mut piece)).await?;
            }
        };
        self.write(out, at, piece).await?;
        ended
    }

    async fn write(&self, out: &Arc<File>, at: &mut u64, piece: Vec<u8>) -> Result<()> {
        let from = *at;
        let end = from.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if end > self.size {
            let detail = "a download goes on past the size of its file";
            return Err(ClientError::Protocol(detail.into()));
        }
        let out = Arc::clone(out);
        files::blocking(&self.part, move |_| out.write_all_at(&piece, from)).await?;
        *at = end;
        (self.tell)(Progress {
            phase: Phase::Transferring,
            done_bytes: end,
            total_bytes: self.size,
        });
        Ok(())
    }

    /// Holds all of it against the SHA-256 and puts it in place; drops what does not agree.
    async fn verify(&self, expected: Digest, file: &Path) -> Result<()> {
        let (tell, size) = (Arc::clone(self.tell), self.size);
        let target = file.to_owned();
        let is_right = files::blocking(&self.part, move |path| {
            let (digest, _) = files::digest(File::open(path)?, |done_bytes| {
                tell(Progress {
                    phase: Phase::Hashing,
                    done_bytes,
                    total_bytes: size,
                });
            })?;
            if digest != expected {
                fs::remove_file(path)?;
                return Ok(false);
            }
            fs::rename(path, &target)?;
            sync_parent(&target)?;
            Ok(true)
        })
        .await?;
        if is_right {
            return Ok(());
        }
        Err(ClientError::Verification(format!(
            "what the hub sent is not the attachment with SHA-256 {}; it was dropped",
            self.attachment.sha256
        )))
    }
}

/// Returns when the name of a file is on the medium.
fn sync_parent(file: &Path) -> io::Result<()> {
    let parent = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
