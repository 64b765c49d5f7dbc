//! A hub without network for the calls: services on a store in memory, in which a story has taken place.
//!
//! Everything follows from the story: clock, ids and records are the same in every run, so that names in a
//! corpus stay good. Only the certificates are made anew by each process.

pub mod story;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hub::{
    clock::ManualClock,
    domain::request_ids,
    engine::entropy::SeededEntropy,
    identity::{
        Authored, Caller,
        weight::{DECODED_BYTES_MAX, decoded_bytes},
    },
    server::MESSAGE_BYTES_MAX,
    state::memory::MemoryStore,
    wire::rpc::{Effect, RPCS, Rpc},
};
use hub_core::{crypto::sha256, purpose::PURPOSE_HEADER};
use hub_proto::{
    attachments::attachment_service_server::AttachmentServiceServer,
    audit::audit_service_server::AuditServiceServer,
    channels::channel_service_server::ChannelServiceServer,
    funds::alert_service_server::AlertServiceServer,
    ledger::ledger_service_server::LedgerServiceServer,
    meetings::{
        major_issue_service_server::MajorIssueServiceServer,
        meeting_service_server::MeetingServiceServer, minutes_service_server::MinutesServiceServer,
    },
    members::members_service_server::MembersServiceServer,
    referrals::referral_service_server::ReferralServiceServer,
    requests::request_service_server::RequestServiceServer,
};
use hub_tests::{PURPOSE, Site, direct::Direct, random::Random};
use jiff::{SignedDuration, Timestamp};
use tokio::runtime::Runtime;
use tonic::{body::Body, service::Routes};
use tower::ServiceExt as _;

use self::story::{Act, Story};

/// Most messages of an answer that are read; a stream is left then.
const ANSWERS_MAX: usize = 8;

/// How long the next message of a stream is waited for: what there is comes at once.
const ANSWER_WAIT: Duration = Duration::from_millis(20);

/// No call takes as long; one that does is a finding.
const CALL_TIME_MAX: Duration = Duration::from_secs(20);

/// A world serves so many calls and entries, and then gives way to a new one: memory stays bounded.
const CALLS_MAX: u32 = 20_000;
const ENTRIES_MAX: u64 = 6_000;

/// The runtime on which all calls are made, by one thread at a time.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    })
}

/// How a call departs from what a client sends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner<'a> {
    /// The bytes are the body as it is on the wire, frames and all.
    pub is_raw: bool,
    /// The request id is replaced by one that was never used.
    pub is_fresh: bool,
    /// The body comes in two parts.
    pub is_split: bool,
    /// Announces that messages are compressed.
    pub is_compressed: bool,
    /// What the read is for, when not the usual.
    pub purpose: Option<&'a [u8]>,
}

/// Services on a store in memory.
#[derive(Debug)]
pub struct World {
    site: Site,
    story: Story,
    // Nothing between two hubs.
    hub: Option<Hub>,
}

#[derive(Debug)]
struct Hub {
    direct: Direct,
    routes: Routes,
    callers: Vec<Arc<Caller>>,
    random: Random,
    calls: u32,
    /// Acts of the story that were refused, by method and code.
    refused: Vec<(&'static str, u16)>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.direct.stop();
    }
}

impl World {
    /// A world in which the committed story has taken place.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Story::committed())
    }

    /// A world in which a story has taken place.
    #[must_use]
    pub fn of(story: Story) -> Self {
        let site = Site::issued_from(story.began_at - SignedDuration::from_hours(24));
        let hub = Some(Hub::start(&site, &story));
        Self { site, story, hub }
    }

    /// How many callers there are.
    #[must_use]
    pub fn callers(&self) -> usize {
        self.hub.as_ref().map_or(0, |hub| hub.callers.len())
    }

    /// Every caller by its number, with its agency.
    #[must_use]
    pub fn named_callers(&self) -> Vec<(usize, String)> {
        let callers = self.hub.iter().flat_map(|hub| &hub.callers);
        let agencies = callers.map(|caller| caller.agency().to_string());
        agencies.enumerate().collect()
    }

    /// Acts of the story that were refused here, with their gRPC codes.
    #[must_use]
    pub fn refused(&self) -> &[(&'static str, u16)] {
        self.hub.as_ref().map_or(&[], |hub| &hub.refused)
    }

    /// Entries on the ledger.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.hub.as_ref().map_or(0, Hub::head)
    }

    /// Lets the story take place anew before the next call.
    pub fn renew(&mut self) {
        // It is stopped before another one uses the folder.
        drop(self.hub.take());
    }

    /// Makes a call and reads its answer; the gRPC code of its end, if it came to one.
    pub fn call(
        &mut self,
        rpc: &Rpc,
        caller: usize,
        manner: Manner<'_>,
        bytes: &[u8],
    ) -> Option<u16> {
        let is_worn = |hub: &Hub| hub.calls >= CALLS_MAX || hub.head() >= ENTRIES_MAX;
        if self.hub.as_ref().is_some_and(is_worn) {
            self.renew();
        }
        let start = || Hub::start(&self.site, &self.story);
        let hub = self.hub.get_or_insert_with(start);
        hub.calls += 1;
        let caller = Arc::clone(&hub.callers[caller % hub.callers.len()]);
        hub.call(rpc, &caller, manner, bytes)
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// The services as a server has them.
fn routes(direct: &Direct) -> Routes {
    macro_rules! all {
        ($($server:ident),* $(,)?) => {{
            let mut routes = Routes::builder();
            $(
                let service = $server::new(direct.services.clone());
                routes.add_service(service.max_decoding_message_size(MESSAGE_BYTES_MAX));
            )*
            routes.routes().prepare()
        }};
    }
    all!(
        AttachmentServiceServer,
        AuditServiceServer,
        ChannelServiceServer,
        AlertServiceServer,
        LedgerServiceServer,
        MeetingServiceServer,
        MinutesServiceServer,
        MajorIssueServiceServer,
        MembersServiceServer,
        ReferralServiceServer,
        RequestServiceServer,
    )
}

impl Hub {
    fn head(&self) -> u64 {
        self.direct.services.engine.store().head()
    }

    fn start(site: &Site, story: &Story) -> Self {
        let config = site.config();
        let key = Arc::new(hub::server::ledger_key(&config).unwrap());
        let store = MemoryStore::new(&config.ledger.origin, key).unwrap();
        let clock = ManualClock::at(story.began_at);
        // Uploads of an earlier hub of this site are none of this one's.
        drop(std::fs::remove_dir_all(site.data_dir()));
        let direct = runtime().block_on(Direct::start(
            site,
            Arc::new(store),
            clock,
            Box::new(SeededEntropy::new(1)),
        ));
        let mut hub = Self {
            routes: routes(&direct),
            callers: callers(site, &direct),
            direct,
            random: Random::new(1),
            calls: 0,
            refused: vec![],
        };
        hub.live(site, story);
        hub
    }

    /// Lets the story take place.
    fn live(&mut self, site: &Site, story: &Story) {
        for Act {
            method,
            caller: [agency, officer, role],
            after_us,
            bytes,
        } in &story.acts
        {
            self.direct.clock.advance_us(*after_us);
            let rpc = RPCS.iter().find(|rpc| rpc.method == *method);
            let caller = self.direct.caller(site, agency, officer, &[role.as_str()]);
            let manner = Manner::default();
            let rpc = rpc.expect("the story is of this hub");
            let code = self.call(rpc, &caller, manner, bytes).unwrap_or_default();
            if code != 0 {
                self.refused.push((rpc.method, code));
            }
        }
    }

    fn call(
        &mut self,
        rpc: &Rpc,
        caller: &Arc<Caller>,
        manner: Manner<'_>,
        bytes: &[u8],
    ) -> Option<u16> {
        let bytes = match manner.is_fresh && rpc.effect == Effect::Mutate {
            true => self.freshened(rpc, bytes),
            false => bytes.to_vec(),
        };
        let body = match (manner.is_raw, rpc.effect) {
            (true, _) => bytes,
            (false, Effect::Upload) => frames(&bytes),
            (false, _) => frame(&bytes),
        };
        let mut request = request(rpc, &manner, &body);
        if rpc.effect == Effect::Mutate {
            // The author layer lets nothing else through.
            let message = body.split_first_chunk::<5>();
            let (head, message) = message?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let is_light = decoded_bytes(rpc.method, message) <= DECODED_BYTES_MAX;
            if head[0] != 0 || usize::try_from(length) != Ok(message.len()) || !is_light {
                return None;
            }
            let authored = Authored {
                salt: [3; 16],
                commitment: sha256(&[message]),
                signature: vec![5; 64],
                request: Bytes::copy_from_slice(message),
            };
            request.extensions_mut().insert(Arc::new(authored));
        }
        request.extensions_mut().insert(Arc::clone(caller));
        let answer = answer(self.routes.clone(), request);
        let waited =
            runtime().block_on(async { tokio::time::timeout(CALL_TIME_MAX, answer).await });
        waited.unwrap_or_else(|_| panic!("{} hangs", rpc.method))
    }

    /// The request with ids that were never used, where it has ids of the usual length.
    fn freshened(&mut self, rpc: &Rpc, bytes: &[u8]) -> Vec<u8> {
        let reader = request_ids::READERS
            .iter()
            .find(|(name, _)| *name == rpc.method);
        let (_, read) = reader.expect("every mutation has a reader");
        let mut bytes = bytes.to_vec();
        for id in read(&bytes) {
            let fresh = self.random.uuid(self.direct.unix_ms());
            let at = bytes
                .windows(fresh.len())
                .rposition(|part| part == id.as_bytes());
            if let Some(at) = at.filter(|_| id.len() == fresh.len()) {
                bytes[at..at + fresh.len()].copy_from_slice(fresh.as_bytes());
            }
        }
        bytes
    }
}

/// A message as gRPC frames it.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// Messages, each a piece of a tape, as gRPC frames them.
fn frames(bytes: &[u8]) -> Vec<u8> {
    let mut tape = crate::tape::Tape::new(bytes);
    let mut body = vec![];
    while !tape.is_empty() {
        body.extend(frame(tape.piece()));
    }
    body
}

fn request(rpc: &Rpc, manner: &Manner<'_>, body: &[u8]) -> Request<Body> {
    let at = if manner.is_split {
        body.len() / 2
    } else {
        body.len()
    };
    let parts = [&body[..at], &body[at..]];
    let parts: Vec<_> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| Ok::<_, tonic::Status>(Frame::data(Bytes::copy_from_slice(part))))
        .collect();
    let purpose = base64(manner.purpose.unwrap_or(PURPOSE.as_bytes()));
    let mut request = Request::builder()
        .method("POST")
        .uri(rpc.method)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header(PURPOSE_HEADER, purpose);
    if manner.is_compressed {
        request = request.header("grpc-encoding", "gzip");
    }
    let body = Body::new(StreamBody::new(stream::iter(parts)));
    request.body(body).unwrap()
}

fn base64(bytes: &[u8]) -> HeaderValue {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD_NO_PAD.encode(bytes);
    HeaderValue::from_str(&text).unwrap()
}

async fn answer(routes: Routes, request: Request<Body>) -> Option<u16> {
    let code = |value: &HeaderValue| value.to_str().ok()?.parse().ok();
    let Ok(response) = routes.oneshot(request).await;
    if let Some(status) = response.headers().get("grpc-status") {
        return code(status);
    }
    let mut body = response.into_body();
    for _ in 0..ANSWERS_MAX {
        let frame = tokio::time::timeout(ANSWER_WAIT, body.frame()).await;
        let frame = frame.ok()??.ok()?;
        if let Some(trailers) = frame.trailers_ref() {
            return trailers.get("grpc-status").and_then(code);
        }
    }
    None
}

/// An officer of every agency under every role that it may have.
fn callers(site: &Site, direct: &Direct) -> Vec<Arc<Caller>> {
    let charter = site.charter();
    let mut callers = vec![];
    for agency in charter.agencies() {
        for role in charter.roles() {
            if role.is_granted_to(agency.id()) {
                let (agency, role) = (agency.id().as_str(), role.id().as_str());
                let officer = format!("{agency}-{role}-1");
                callers.push(direct.caller(site, agency, &officer, &[role]));
            }
        }
    }
    callers
}

/// An instant that is written as its microseconds since 1970.
fn instant(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap()
}
