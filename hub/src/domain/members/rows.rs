//! The roster's rows, and how events change them.

use hub_core::{crypto::sha256, date};
use hub_proto::{
    common,
    members::{
        Liaison, LiaisonAppointed, MembershipAdded, NodeEnrolled, NodeRevoked, TokenKeyEnrolled,
        TokenKeyRevoked,
    },
};

use crate::{
    charter::Period,
    domain::EntryMeta,
    error::Result,
    state::{
        keys,
        view::{Overlay, ViewExt as _},
    },
};

/// Terms of an agency that was added to a mechanism.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MembershipRow {
    /// In the order of their addition.
    #[prost(message, repeated, tag = "1")]
    pub terms: Vec<TermRow>,
}

/// One term.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TermRow {
    /// First day.
    #[prost(message, optional, tag = "1")]
    pub from_on: Option<common::Date>,
    /// First day after it, or nothing.
    #[prost(message, optional, tag = "2")]
    pub until_on: Option<common::Date>,
    /// What it rests on.
    #[prost(string, tag = "3")]
    pub basis: String,
}

impl TermRow {
    /// Its days.
    #[must_use]
    pub fn period(&self) -> Period {
        period(self.from_on.as_ref(), self.until_on.as_ref())
    }
}

/// Liaisons of a unit in a mechanism, oldest first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LiaisonRow {
    /// Their terms, without overlap.
    #[prost(message, repeated, tag = "1")]
    pub terms: Vec<Liaison>,
}

/// Days of a liaison's term.
#[must_use]
pub fn liaison_period(liaison: &Liaison) -> Period {
    period(liaison.from_on.as_ref(), liaison.until_on.as_ref())
}

/// A certificate.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeRow {
    /// Whose.
    #[prost(string, tag = "1")]
    pub agency: String,
    /// Which node.
    #[prost(string, tag = "2")]
    pub node: String,
    /// DER.
    #[prost(bytes = "bytes", tag = "3")]
    pub certificate: bytes::Bytes,
    /// Microseconds.
    #[prost(int64, tag = "4")]
    pub enrolled_at_us: i64,
    /// Microseconds; 0 while it is good.
    #[prost(int64, tag = "5")]
    pub revoked_at_us: i64,
    /// Why it was revoked.
    #[prost(string, tag = "6")]
    pub revocation_reason: String,
}

/// A token key.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TokenKeyRow {
    /// Whose.
    #[prost(string, tag = "1")]
    pub agency: String,
    /// Key id.
    #[prost(string, tag = "2")]
    pub kid: String,
    /// Public JWK as JSON.
    #[prost(string, tag = "3")]
    pub jwk: String,
    /// Microseconds.
    #[prost(int64, tag = "4")]
    pub enrolled_at_us: i64,
    /// Microseconds; 0 while it is good.
    #[prost(int64, tag = "5")]
    pub revoked_at_us: i64,
    /// Why it was revoked.
    #[prost(string, tag = "6")]
    pub revocation_reason: String,
}

fn period(from_on: Option<&common::Date>, until_on: Option<&common::Date>) -> Period {
    Period {
        from_on: from_on.and_then(date::from_wire),
        until_on: until_on.and_then(date::from_wire),
    }
}

pub(super) fn add_membership(rows: &mut Overlay<'_>, event: &MembershipAdded) -> Result<()> {
    let (Ok(mechanism), Ok(agency)) = (event.mechanism.parse(), event.agency.parse()) else {
        return Ok(());
    };
    let key = keys::membership(&mechanism, &agency);
    let mut row: MembershipRow = rows.message(&key)?.unwrap_or_default();
    row.terms.push(TermRow {
        from_on: event.from_on,
        until_on: event.until_on,
        basis: event.basis.clone(),
    });
    rows.put_message(key, &row);
    Ok(())
}

/// A running term ends where the new one begins (JE-028). Terms that have not begun by then are void:
/// they were never in force, so nothing of the past changes, and a row grows by one term a day at the
/// most.
pub(super) fn appoint_liaison(rows: &mut Overlay<'_>, event: &LiaisonAppointed) -> Result<()> {
    let (Ok(mechanism), Ok(agency)) = (event.mechanism.parse(), event.agency.parse()) else {
        return Ok(());
    };
    let Some(liaison) = &event.liaison else {
        return Ok(());
    };
    let key = keys::liaison(&mechanism, &agency);
    let mut row: LiaisonRow = rows.message(&key)?.unwrap_or_default();
    let from_on = liaison_period(liaison).from_on;
    row.terms
        .retain(|term| liaison_period(term).from_on < from_on);
    for term in &mut row.terms {
        let until_on = liaison_period(term).until_on;
        if until_on.is_none_or(|until_on| Some(until_on) > from_on) {
            term.until_on = liaison.from_on;
        }
    }
    row.terms.push(liaison.clone());
    rows.put_message(key, &row);
    Ok(())
}

pub(super) fn enroll_node(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &NodeEnrolled) {
    let row = NodeRow {
        agency: event.agency.clone(),
        node: event.node.clone(),
        certificate: event.certificate.clone(),
        enrolled_at_us: entry.recorded_at.as_microsecond(),
        ..NodeRow::default()
    };
    rows.put_message(keys::node(&sha256(&[&event.certificate])), &row);
}

pub(super) fn revoke_node(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &NodeRevoked,
) -> Result<()> {
    let Ok(fingerprint) = <[u8; 32]>::try_from(&*event.certificate_sha256) else {
        return Ok(());
    };
    let key = keys::node(&fingerprint);
    let Some(mut row) = rows.message::<NodeRow>(&key)? else {
        return Ok(());
    };
    row.revoked_at_us = entry.recorded_at.as_microsecond();
    row.revocation_reason.clone_from(&event.reason);
    rows.put_message(key, &row);
    Ok(())
}

pub(super) fn enroll_key(rows: &mut Overlay<'_>, entry: &EntryMeta<'_>, event: &TokenKeyEnrolled) {
    let Ok(agency) = event.agency.parse() else {
        return;
    };
    let row = TokenKeyRow {
        agency: event.agency.clone(),
        kid: event.kid.clone(),
        jwk: event.jwk.clone(),
        enrolled_at_us: entry.recorded_at.as_microsecond(),
        ..TokenKeyRow::default()
    };
    rows.put_message(keys::token_key(&agency, &event.kid), &row);
}

pub(super) fn revoke_key(
    rows: &mut Overlay<'_>,
    entry: &EntryMeta<'_>,
    event: &TokenKeyRevoked,
) -> Result<()> {
    let Ok(agency) = event.agency.parse() else {
        return Ok(());
    };
    let key = keys::token_key(&agency, &event.kid);
    let Some(mut row) = rows.message::<TokenKeyRow>(&key)? else {
        return Ok(());
    };
    row.revoked_at_us = entry.recorded_at.as_microsecond();
    row.revocation_reason.clone_from(&event.reason);
    rows.put_message(key, &row);
    Ok(())
}
