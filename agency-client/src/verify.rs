//! Verification that does not trust the hub.
//!
//! Invariant: success means that every stated check was made; what could not be checked for want
//! of material is named as such, never passed over.
//!
//! ```no_run
//! use agency_client::{profile, verify::Bundle};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = profile::ledger_key("ledger.vkey".as_ref())?;
//! let bundle: Bundle = serde_json::from_slice(&std::fs::read("entry-7.json")?)?;
//! println!("entry {} holds", bundle.verify(&key, None)?.header.index);
//! # Ok(())
//! # }
//! ```

mod bundle;

use bytes::Bytes;
use hub_core::{
    crypto::Digest,
    merkle::{leaf_hash, verify_inclusion},
};
use hub_proto::{common::Receipt, ledger::EntryHeader};
use prost::Message as _;

pub use bundle::{BUNDLE_FORMAT, Bundle, BundleContent, BundleReport, Check, Outcome};

use crate::{
    author::Authored,
    checkpoint::TrustedCheckpoint,
    client::Client,
    error::{ClientError, Result},
};

/// A receipt that was proved.
///
/// ```no_run
/// # async fn example(client: agency_client::Client, receipt: agency_client::proto::common::Receipt) -> agency_client::Result<()> {
/// let proved = agency_client::verify::receipt(&client, &receipt, None).await?;
/// println!("{} under {}", proved.header.index, proved.checkpoint.size);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// The entry's header, decoded from exactly the bytes that were proved.
    pub header: EntryHeader,
    /// The checkpoint whose tree has the entry.
    pub checkpoint: TrustedCheckpoint,
}

/// Proves a receipt with the hub's help but without trusting it: the header's leaf hash, its
/// inclusion in the tree of a checkpoint that the ledger's key signed and that continues the
/// remembered one, and, when the caller has it, that the entry is what the caller signed.
///
/// ```no_run
/// use agency_client::{Client, channels::NotificationDraft, verify};
///
/// # async fn example(client: Client, draft: NotificationDraft) -> agency_client::Result<()> {
/// let published = client.channels().publish(draft).await?;
/// let receipt = published.receipt.clone().unwrap_or_default();
/// let proved = verify::receipt(&client, &receipt, Some(&published.authored)).await?;
/// assert_eq!(proved.header.index, receipt.entry_index);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ClientError::Verification`] or [`ClientError::HistoryRewritten`] when a proof does not hold;
/// other errors when the hub cannot be asked.
pub async fn receipt(
    client: &Client,
    receipt: &Receipt,
    own: Option<&Authored>,
) -> Result<Verified> {
    let header = header(receipt)?;
    if let Some(own) = own {
        authored(&header, own)?;
    }
    let ledger = client.ledger();
    let checkpoint = ledger.checkpoint_covering(receipt.entry_index).await?;
    let proof = ledger
        .inclusion_proof(receipt.entry_index, checkpoint.size)
        .await?;
    let leaf = leaf_hash(&receipt.header);
    let path = digests(&proof.hashes)?;
    verify_inclusion(
        &leaf,
        receipt.entry_index,
        checkpoint.size,
        &path,
        &checkpoint.root,
    )
    .map_err(|error| {
        failed(format!(
            "entry {} is not in the signed tree of {} entries: {error}",
            receipt.entry_index, checkpoint.size
        ))
    })?;
    Ok(Verified { header, checkpoint })
}

/// Checks a receipt against itself: the leaf hash is that of the header bytes, and index and time
/// are the header's.
///
/// ```no_run
/// use agency_client::{proto::common::Receipt, verify};
///
/// # fn example(receipt: Receipt) -> agency_client::Result<()> {
/// let header = verify::header(&receipt)?;
/// println!("{} by {:?}", header.method, header.author);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ClientError::Verification`] when they are not.
pub fn header(receipt: &Receipt) -> Result<EntryHeader> {
    if receipt.leaf_hash[..] != leaf_hash(&receipt.header) {
        return Err(failed("the receipt's leaf hash is not that of its header"));
    }
    let header = EntryHeader::decode(&receipt.header[..])
        .map_err(|error| failed(format!("the receipt's header does not decode: {error}")))?;
    if header.index != receipt.entry_index {
        return Err(failed(format!(
            "the receipt is for entry {}, its header for entry {}",
            receipt.entry_index, header.index
        )));
    }
    let recorded_at_us = receipt.recorded_at.as_ref().map(|at| {
        at.seconds
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(at.nanos / 1000))
    });
    if recorded_at_us != Some(header.recorded_at_us) {
        return Err(failed("the receipt's time is not its header's"));
    }
    Ok(header)
}

/// Checks that a header records what the caller signed.
///
/// ```no_run
/// use agency_client::{Authored, proto::common::Receipt, verify};
///
/// # fn example(receipt: Receipt, own: Authored) -> agency_client::Result<()> {
/// let header = verify::header(&receipt)?;
/// verify::authored(&header, &own)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ClientError::Verification`] when it does not. A replay and a second signature answer with
/// the first call's receipt, which another commitment stands in.
pub fn authored(header: &EntryHeader, own: &Authored) -> Result<()> {
    let author = header.author.clone().unwrap_or_default();
    let checks = [
        (header.method == own.method, "method"),
        (header.commitment[..] == own.commitment, "commitment"),
        (header.author_signature == own.signature, "author signature"),
        (
            author.certificate_sha256[..] == own.certificate_sha256,
            "author certificate",
        ),
    ];
    for (holds, what) in checks {
        if !holds {
            return Err(failed(format!(
                "the {what} of entry {} is not the caller's",
                header.index
            )));
        }
    }
    Ok(())
}

/// Reads hashes off the wire.
pub(crate) fn digests(hashes: &[Bytes]) -> Result<Vec<Digest>> {
    hashes
        .iter()
        .map(|hash| {
            Digest::try_from(&hash[..])
                .map_err(|_| failed(format!("a hash has {} bytes, not 32", hash.len())))
        })
        .collect()
}

pub(crate) fn failed(text: impl Into<String>) -> ClientError {
    ClientError::Verification(text.into())
}
