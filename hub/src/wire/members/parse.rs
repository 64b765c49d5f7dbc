//! Requests of the roster, parsed.

use hub_core::{
    crypto::{Digest, unhex},
    date,
    jwk::TokenJwk,
    names::{AgencyId, OfficerId, is_id},
};
use hub_proto::{
    common,
    members::{AddMembershipRequest, AppointLiaisonRequest, Rank, add_membership_request},
};
use jiff::civil::Date;

use crate::{
    charter::Period,
    domain::members::{AddMembership, AppointLiaison, Basis, roster::Roster},
    error::{Error, Result},
    identity::TokenKey,
    wire::{parse, parse_name, required_text},
};

/// A day, or the one given.
pub(super) fn day(wire: Option<&common::Date>, default: Date) -> Result<Date> {
    match wire {
        None => Ok(default),
        Some(wire) => date::from_wire(wire)
            .ok_or_else(|| Error::field("as_of_on", "must be a day of the calendar")),
    }
}

/// An agency as a parent; empty means the caller's.
pub(super) fn parent_agency(parent: &str, own: &AgencyId) -> Result<AgencyId> {
    if parent.is_empty() {
        Ok(own.clone())
    } else {
        parse_name("parent", "agencies", parent)
    }
}

pub(super) fn add_membership(
    roster: &Roster,
    request: &AddMembershipRequest,
) -> Result<AddMembership> {
    let agency: AgencyId = parse_name("agency", "agencies", &request.agency)?;
    if roster.charter().agency(&agency).is_none() {
        return Err(Error::field("agency", "must be an agency of the charter"));
    }
    let from_on = required_day("from_on", request.from_on.as_ref())?;
    let until_on = match &request.until_on {
        None => None,
        Some(wire) => Some(required_day("until_on", Some(wire))?),
    };
    if until_on.is_some_and(|until_on| until_on <= from_on) {
        return Err(Error::field("until_on", "must be after from_on"));
    }
    let basis = match &request.basis {
        Some(add_membership_request::Basis::CaseReference(case)) => {
            Basis::Case(required_text("case_reference", case, 100)?)
        }
        Some(add_membership_request::Basis::LeadingGroupDecision(number)) => {
            Basis::LeadingGroupDecision(parse("leading_group_decision", number)?)
        }
        None => {
            let rule = "case_reference (JE-014) or leading_group_decision (FS-013) must be set";
            return Err(Error::field("basis", rule));
        }
    };
    Ok(AddMembership {
        mechanism: parse_name("parent", "mechanisms", &request.parent)?,
        agency,
        period: Period {
            from_on: Some(from_on),
            until_on,
        },
        basis,
    })
}

pub(super) fn appoint_liaison(
    roster: &Roster,
    request: &AppointLiaisonRequest,
) -> Result<AppointLiaison> {
    let mechanism = parse_name("parent", "mechanisms", &request.parent)?;
    if roster.charter().mechanism(&mechanism).is_none() {
        return Err(Error::not_found(&request.parent));
    }
    let Some(liaison) = &request.liaison else {
        return Err(Error::field("liaison", "must be set"));
    };
    if liaison.until_on.is_some() {
        return Err(Error::field(
            "liaison.until_on",
            "must be empty: a term ends with the next one",
        ));
    }
    let rank = liaison.rank();
    if rank == Rank::Unspecified {
        return Err(Error::field(
            "liaison.rank",
            "must be RANK_DIVISION or RANK_OTHER",
        ));
    }
    let rank_override_reason = match liaison.rank_override_reason.as_str() {
        "" => String::new(),
        text => required_text("liaison.rank_override_reason", text, 500)?,
    };
    let replaces: Option<OfficerId> = match request.replaces.as_str() {
        "" => None,
        officer => Some(parse("replaces", officer)?),
    };
    Ok(AppointLiaison {
        mechanism,
        officer: parse("liaison.officer", &liaison.officer)?,
        display_name: required_text("liaison.display_name", &liaison.display_name, 50)?,
        rank,
        rank_override_reason,
        from_on: required_day("liaison.from_on", liaison.from_on.as_ref())?,
        replaces,
    })
}

fn required_day(field: &str, wire: Option<&common::Date>) -> Result<Date> {
    wire.and_then(date::from_wire)
        .ok_or_else(|| Error::field(field, "must be set to a day of the calendar"))
}

/// `agencies/{agency}/nodes/{node}/certificates/{sha256}`.
pub(super) fn node_name(name: &str) -> Result<(AgencyId, Digest)> {
    let rule = "must be agencies/{agency}/nodes/{node}/certificates/{sha256 in hex}";
    let parts: Vec<&str> = name.split('/').collect();
    let ["agencies", agency, "nodes", node, "certificates", hex] = *parts.as_slice() else {
        return Err(Error::field("name", rule));
    };
    let fingerprint = unhex(hex).and_then(|bytes| Digest::try_from(bytes).ok());
    match (agency.parse(), is_id(node), fingerprint) {
        (Ok(agency), true, Some(fingerprint)) => Ok((agency, fingerprint)),
        _ => Err(Error::field("name", rule)),
    }
}

/// `agencies/{agency}/tokenKeys/{kid}`.
pub(super) fn token_key_name(name: &str) -> Result<(AgencyId, String)> {
    let rule = "must be agencies/{agency}/tokenKeys/{kid}";
    let parts: Vec<&str> = name.split('/').collect();
    match *parts.as_slice() {
        ["agencies", agency, "tokenKeys", kid] if !kid.is_empty() && kid.len() <= 64 => {
            let agency = agency.parse().map_err(|_| Error::field("name", rule))?;
            Ok((agency, kid.to_owned()))
        }
        _ => Err(Error::field("name", rule)),
    }
}

/// Checks a public JWK and returns its `kid`.
pub(super) fn jwk(text: &str) -> Result<String> {
    let jwk = TokenJwk::parse(text).map_err(|rule| Error::field("jwk", rule.to_string()))?;
    TokenKey::new(&jwk).map_err(|rule| Error::field("jwk", rule.to_string()))?;
    Ok(jwk.kid().to_owned())
}
