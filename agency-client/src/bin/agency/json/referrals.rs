//! Referrals as JSON.

use hub_proto::referrals::{Referral, ReferralMessage, ReferralResult};
use serde_json::{Value, json};

use super::{at, attachment};

/// A value of an enum in lower case, without the name of its type.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

pub(crate) fn referral(r: &Referral) -> Value {
    let organizations: Vec<Value> = r
        .organizations
        .iter()
        .map(|one| json!({"uscc": one.uscc, "display_name": one.display_name}))
        .collect();
    let corrections: Vec<Value> = r
        .corrections
        .iter()
        .map(|one| {
            json!({
                "revision": one.revision,
                "reason": one.reason,
                "officer": one.officer,
                "corrected_at": at(one.corrected_at.as_ref()),
            })
        })
        .collect();
    json!({
        "name": r.name,
        "sender": r.sender,
        "addressee": r.addressee,
        "organizations": organizations,
        "title": r.title,
        "text": r.text,
        "legal_basis": r.legal_basis,
        "source_note": r.source_note,
        "requested_action": r.requested_action,
        "sender_reference": r.sender_reference,
        "attachments": r.attachments.iter().map(attachment).collect::<Vec<_>>(),
        "state": word(r.state().as_str_name(), "REFERRAL_STATE_"),
        "revision": r.revision,
        "officer": r.officer,
        "sent_at": at(r.sent_at.as_ref()),
        "received": r.received.as_ref().map(|one| json!({
            "received_at": at(one.received_at.as_ref()),
            "officer": one.officer,
            "revision": one.revision,
            "acknowledged_at": at(one.acknowledged_at.as_ref()),
        })),
        "answer": r.answer.as_ref().map(|one| json!({
            "kind": word(one.kind().as_str_name(), "REFERRAL_ANSWER_KIND_"),
            "reason": one.reason,
            "competent_unit_hint": one.competent_unit_hint,
            "addressee_reference": one.addressee_reference,
            "officer": one.officer,
            "answered_at": at(one.answered_at.as_ref()),
        })),
        "messages": r.messages.iter().map(message).collect::<Vec<_>>(),
        "results": r.results.iter().map(result).collect::<Vec<_>>(),
        "corrections": corrections,
        "end": r.end.as_ref().map(|one| json!({
            "text": one.text,
            "officer": one.officer,
            "ended_at": at(one.ended_at.as_ref()),
        })),
        "times": r.times.map(|one| json!({
            "sent_to_received_seconds": one.sent_to_received_seconds,
            "received_to_answered_seconds": one.received_to_answered_seconds,
            "answered_to_result_seconds": one.answered_to_result_seconds,
            "total_seconds": one.total_seconds,
        })),
        "duty": r.duty.as_ref().map(|one| json!({
            "unit": one.unit,
            "step": word(one.step().as_str_name(), "REFERRAL_STEP_"),
            "since_at": at(one.since_at.as_ref()),
            "due_at": at(one.due_at.as_ref()),
            "is_overdue": one.is_overdue,
        })),
        "is_sealed": r.is_sealed,
    })
}

fn message(one: &ReferralMessage) -> Value {
    json!({
        "is_question": one.is_question,
        "text": one.text,
        "officer": one.officer,
        "sent_at": at(one.sent_at.as_ref()),
    })
}

fn result(one: &ReferralResult) -> Value {
    json!({
        "text": one.text,
        "is_final": one.is_final,
        "attachments": one.attachments.iter().map(attachment).collect::<Vec<_>>(),
        "officer": one.officer,
        "fed_back_at": at(one.fed_back_at.as_ref()),
    })
}
