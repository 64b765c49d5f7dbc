//! The end of an alert: closed by whoever coordinates it, or taken back by who raised it.

use std::collections::BTreeMap;

use hub_core::names::{AgencyId, OfficerId, Recipient};
use hub_proto::{
    channels::RequestedAction,
    funds::{
        AlertAction, AlertClosed, AlertRetracted, AlertState, ClosingOutcome, FindingKind,
        Severity, funds_event::Kind,
    },
    ledger::Event,
};

use super::{
    Case, event,
    raise::{acknowledge_by, reviewing_units, to_review},
    refused, require_open,
    rows::AlertRow,
    told,
};
use crate::{
    domain::channels::Issue,
    error::{Error, Result},
};

/// What an alert comes to by the findings that stand: of each unit the last one on the revision in force.
/// Nothing while there is none, unless every unit said that it does nothing.
#[must_use]
pub fn outcome(row: &AlertRow) -> Option<ClosingOutcome> {
    let revision = row.revision();
    let standing: BTreeMap<&str, FindingKind> = row
        .findings
        .iter()
        .filter(|one| one.revision == revision)
        .map(|one| (one.unit.as_str(), one.kind()))
        .collect();
    let has = |kind| standing.values().any(|one| *one == kind);
    if has(FindingKind::Substantiated) {
        return Some(ClosingOutcome::Substantiated);
    }
    if has(FindingKind::Referred) {
        return Some(ClosingOutcome::Referred);
    }
    if has(FindingKind::Unsubstantiated) {
        return Some(ClosingOutcome::Unsubstantiated);
    }
    let does_nothing = row
        .units
        .iter()
        .all(|unit| unit.acknowledged.is_some() && unit.action() == AlertAction::NoAction);
    does_nothing.then_some(ClosingOutcome::NoAction)
}

/// Whether an alert that came to this is sealed after a time.
#[must_use]
pub fn is_for_a_time(outcome: ClosingOutcome) -> bool {
    matches!(
        outcome,
        ClosingOutcome::Unsubstantiated | ClosingOutcome::NoAction
    )
}

pub(super) fn close(
    case: &Case<'_>,
    by: &Recipient,
    reviewer_agency: &AgencyId,
    reviewer: &OfficerId,
) -> Result<Vec<Event>> {
    let (name, row) = (case.name, case.row);
    require_open(name, row)?;
    check_reviewer(case, reviewer_agency, reviewer)?;
    let pending = row.pending_measures().count();
    if pending > 0 {
        return Err(refused(format!(
            "{name} has {pending} measures that are open or await review"
        )));
    }
    let outcome = outcome(row).ok_or_else(|| {
        refused(format!(
            "{name} has no finding on revision {}, and not every unit said that it does nothing",
            row.revision()
        ))
    })?;
    let closed = event(Kind::AlertClosed(AlertClosed {
        alert: name.0.as_bytes().to_vec().into(),
        outcome: outcome.into(),
    }));
    let came_to = match outcome {
        ClosingOutcome::Substantiated => "属实",
        ClosingOutcome::Referred => "转其他程序办理",
        ClosingOutcome::Unsubstantiated => "不属实",
        ClosingOutcome::NoAction | ClosingOutcome::Unspecified => "不采取措施",
    };
    let own = case.name_of(by);
    let notice = case.notice("资金预警办结", &[("办结", &own), ("结果", came_to)]);
    let told = Issue::new(told::others(row, by), notice);
    case.with(closed, &[told])
}

/// Somebody else has looked at it: of the office, the raising agency or a unit.
fn check_reviewer(case: &Case<'_>, agency: &AgencyId, reviewer: &OfficerId) -> Result<()> {
    let mechanism = case.row.mechanism.parse().ok();
    let mechanism = mechanism.and_then(|id| case.context.charter.mechanism(&id));
    let is_host = mechanism.is_some_and(|found| found.office().host == *agency)
        && case.row.is_office_included;
    let is_able = is_host || case.row.unit(agency).is_some() || case.row.agency == agency.as_str();
    if !is_able {
        let rule = "must be the office's host, the raising agency or a unit of the alert";
        return Err(Error::field("closing.reviewer_agency", rule));
    }
    if agency == case.permit.agency() && reviewer == case.permit.officer() {
        let rule = "must be another officer than the one who closes it";
        return Err(Error::field("closing.reviewer", rule));
    }
    Ok(())
}

pub(super) fn retract(case: &Case<'_>) -> Result<Vec<Event>> {
    let (name, row) = (case.name, case.row);
    if row.state() == AlertState::Retracted {
        return Err(refused(format!("{name} is RETRACTED already")));
    }
    let severity = row
        .facts
        .as_ref()
        .map_or(Severity::Routine, |facts| facts.severity());
    let by = acknowledge_by(case.context, severity)?;
    let reviewing = reviewing_units(row);
    let units: Vec<Recipient> = row.unit_ids().into_iter().map(Recipient::Agency).collect();
    let own = case.own_name();
    let by_text = told::instant(case.context, by);
    let lines = [
        ("发布单位", own.as_str()),
        ("确认时限", by_text.as_str()),
        ("办理要求", "该预警已撤回，请查阅并确认"),
    ];
    let notice = case.notice("资金预警撤回", &lines);
    let office = row.office().map(Recipient::Office);
    let addressees = units.iter().cloned().chain(office).collect();
    let action = RequestedAction::HandleAlert;
    let mut issues = vec![told::asking(
        case.context,
        addressees,
        notice,
        (&units, action),
        by,
    )];
    issues.extend(to_review(case, &reviewing, by));
    let retracted = event(Kind::AlertRetracted(AlertRetracted {
        alert: name.0.as_bytes().to_vec().into(),
        revision: row.revision().saturating_add(1),
        acknowledge_by_us: by.as_microsecond(),
        reviewing_units: reviewing.iter().map(ToString::to_string).collect(),
    }));
    case.with(retracted, &issues)
}
