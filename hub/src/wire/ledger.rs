//! `hub.ledger.v1.LedgerService`.

use bytes::Bytes;
use hub_core::{crypto::Digest, merkle::leaf_hash, names::AgencyId};
use hub_proto::ledger::{
    Entry, EntryContent, EntryHeader, GetCheckpointRequest, GetCheckpointResponse,
    GetConsistencyProofRequest, GetConsistencyProofResponse, GetEntryRequest, GetEntryResponse,
    GetInclusionProofRequest, GetInclusionProofResponse, ListEntryHeadersRequest,
    ListEntryHeadersResponse, WithheldHeader, ledger_service_server::LedgerService,
};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::{
    Services,
    channels::lookup,
    funds::lookup as of_alerts,
    page,
    reads::{Purpose, shown::Shown},
    referrals::lookup as of_referrals,
    requests,
};
use crate::{
    authz::Access,
    charter::Action,
    domain::channels::log::NotificationPlace,
    engine::recorded::Recorded,
    error::{Error, Result},
};

/// Largest page of headers.
pub const HEADERS_MAX: usize = 1_000;
/// Page of headers when none is asked for.
pub const HEADERS_DEFAULT: usize = 100;
/// About how many bytes of entries are read for a page of headers.
const HEADERS_READ_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Methods whose headers would say that something exists which nobody but two agencies may know of (FS-036,
/// X-006); and what the hub records of it, which then cannot be told from what it records of anything else.
const WITHHELD_METHODS: [&str; 5] = [
    "/hub.referrals.",
    "/hub.requests.",
    "/hub.system.v1/RecordAccess",
    "/hub.system.v1/RecomputeDeadlines",
    "/hub.system.v1/RemindRecipient",
];

/// Whether an auditor of the ledger gets the leaf of an entry and not its header.
fn is_withheld(header: &[u8]) -> Result<bool> {
    let header = EntryHeader::decode(header).map_err(Error::internal)?;
    let mut withheld = WITHHELD_METHODS.iter();
    Ok(withheld.any(|prefix| header.method.starts_with(prefix)))
}

impl Services {
    fn size_within(&self, field: &str, asked: u64, min: u64) -> Result<u64> {
        let head = self.engine.store().checkpoint().size;
        let size = if asked == 0 { head } else { asked };
        if (min..=head).contains(&size) {
            return Ok(size);
        }
        Err(Error::field(
            field,
            format!("must be {min} to {head}, the newest checkpoint's size"),
        ))
    }

    fn inclusion(&self, request: &GetInclusionProofRequest) -> Result<GetInclusionProofResponse> {
        let store = self.engine.store();
        let min = request.entry_index.saturating_add(1);
        let tree_size = self.size_within("tree_size", request.tree_size, min)?;
        let leaf_hash = store.leaf_hash(request.entry_index)?;
        let leaf_hash =
            leaf_hash.ok_or_else(|| Error::field("entry_index", "is past the newest entry"))?;
        let hashes = store.inclusion_proof(request.entry_index, tree_size)?;
        Ok(GetInclusionProofResponse {
            tree_size,
            hashes: hashes.iter().map(bytes).collect(),
            leaf_hash: bytes(&leaf_hash),
        })
    }

    fn consistency(
        &self,
        request: &GetConsistencyProofRequest,
    ) -> Result<GetConsistencyProofResponse> {
        if request.from_size == 0 {
            return Err(Error::field("from_size", "must be at least 1"));
        }
        let to_size = self.size_within("to_size", request.to_size, request.from_size)?;
        let hashes = self
            .engine
            .store()
            .consistency_proof(request.from_size, to_size)?;
        Ok(GetConsistencyProofResponse {
            to_size,
            hashes: hashes.iter().map(bytes).collect(),
        })
    }

    /// Whether a caller can see every notification of an entry: such a caller may read the entry, so
    /// that a recipient can bind the text it was given to the author's signature.
    fn sees_all(&self, access: &Access, entry: &Recorded) -> Result<bool> {
        let notifications = entry.notifications();
        for (item, notification) in notifications.iter() {
            let Ok(name) = notification.name.parse() else {
                return Ok(false);
            };
            let place = NotificationPlace {
                entry_index: entry.header.index,
                item: *item,
            };
            let published = entry.published().find(|event| event.item == *item);
            let what = (place, &**notification);
            if !lookup::is_visible(&self.engine, access, &name, what, published)? {
                return Ok(false);
            }
        }
        Ok(!notifications.is_empty())
    }

    /// An entry, and what reading it is a read of. Whoever may see an alert or a referral may read
    /// the acts on it.
    fn entry(&self, access: &Access, index: u64) -> Result<(GetEntryResponse, Shown)> {
        let permit = access.permit(Action::LedgerProve)?;
        let recorded = self.engine.recorded(index)?;
        let recorded = recorded.ok_or_else(|| Error::not_found(&format!("entry {index}")))?;
        let author = recorded.header.author.clone().unwrap_or_default();
        let referral = match of_referrals::of_entry(&recorded) {
            Some(name) => {
                let found = of_referrals::referral(&self.engine, access, name);
                Some(found.map_err(|_| Error::not_found(&format!("entry {index}")))?)
            }
            None => None,
        };
        let alert = match of_alerts::of_entry(&recorded) {
            Some(name) => {
                let found = of_alerts::alert(&self.engine, access, name);
                Some(found.map_err(|_| Error::not_found(&format!("entry {index}")))?)
            }
            None => None,
        };
        let of_request = requests::lookup::reads_entry(&self.engine, access, &recorded)?;
        match of_request {
            Some(true) => {}
            Some(false) => return Err(Error::not_found(&format!("entry {index}"))),
            None if referral.is_some() || alert.is_some() => {}
            None if self.sees_all(access, &recorded)? => {}
            None => {
                access.read_entry(index, &author.agency, &author.officer)?;
            }
        }
        let mut reads = Shown::default();
        match (referral, alert) {
            (Some(found), _) => reads.record(access.read_referrals()?, &found.restricted(access)),
            (None, Some(found)) => reads.record(access.read_alerts()?, &found.restricted()),
            (None, None) => reads.entry(&self.engine, &permit, &recorded)?,
        }
        let fingerprint = Digest::try_from(&*author.certificate_sha256).unwrap_or_default();
        let roster = self.engine.roster().load_full();
        let certificate = roster
            .node(&fingerprint)
            .map(|node| node.certificate.clone());
        let content = EntryContent {
            author_salt: recorded.content.author_salt.clone(),
            request: recorded.content.request.clone(),
            ..EntryContent::default()
        };
        let answer = GetEntryResponse {
            entry: Some(Entry {
                header: recorded.header_bytes.clone(),
                content: content.encode_to_vec().into(),
            }),
            author_certificate: certificate.unwrap_or_default(),
        };
        Ok((answer, reads))
    }

    fn headers(
        &self,
        agency: &AgencyId,
        request: &ListEntryHeadersRequest,
    ) -> Result<ListEntryHeadersResponse> {
        const LIST: &str = "ledger/headers";
        let size = page::size(request.page_size, HEADERS_DEFAULT, HEADERS_MAX)?;
        let from = page::position(&request.page_token, agency, LIST)?;
        let from = from.unwrap_or(request.start_index);
        let entries = self
            .engine
            .store()
            .entries(from, size, HEADERS_READ_BYTES_MAX)?;
        let next = from.saturating_add(u64::try_from(entries.len()).unwrap_or_default());
        let is_end = entries.is_empty() || next >= self.engine.store().head();
        let mut withheld = vec![];
        let mut headers = Vec::with_capacity(entries.len());
        for (index, entry) in (from..).zip(entries) {
            if is_withheld(&entry.header)? {
                withheld.push(WithheldHeader {
                    entry_index: index,
                    leaf_hash: bytes(&leaf_hash(&entry.header)),
                });
                headers.push(Bytes::new());
            } else {
                headers.push(entry.header);
            }
        }
        Ok(ListEntryHeadersResponse {
            headers,
            withheld,
            next_page_token: if is_end {
                String::new()
            } else {
                page::token(agency, LIST, next)
            },
        })
    }
}

fn bytes(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest)
}

#[tonic::async_trait]
impl LedgerService for Services {
    async fn get_checkpoint(
        &self,
        request: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        self.access(&request)?.permit(Action::LedgerProve)?;
        let checkpoint = self.engine.store().checkpoint().note.clone();
        Ok(Response::new(GetCheckpointResponse { checkpoint }))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<GetInclusionProofResponse>, Status> {
        self.access(&request)?.permit(Action::LedgerProve)?;
        Ok(Response::new(self.inclusion(request.get_ref())?))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        self.access(&request)?.permit(Action::LedgerProve)?;
        Ok(Response::new(self.consistency(request.get_ref())?))
    }

    async fn get_entry(
        &self,
        request: Request<GetEntryRequest>,
    ) -> Result<Response<GetEntryResponse>, Status> {
        const METHOD: &str = "/hub.ledger.v1.LedgerService/GetEntry";
        let access = self.access(&request)?;
        let purpose = Purpose::of(&request)?;
        let (entry, reads) = self.entry(&access, request.get_ref().entry_index)?;
        self.record_shown(&access, METHOD, &purpose, &reads).await?;
        Ok(Response::new(entry))
    }

    async fn list_entry_headers(
        &self,
        request: Request<ListEntryHeadersRequest>,
    ) -> Result<Response<ListEntryHeadersResponse>, Status> {
        let access = self.access(&request)?;
        access.permit(Action::LedgerAudit)?;
        Ok(Response::new(
            self.headers(access.agency(), request.get_ref())?,
        ))
    }
}
