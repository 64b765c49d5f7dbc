//! Alerts as callers see them: rows, with the texts read back from the ledger.

use hub_core::{date, names::AlertName};
use hub_proto::funds::{
    AcknowledgeAlertRequest, Alert, AlertFacts, CloseAlertRequest, Closing, CorrectAlertRequest,
    Finding, JointNotice, Measure, MeasureState, NoticeSignature, ProvideInformationRequest,
    ProvidedInformation, RecordFindingRequest, ReportMeasureRequest, RetractAlertRequest,
    ReviewMeasureRequest, Revision, SignJointNoticeRequest, TakeMeasureRequest, UnitHandling,
};
use jiff::{Timestamp, civil::Date};

use super::{
    list,
    lookup::{self, Found},
};
use crate::{
    authz::Access,
    domain::{
        funds::rows::{AlertRow, ClosingRow, MeasureRow, NoticeRow, RevisionRow, UnitRow},
        meetings::rows::ActRow,
    },
    engine::Engine,
    error::Result,
    wire::meetings::{
        lookup as texts,
        show::{at, instant},
        topics,
    },
};

fn agency(id: &str) -> String {
    format!("agencies/{id}")
}

fn number(at: u32) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}

fn officer(act: Option<&ActRow>) -> String {
    act.map(|act| act.officer.clone()).unwrap_or_default()
}

/// An alert with the texts of a revision, as the caller sees it.
pub(super) fn alert(
    engine: &Engine,
    access: &Access,
    found: &Found,
    revision: u32,
    now: Timestamp,
) -> Result<Alert> {
    let row = &found.row;
    let written = lookup::written(engine, row, revision)?;
    let told = match row.act_of(revision) {
        Some(act) => topics::told(&*texts::entry(engine, act)?, &found.name.to_string()),
        None => String::new(),
    };
    let mut shown = summary(found, &written, now);
    // A revision says what it said; where the alert stands is as of now.
    shown.kind = shown_or(written.kind, shown.kind);
    shown.severity = shown_or(written.severity, shown.severity);
    if !written.indicator.is_empty() {
        shown.indicator.clone_from(&written.indicator);
        (shown.start_on, shown.end_on) = (written.start_on, written.end_on);
    }
    shown.amount_band = written.amount_band;
    shown.currency = written.currency;
    shown.direction = written.direction;
    shown.severity_reason = written.severity_reason;
    shown.grounds = written.grounds;
    shown.source_note = written.source_note;
    shown.asks = written.asks;
    shown.legal_basis = written.legal_basis;
    shown.attachments = written.attachments;
    shown.classification = written.classification;
    shown.notification = told;
    for (unit, shown) in row.units.iter().zip(&mut shown.units) {
        let said: AcknowledgeAlertRequest = texts::request(engine, unit.stated.as_ref())?;
        shown.text = said.text;
    }
    for act in &row.information {
        shown.information.push(information(engine, act)?);
    }
    findings(engine, row, &mut shown)?;
    let today = access.roster().day(now);
    for (place, measure) in (1_u32..).zip(&row.measures) {
        shown
            .measures
            .push(self::measure(engine, place, measure, today)?);
    }
    for (place, notice) in (1_u32..).zip(&row.notices) {
        shown
            .joint_notices
            .push(self::notice(engine, place, notice)?);
    }
    for closing in &row.closings {
        shown.closings.push(self::closing(engine, closing)?);
    }
    for (place, one) in (1_u32..).zip(&row.revisions).skip(1) {
        shown.revisions.push(self::revision(engine, place, one)?);
    }
    let duplicates = list::duplicates(engine, access, found)?;
    shown.possible_duplicates = duplicates.iter().map(AlertName::to_string).collect();
    Ok(shown)
}

/// What was written, unless its text is erased.
fn shown_or(written: i32, kept: i32) -> i32 {
    if written == 0 { kept } else { written }
}

/// What a list shows: whom it is about, what it is, where it stands, and what units do.
pub(super) fn summary(found: &Found, written: &Alert, now: Timestamp) -> Alert {
    let row = &found.row;
    let facts = row.facts.clone().unwrap_or_default();
    let raised = row.act_of(1);
    Alert {
        name: found.name.to_string(),
        organization: written.organization.clone(),
        kind: facts.kind,
        indicator: facts.indicator.clone(),
        start_on: facts.start_on,
        end_on: facts.end_on,
        severity: facts.severity,
        circulated_to: match row.is_named {
            true => row.units.iter().map(|unit| agency(&unit.agency)).collect(),
            false => vec![],
        },
        state: row.state,
        revision: number(row.revision()),
        author: agency(&row.agency),
        officer: officer(raised),
        raised_at: at(raised),
        units: row
            .units
            .iter()
            .map(|one| unit(row, one, &facts, now))
            .collect(),
        is_sealed: row.is_sealed,
        is_named: row.is_named,
        ..Alert::default()
    }
}

fn unit(row: &AlertRow, unit: &UnitRow, facts: &AlertFacts, now: Timestamp) -> UnitHandling {
    let by_us = facts.acknowledge_by_us;
    UnitHandling {
        unit: agency(&unit.agency),
        notified_at: at(row.act_of(row.revision())),
        acknowledge_by_at: instant(by_us),
        acknowledged_at: at(unit.acknowledged.as_ref()),
        is_overdue: unit.acknowledged.is_none() && now.as_microsecond() > by_us,
        acknowledged_revision: number(unit.acknowledged_revision),
        action: unit.action,
        text: String::new(),
        officer: officer(unit.stated.as_ref()),
        stated_at: at(unit.stated.as_ref()),
    }
}

fn information(engine: &Engine, act: &ActRow) -> Result<ProvidedInformation> {
    let request: ProvideInformationRequest = texts::request(engine, Some(act))?;
    Ok(ProvidedInformation {
        text: request.text,
        officer: act.officer.clone(),
        provided_at: at(Some(act)),
    })
}

fn findings(engine: &Engine, row: &AlertRow, shown: &mut Alert) -> Result<()> {
    for finding in &row.findings {
        let act = finding.act.as_ref();
        let request: RecordFindingRequest = texts::request(engine, act)?;
        shown.findings.push(Finding {
            unit: agency(&finding.unit),
            kind: finding.kind,
            reason: request.finding.unwrap_or_default().reason,
            revision: number(finding.revision),
            officer: officer(act),
            found_at: at(act),
        });
    }
    Ok(())
}

fn measure(engine: &Engine, place: u32, row: &MeasureRow, today: Date) -> Result<Measure> {
    let taken: TakeMeasureRequest = texts::request(engine, row.taken.as_ref())?;
    let reported: ReportMeasureRequest = texts::request(engine, row.reported.as_ref())?;
    let reviewed: ReviewMeasureRequest = texts::request(engine, row.reviewed.as_ref())?;
    let due_on = row.due_on.as_ref().and_then(date::from_wire);
    let is_open = row.state() == MeasureState::Open;
    Ok(Measure {
        measure: number(place),
        unit: agency(&row.unit),
        text: taken.measure.unwrap_or_default().text,
        due_on: row.due_on,
        state: row.state,
        is_overdue: is_open && due_on.is_some_and(|due_on| today > due_on),
        awaits_review: row.awaits_review,
        officer: officer(row.taken.as_ref()),
        taken_at: at(row.taken.as_ref()),
        report: reported.text,
        reported_at: at(row.reported.as_ref()),
        review_reason: reviewed.reason,
        reviewed_at: at(row.reviewed.as_ref()),
        revision: number(row.revision),
    })
}

fn notice(engine: &Engine, place: u32, row: &NoticeRow) -> Result<JointNotice> {
    let mut signatures = vec![];
    for one in &row.signatures {
        let act = one.act.as_ref();
        let said: SignJointNoticeRequest = texts::request(engine, act)?;
        signatures.push(NoticeSignature {
            unit: agency(&one.unit),
            is_signed: one.is_signed,
            reason: said.reason,
            officer: officer(act),
            signed_at: at(act),
        });
    }
    Ok(JointNotice {
        joint_notice: number(place),
        text: lookup::notice(engine, row)?.text,
        units: row.units.iter().map(|unit| agency(unit)).collect(),
        author: row.author.clone(),
        officer: officer(row.drafted.as_ref()),
        drafted_at: at(row.drafted.as_ref()),
        state: row.state,
        signatures,
        issued_at: at(row.issued.as_ref()),
        revision: number(row.revision),
    })
}

fn closing(engine: &Engine, row: &ClosingRow) -> Result<Closing> {
    let act = row.act.as_ref();
    let request: CloseAlertRequest = texts::request(engine, act)?;
    let given = request.closing.unwrap_or_default();
    let unacknowledged = row.unacknowledged.iter();
    Ok(Closing {
        reason: given.reason,
        reviewer_agency: given.reviewer_agency,
        reviewer: given.reviewer,
        outcome: row.outcome,
        revision: number(row.revision),
        officer: officer(act),
        closed_at: at(act),
        unacknowledged_units: unacknowledged.map(|unit| agency(unit)).collect(),
    })
}

fn revision(engine: &Engine, place: u32, row: &RevisionRow) -> Result<Revision> {
    let act = row.act.as_ref();
    let reason = match row.is_retraction {
        true => texts::request::<RetractAlertRequest>(engine, act)?.reason,
        false => texts::request::<CorrectAlertRequest>(engine, act)?.reason,
    };
    Ok(Revision {
        revision: number(place),
        is_retraction: row.is_retraction,
        reason,
        officer: officer(act),
        revised_at: at(act),
    })
}
