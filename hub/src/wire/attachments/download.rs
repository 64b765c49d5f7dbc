//! `DownloadAttachment`: a content as a stream that pulls. A slow reader holds one piece of it and a
//! place among the agency's downloads, nothing else.

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;
use futures::Stream;
use hub_core::{
    crypto::{Digest, hex},
    names::{AlertName, InformationRequestName, NotificationName, ReferralName},
    reason::Reason,
};
use hub_proto::{
    attachments::{DownloadAttachmentResponse, DownloadStart, download_attachment_response::Part},
    channels::Notification,
};
use tokio::sync::watch;
use tonic::Status;

use crate::{
    authz::{Access, Permit},
    charter::Action,
    domain::channels::log,
    engine::Engine,
    error::{Error, Result},
    wire::{
        Services,
        channels::lookup,
        funds::lookup as of_alerts,
        parse,
        reads::{Purpose, Restricted, shown::Shown},
        referrals::lookup as of_referrals,
        requests::lookup as of_requests,
        streams::StreamGuard,
    },
};

const METHOD: &str = "/hub.attachments.v1.AttachmentService/DownloadAttachment";

/// Largest chunk of a download in bytes (64 KiB).
pub(super) const CHUNK_BYTES_MAX: usize = 65_536;

/// How much is asked of the store at once, in bytes.
const PIECE_BYTES: u64 = 1024 * 1024;

/// The stream of a download.
pub(super) type DownloadStream =
    Pin<Box<dyn Stream<Item = Result<DownloadAttachmentResponse, Status>> + Send>>;

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) of: Of,
    pub(super) sha256: Digest,
    pub(super) offset: u64,
}

/// What names the file.
#[derive(Debug, Clone)]
pub(super) enum Of {
    /// A notification.
    Notification(NotificationName),
    /// A referral.
    Referral(ReferralName),
}

impl Of {
    /// Reads its name.
    pub(super) fn parse(name: &str) -> Result<Self> {
        match name.parse() {
            Ok(referral) => Ok(Self::Referral(referral)),
            Err(_) => parse("notification", name).map(Self::Notification),
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification(name) => name.fmt(f),
            Self::Referral(name) => name.fmt(f),
        }
    }
}

/// Opens a download. That a file of a restricted record is read is recorded before any of it is sent.
pub(super) async fn open(
    services: &Services,
    (access, purpose): (Access, Purpose),
    wanted: Wanted,
) -> Result<DownloadStream> {
    let (size_bytes, reads) = size(services, &access, &wanted)?;
    if wanted.offset > size_bytes {
        let rule = format!("must be at most {size_bytes}, the size of the file");
        return Err(Error::field("offset", rule));
    }
    let guard = services.downloads.open(access.agency())?;
    match services.attachments.size(&wanted.sha256).await? {
        Some(size) if size == size_bytes => {}
        Some(size) => {
            return Err(Error::internal(format!(
                "content {} has {size} bytes, and {} names {size_bytes}",
                hex(&wanted.sha256),
                wanted.of
            )));
        }
        None => {
            tracing::error!(sha256 = hex(&wanted.sha256), "a content is missing");
            return Err(not_found(&wanted));
        }
    }
    services
        .record_shown(&access, METHOD, &purpose, &reads)
        .await?;
    let state = State {
        roster: services.engine.roster().watch(),
        draining: services.draining.clone(),
        services: services.clone(),
        access,
        at: wanted.offset,
        wanted,
        size_bytes,
        is_started: false,
        piece: Bytes::new(),
        _guard: guard,
    };
    Ok(Box::pin(futures::stream::try_unfold(
        state,
        |mut state| async move {
            let next = state.next().await.map_err(Status::from)?;
            Ok(next.map(|part| (DownloadAttachmentResponse { part: Some(part) }, state)))
        },
    )))
}

/// Size of the content, as what names it says, if the caller may see that it does; and what reading it is a
/// read of.
fn size(services: &Services, access: &Access, wanted: &Wanted) -> Result<(u64, Shown)> {
    let mut reads = Shown::default();
    let name = match &wanted.of {
        Of::Notification(name) => name,
        Of::Referral(name) => {
            let found = of_referrals::referral(&services.engine, access, *name)?;
            let named = of_referrals::document(&services.engine, &found, &wanted.sha256)?;
            let size = u64::try_from(named.size_bytes).map_err(|_| not_found(wanted))?;
            reads.record(access.read_referrals()?, &found.restricted(access));
            return Ok((size, reads));
        }
    };
    let found = lookup::find_with_files(&services.engine, access, name)?;
    if found.entry.is_sealed() {
        return Err(Error::new(
            Reason::ContentSealed,
            format!(
                "{}: its period is over, and its text and attachments have been sealed",
                name
            ),
        ));
    }
    let digits = hex(&wanted.sha256);
    let attachments = &found.notification.attachments;
    let named = attachments.iter().find(|one| one.sha256 == digits);
    let size = named
        .and_then(|attachment| u64::try_from(attachment.size_bytes).ok())
        .ok_or_else(|| not_found(wanted))?;
    match of_record(
        &services.engine,
        access,
        &found.notification,
        found.read().1,
    ) {
        Ok(None) => reads.seen(&services.engine, access, found.read())?,
        Ok(Some((permit, record))) => reads.record(permit, &record),
        Err(error) if error.reason == Reason::NotFound => {
            return Err(Error::not_found(&name.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok((size, reads))
}

/// The alert or information request of which a notice of the hub's own tells. Its files are for those who
/// may read it, not for every reader of an inbox, and to read one is to read it.
fn of_record(
    engine: &Engine,
    access: &Access,
    notification: &Notification,
    item: u32,
) -> Result<Option<(Permit, Restricted)>> {
    let resource = &notification.resource;
    if !log::is_issued(item) {
        return Ok(None);
    }
    if let Ok(name) = resource.parse::<AlertName>() {
        let found = of_alerts::alert(engine, access, name)?;
        return Ok(Some((access.read_alerts()?, found.restricted())));
    }
    if let Ok(name) = resource.parse::<InformationRequestName>() {
        let found = of_requests::request(engine, access, name)?;
        return Ok(Some((
            access.permit(Action::RequestsRead)?,
            found.restricted()?,
        )));
    }
    Ok(None)
}

fn not_found(wanted: &Wanted) -> Error {
    let sha256 = hex(&wanted.sha256);
    Error::not_found(&format!("{} with attachment {sha256}", wanted.of))
}

struct State {
    services: Services,
    access: Access,
    wanted: Wanted,
    size_bytes: u64,
    at: u64,
    is_started: bool,
    piece: Bytes,
    roster: watch::Receiver<u64>,
    draining: watch::Receiver<bool>,
    _guard: StreamGuard,
}

impl State {
    async fn next(&mut self) -> Result<Option<Part>> {
        self.check()?;
        if !self.is_started {
            self.is_started = true;
            let count = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            return Ok(Some(Part::Start(DownloadStart {
                size_bytes: count(self.size_bytes),
                offset: count(self.at),
            })));
        }
        if self.piece.is_empty() {
            if self.at >= self.size_bytes {
                return Ok(None);
            }
            let to = self.size_bytes.min(self.at.saturating_add(PIECE_BYTES));
            let read = self
                .services
                .attachments
                .read(&self.wanted.sha256, self.at, to);
            self.piece = read.await?.ok_or_else(|| not_found(&self.wanted))?;
            if self.piece.is_empty() {
                return Err(Error::internal("the store of attachments gave no bytes"));
            }
            let read = u64::try_from(self.piece.len()).unwrap_or(u64::MAX);
            self.at = self.at.saturating_add(read);
        }
        let length = self.piece.len().min(CHUNK_BYTES_MAX);
        Ok(Some(Part::Chunk(self.piece.split_to(length))))
    }

    /// Ends the stream when the caller may no longer read what it reads.
    fn check(&mut self) -> Result<()> {
        let now = self.services.engine.clock().now();
        self.services
            .identity
            .check_caller(self.access.caller(), now)?;
        if *self.draining.borrow() {
            let message = "the hub is stopping; connect again and go on from where you are";
            return Err(Error::unavailable(message, Duration::from_secs(1)));
        }
        let roster = self.services.engine.roster().load_full();
        if self.roster.has_changed().unwrap_or(true) || roster.day(now) != self.access.day() {
            self.roster.borrow_and_update();
            self.access = Access::new(roster, self.access.caller().clone(), now);
            self.access.check_some_role()?;
            size(&self.services, &self.access, &self.wanted)?;
        }
        Ok(())
    }
}
