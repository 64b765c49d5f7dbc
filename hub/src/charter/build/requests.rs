//! Information requests: the deadlines that they need, a provider of account information, and somebody who
//! can make, approve and answer them.

use hub_core::{names::AgencyId, workdays::Counting};
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    Charter,
    action::Action,
    raw::{RawFile, RawRequests},
    reference::{BasisKind, Deadline, LegalBasis, TimeUnit},
    requests::{DEADLINES, RequestRules, VALIDITY_DAYS_MAX},
};

/// Builds the settings for information requests; without the section there are none.
pub(super) fn requests(
    raw: Option<&Spanned<RawRequests>>,
    deadlines: &[Deadline],
    known: &Known,
    check: &mut Checker,
) -> Option<RequestRules> {
    let at = raw?;
    let raw = at.get_ref();
    check.text(&raw.source, "requests.source");
    let counting = match &raw.counting {
        None => Some(Counting::Strict),
        Some(at) => check.choice(
            at,
            "requests.counting",
            &[
                ("strict", Counting::Strict),
                ("first_day_counts", Counting::FirstDayCounts),
            ],
        ),
    };
    if !(1..=VALIDITY_DAYS_MAX).contains(raw.validity_days_max.get_ref()) {
        check.report(
            raw.validity_days_max.span(),
            "requests.validity_days_max",
            format!("must be 1 to {VALIDITY_DAYS_MAX} days"),
            "name days, such as 366 for a year",
        );
    }
    let account_provider: Option<AgencyId> = raw
        .account_provider
        .as_ref()
        .and_then(|at| check.known(at, "requests.account_provider", &known.agencies, "agencies"));
    let mut found = DEADLINES
        .map(|id| deadline(at, id, deadlines, check))
        .into_iter();
    let mut next = || found.next().flatten();
    let (unconditional, conditional) = (next(), next());
    let (delivery, correction) = (next(), next());
    if conditional
        .as_ref()
        .is_some_and(|one| one.extension_amount.is_none())
    {
        check.report(
            at.span(),
            "requests",
            "the deadline \"answer_conditional\" must have an extension_amount (Order 809 art. 21)",
            "say in [[deadlines]] by how many working days it may be extended",
        );
    }
    Some(RequestRules {
        counting: counting?,
        account_provider,
        validity_days_max: *raw.validity_days_max.get_ref(),
        answer_unconditional: unconditional?,
        answer_conditional: conditional?,
        delivery: delivery?,
        correction_answer: correction?,
    })
}

/// A row of `[[deadlines]]` that requests need.
fn deadline(
    section: &Spanned<RawRequests>,
    id: &str,
    deadlines: &[Deadline],
    check: &mut Checker,
) -> Option<Deadline> {
    let found = deadlines.iter().find(|one| one.id == id);
    let found = found.filter(|one| one.unit == TimeUnit::WorkingDay);
    if found.is_none() {
        check.report(
            section.span(),
            "requests",
            format!("there must be a deadline {id:?} in working days"),
            format!(
                "add it to [[deadlines]]: requests need {}",
                DEADLINES.join(", ")
            ),
        );
    }
    found.cloned()
}

/// With the section, somebody must be able to make, to approve and to answer requests; and legal bases for
/// account information need an agency that is asked.
pub(super) fn can_be_used(raw: &RawFile, charter: &Charter, check: &mut Checker) {
    let (Some(at), Some(rules)) = (&raw.requests, charter.requests()) else {
        return;
    };
    for action in [
        Action::RequestsMake,
        Action::RequestsApprove,
        Action::RequestsAnswer,
    ] {
        if !charter.roles().iter().any(|role| role.grants(action)) {
            check.report(
                at.span(),
                "requests",
                format!("no role grants {action}, so that no request could be carried through"),
                format!("grant {action} to a role, or take [requests] out"),
            );
        }
    }
    let is_account = |basis: &LegalBasis| basis.kind == BasisKind::AccountInformation;
    if charter.legal_bases().iter().any(is_account) && rules.account_provider().is_none() {
        check.report(
            at.span(),
            "requests.account_provider",
            "must name the agency that is asked for account information: there are legal bases for it (FS-053)",
            "name the central-bank branch",
        );
    }
}
