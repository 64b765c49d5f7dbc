//! Finding referrals for a caller, and what must be on the record before their contents are given. What the
//! caller may not see is not found.

use hub_core::{
    crypto::Digest,
    crypto::hex,
    names::{AgencyId, ReferralName, RequestId},
    reason::Reason,
};
use hub_proto::{audit::RecordKind, channels::Attachment, referrals::referrals_event::Kind};

use super::show;
use crate::{
    authz::Access,
    domain::referrals::{self, rows::ReferralRow},
    engine::{Engine, recorded::Recorded},
    error::{Error, Result},
    wire::{Services, reads::Purpose, reads::Restricted},
};

/// A referral that was found.
#[derive(Debug)]
pub(in crate::wire) struct FoundReferral {
    pub(super) name: ReferralName,
    pub(super) row: ReferralRow,
    pub(super) sender: AgencyId,
    pub(super) addressee: AgencyId,
}

impl FoundReferral {
    /// One as the caller sees it, if at all.
    ///
    /// # Errors
    /// When the row is damaged.
    pub(super) fn seen(
        access: &Access,
        name: ReferralName,
        row: ReferralRow,
    ) -> Result<Option<Self>> {
        let sender = row.sender.parse().map_err(Error::internal)?;
        let addressee = row.addressee.parse().map_err(Error::internal)?;
        let is_seen = access.sees_referral(&sender, &addressee);
        Ok(is_seen.then_some(Self {
            name,
            row,
            sender,
            addressee,
        }))
    }

    /// What goes on the record when the caller reads it.
    pub(in crate::wire) fn restricted(&self, access: &Access) -> Restricted {
        let sides = [&self.sender, &self.addressee].into_iter();
        Restricted {
            name: self.name.to_string(),
            kind: RecordKind::Referral,
            auditors: sides
                .filter(|side| *side != access.agency())
                .cloned()
                .collect(),
            is_confidential: false,
        }
    }
}

/// A referral by its name.
///
/// # Errors
/// NOT_FOUND for every referral that the caller may not see, whether there is one or not.
pub(in crate::wire) fn referral(
    engine: &Engine,
    access: &Access,
    name: ReferralName,
) -> Result<FoundReferral> {
    let row = referrals::referral(engine.store(), name)?;
    FoundReferral::seen(access, name, row)?.ok_or_else(|| Error::not_found(&name.to_string()))
}

/// The referral on which an entry of the ledger is an act, if it is one.
pub(in crate::wire) fn of_entry(entry: &Recorded) -> Option<ReferralName> {
    let id = match entry.referrals_events().next()? {
        Kind::ReferralSent(event) => &event.referral,
        Kind::ReferralAcknowledged(event) => &event.referral,
        Kind::ReferralAnswered(event) => &event.referral,
        Kind::InformationAsked(event) => &event.referral,
        Kind::InformationAdded(event) => &event.referral,
        Kind::ResultFedBack(event) => &event.referral,
        Kind::ReferralCorrected(event) => &event.referral,
        Kind::ReferralClosed(event) => &event.referral,
        Kind::ReferralWithdrawn(event) => &event.referral,
    };
    id_of(id).map(ReferralName)
}

/// An id of a row.
pub(super) fn id_of(bytes: &[u8]) -> Option<RequestId> {
    RequestId::from_bytes(bytes.try_into().ok()?)
}

/// A document of a referral that the caller may see.
///
/// # Errors
/// NOT_FOUND; [`Reason::ContentSealed`] once its period is over.
pub(in crate::wire) fn document(
    engine: &Engine,
    found: &FoundReferral,
    sha256: &Digest,
) -> Result<Attachment> {
    if show::is_sealed(engine, &found.row)? {
        let message = format!(
            "{}: its period is over, and its texts and documents have been sealed",
            found.name
        );
        return Err(Error::new(Reason::ContentSealed, message));
    }
    let digits = hex(sha256);
    let named = show::documents(engine, &found.row)?;
    let named = named.into_iter().find(|one| one.sha256 == digits);
    named.ok_or_else(|| Error::not_found(&format!("{} with attachment {digits}", found.name)))
}

impl Services {
    /// Records that the caller reads referrals; returns once that is durable.
    pub(in crate::wire) async fn record_referral_reads(
        &self,
        access: &Access,
        method: &'static str,
        purpose: &Purpose,
        read: &[FoundReferral],
    ) -> Result<()> {
        let permit = access.read_referrals()?;
        let records: Vec<Restricted> = read.iter().map(|one| one.restricted(access)).collect();
        self.record_reads(access, &permit, method, purpose, &records)
            .await
    }
}
