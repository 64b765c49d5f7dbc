//! `hub.attachments.v1.AttachmentService`.

mod claim;
mod download;
mod upload;

use std::sync::Arc;

use hub_core::{
    crypto::{Digest, hex, parse_digest},
    names::AgencyId,
};
use hub_proto::attachments::{
    self as wire, DownloadAttachmentRequest, GetUploadRequest, GetUploadResponse,
    UploadAttachmentRequest, UploadAttachmentResponse,
    attachment_service_server::AttachmentService,
};
use tonic::{Request, Response, Status, Streaming};

use super::{Services, reads::Purpose};
use crate::{
    attachments::{References, Upload},
    domain::channels::attachment,
    engine::Engine,
    error::{Error, Result},
};

use self::download::DownloadStream;

/// Asks the rows of the engine's store.
#[derive(Debug)]
pub struct NamedBy(pub Arc<Engine>);

impl References for NamedBy {
    fn is_named(&self, sha256: &Digest) -> Result<bool> {
        attachment::is_named(self.0.store(), sha256)
    }
}

fn digest(field: &str, text: &str) -> Result<Digest> {
    let rule = "must be a SHA-256: 64 lower-case hexadecimal digits";
    parse_digest(text).ok_or_else(|| Error::field(field, rule))
}

fn show(agency: &AgencyId, sha256: &Digest, upload: Upload) -> wire::Upload {
    let count = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    wire::Upload {
        name: format!("agencies/{agency}/uploads/{}", hex(sha256)),
        size_bytes: count(upload.size_bytes),
        received_bytes: count(upload.received_bytes),
        is_complete: upload.is_complete,
    }
}

/// Reads the name of an upload.
fn upload_name(name: &str) -> Result<(AgencyId, Digest)> {
    let parts: Vec<&str> = name.split('/').collect();
    let parsed = match *parts.as_slice() {
        ["agencies", agency, "uploads", sha256] => agency.parse().ok().zip(parse_digest(sha256)),
        _ => None,
    };
    parsed.ok_or_else(|| Error::field("name", "must be agencies/{agency}/uploads/{sha256}"))
}

#[tonic::async_trait]
impl AttachmentService for Services {
    type DownloadAttachmentStream = DownloadStream;

    async fn upload_attachment(
        &self,
        request: Request<Streaming<UploadAttachmentRequest>>,
    ) -> Result<Response<UploadAttachmentResponse>, Status> {
        let access = self.access(&request)?;
        let permit = access.upload()?;
        let desk = upload::Desk {
            agency: permit.agency().clone(),
            attachments: Arc::clone(&self.attachments),
            caller: self.identity.watch(Arc::clone(access.caller())),
            draining: self.draining.clone(),
        };
        let upload = Box::pin(desk.take(request.into_inner())).await?;
        Ok(Response::new(UploadAttachmentResponse {
            upload: Some(upload),
        }))
    }

    async fn get_upload(
        &self,
        request: Request<GetUploadRequest>,
    ) -> Result<Response<GetUploadResponse>, Status> {
        let access = self.access(&request)?;
        let permit = access.upload()?;
        let name = &request.get_ref().name;
        let (agency, sha256) = upload_name(name)?;
        let own = (agency == *permit.agency())
            .then(|| self.attachments.upload(&agency, &sha256))
            .flatten();
        let upload = own.ok_or_else(|| Error::not_found(name))?;
        Ok(Response::new(GetUploadResponse {
            upload: Some(show(&agency, &sha256, upload)),
        }))
    }

    async fn download_attachment(
        &self,
        request: Request<DownloadAttachmentRequest>,
    ) -> Result<Response<DownloadStream>, Status> {
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let asked = request.get_ref();
        let wanted = download::Wanted {
            of: download::Of::parse(&asked.notification)?,
            sha256: digest("sha256", &asked.sha256)?,
            offset: u64::try_from(asked.offset)
                .map_err(|_| Error::field("offset", "must not be negative"))?,
        };
        let stream = download::open(self, (access, purpose), wanted).await?;
        Ok(Response::new(stream))
    }
}
