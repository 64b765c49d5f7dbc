//! Checkpoints, proofs and entries; one method an RPC, and what is built from them.
//!
//! ```no_run
//! # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
//! let newest = client.ledger().checkpoint().await?;
//! println!("{} entries under {}", newest.size, newest.origin);
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use hub_core::reason::Reason;
use hub_core::{
    crypto::Digest,
    merkle::{Frontier, leaf_hash},
};
use hub_proto::ledger::{
    EntryHeader, GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetEntryRequest, GetEntryResponse, GetInclusionProofRequest,
    GetInclusionProofResponse, ListEntryHeadersRequest, ListEntryHeadersResponse, WithheldHeader,
};
use prost::Message as _;
use tokio::time::Instant;

use crate::{
    checkpoint::{TrustedCheckpoint, continues},
    client::Client,
    error::{ClientError, Result},
    verify::{Bundle, digests},
};

/// How often the hub is asked whether its checkpoint has come to cover an entry.
const COVER_POLL: Duration = Duration::from_millis(100);
/// Headers that an audit asks for at a time.
const AUDIT_PAGE: i32 = 1000;

macro_rules! path {
    ($method:literal) => {
        concat!("/hub.ledger.v1.LedgerService/", $method)
    };
}

/// The ledger service. Made by [`Client::ledger`].
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let newest = client.ledger().checkpoint().await?;
/// println!("{} entries", newest.size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Ledger {
    client: Client,
}

/// What an audit of the whole ledger found.
///
/// ```no_run
/// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
/// let report = client.ledger().audit(|_done, _total| {}).await?;
/// for (agency, entries) in &report.entries_by_agency {
///     println!("{agency} {entries}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// The checkpoint that the headers were proved against.
    pub checkpoint: TrustedCheckpoint,
    /// Entries by their author's agency id, in order of id.
    pub entries_by_agency: std::collections::BTreeMap<String, u64>,
    /// Entries whose headers the hub withholds, because they say that something confidential exists: only
    /// their leaves were proved.
    pub withheld: u64,
}

impl Ledger {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The newest signed note, as it is. [`Self::checkpoint`] verifies it as well.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// print!("{}", client.ledger().raw_checkpoint().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method here.
    pub async fn raw_checkpoint(&self) -> Result<String> {
        let answer: GetCheckpointResponse = self
            .client
            .read(path!("GetCheckpoint"), &GetCheckpointRequest {})
            .await?;
        Ok(answer.checkpoint)
    }

    /// The newest checkpoint, its signature verified and proved to continue the remembered one;
    /// it is remembered in turn.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let checkpoint = client.ledger().checkpoint().await?;
    /// println!("{} entries, nothing rewritten", checkpoint.size);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Verification`] when the ledger's key has not signed it,
    /// [`ClientError::HistoryRewritten`] when it does not continue the remembered one.
    pub async fn checkpoint(&self) -> Result<TrustedCheckpoint> {
        let memory = self.client.checkpoint_memory();
        // Held before asking, so that a slower process never compares with what a faster one
        // learned later.
        let held = memory.hold(self.client.deadline()).await?;
        let remembered = memory.remembered()?;
        let note = self.raw_checkpoint().await?;
        let checkpoint = memory
            .verifier()
            .verify(&note)
            .map_err(|error| ClientError::Verification(format!("the hub's checkpoint: {error}")))?;
        let shown = TrustedCheckpoint::new(note, checkpoint);
        if let Some(remembered) = &remembered {
            let proof = if remembered.size > 0 && shown.size > remembered.size {
                let proof = self.consistency_proof(remembered.size, shown.size).await?;
                digests(&proof.hashes)?
            } else {
                vec![]
            };
            continues(remembered, &shown, &proof)?;
        }
        if remembered.is_none_or(|remembered| remembered.size < shown.size) {
            memory.store(&held, &shown)?;
        }
        self.client
            .observer()
            .tell(|observer| observer.checkpoint_verified(&shown));
        Ok(shown)
    }

    /// A checkpoint as of [`Self::checkpoint`] whose tree has the entry at an index. The hub signs
    /// checkpoints shortly after it answers, so this may wait, up to the client's deadline.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let checkpoint = client.ledger().checkpoint_covering(5).await?;
    /// assert!(checkpoint.size > 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn checkpoint_covering(&self, entry_index: u64) -> Result<TrustedCheckpoint> {
        let ends_at = Instant::now() + self.client.deadline();
        loop {
            let checkpoint = self.checkpoint().await?;
            if checkpoint.size > entry_index {
                return Ok(checkpoint);
            }
            if Instant::now() + COVER_POLL >= ends_at {
                return Err(ClientError::Verification(format!(
                    "the newest checkpoint has {} entries and does not reach entry {entry_index}",
                    checkpoint.size
                )));
            }
            tokio::time::sleep(COVER_POLL).await;
        }
    }

    /// Proof that the entry at an index is in the tree of a size; 0 means the newest checkpoint's.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let proof = client.ledger().inclusion_proof(5, 0).await?;
    /// println!("{} hashes", proof.hashes.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn inclusion_proof(
        &self,
        entry_index: u64,
        tree_size: u64,
    ) -> Result<GetInclusionProofResponse> {
        let request = GetInclusionProofRequest {
            entry_index,
            tree_size,
        };
        self.client.read(path!("GetInclusionProof"), &request).await
    }

    /// Proof that one tree is a prefix of another; 0 means the newest checkpoint's.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let proof = client.ledger().consistency_proof(5, 0).await?;
    /// println!("{} hashes", proof.hashes.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn consistency_proof(
        &self,
        from_size: u64,
        to_size: u64,
    ) -> Result<GetConsistencyProofResponse> {
        let request = GetConsistencyProofRequest { from_size, to_size };
        self.client
            .read(path!("GetConsistencyProof"), &request)
            .await
    }

    /// One whole entry and its author's certificate; only the authoring agency may read it.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// println!("{:?}", client.ledger().entry(5).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn entry(&self, entry_index: u64) -> Result<GetEntryResponse> {
        let request = GetEntryRequest { entry_index };
        self.client.read(path!("GetEntry"), &request).await
    }

    /// A page of entry headers, for auditors.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// use agency_client::proto::ledger::ListEntryHeadersRequest;
    ///
    /// let page = client.ledger().entry_headers(&ListEntryHeadersRequest::default()).await?;
    /// println!("{} headers", page.headers.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn entry_headers(
        &self,
        request: &ListEntryHeadersRequest,
    ) -> Result<ListEntryHeadersResponse> {
        self.client.read(path!("ListEntryHeaders"), request).await
    }

    /// Everything that proves an entry without the hub: put into one file, it verifies offline.
    /// The content and the author's certificate are in it when the caller's agency authored the
    /// entry; the header of any other entry must come from its receipt.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let bundle = client.ledger().bundle(5, None).await?;
    /// # drop(bundle);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn bundle(&self, entry_index: u64, header: Option<&[u8]>) -> Result<Bundle> {
        // Asked for first: an index that is a slip is NOT_FOUND, and no alarm about the ledger.
        let entry = match self.entry(entry_index).await {
            Ok(entry) => Some(entry),
            Err(error) if header.is_some() && error.reason() == Some(Reason::NotFound) => None,
            Err(error) => return Err(error),
        };
        let checkpoint = self.checkpoint_covering(entry_index).await?;
        let proof = self.inclusion_proof(entry_index, checkpoint.size).await?;
        let bundle = Bundle::new(&checkpoint, &proof, header, entry.as_ref())?;
        // A bundle that does not verify here must never be handed on.
        bundle.verify(self.client.checkpoint_memory().verifier(), None)?;
        Ok(bundle)
    }

    /// Reads every header, checks that none is missing, and computes the root anew: it must be the
    /// one that the hub signed. `progress` is told the entries read and their total.
    ///
    /// ```no_run
    /// # async fn example(client: agency_client::Client) -> agency_client::Result<()> {
    /// let report = client.ledger().audit(|done, all| println!("{done} of {all}")).await?;
    /// println!("{:?}", report.entries_by_agency);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Verification`] when a header or the root is wrong.
    pub async fn audit(&self, mut progress: impl FnMut(u64, u64)) -> Result<AuditReport> {
        let checkpoint = self.checkpoint().await?;
        let mut frontier = Frontier::new();
        let mut entries_by_agency = std::collections::BTreeMap::new();
        let mut withheld = 0;
        let mut request = ListEntryHeadersRequest {
            page_size: AUDIT_PAGE,
            ..ListEntryHeadersRequest::default()
        };
        while frontier.size() < checkpoint.size {
            let page = self.entry_headers(&request).await?;
            let mut hidden = page.withheld.iter().peekable();
            for bytes in &page.headers {
                if frontier.size() == checkpoint.size {
                    break;
                }
                let is_next = |one: &&WithheldHeader| one.entry_index == frontier.size();
                if let Some(one) = hidden.next_if(is_next) {
                    frontier.push(withheld_leaf(one)?, |_| {});
                    withheld += 1;
                    continue;
                }
                let header = audited(bytes, frontier.size())?;
                let agency = header.author.unwrap_or_default().agency;
                *entries_by_agency.entry(agency).or_default() += 1;
                frontier.push(leaf_hash(bytes), |_| {});
            }
            progress(frontier.size(), checkpoint.size);
            if page.next_page_token.is_empty() || page.headers.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        conclude(&frontier, &checkpoint)?;
        Ok(AuditReport {
            checkpoint,
            entries_by_agency,
            withheld,
        })
    }
}

/// The leaf of an entry whose header is withheld.
fn withheld_leaf(withheld: &WithheldHeader) -> Result<Digest> {
    Digest::try_from(&*withheld.leaf_hash).map_err(|_| {
        let index = withheld.entry_index;
        ClientError::Verification(format!("the leaf of header {index} is no hash"))
    })
}

fn audited(bytes: &[u8], index: u64) -> Result<EntryHeader> {
    let header = EntryHeader::decode(bytes)
        .map_err(|error| ClientError::Verification(format!("header {index}: {error}")))?;
    if header.index != index {
        return Err(ClientError::Verification(format!(
            "header {index} says that it is entry {}",
            header.index
        )));
    }
    Ok(header)
}

fn conclude(frontier: &Frontier, checkpoint: &TrustedCheckpoint) -> Result<()> {
    if frontier.size() < checkpoint.size {
        return Err(ClientError::Verification(format!(
            "the hub signed {} entries and shows {}",
            checkpoint.size,
            frontier.size()
        )));
    }
    let root: Digest = frontier.root();
    if root != checkpoint.root {
        return Err(ClientError::Verification(format!(
            "the root over all headers is {}, the hub signed {}",
            hub_core::crypto::hex(&root),
            hub_core::crypto::hex(&checkpoint.root)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
