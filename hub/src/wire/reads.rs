//! Reads of restricted records: on the ledger, durable, before their contents are returned.
//!
//! The cast:
//! - [`Services::record_reads`]: records reads of records that a service names.
//! - `shown`: which addressed notifications an answer shows, and the record of that.
//! - [`decisions`]: for every method, whether it can show any.
//!
//! Invariant: what is returned of a restricted record was recorded before. Without a record there is no
//! read: what stops records, such as a full disk, stops reads of restricted records, and no others.

pub mod decisions;
pub(in crate::wire) mod shown;

use hub_core::{
    names::AgencyId,
    purpose::{PURPOSE_HEADER, PURPOSE_RULE, is_purpose},
};
use hub_proto::audit::{AccessRecorded, AccessedRecord, RecordKind};
use tonic::Request;

use super::Services;
use crate::{
    authz::{Access, Permit},
    charter::RestrictedKind,
    domain::audit::{self, RECORDS_MAX},
    engine::Submission,
    error::{Error, Result},
};

/// What a caller reads for, as it says itself; empty when it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purpose(String);

impl Purpose {
    /// Reads it from a call.
    ///
    /// # Errors
    /// When it is no text, too long, or has control characters.
    pub fn of<T>(request: &Request<T>) -> Result<Self> {
        let Some(value) = request.metadata().get_bin(PURPOSE_HEADER) else {
            return Ok(Self::default());
        };
        let refused = || Error::field(PURPOSE_HEADER, PURPOSE_RULE);
        let bytes = value.to_bytes().map_err(|_| refused())?;
        let text = std::str::from_utf8(&bytes).map_err(|_| refused())?;
        if !is_purpose(text) {
            return Err(refused());
        }
        Ok(Self(text.trim().to_owned()))
    }

    /// Checks that a purpose is said if the charter demands one for a kind of record.
    pub(in crate::wire) fn check_kind(&self, access: &Access, kind: RecordKind) -> Result<()> {
        let record = AccessedRecord {
            kind: kind.into(),
            ..AccessedRecord::default()
        };
        self.check(access, &[record])
    }

    /// Checks that a purpose is said where the charter demands one.
    fn check(&self, access: &Access, records: &[AccessedRecord]) -> Result<()> {
        if !self.0.is_empty() {
            return Ok(());
        }
        let rules = access.roster().charter().reads();
        for record in records {
            let kind = restricted_kind(record.kind());
            if let Some((kind, source)) =
                kind.and_then(|kind| Some((kind, rules.purpose_demanded(kind)?)))
            {
                let rule = format!(
                    "must say what the read is for: the charter demands it for every read of a record of \
                     the kind {} ({source})",
                    kind.as_str()
                );
                return Err(Error::field(PURPOSE_HEADER, rule));
            }
        }
        Ok(())
    }
}

fn restricted_kind(kind: RecordKind) -> Option<RestrictedKind> {
    match kind {
        RecordKind::Unspecified => None,
        RecordKind::Notification => Some(RestrictedKind::Notification),
        RecordKind::Alert => Some(RestrictedKind::Alert),
        RecordKind::Referral => Some(RestrictedKind::Referral),
        RecordKind::InformationRequest => Some(RestrictedKind::InformationRequest),
        RecordKind::AccountInformationRequest => Some(RestrictedKind::AccountInformationRequest),
    }
}

/// A restricted record that is about to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restricted {
    /// Its resource name.
    pub name: String,
    /// What it is.
    pub kind: RecordKind,
    /// Agencies, besides the reader's, whose auditors may know of the read.
    pub auditors: Vec<AgencyId>,
    /// Whether the auditor of the body above the mechanisms may not know of it. Of referrals and requests
    /// this goes without saying.
    pub is_confidential: bool,
}

impl From<&Restricted> for AccessedRecord {
    fn from(record: &Restricted) -> Self {
        Self {
            name: record.name.clone(),
            kind: record.kind.into(),
            auditors: record.auditors.iter().map(ToString::to_string).collect(),
            is_confidential: record.is_confidential,
        }
    }
}

impl Services {
    /// Records that the caller reads restricted records, and returns once that is durable. Nothing is
    /// recorded for none. It is to be called after everything that can refuse the read, and before
    /// anything of the contents is returned.
    ///
    /// # Errors
    /// A purpose that is missing where the charter demands one; else as
    /// [`crate::engine::Engine::submit`]: without a record there is no read.
    pub async fn record_reads(
        &self,
        access: &Access,
        permit: &Permit,
        method: &'static str,
        purpose: &Purpose,
        records: &[Restricted],
    ) -> Result<()> {
        let records: Vec<AccessedRecord> = records.iter().map(Into::into).collect();
        purpose.check(access, &records)?;
        self.record_accesses(access, permit, method, purpose, &records)
            .await
    }

    async fn record_accesses(
        &self,
        access: &Access,
        permit: &Permit,
        method: &'static str,
        purpose: &Purpose,
        records: &[AccessedRecord],
    ) -> Result<()> {
        if !decisions::is_recorded(method) {
            let what = format!("{method} shows restricted records, and is not known to");
            return Err(Error::internal(what));
        }
        for records in records.chunks(RECORDS_MAX) {
            let recorded = AccessRecorded {
                agency: access.agency().to_string(),
                officer: permit.officer().to_string(),
                role: permit.role().to_string(),
                method: method.into(),
                purpose: purpose.0.clone(),
                records: records.to_vec(),
            };
            let submission = Submission {
                permit: Permit::hub()?,
                peer: None,
                authored: None,
                method: audit::METHOD,
                request_ids: vec![],
                command: audit::Command { access: recorded }.into(),
            };
            let outcome = self.engine.submit_for(access.agency(), submission).await;
            self.metrics.reads.ended(records.len(), outcome.is_ok());
            outcome?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hub_core::purpose::PURPOSE_CHARACTERS_MAX;
    use tonic::metadata::MetadataValue;

    use super::*;

    fn of(bytes: &[u8]) -> Result<Purpose> {
        let mut request = Request::new(());
        let value = MetadataValue::from_bytes(bytes);
        request.metadata_mut().insert_bin(PURPOSE_HEADER, value);
        Purpose::of(&request)
    }

    #[test]
    fn a_purpose_is_text_of_one_line_and_a_bounded_length() {
        assert_eq!(Purpose::of(&Request::new(())).unwrap(), Purpose::default());
        assert_eq!(of("核查".as_bytes()).unwrap(), Purpose("核查".into()));
        assert_eq!(of(b"  ").unwrap(), Purpose::default(), "blanks say nothing");
        assert!(of("核".repeat(PURPOSE_CHARACTERS_MAX).as_bytes()).is_ok());
        let longer = "核".repeat(PURPOSE_CHARACTERS_MAX + 1);
        for bad in [longer.as_bytes(), b"a\nb", &[0xff]] {
            let refused = of(bad).unwrap_err();
            assert!(refused.to_string().contains(PURPOSE_HEADER), "{refused}");
        }
    }
}
