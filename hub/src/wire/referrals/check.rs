//! What the fields of a request must be.

use std::collections::BTreeSet;

use hub_core::{crypto::parse_digest, names::AgencyId, uscc::Uscc};
use hub_proto::{
    channels::Attachment,
    referrals::{Referral, ReferralResult},
};

use crate::{
    error::{Error, Result},
    wire::meetings::fields::Fields,
};

/// Longest title in characters.
pub(super) const TITLE_CHARACTERS_MAX: usize = 200;
/// Longest text of a referral, a result or added information in characters.
pub(super) const TEXT_CHARACTERS_MAX: usize = 4_000;
/// Longest question in characters.
pub(super) const QUESTION_CHARACTERS_MAX: usize = 2_000;
/// Longest reason, note or what is asked, in characters.
pub(super) const REASON_CHARACTERS_MAX: usize = 1_000;
/// Longest legal basis, source note or hint in characters.
pub(super) const NOTE_CHARACTERS_MAX: usize = 500;
/// Longest file reference in characters.
pub(super) const REFERENCE_CHARACTERS_MAX: usize = 100;
/// Longest name of an organisation in characters.
const NAME_CHARACTERS_MAX: usize = 200;
/// Most organisations of a referral.
pub(super) const ORGANIZATIONS_MAX: usize = 8;
/// Most documents of a referral or a result.
pub(super) const ATTACHMENTS_MAX: usize = 10;

const OUTPUT_ONLY: &str = "output-only fields must be empty";

/// Checks a referral that is to be sent or put in the place of a revision. The addressee of a correction
/// is left out, or the one that it has.
pub(super) fn referral(given: &Referral) -> Result<Option<AgencyId>> {
    let mut fields = Fields::default();
    let written = Referral {
        addressee: given.addressee.clone(),
        organizations: given.organizations.clone(),
        title: given.title.clone(),
        text: given.text.clone(),
        legal_basis: given.legal_basis.clone(),
        source_note: given.source_note.clone(),
        requested_action: given.requested_action.clone(),
        sender_reference: given.sender_reference.clone(),
        attachments: given.attachments.clone(),
        ..Referral::default()
    };
    fields.require(written == *given, "referral", OUTPUT_ONLY);
    let addressee = match given.addressee.as_str() {
        "" => None,
        name => {
            let agency = name
                .strip_prefix("agencies/")
                .and_then(|id| id.parse().ok());
            let rule = "must be agencies/{agency}";
            fields.require(agency.is_some(), "referral.addressee", rule);
            agency
        }
    };
    organizations(&mut fields, given);
    fields.line("referral.title", &given.title, 1, TITLE_CHARACTERS_MAX);
    for (field, text, max) in [
        ("referral.text", &given.text, TEXT_CHARACTERS_MAX),
        (
            "referral.legal_basis",
            &given.legal_basis,
            NOTE_CHARACTERS_MAX,
        ),
        (
            "referral.source_note",
            &given.source_note,
            NOTE_CHARACTERS_MAX,
        ),
        (
            "referral.requested_action",
            &given.requested_action,
            REASON_CHARACTERS_MAX,
        ),
    ] {
        fields.text(field, text, 1, max);
    }
    let reference = &given.sender_reference;
    let field = "referral.sender_reference";
    fields.line(field, reference, 0, REFERENCE_CHARACTERS_MAX);
    fields.documents("referral.attachments", &given.attachments, ATTACHMENTS_MAX);
    fields.finish()?;
    Ok(addressee)
}

fn organizations(fields: &mut Fields, given: &Referral) {
    let path = "referral.organizations";
    let count = given.organizations.len();
    let rule = format!("must be 1 to {ORGANIZATIONS_MAX} organisations");
    fields.require((1..=ORGANIZATIONS_MAX).contains(&count), path, rule);
    let mut seen = BTreeSet::new();
    let organizations = given.organizations.iter().take(ORGANIZATIONS_MAX);
    for (number, organization) in organizations.enumerate() {
        let field = format!("{path}[{number}].uscc");
        fields.parsed::<Uscc>(&field, &organization.uscc);
        let is_new = seen.insert(&organization.uscc);
        fields.require(is_new, &field, "must not be named twice");
        let field = format!("{path}[{number}].display_name");
        fields.line(&field, &organization.display_name, 1, NAME_CHARACTERS_MAX);
    }
}

/// Checks a result.
pub(super) fn result(given: &ReferralResult) -> Result<()> {
    let mut fields = Fields::default();
    let is_input = given.officer.is_empty() && given.fed_back_at.is_none();
    fields.require(is_input, "result", OUTPUT_ONLY);
    fields.text("result.text", &given.text, 1, TEXT_CHARACTERS_MAX);
    fields.documents("result.attachments", &given.attachments, ATTACHMENTS_MAX);
    fields.finish()
}

/// Checks a text that stands alone in a request.
pub(super) fn text(field: &str, text: &str, min: usize, max: usize) -> Result<()> {
    let mut fields = Fields::default();
    fields.text(field, text, min, max);
    fields.finish()
}

/// A revision, which counts from 1.
pub(super) fn revision(given: i32) -> Result<u32> {
    u32::try_from(given)
        .ok()
        .filter(|revision| *revision >= 1)
        .ok_or_else(|| Error::field("revision", "must be the revision that was read, from 1"))
}

/// The hashes of documents that were checked.
pub(super) fn hashes(attachments: &[Attachment]) -> Vec<hub_core::crypto::Digest> {
    let attachments = attachments.iter();
    attachments
        .filter_map(|one| parse_digest(&one.sha256))
        .collect()
}
