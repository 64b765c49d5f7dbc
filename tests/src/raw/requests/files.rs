//! Uploads and attachments of a scene.

use futures::stream;
use hub_core::crypto::{hex, sha256};
use hub_proto::{
    attachments::{
        DownloadAttachmentRequest, GetUploadRequest, UploadAttachmentRequest,
        UploadAttachmentResponse, UploadStart, upload_attachment_request::Part,
    },
    channels::{Attachment, Notification},
};
use prost::Message as _;

use super::{Scene, Target, publish_as};
use crate::{World, attachments, raw::Session};

/// The content of the file in a scene.
pub const SCENE_FILE: &[u8] = b"x";

/// The content that tax has uploaded and not attached.
pub(super) const WAITING_FILE: &[u8] = b"waiting";

/// A file of a content, as a notification names it.
#[must_use]
pub fn attachment(content: &[u8]) -> Attachment {
    Attachment {
        sha256: hex(&sha256(&[content])),
        file_name: "附件.bin".into(),
        media_type: "application/octet-stream".into(),
        size_bytes: i64::try_from(content.len()).unwrap(),
    }
}

/// The first message of an upload.
#[must_use]
pub fn upload_start(content: &[u8], offset: i64) -> UploadAttachmentRequest {
    let attachment = attachment(content);
    UploadAttachmentRequest {
        part: Some(Part::Start(UploadStart {
            sha256: attachment.sha256,
            size_bytes: attachment.size_bytes,
            offset,
        })),
    }
}

/// A further message of an upload.
#[must_use]
pub fn upload_chunk(content: &[u8]) -> UploadAttachmentRequest {
    let content = bytes::Bytes::copy_from_slice(content);
    UploadAttachmentRequest {
        part: Some(Part::Chunk(content)),
    }
}

/// All of [`SCENE_FILE`] as a message.
#[must_use]
pub fn one_byte() -> bytes::Bytes {
    upload_chunk(SCENE_FILE).encode_to_vec().into()
}

/// Uploads a content of at most 512 KiB as an agency.
pub async fn upload_as(world: &World, agency: &str, role: &str, content: &[u8]) -> Attachment {
    let session = Session::new(world, agency, &format!("{agency}-{role}-1"), &[role]);
    let messages = [upload_start(content, 0), upload_chunk(content)];
    let messages = messages.map(|message| bytes::Bytes::from(message.encode_to_vec()));
    let answer = session.upload(attachments!("UploadAttachment"), stream::iter(messages));
    let answer = UploadAttachmentResponse::decode(answer.await.unwrap()).unwrap();
    assert!(answer.upload.unwrap().is_complete);
    attachment(content)
}

/// Publishes with [`SCENE_FILE`] attached.
pub(super) async fn publish_with_file(
    world: &World,
    agency: &str,
    role: &str,
    mut notification: Notification,
) -> (String, u64) {
    notification.attachments = vec![upload_as(world, agency, role, SCENE_FILE).await];
    publish_as(world, agency, role, notification).await
}

impl Scene {
    /// Everything that can be asked about files.
    pub(super) fn files(&self, targets: &mut Vec<Target>) {
        targets.push(Target::new(attachments!("UploadAttachment"), "", |_| {
            upload_start(SCENE_FILE, 0)
        }));
        targets.push(Target::new(attachments!("GetUpload"), "tax's", |_| {
            let sha256 = attachment(WAITING_FILE).sha256;
            GetUploadRequest {
                name: format!("agencies/tax/uploads/{sha256}"),
            }
        }));
        for (what, notification) in self.named() {
            targets.push(Target::new(
                attachments!("DownloadAttachment"),
                what,
                move |_| DownloadAttachmentRequest {
                    notification: notification.clone(),
                    sha256: attachment(SCENE_FILE).sha256,
                    offset: 0,
                },
            ));
        }
    }
}
