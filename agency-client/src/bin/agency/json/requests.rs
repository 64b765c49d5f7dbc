//! Information requests as JSON.

use agency_client::requests::{Owed, owed};
use hub_proto::requests::{
    AccountInquiry, Correction, Deadline, DeadlineMove, Delivery, InformationRequest, Suspension,
    UseRecord,
};
use serde_json::{Map, Value, json};

use super::{
    at, attachment,
    meetings::{all, word},
    on,
};

pub(crate) fn request(r: &InformationRequest) -> Value {
    let organizations: Vec<Value> = r
        .organizations
        .iter()
        .map(|one| json!({"uscc": one.uscc, "display_name": one.display_name}))
        .collect();
    let mut value = json!({
        "name": r.name,
        "state": word(r.state().as_str_name(), "REQUEST_STATE_"),
        "kind": word(r.kind().as_str_name(), "REQUEST_KIND_"),
        "sharing": word(r.sharing().as_str_name(), "SHARING_ATTRIBUTE_"),
        "requester": r.requester,
        "provider": r.provider,
        "officer": r.officer,
        "approver": r.approver,
        "purpose": r.purpose,
        "scope": r.scope,
        "organizations": organizations,
        "start_on": on(r.start_on.as_ref()),
        "end_on": on(r.end_on.as_ref()),
        "use_scene": r.use_scene,
        "legal_basis": r.legal_basis,
        "legal_basis_text": r.legal_basis_text,
        "instrument_basis": r.instrument_basis,
        "case_reference": r.case_reference,
        "valid_until_on": on(r.valid_until_on.as_ref()),
        "is_validity_over": r.is_validity_over,
        "account": r.account.as_ref().map(account),
        "attachments": all(&r.attachments, attachment),
        "notification": r.notification,
        "owed": all(&owed(r), of_owed),
        "deadlines": all(&r.deadlines, deadline),
    });
    if let Some(fields) = value.as_object_mut() {
        history(fields, r);
    }
    value
}

/// What came of it.
fn history(fields: &mut Map<String, Value>, r: &InformationRequest) {
    let approval = r.approval.as_ref().map(|one| {
        json!({
            "is_approved": one.is_approved,
            "reason": one.reason,
            "officer": one.officer,
            "decided_at": at(one.decided_at.as_ref()),
        })
    });
    let completion = r.completion.as_ref().map(|one| {
        json!({
            "missing": one.missing,
            "asked_by": one.asked_by,
            "asked_at": at(one.asked_at.as_ref()),
            "addition": one.addition,
            "completed_by": one.completed_by,
            "completed_at": at(one.completed_at.as_ref()),
            "attachments": all(&one.attachments, attachment),
            "notification": one.notification,
        })
    });
    let extension = r.extension.as_ref().map(|one| {
        json!({
            "working_days": one.working_days,
            "reason": one.reason,
            "consent_reference": one.consent_reference,
            "officer": one.officer,
            "extended_at": at(one.extended_at.as_ref()),
        })
    });
    let answer = r.answer.as_ref().map(|one| {
        json!({
            "is_consent": one.is_consent,
            "text": one.text,
            "officer": one.officer,
            "answered_at": at(one.answered_at.as_ref()),
            "is_withheld": one.is_withheld,
        })
    });
    let disposal = r.disposal.as_ref().map(|one| {
        json!({
            "storage": one.storage,
            "destruction": one.destruction,
            "disposed_on": on(one.disposed_on.as_ref()),
            "officer": one.officer,
            "confirmed_at": at(one.confirmed_at.as_ref()),
        })
    });
    for (name, value) in [
        ("drafted_at", at(r.drafted_at.as_ref())),
        ("received_at", at(r.received_at.as_ref())),
        ("approval", json!(approval)),
        ("completion", json!(completion)),
        ("extension", json!(extension)),
        ("answer", json!(answer)),
        ("delivery", json!(r.delivery.as_ref().map(delivery))),
        ("corrections", all(&r.corrections, correction)),
        ("uses", all(&r.uses, use_record)),
        ("suspensions", all(&r.suspensions, suspension)),
        ("disposal", json!(disposal)),
        ("withdrawn_at", at(r.withdrawn_at.as_ref())),
        ("withdrawal_reason", json!(r.withdrawal_reason)),
    ] {
        fields.insert(name.to_owned(), value);
    }
}

fn account(one: &AccountInquiry) -> Value {
    json!({
        "case_opened": one.case_opened.as_ref().map(|case| json!({
            "case_number": case.case_number,
            "opened_on": on(case.opened_on.as_ref()),
            "organizations": case.organizations,
        })),
        "instrument_number": one.instrument_number,
        "officers": one.officers,
        "approval_level": word(one.approval_level().as_str_name(), "APPROVAL_LEVEL_"),
        "approval_reference": one.approval_reference,
        "approved_on": on(one.approved_on.as_ref()),
        "is_charity": one.is_charity,
    })
}

fn deadline(one: &Deadline) -> Value {
    json!({
        "kind": word(one.kind().as_str_name(), "DEADLINE_KIND_"),
        "correction": one.correction,
        "counted_from_on": on(one.counted_from_on.as_ref()),
        "working_days": one.working_days,
        "counting": word(one.counting().as_str_name(), "WORKING_DAY_COUNTING_"),
        "due_on": on(one.due_on.as_ref()),
        "due_at": at(one.due_at.as_ref()),
        "is_provisional": one.is_provisional,
        "is_open": one.is_open,
        "is_overdue": one.is_overdue,
        "met_at": at(one.met_at.as_ref()),
        "source": one.source,
        "moves": all(&one.moves, moved),
    })
}

fn moved(one: &DeadlineMove) -> Value {
    json!({
        "reason": word(one.reason().as_str_name(), "DEADLINE_MOVE_REASON_"),
        "was_on": on(one.was_on.as_ref()),
        "becomes_on": on(one.becomes_on.as_ref()),
        "known_from_on": on(one.known_from_on.as_ref()),
        "moved_at": at(one.moved_at.as_ref()),
    })
}

fn of_owed(one: &Owed) -> Value {
    let deadline = one.deadline.as_ref();
    json!({
        "by": one.by,
        "what": deadline.map(|deadline| word(deadline.kind().as_str_name(), "DEADLINE_KIND_")),
        "correction": deadline.map_or(0, |deadline| deadline.correction),
        "since": one.since.map(|at| at.to_string()),
        "due_on": one.due_on.map(|day| day.to_string()),
        "is_overdue": deadline.is_some_and(|deadline| deadline.is_overdue),
    })
}

fn delivery(one: &Delivery) -> Value {
    json!({
        "text": one.text,
        "attachments": all(&one.attachments, attachment),
        "officer": one.officer,
        "delivered_at": at(one.delivered_at.as_ref()),
        "notification": one.notification,
        "is_withheld": one.is_withheld,
    })
}

fn correction(one: &Correction) -> Value {
    json!({
        "correction": one.correction,
        "text": one.text,
        "officer": one.officer,
        "requested_at": at(one.requested_at.as_ref()),
        "is_answered": one.is_answered,
        "is_corrected": one.is_corrected,
        "answer": one.answer,
        "attachments": all(&one.attachments, attachment),
        "answered_by": one.answered_by,
        "answered_at": at(one.answered_at.as_ref()),
        "notification": one.notification,
        "is_withheld": one.is_withheld,
    })
}

fn use_record(one: &UseRecord) -> Value {
    json!({
        "use": one.r#use,
        "scene": one.scene,
        "process": one.process,
        "effect": one.effect,
        "purpose_fit": one.purpose_fit,
        "officer": one.officer,
        "recorded_at": at(one.recorded_at.as_ref()),
    })
}

fn suspension(one: &Suspension) -> Value {
    json!({
        "reason": one.reason,
        "officer": one.officer,
        "suspended_at": at(one.suspended_at.as_ref()),
        "resumption_reason": one.resumption_reason,
        "resumed_by": one.resumed_by,
        "resumed_at": at(one.resumed_at.as_ref()),
    })
}
