//! Fund alerts: bounded times, bands and currencies that there are, and somebody who can raise and
//! coordinate.

use std::{collections::BTreeSet, ops::Range};

use hub_core::names::MechanismId;
use jiff::SignedDuration;
use toml::Spanned;

use super::{Checker, Known, follow_up, reference};
use crate::charter::{
    Charter,
    action::Action,
    fund::{AMOUNT_BANDS_MAX, AmountBand, CURRENCY_CHARACTERS, FundRules, HOURS_MAX},
    raw::{RawAmountBand, RawFile, RawFund, Text},
};

/// Builds the settings for fund alerts; without the section there are none.
pub(super) fn fund(
    raw: Option<&Spanned<RawFund>>,
    known: &Known,
    check: &mut Checker,
) -> Option<FundRules> {
    let raw = raw?.get_ref();
    check.text(&raw.source, "fund.source");
    let mechanism: Option<MechanismId> = check.known(
        &raw.mechanism,
        "fund.mechanism",
        &known.mechanisms,
        "mechanisms",
    );
    let emergency = hours(&raw.emergency_hours, "fund.emergency_hours", check);
    let acknowledge = hours(&raw.acknowledge_hours, "fund.acknowledge_hours", check);
    if emergency > acknowledge {
        check.report(
            raw.emergency_hours.span(),
            "fund.emergency_hours",
            "must be at most acknowledge_hours: an emergency is no slower than the rest (FS-023)",
            "name fewer hours for an emergency",
        );
    }
    Some(FundRules {
        emergency,
        acknowledge,
        sign: hours(&raw.sign_hours, "fund.sign_hours", check),
        is_naming_allowed: raw.is_naming_allowed,
        is_office_told_of_named: raw.is_office_told_of_named,
        unsubstantiated_retention_months: follow_up::months(
            &raw.unsubstantiated_retention_months,
            "fund.unsubstantiated_retention_months",
            check,
        ),
        currencies: currencies(&raw.currencies, check),
        amount_bands: amount_bands(&raw.amount_bands, check),
        mechanism: mechanism?,
    })
}

fn hours(at: &Spanned<u16>, path: &str, check: &mut Checker) -> SignedDuration {
    if !(1..=HOURS_MAX).contains(at.get_ref()) {
        check.report(
            at.span(),
            path,
            format!("must be 1 to {HOURS_MAX} hours"),
            "name hours, such as 72 for three days",
        );
    }
    SignedDuration::from_hours(i64::from(*at.get_ref()))
}

fn not_empty(span: Range<usize>, path: &str, count: usize, check: &mut Checker) {
    if count == 0 {
        check.report(
            span,
            path,
            "there must be at least one: every alert names one",
            "list those that alerts may name",
        );
    }
}

fn currencies(raw: &Spanned<Vec<Text>>, check: &mut Checker) -> Vec<String> {
    let path = "fund.currencies";
    not_empty(raw.span(), path, raw.get_ref().len(), check);
    check.list(raw.get_ref(), path, |check, at, path| {
        let code = at.get_ref();
        let is_code =
            code.len() == CURRENCY_CHARACTERS && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if !is_code {
            check.report(
                at.span(),
                path,
                format!("{code:?} is no currency code of three capital letters (ISO 4217)"),
                "write a code such as CNY",
            );
        }
        is_code.then(|| code.clone())
    })
}

fn amount_bands(
    raw: &Spanned<Vec<Spanned<RawAmountBand>>>,
    check: &mut Checker,
) -> Vec<AmountBand> {
    let path = "fund.amount_bands";
    let rows = raw.get_ref();
    not_empty(raw.span(), path, rows.len(), check);
    check.at_most(raw.span(), path, rows.len(), AMOUNT_BANDS_MAX);
    reference::ids(path, rows.iter().map(|row| &row.get_ref().id), check);
    let mut names = BTreeSet::new();
    let mut bands = vec![];
    for (place, row) in rows.iter().take(AMOUNT_BANDS_MAX).enumerate() {
        let raw = row.get_ref();
        let name = check.text(&raw.name, &format!("{path}[{place}].name"));
        let name_en = check.text(&raw.name_en, &format!("{path}[{place}].name_en"));
        if !names.insert(raw.name.get_ref()) {
            check.report(
                raw.name.span(),
                format!("{path}[{place}].name"),
                format!("{:?} is the name of two bands", raw.name.get_ref()),
                "give each band a name of its own",
            );
        }
        bands.extend(name.zip(name_en).map(|(name, name_en)| AmountBand {
            id: raw.id.get_ref().clone(),
            name,
            name_en,
        }));
    }
    bands
}

/// Alerts can be raised, by a member, and coordinated; there is an indicator to state.
pub(super) fn can_be_used(raw: &RawFile, charter: &Charter, check: &mut Checker) {
    let (Some(raw), Some(fund)) = (&raw.fund, charter.fund()) else {
        return;
    };
    let span = raw.get_ref().mechanism.span();
    let Some(mechanism) = charter.mechanism(fund.mechanism()) else {
        return;
    };
    let mut report = |rule: String, hint: &str| {
        check.report(span.clone(), "fund.mechanism", rule, hint);
    };
    let id = mechanism.id();
    let is_raised = charter.roles().iter().any(|role| {
        let members = mechanism.members().iter();
        role.grants(Action::AlertsRaise)
            && members
                .clone()
                .any(|member| role.is_granted_to(&member.agency))
    });
    if !is_raised {
        report(
            format!("no role of a member of {id} can raise an alert (FS-054)"),
            "give a role of the central-bank branch the grant alerts.raise",
        );
    }
    let host = &mechanism.office().host;
    let is_coordinated = charter
        .roles()
        .iter()
        .any(|role| role.grants(Action::AlertsCoordinate) && role.is_granted_to(host));
    if !is_coordinated {
        report(
            format!("no role of {host} can coordinate alerts for the office of {id}"),
            "give a role of the office's host the grant alerts.coordinate",
        );
    }
    if charter.alert_indicators().is_empty() {
        report(
            "there is no alert indicator, and every alert states one".to_owned(),
            "add an [[alert_indicators]] table",
        );
    }
}
