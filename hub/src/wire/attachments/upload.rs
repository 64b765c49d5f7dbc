//! `UploadAttachment`: takes a file in, message by message.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use hub_core::names::AgencyId;
use hub_proto::attachments::{
    self as wire, UploadAttachmentRequest, UploadStart, upload_attachment_request::Part,
};
use tokio::sync::watch;
use tonic::Status;

use super::{digest, show};
use crate::{
    attachments::{Attachments, CHUNK_BYTES_MAX, FILE_BYTES_MAX, Incoming, Opened, Start},
    error::{Error, Result},
    identity::CallerWatch,
    wire::status::unreadable,
};

/// When a call that was broken off may go on.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Who uploads, and what may break it off.
pub(super) struct Desk {
    pub(super) agency: AgencyId,
    pub(super) attachments: Arc<Attachments>,
    pub(super) caller: CallerWatch,
    pub(super) draining: watch::Receiver<bool>,
}

impl Desk {
    /// Takes one upload to its end.
    pub(super) async fn take(
        mut self,
        messages: impl Stream<Item = Result<UploadAttachmentRequest, Status>> + Send,
    ) -> Result<wire::Upload> {
        let mut messages = pin!(messages);
        let first = self.next(&mut messages).await?;
        let start = match first.and_then(|message| message.part) {
            Some(Part::Start(start)) => check(&start)?,
            _ => return Err(Error::field("start", "must be the first message")),
        };
        let mut incoming = match self.attachments.begin(&self.agency, start).await? {
            Opened::Complete(upload) => return Ok(show(&self.agency, &start.sha256, upload)),
            Opened::Awaiting(incoming) => incoming,
        };
        if let Err(error) = self.receive(&mut messages, &mut incoming).await {
            // What came in is kept to go on from, unless the disk is what failed.
            incoming.sync().await?;
            return Err(error);
        }
        let upload = self.attachments.finish(incoming, start).await?;
        Ok(show(&self.agency, &start.sha256, upload))
    }

    async fn receive(
        &mut self,
        messages: &mut (impl Stream<Item = Result<UploadAttachmentRequest, Status>> + Unpin),
        incoming: &mut Incoming,
    ) -> Result<()> {
        while let Some(message) = self.next(messages).await? {
            let Some(Part::Chunk(chunk)) = message.part else {
                return Err(Error::field(
                    "chunk",
                    "must be set in every message but the first",
                ));
            };
            if !(1..=CHUNK_BYTES_MAX).contains(&chunk.len()) {
                let rule = format!("must be 1 to {CHUNK_BYTES_MAX} bytes");
                return Err(Error::field("chunk", rule));
            }
            incoming.write(chunk).await?;
        }
        Ok(())
    }

    /// The next message. A caller who falls silent, may no longer call, or whose hub stops, is told so.
    async fn next(
        &mut self,
        messages: &mut (impl Stream<Item = Result<UploadAttachmentRequest, Status>> + Unpin),
    ) -> Result<Option<UploadAttachmentRequest>> {
        let idle_time_max = self.attachments.limits().idle_time_max;
        tokio::select! {
            biased;
            error = self.caller.ended() => Err(error),
            _ = self.draining.wait_for(|is_draining| *is_draining) => Err(Error::unavailable(
                "the hub is stopping; go on from what it has received",
                RETRY_AFTER,
            )),
            message = tokio::time::timeout(idle_time_max, messages.next()) => match message {
                Ok(message) => message.transpose().map_err(|status| broken(&status)),
                Err(_) => Err(Error::limit(
                    format!("nothing came for {} s; go on from what was received", idle_time_max.as_secs()),
                    RETRY_AFTER,
                )),
            },
        }
    }
}

/// A stream that broke, so that nobody is there any more to be told; or its message is none, and sending
/// the same again would not help.
fn broken(status: &Status) -> Error {
    tracing::debug!(code = ?status.code(), message = status.message(), "an upload broke off");
    unreadable(status).unwrap_or_else(|| {
        Error::unavailable(
            "the upload broke off; go on from what was received",
            RETRY_AFTER,
        )
    })
}

fn check(start: &UploadStart) -> Result<Start> {
    let sha256 = digest("start.sha256", &start.sha256)?;
    let size = u64::try_from(start.size_bytes).ok();
    let size_bytes = size.filter(|size| (1..=FILE_BYTES_MAX).contains(size));
    let size_bytes = size_bytes.ok_or_else(|| {
        let rule = format!("must be 1 to {FILE_BYTES_MAX} (100 MiB)");
        Error::field("start.size_bytes", rule)
    })?;
    let offset = u64::try_from(start.offset).ok();
    let offset = offset
        .filter(|offset| *offset <= size_bytes)
        .ok_or_else(|| Error::field("start.offset", "must be 0 to start.size_bytes"))?;
    Ok(Start {
        sha256,
        size_bytes,
        offset,
    })
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use hub_core::{
        crypto::{Digest, hex, sha256},
        reason::Reason,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::{
        attachments::{Limits, Options, References, Settings},
        clock::ManualClock,
        identity::testing::caller_watch,
    };

    const WHOLE: &[u8] = b"0123456789";

    struct Nothing;

    impl References for Nothing {
        fn is_named(&self, _: &Digest) -> Result<bool> {
            Ok(false)
        }
    }

    /// A desk, and what keeps its folder and its hub.
    fn desk() -> (Desk, TempDir, watch::Sender<bool>) {
        let folder = tempfile::tempdir().unwrap();
        let attachments = Attachments::open(Options {
            settings: Settings::default(),
            data_dir: folder.path().to_owned(),
            clock: Arc::new(ManualClock::at(jiff::Timestamp::UNIX_EPOCH)),
            references: Arc::new(Nothing),
            limits: Limits {
                idle_time_max: Duration::from_secs(1),
                ..Limits::default()
            },
        });
        let (stops, draining) = watch::channel(false);
        let desk = Desk {
            agency: "tax".parse().unwrap(),
            attachments: attachments.unwrap(),
            caller: caller_watch(),
            draining,
        };
        (desk, folder, stops)
    }

    fn message(part: Part) -> Result<UploadAttachmentRequest, Status> {
        Ok(UploadAttachmentRequest { part: Some(part) })
    }

    fn start() -> Result<UploadAttachmentRequest, Status> {
        message(Part::Start(UploadStart {
            sha256: hex(&sha256(&[WHOLE])),
            size_bytes: WHOLE.len().try_into().unwrap(),
            offset: 0,
        }))
    }

    #[tokio::test]
    async fn an_upload_that_falls_silent_ends_and_keeps_what_came() {
        let (desk, _folder, _stops) = desk();
        let attachments = Arc::clone(&desk.attachments);
        let first = vec![start(), message(Part::Chunk(WHOLE[..4].to_vec().into()))];
        let silent = stream::iter(first).chain(stream::pending());
        let error = desk.take(silent).await.unwrap_err();
        assert_eq!(error.reason, Reason::LimitExceeded);
        assert!(error.message.contains("nothing came for 1 s"), "{error}");
        assert!(error.retry_after.is_some());
        let agency = "tax".parse().unwrap();
        let kept = attachments.upload(&agency, &sha256(&[WHOLE])).unwrap();
        assert_eq!((kept.received_bytes, kept.is_complete), (4, false));
        // The place is free again: the upload can be gone on with at once.
        let on = Start {
            sha256: sha256(&[WHOLE]),
            size_bytes: 10,
            offset: 4,
        };
        assert!(attachments.begin(&agency, on).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_says_nothing_at_all_ends() {
        let (desk, _folder, _stops) = desk();
        let error = desk.take(stream::pending()).await.unwrap_err();
        assert_eq!(error.reason, Reason::LimitExceeded);
    }
}
