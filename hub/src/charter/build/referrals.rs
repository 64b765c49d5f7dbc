//! Referrals: bounded times, routes between agencies that are declared.

use std::collections::BTreeMap;

use hub_core::names::AgencyId;
use jiff::SignedDuration;
use toml::Spanned;

use super::{Checker, Known};
use crate::charter::{
    ReferralRules,
    raw::{RawReferralRoute, RawReferrals},
    referrals::{HOURS_MAX, ROUTES_MAX},
};

/// Builds the settings for referrals; the default when the charter says nothing.
pub(super) fn referrals(
    raw: Option<&Spanned<RawReferrals>>,
    known: &Known,
    check: &mut Checker,
) -> ReferralRules {
    let default = ReferralRules::default();
    let Some(raw) = raw.map(Spanned::get_ref) else {
        return default;
    };
    check.text(&raw.source, "referrals.source");
    let mut hours = |at: &Option<Spanned<u16>>, field: &str, default: SignedDuration| match at {
        Some(at) => hours(at, &format!("referrals.{field}"), check),
        None => default,
    };
    let acknowledge = hours(
        &raw.acknowledge_hours,
        "acknowledge_hours",
        default.acknowledge,
    );
    let answer = hours(&raw.answer_hours, "answer_hours", default.answer);
    let result = hours(&raw.result_hours, "result_hours", default.result);
    ReferralRules {
        acknowledge,
        answer,
        result,
        routes: routes(&raw.routes, known, check),
    }
}

fn hours(at: &Spanned<u16>, path: &str, check: &mut Checker) -> SignedDuration {
    if !(1..=HOURS_MAX).contains(at.get_ref()) {
        check.report(
            at.span(),
            path,
            format!("must be 1 to {HOURS_MAX} hours"),
            "name hours, such as 168 for seven days",
        );
    }
    SignedDuration::from_hours(i64::from(*at.get_ref()))
}

fn routes(
    raw: &[Spanned<RawReferralRoute>],
    known: &Known,
    check: &mut Checker,
) -> BTreeMap<AgencyId, Vec<AgencyId>> {
    if let Some(first) = raw.first() {
        check.at_most(first.span(), "referrals.routes", raw.len(), ROUTES_MAX);
    }
    let mut routes = BTreeMap::new();
    for (place, row) in raw.iter().take(ROUTES_MAX).enumerate() {
        let path = format!("referrals.routes[{place}]");
        let raw = row.get_ref();
        let from: Option<AgencyId> = check.known(
            &raw.from,
            &format!("{path}.from"),
            &known.agencies,
            "agencies",
        );
        let to_path = format!("{path}.to");
        check.at_most(raw.to.span(), &to_path, raw.to.get_ref().len(), ROUTES_MAX);
        let mut to: Vec<AgencyId> = vec![];
        for (place, at) in raw.to.get_ref().iter().take(ROUTES_MAX).enumerate() {
            let path = format!("{to_path}[{place}]");
            let agency: Option<AgencyId> = check.known(at, &path, &known.agencies, "agencies");
            let Some(agency) = agency else { continue };
            if Some(&agency) == from.as_ref() {
                check.report(
                    at.span(),
                    path,
                    "a unit cannot refer to itself",
                    "take it out",
                );
            }
            to.push(agency);
        }
        let Some(from) = from else { continue };
        if routes.insert(from, to).is_some() {
            check.report(
                raw.from.span(),
                format!("{path}.from"),
                format!("{:?} has a route already", raw.from.get_ref()),
                "name all units of one sender in one row",
            );
        }
    }
    routes
}
