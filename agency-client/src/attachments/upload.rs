//! Uploads: asks how far the hub is, sends the rest, and again until it is complete.

use std::{
    future::ready,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use hub_core::reason::Reason;
use hub_proto::{
    attachments::{
        GetUploadRequest, GetUploadResponse, Upload, UploadAttachmentRequest,
        UploadAttachmentResponse, UploadStart, upload_attachment_request::Part,
    },
    channels::Attachment,
};
use prost::Message as _;

use super::{Attempts, GET_UPLOAD, Phase, Progress, Tell, UPLOAD, files, stall_max};
use crate::{
    client::Client,
    error::{ClientError, Result},
};

/// Bytes in one message; the hub takes at most 512 KiB.
const CHUNK_BYTES: usize = 256 * 1024;

/// Where the bytes come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes(Bytes),
}

impl Source {
    /// The chunk at an offset.
    async fn chunk(&self, offset: u64, length: usize) -> Result<Bytes> {
        match self {
            Self::File(path) => {
                let chunk = files::read_at(path.clone(), offset, length).await?;
                if chunk.len() < length {
                    return Err(ClientError::file(path, "became shorter while it was sent"));
                }
                Ok(chunk)
            }
            Self::Bytes(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let to = from.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(from.min(to)..to))
            }
        }
    }
}

/// What the hub has of a file.
pub(super) async fn status(client: &Client, sha256: &str) -> Result<Option<Upload>> {
    let request = GetUploadRequest {
        name: format!("agencies/{}/uploads/{sha256}", client.profile().agency),
    };
    let answer: Result<GetUploadResponse> = client.read(GET_UPLOAD, &request).await;
    match answer {
        Ok(answer) => Ok(answer.upload),
        Err(error) if error.reason() == Some(Reason::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Uploads until the hub has all of it.
pub(super) async fn run(
    client: &Client,
    attachment: &Attachment,
    source: Source,
    tell: &Tell,
) -> Result<()> {
    let mut attempts = Attempts::new();
    let mut best = 0;
    loop {
        let attempt = async {
            let known = status(client, &attachment.sha256).await?;
            let known = known.unwrap_or_default();
            let received = u64::try_from(known.received_bytes).unwrap_or_default();
            if known.is_complete {
                return Ok((received, Ok(())));
            }
            // One that was begun with another size, by whatever slip, begins anew.
            let is_same = known.size_bytes == attachment.size_bytes;
            let offset = if is_same { received } else { 0 };
            let sent = send(client, attachment, &source, offset, tell).await;
            Ok((offset, sent))
        };
        let error = match attempt.await {
            Ok((_, Ok(()))) => {
                tell(progress(attachment, attachment.size_bytes.unsigned_abs()));
                return Ok(());
            }
            Ok((offset, Err(error))) => {
                if offset > best {
                    best = offset;
                    attempts.moved();
                }
                error
            }
            Err(error) => error,
        };
        attempts.wait(client, error).await?;
    }
}

fn progress(attachment: &Attachment, done_bytes: u64) -> Progress {
    Progress {
        phase: Phase::Transferring,
        done_bytes,
        total_bytes: attachment.size_bytes.unsigned_abs(),
    }
}

/// One call: everything from an offset on.
async fn send(
    client: &Client,
    attachment: &Attachment,
    source: &Source,
    offset: u64,
    tell: &Tell,
) -> Result<()> {
    let start = UploadAttachmentRequest {
        part: Some(Part::Start(UploadStart {
            sha256: attachment.sha256.clone(),
            size_bytes: attachment.size_bytes,
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
        })),
    };
    let sent = Arc::new(AtomicU64::new(offset));
    let failed: Arc<std::sync::Mutex<Option<ClientError>>> = Arc::default();
    let chunks = chunks(attachment.clone(), source.clone(), offset, {
        let (sent, tell, attachment) = (Arc::clone(&sent), Arc::clone(tell), attachment.clone());
        move |done| {
            sent.store(done, Ordering::Relaxed);
            tell(progress(&attachment, done));
        }
    });
    let failed_here = Arc::clone(&failed);
    let messages = stream::iter([Ok(start)]).chain(chunks);
    // A file that cannot be read ends the stream, and the hub refuses what is too short.
    let messages = messages.scan((), move |(), message| {
        ready(match message {
            Ok(message) => Some(Bytes::from(message.encode_to_vec())),
            Err(error) => {
                *failed_here
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
                None
            }
        })
    });
    let call = client.send_stream::<UploadAttachmentResponse>(UPLOAD, messages);
    let answer = while_moving(client, call, &sent).await;
    let local = failed
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    if let Some(error) = local {
        return Err(error);
    }
    match answer?.upload {
        Some(upload) if upload.is_complete => Ok(()),
        _ => Err(ClientError::Protocol("an upload ended incomplete".into())),
    }
}

fn chunks(
    attachment: Attachment,
    source: Source,
    offset: u64,
    moved: impl Fn(u64) + Send + 'static,
) -> impl Stream<Item = Result<UploadAttachmentRequest>> + Send + 'static {
    let size = attachment.size_bytes.unsigned_abs();
    stream::try_unfold(
        (source, offset, moved),
        move |(source, at, moved)| async move {
            let rest = size.saturating_sub(at);
            if rest == 0 {
                return Ok(None);
            }
            let length = usize::try_from(rest).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let chunk = source.chunk(at, length).await?;
            let end = at.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            moved(end);
            let part = Some(Part::Chunk(chunk));
            Ok(Some((
                UploadAttachmentRequest { part },
                (source, end, moved),
            )))
        },
    )
}

/// Waits for an answer as long as something moves.
async fn while_moving<T>(
    client: &Client,
    call: impl Future<Output = Result<T>>,
    sent: &AtomicU64,
) -> Result<T> {
    let stall_max = stall_max(client);
    let mut call = std::pin::pin!(call);
    loop {
        let before = sent.load(Ordering::Relaxed);
        if let Ok(answer) = tokio::time::timeout(stall_max, &mut call).await {
            return answer;
        }
        if sent.load(Ordering::Relaxed) == before {
            return Err(ClientError::Unreachable {
                endpoint: client.endpoint().to_owned(),
                detail: format!("nothing moved for {stall_max:?}"),
            });
        }
    }
}
