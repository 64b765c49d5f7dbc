//! Raising an alert and correcting it.

use hub_core::{
    names::{AgencyId, AlertName, MechanismId, Recipient},
    reason::Reason,
};
use hub_proto::{
    channels::RequestedAction,
    funds::{AlertCorrected, AlertRaised, AlertState, MeasureState, Severity, funds_event::Kind},
    ledger::Event,
};
use jiff::{Timestamp, civil::Date};

use super::{
    Case, REVISIONS_MAX, changeable, check_room, content::Content, event, refused, require_fewer,
    require_revision, rows::AlertRow, told,
};
use crate::{
    authz::Permit,
    charter::FundRules,
    domain::{
        Context,
        channels::{self, Issue},
        members::roster::Roster,
    },
    error::{Error, Result, Violation},
    state::{
        keys,
        view::{Overlay, View as _},
    },
};

/// An alert that is raised.
#[derive(Debug, Clone)]
pub struct Raise {
    /// Its name.
    pub alert: AlertName,
    /// What it says.
    pub content: Content,
}

/// An alert as it ought to be.
#[derive(Debug, Clone)]
pub struct Correct {
    /// Which.
    pub alert: AlertName,
    /// The revision that is corrected.
    pub revision: u32,
    /// What it says now.
    pub content: Content,
}

/// The units that an alert goes to: all members of the mechanism but its author, or those that it names.
///
/// # Errors
/// The fields that break a rule.
pub fn circulation(
    roster: &Roster,
    fund: &FundRules,
    today: Date,
    author: &AgencyId,
    content: &Content,
) -> Result<Vec<AgencyId>> {
    let mut members: Vec<AgencyId> = vec![];
    for member in roster.members(fund.mechanism(), today) {
        if member.agency != *author && !members.contains(&member.agency) {
            members.push(member.agency);
        }
    }
    let mut violations = vec![];
    let mut broken = |field: String, rule: String| violations.push(Violation { field, rule });
    let named = &content.circulated_to;
    let all = "alert.circulated_to";
    if !named.is_empty() && content.severity == Severity::Emergency {
        let rule = "must be empty: an emergency reaches all members at once (FS-023)";
        broken(all.into(), rule.into());
    } else if !named.is_empty() && !fund.is_naming_allowed() {
        let rule = "must be empty: the charter sends every alert to all members";
        broken(all.into(), rule.into());
    }
    for (number, unit) in named.iter().enumerate() {
        if !members.contains(unit) {
            let mechanism = fund.mechanism();
            broken(
                format!("{all}[{number}]"),
                format!("must be a member of mechanisms/{mechanism} and not the author"),
            );
        }
    }
    let units = match named.is_empty() {
        true => members,
        // In the mechanism's order, so that the order tells nothing.
        false => members
            .into_iter()
            .filter(|one| named.contains(one))
            .collect(),
    };
    if units.is_empty() && named.is_empty() {
        broken(all.into(), "there is no other member to tell".into());
    }
    violations.extend(unasked(&content.asked, &units));
    if violations.is_empty() {
        Ok(units)
    } else {
        Err(Error::fields(violations))
    }
}

/// Asks of units that the alert does not go to.
fn unasked(asked: &[AgencyId], units: &[AgencyId]) -> Vec<Violation> {
    let asked = asked.iter().enumerate();
    let outside = asked.filter(|(_, unit)| !units.contains(unit));
    outside
        .map(|(number, _)| Violation {
            field: format!("alert.asks[{number}].unit"),
            rule: "must be a unit that the alert goes to".into(),
        })
        .collect()
}

/// By when units acknowledge: in an emergency within the hours of one (FS-023).
pub(super) fn acknowledge_by(context: &Context<'_>, severity: Severity) -> Result<Timestamp> {
    let fund = told::rules(context)?;
    let within = match severity {
        Severity::Emergency => fund.emergency(),
        _ => fund.acknowledge(),
    };
    told::later(context, within)
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Emergency => "紧急",
        Severity::Major => "重大",
        Severity::Routine | Severity::Unspecified => "一般",
    }
}

/// The notice that tells units and office of a revision, and asks the units to handle it.
fn to_handle(case: &Case<'_>, content: &Content, (what, by): (&str, Timestamp)) -> Issue {
    let context = case.context;
    let indicators = context.charter.alert_indicators().iter();
    let indicator = indicators
        .filter(|one| one.id == content.indicator)
        .map(|one| one.name.as_str())
        .next();
    let lines = [
        ("发布单位", case.own_name()),
        ("预警指标", indicator.unwrap_or_default().to_owned()),
        (
            "涉及期间",
            format!("{}至{}", content.start_on, content.end_on),
        ),
        ("级别", severity_name(content.severity).to_owned()),
        ("确认时限", told::instant(context, by)),
        ("办理要求", "请查阅预警并确认，说明处理措施".to_owned()),
    ];
    let lines = lines
        .each_ref()
        .map(|(label, text)| (*label, text.as_str()));
    let mut notice = case.notice(what, &lines);
    notice.attachments.clone_from(&content.attachments);
    let units = case.row.unit_ids().into_iter().map(Recipient::Agency);
    let units: Vec<Recipient> = units.collect();
    let office = case.row.office().map(Recipient::Office);
    let addressees = units.iter().cloned().chain(office).collect();
    let action = RequestedAction::HandleAlert;
    told::asking(context, addressees, notice, (&units, action), by)
}

pub(super) fn raise(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Raise,
) -> Result<Vec<Event>> {
    let (name, content) = (command.alert, &command.content);
    let fund = require_member(context, permit)?;
    if view.row(&keys::alert(name.0.as_bytes()))?.is_some() {
        let message = format!("request_id {} is used already", name.0);
        return Err(Error::new(Reason::RequestIdReused, message));
    }
    let units = circulation(
        context.roster,
        fund,
        context.today(),
        permit.agency(),
        content,
    )?;
    let is_named = !content.circulated_to.is_empty();
    let by = acknowledge_by(context, content.severity)?;
    let raised = AlertRaised {
        alert: name.0.as_bytes().to_vec().into(),
        organization_sha256: content.organization_sha256.to_vec().into(),
        facts: Some(content.facts(by)),
        agency: permit.agency().to_string(),
        mechanism: fund.mechanism().to_string(),
        units: units.iter().map(ToString::to_string).collect(),
        is_named,
        is_office_included: !is_named || fund.is_office_told_of_named(),
    };
    let row = AlertRow::raised(&raised);
    let case = Case {
        context,
        view,
        permit,
        name,
        organization: &content.organization,
        row: &row,
    };
    let what = match content.severity {
        Severity::Emergency => "紧急资金预警",
        _ => "资金预警",
    };
    let told = to_handle(&case, content, (what, by));
    case.with(event(Kind::AlertRaised(raised)), &[told])
}

/// Only a member of the fund mechanism raises.
fn require_member<'a>(context: &Context<'a>, permit: &Permit) -> Result<&'a FundRules> {
    let denied = |message: String| Error::new(Reason::PermissionDenied, message);
    let fund = context
        .charter
        .fund()
        .ok_or_else(|| denied("the charter provides for no fund alerts".into()))?;
    let mechanism: &MechanismId = fund.mechanism();
    let is_member = context
        .roster
        .is_member(permit.agency(), mechanism, context.today());
    if is_member {
        return Ok(fund);
    }
    Err(denied(format!(
        "agencies/{} is no member of mechanisms/{mechanism} today, whose alerts these are",
        permit.agency()
    )))
}

pub(super) fn correct(
    context: &Context<'_>,
    view: &Overlay<'_>,
    permit: &Permit,
    command: &Correct,
) -> Result<Vec<Event>> {
    let (name, content) = (command.alert, &command.content);
    let row = changeable(view, name)?;
    check_room(name, &row)?;
    if row.state() == AlertState::Retracted {
        return Err(refused(format!("{name} is RETRACTED, which is for good")));
    }
    require_revision(name, &row, command.revision)?;
    require_fewer(name, row.revisions.len(), REVISIONS_MAX, "revisions")?;
    check_correction(&row, content)?;
    let by = acknowledge_by(context, content.severity)?;
    let case = Case {
        context,
        view,
        permit,
        name,
        organization: &content.organization,
        row: &row,
    };
    let reviewing = reviewing_units(&row);
    let mut issues = vec![to_handle(&case, content, ("资金预警更正", by))];
    issues.extend(to_review(&case, &reviewing, by));
    let corrected = AlertCorrected {
        alert: name.0.as_bytes().to_vec().into(),
        revision: row.revision().saturating_add(1),
        facts: Some(content.facts(by)),
        reviewing_units: reviewing.iter().map(ToString::to_string).collect(),
    };
    let mut events = vec![event(Kind::AlertCorrected(corrected))];
    events.extend(channels::issue(context, view, &issues)?);
    Ok(events)
}

/// A correction stays with the organisation and with those who were told.
fn check_correction(row: &AlertRow, content: &Content) -> Result<()> {
    let mut violations = vec![];
    let mut broken = |field: &str, rule: &str| {
        violations.push(Violation {
            field: field.into(),
            rule: rule.into(),
        });
    };
    if row.organization_sha256 != content.organization_sha256 {
        let rule = "must stay: an alert on a wrong organisation is retracted and raised anew";
        broken("alert.organization.uscc", rule);
    }
    if !content.circulated_to.is_empty() {
        let rule = "must be empty: a correction goes to everyone who got what it corrects";
        broken("alert.circulated_to", rule);
    }
    if row.is_named && content.severity == Severity::Emergency {
        let rule = "must not become an emergency: the alert went to a named few (FS-023)";
        broken("alert.severity", rule);
    }
    violations.extend(unasked(&content.asked, &row.unit_ids()));
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::fields(violations))
    }
}

/// Units that have measures that stand.
pub(super) fn reviewing_units(row: &AlertRow) -> Vec<AgencyId> {
    let has_measure = |unit: &AgencyId| {
        let measures = row.measures.iter();
        measures
            .filter(|one| one.unit == unit.as_str())
            .any(|one| one.state() != MeasureState::Lifted)
    };
    row.unit_ids().into_iter().filter(has_measure).collect()
}

/// To each unit that has measures: to uphold or to lift them.
pub(super) fn to_review(case: &Case<'_>, units: &[AgencyId], by: Timestamp) -> Vec<Issue> {
    let by_text = told::instant(case.context, by);
    let lines = [
        ("复核时限", by_text.as_str()),
        (
            "办理要求",
            "预警已更正或撤回，请复核已采取的措施，予以维持或解除",
        ),
    ];
    let issue = |unit: &AgencyId| {
        let unit = vec![Recipient::Agency(unit.clone())];
        let notice = case.notice("请复核预警后续措施", &lines);
        let action = RequestedAction::CarryOutMeasure;
        told::asking(case.context, unit.clone(), notice, (&unit, action), by)
    };
    units.iter().map(issue).collect()
}
