//! The roster as callers see it, as of a day.

use hub_core::{
    crypto::sha256,
    date,
    names::{AgencyId, MechanismId, RoleId},
};
use hub_proto::members::{
    Agency, DatedName, Director, Duty, Mechanism, Membership, MembershipRole, Node, TokenKey,
    WhoAmIResponse,
};
use jiff::{Timestamp, civil::Date};

use crate::{
    authz::Access,
    charter::{self, MemberRole},
    domain::members::{
        roster::Roster,
        rows::{NodeRow, TokenKeyRow},
    },
    error::{Error, Result},
};

pub(super) fn who_am_i(access: &Access) -> Result<WhoAmIResponse> {
    let roster = access.roster();
    let own = roster.charter().agency(access.agency());
    let own = own.ok_or_else(|| Error::internal("the caller's agency is not in the charter"))?;
    let caller = access.caller();
    Ok(WhoAmIResponse {
        agency: Some(agency(own, access.day())),
        node: caller.peer.node.to_string(),
        officer: caller.officer.to_string(),
        roles: access.roles().iter().map(RoleId::to_string).collect(),
        mechanisms: roster
            .mechanisms_of(access.agency(), access.day())
            .map(|id| format!("mechanisms/{id}"))
            .collect(),
        token_expires_at: Some(date::timestamp(caller.token_expires_at)),
        certificate_expires_at: Some(date::timestamp(caller.peer.not_after_at)),
    })
}

pub(super) fn agency(agency: &charter::Agency, on: Date) -> Agency {
    Agency {
        name: format!("agencies/{}", agency.id()),
        display_name: agency.name_on(on).to_owned(),
        display_name_en: agency.name_en().to_owned(),
        aliases: agency.aliases().to_vec(),
        names: agency
            .names()
            .iter()
            .map(|dated| DatedName {
                display_name: dated.name.clone(),
                from_on: dated.period.from_on.map(date::to_wire),
                until_on: dated.period.until_on.map(date::to_wire),
            })
            .collect(),
    }
}

pub(super) fn mechanism(roster: &Roster, mechanism: &charter::Mechanism, on: Date) -> Mechanism {
    let members = roster.members(mechanism.id(), on).len();
    Mechanism {
        name: format!("mechanisms/{}", mechanism.id()),
        display_name: mechanism.name().to_owned(),
        display_name_en: mechanism.name_en().to_owned(),
        document_number: mechanism.document_number().to_string(),
        parent_body: format!("agencies/{}", mechanism.parent_body()),
        lead_unit: format!("agencies/{}", mechanism.lead()),
        office: format!("mechanisms/{}/office", mechanism.id()),
        office_names: mechanism.office().names.clone(),
        office_host: format!("agencies/{}", mechanism.office().host),
        member_count: i32::try_from(members).unwrap_or(i32::MAX),
        office_director_post: mechanism.office().director_post.clone(),
        office_director: mechanism.office().director_on(on).map(director),
    }
}

fn director(director: &charter::Director) -> Director {
    Director {
        agency: format!("agencies/{}", director.agency),
        officer: director.officer.to_string(),
        display_name: director.display_name.clone(),
        post: director.post.clone(),
        from_on: director.period.from_on.map(date::to_wire),
        until_on: director.period.until_on.map(date::to_wire),
    }
}

pub(super) fn memberships(
    roster: &Roster,
    mechanism: &MechanismId,
    on: Date,
) -> Result<Vec<Membership>> {
    let Some(found) = roster.charter().mechanism(mechanism) else {
        return Err(Error::not_found(&format!("mechanisms/{mechanism}")));
    };
    let duties = |agency: &AgencyId| {
        let duties = found.duties_of(agency);
        let shown = duties.map(|one| Duty {
            duty: one.duty.clone(),
            source: one.source.clone(),
        });
        shown.collect()
    };
    let members = roster.members(mechanism, on);
    Ok(members
        .into_iter()
        .zip(1..)
        .map(|(member, ordinal)| Membership {
            name: format!("mechanisms/{mechanism}/memberships/{}", member.agency),
            agency: roster
                .charter()
                .agency(&member.agency)
                .map(|found| agency(found, on)),
            role: match member.role {
                MemberRole::Lead => MembershipRole::Lead.into(),
                MemberRole::Member => MembershipRole::Member.into(),
            },
            from_on: member.period.from_on.map(date::to_wire),
            until_on: member.period.until_on.map(date::to_wire),
            basis: member.basis.clone(),
            liaison: roster.liaison(mechanism, &member.agency, on).cloned(),
            ordinal,
            duties: duties(&member.agency),
        })
        .collect())
}

pub(super) fn node(row: &NodeRow) -> Node {
    let fingerprint = sha256(&[&row.certificate]);
    let (not_before_at, not_after_at) = validity(&row.certificate);
    Node {
        name: format!(
            "agencies/{}/nodes/{}/certificates/{}",
            row.agency,
            row.node,
            hub_core::crypto::hex(&fingerprint)
        ),
        certificate_sha256: fingerprint.to_vec().into(),
        certificate: row.certificate.clone(),
        not_before_at,
        not_after_at,
        enrolled_at: instant(row.enrolled_at_us),
        revoked_at: instant(row.revoked_at_us),
        revocation_reason: row.revocation_reason.clone(),
    }
}

type Validity = (
    Option<prost_types::Timestamp>,
    Option<prost_types::Timestamp>,
);

fn validity(certificate: &[u8]) -> Validity {
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(certificate) else {
        return (None, None);
    };
    let wire = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp())
            .ok()
            .map(date::timestamp)
    };
    (
        wire(certificate.validity().not_before),
        wire(certificate.validity().not_after),
    )
}

pub(super) fn token_key(row: &TokenKeyRow) -> TokenKey {
    TokenKey {
        name: format!("agencies/{}/tokenKeys/{}", row.agency, row.kid),
        jwk: row.jwk.clone(),
        enrolled_at: instant(row.enrolled_at_us),
        revoked_at: instant(row.revoked_at_us),
        revocation_reason: row.revocation_reason.clone(),
    }
}

/// An instant of a row; 0 means none.
fn instant(us: i64) -> Option<prost_types::Timestamp> {
    (us != 0)
        .then(|| Timestamp::from_microsecond(us).ok().map(date::timestamp))
        .flatten()
}
