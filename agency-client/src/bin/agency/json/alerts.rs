//! Fund alerts as JSON.

use hub_proto::funds::{
    Alert, AlertAsk, Closing, Finding, JointNotice, Measure, NoticeSignature, ProvidedInformation,
    Revision, UnitHandling,
};
use serde_json::{Value, json};

use super::{
    at, attachment,
    meetings::{all, word},
    on,
};

pub(crate) fn alert(a: &Alert) -> Value {
    let organization = a.organization.as_ref().map(|organization| {
        json!({"uscc": organization.uscc, "display_name": organization.display_name})
    });
    let classification = word(a.classification().as_str_name(), "CLASSIFICATION_");
    let mut value = json!({
        "name": a.name,
        "classification": classification,
        "organization": organization,
        "kind": word(a.kind().as_str_name(), "ALERT_KIND_"),
        "indicator": a.indicator,
        "start_on": on(a.start_on.as_ref()),
        "end_on": on(a.end_on.as_ref()),
        "amount_band": a.amount_band,
        "currency": a.currency,
        "direction": word(a.direction().as_str_name(), "DIRECTION_"),
        "severity": word(a.severity().as_str_name(), "SEVERITY_"),
        "severity_reason": a.severity_reason,
        "grounds": a.grounds,
        "source_note": a.source_note,
        "asks": all(&a.asks, ask),
        "legal_basis": a.legal_basis,
        "attachments": all(&a.attachments, attachment),
        "circulated_to": a.circulated_to,
    });
    let handling = json!({
        "state": word(a.state().as_str_name(), "ALERT_STATE_"),
        "revision": a.revision,
        "author": a.author,
        "officer": a.officer,
        "raised_at": at(a.raised_at.as_ref()),
        "units": all(&a.units, unit),
        "information": all(&a.information, information),
        "findings": all(&a.findings, finding),
        "measures": all(&a.measures, measure),
        "joint_notices": all(&a.joint_notices, joint_notice),
        "closings": all(&a.closings, closing),
        "revisions": all(&a.revisions, revision),
        "possible_duplicates": a.possible_duplicates,
        "is_sealed": a.is_sealed,
        "notification": a.notification,
        "is_named": a.is_named,
    });
    if let (Value::Object(fields), Value::Object(more)) = (&mut value, handling) {
        fields.extend(more);
    }
    value
}

fn ask(ask: &AlertAsk) -> Value {
    json!({"unit": ask.unit, "text": ask.text})
}

fn unit(unit: &UnitHandling) -> Value {
    json!({
        "unit": unit.unit,
        "notified_at": at(unit.notified_at.as_ref()),
        "acknowledge_by_at": at(unit.acknowledge_by_at.as_ref()),
        "acknowledged_at": at(unit.acknowledged_at.as_ref()),
        "is_overdue": unit.is_overdue,
        "acknowledged_revision": unit.acknowledged_revision,
        "action": word(unit.action().as_str_name(), "ALERT_ACTION_"),
        "text": unit.text,
        "officer": unit.officer,
        "stated_at": at(unit.stated_at.as_ref()),
    })
}

fn information(one: &ProvidedInformation) -> Value {
    json!({
        "text": one.text,
        "officer": one.officer,
        "provided_at": at(one.provided_at.as_ref()),
    })
}

fn finding(one: &Finding) -> Value {
    json!({
        "unit": one.unit,
        "kind": word(one.kind().as_str_name(), "FINDING_KIND_"),
        "reason": one.reason,
        "revision": one.revision,
        "officer": one.officer,
        "found_at": at(one.found_at.as_ref()),
    })
}

fn measure(one: &Measure) -> Value {
    json!({
        "measure": one.measure,
        "unit": one.unit,
        "text": one.text,
        "due_on": on(one.due_on.as_ref()),
        "state": word(one.state().as_str_name(), "MEASURE_STATE_"),
        "is_overdue": one.is_overdue,
        "awaits_review": one.awaits_review,
        "officer": one.officer,
        "taken_at": at(one.taken_at.as_ref()),
        "report": one.report,
        "reported_at": at(one.reported_at.as_ref()),
        "review_reason": one.review_reason,
        "reviewed_at": at(one.reviewed_at.as_ref()),
        "revision": one.revision,
    })
}

fn joint_notice(one: &JointNotice) -> Value {
    json!({
        "joint_notice": one.joint_notice,
        "text": one.text,
        "units": one.units,
        "author": one.author,
        "officer": one.officer,
        "drafted_at": at(one.drafted_at.as_ref()),
        "state": word(one.state().as_str_name(), "JOINT_NOTICE_STATE_"),
        "signatures": all(&one.signatures, signature),
        "issued_at": at(one.issued_at.as_ref()),
        "revision": one.revision,
    })
}

fn signature(one: &NoticeSignature) -> Value {
    json!({
        "unit": one.unit,
        "is_signed": one.is_signed,
        "reason": one.reason,
        "officer": one.officer,
        "signed_at": at(one.signed_at.as_ref()),
    })
}

fn closing(one: &Closing) -> Value {
    json!({
        "reason": one.reason,
        "reviewer_agency": one.reviewer_agency,
        "reviewer": one.reviewer,
        "outcome": word(one.outcome().as_str_name(), "CLOSING_OUTCOME_"),
        "revision": one.revision,
        "officer": one.officer,
        "closed_at": at(one.closed_at.as_ref()),
        "unacknowledged_units": one.unacknowledged_units,
    })
}

fn revision(one: &Revision) -> Value {
    json!({
        "revision": one.revision,
        "is_retraction": one.is_retraction,
        "reason": one.reason,
        "officer": one.officer,
        "revised_at": at(one.revised_at.as_ref()),
    })
}
