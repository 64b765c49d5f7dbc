//! Messages as JSON: `snake_case` names as in the protos, instants in UTC, hashes in hex.

pub(crate) mod alerts;
pub(crate) mod meetings;
pub(crate) mod referrals;
pub(crate) mod requests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hub_core::crypto::hex;
use hub_proto::{
    channels::{
        Attachment, Channel, Classification, Consumer, DeliveryReceipt, Notification,
        NotificationKind, NotificationState, OutstandingAction, Promptness, RequestedAction,
    },
    common::{self, Receipt},
    ledger::EntryHeader,
    members::{
        Agency, Director, Liaison, Mechanism, Membership, MembershipRole, Node, Rank, TokenKey,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An instant; null when absent.
pub(crate) fn at(at: Option<&prost_types::Timestamp>) -> Value {
    instant(at).map_or(Value::Null, |at| at.to_string().into())
}

/// An instant off the wire.
pub(crate) fn instant(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

/// A date; null when absent.
pub(crate) fn on(on: Option<&common::Date>) -> Value {
    date(on).map_or(Value::Null, Value::from)
}

/// A date as text.
pub(crate) fn date(on: Option<&common::Date>) -> Option<String> {
    on.and_then(hub_core::date::from_wire)
        .map(|date| date.to_string())
}

pub(crate) fn receipt(receipt: Option<&Receipt>) -> Value {
    receipt.map_or(Value::Null, |receipt| {
        json!({
            "entry_index": receipt.entry_index,
            "leaf_hash": hex(&receipt.leaf_hash),
            "recorded_at": at(receipt.recorded_at.as_ref()),
            "header": STANDARD.encode(&receipt.header),
        })
    })
}

/// Reads a receipt that [`receipt`] wrote, alone or as the field `receipt` of a value.
pub(crate) fn read_receipt(value: &Value) -> Option<Receipt> {
    let receipt = value.get("receipt").unwrap_or(value);
    let recorded_at: Timestamp = receipt.get("recorded_at")?.as_str()?.parse().ok()?;
    Some(Receipt {
        entry_index: receipt.get("entry_index")?.as_u64()?,
        leaf_hash: hub_core::crypto::unhex(receipt.get("leaf_hash")?.as_str()?)?.into(),
        recorded_at: Some(prost_types::Timestamp {
            seconds: recorded_at.as_second(),
            nanos: recorded_at.subsec_nanosecond(),
        }),
        header: STANDARD
            .decode(receipt.get("header")?.as_str()?)
            .ok()?
            .into(),
    })
}

/// Text of a body that is text.
pub(crate) fn body_text(notification: &Notification) -> Option<&str> {
    let essence = notification.media_type.split(';').next()?.trim();
    let textual = essence.starts_with("text/") || essence == "application/json";
    std::str::from_utf8(&notification.body)
        .ok()
        .filter(|_| textual)
}

pub(crate) fn classification(notification: &Notification) -> &'static str {
    match notification.classification() {
        Classification::Unspecified => "unspecified",
        Classification::Public => "public",
        Classification::Internal => "internal",
        Classification::WorkSecret => "work-secret",
        Classification::StateSecret => "state-secret",
    }
}

/// Whether it still stands: `current`, `corrected`, `retracted`, or `sealed`.
pub(crate) fn state(n: &Notification) -> &'static str {
    if n.is_sealed {
        return "sealed";
    }
    match n.state() {
        NotificationState::Unspecified => "unspecified",
        NotificationState::Current => "current",
        NotificationState::Corrected => "corrected",
        NotificationState::Retracted => "retracted",
    }
}

fn kind(n: &Notification) -> &'static str {
    match n.kind() {
        NotificationKind::Unspecified => "unspecified",
        NotificationKind::Original => "original",
        NotificationKind::Correction => "correction",
        NotificationKind::Retraction => "retraction",
        NotificationKind::Reminder => "reminder",
    }
}

/// What is asked of a recipient.
pub(crate) fn action(action: RequestedAction) -> &'static str {
    match action {
        RequestedAction::Unspecified => "unspecified",
        RequestedAction::SignFor => "sign_for",
        RequestedAction::Reply => "reply",
        RequestedAction::Acknowledge => "acknowledge",
        RequestedAction::AnswerNotice => "answer_notice",
        RequestedAction::Consent => "consent",
        RequestedAction::CarryOut => "carry_out",
        RequestedAction::CoSign => "co_sign",
        RequestedAction::HandleAlert => "handle_alert",
        RequestedAction::CarryOutMeasure => "carry_out_measure",
        RequestedAction::AnswerReferral => "answer_referral",
        RequestedAction::AnswerRequest => "answer_request",
    }
}

pub(crate) fn outstanding(row: &OutstandingAction) -> Value {
    json!({
        "notification": row.notification,
        "title": row.title,
        "author": row.author,
        "recipient": row.recipient,
        "action": action(row.action()),
        "due_at": at(row.due_at.as_ref()),
        "is_overdue": row.is_overdue,
        "asked_at": at(row.asked_at.as_ref()),
    })
}

pub(crate) fn attachment(file: &Attachment) -> Value {
    json!({
        "sha256": file.sha256,
        "file_name": file.file_name,
        "media_type": file.media_type,
        "size_bytes": file.size_bytes,
    })
}

pub(crate) fn notification(n: &Notification) -> Value {
    let attachments: Vec<Value> = n.attachments.iter().map(attachment).collect();
    let subjects: Vec<Value> = n
        .subjects
        .iter()
        .map(|subject| json!({"uscc": subject.uscc, "display_name": subject.display_name}))
        .collect();
    let mut value = json!({
        "name": n.name,
        "channel": n.channel,
        "addressees": n.addressees,
        "category": n.category,
        "title": n.title,
        "media_type": n.media_type,
        "subjects": subjects,
        "document_number": n.document_number,
        "classification": classification(n),
        "legal_bases": n.legal_bases,
        "remedy": n.remedy,
        "sign_by_at": at(n.sign_by_at.as_ref()),
        "occurred_on": on(n.occurred_on.as_ref()),
        "in_reply_to": n.in_reply_to,
        "author": n.author,
        "author_officer": n.author_officer,
        "author_role": n.author_role,
        "published_at": at(n.published_at.as_ref()),
        "request_id": n.request_id,
        "reply_by_at": at(n.reply_by_at.as_ref()),
        "attachments": attachments,
        "state": state(n),
        "kind": kind(n),
        "about": n.about,
        "reason": n.reason,
        "superseded_by": n.superseded_by,
        "is_sealed": n.is_sealed,
    });
    if let (Some(fields), false) = (value.as_object_mut(), n.body.is_empty()) {
        match body_text(n) {
            Some(text) => fields.insert("body_text".into(), text.into()),
            None => fields.insert("body_base64".into(), STANDARD.encode(&n.body).into()),
        };
    }
    value
}

pub(crate) fn delivery_receipt(row: &DeliveryReceipt) -> Value {
    json!({
        "recipient": row.recipient,
        "delivered_at": at(row.delivered_at.as_ref()),
        "opened_at": at(row.opened_at.as_ref()),
        "opened_by": row.opened_by,
        "signed_for_at": at(row.signed_for_at.as_ref()),
        "signed_for_by": row.signed_for_by,
        "signed_for_receipt": receipt(row.signed_for_receipt.as_ref()),
        "delivered_to": row.delivered_to,
        "replied_at": at(row.replied_at.as_ref()),
        "replied_by": row.replied_by,
        "reply": row.reply,
        "outstanding_actions": row.outstanding_actions.iter().map(outstanding).collect::<Vec<_>>(),
    })
}

pub(crate) fn channel(channel: &Channel) -> Value {
    json!({
        "name": channel.name,
        "display_name": channel.display_name,
        "display_name_en": channel.display_name_en,
        "mechanism": channel.mechanism,
        "is_publishable": channel.is_publishable,
        "head_position": channel.head_position,
    })
}

pub(crate) fn consumer(consumer: &Consumer) -> Value {
    json!({
        "name": consumer.name,
        "cursor": consumer.cursor,
        "acknowledged_at": at(consumer.acknowledged_at.as_ref()),
        "lag_count": consumer.lag_count,
    })
}

pub(crate) fn agency(agency: &Agency) -> Value {
    let names: Vec<Value> = agency
        .names
        .iter()
        .map(|name| {
            json!({
                "display_name": name.display_name,
                "from_on": on(name.from_on.as_ref()),
                "until_on": on(name.until_on.as_ref()),
            })
        })
        .collect();
    json!({
        "name": agency.name,
        "display_name": agency.display_name,
        "display_name_en": agency.display_name_en,
        "aliases": agency.aliases,
        "names": names,
    })
}

pub(crate) fn mechanism(mechanism: &Mechanism) -> Value {
    json!({
        "name": mechanism.name,
        "display_name": mechanism.display_name,
        "display_name_en": mechanism.display_name_en,
        "document_number": mechanism.document_number,
        "parent_body": mechanism.parent_body,
        "lead_unit": mechanism.lead_unit,
        "office": mechanism.office,
        "office_names": mechanism.office_names,
        "office_host": mechanism.office_host,
        "office_director_post": mechanism.office_director_post,
        "office_director": mechanism.office_director.as_ref().map(director),
        "member_count": mechanism.member_count,
    })
}

pub(crate) fn promptness(told: &Promptness) -> Value {
    json!({
        "elapsed_working_days": told.elapsed_working_days,
        "warn_after_working_days": told.warn_after_working_days,
        "is_late": told.is_late,
    })
}

fn director(director: &Director) -> Value {
    json!({
        "agency": director.agency,
        "officer": director.officer,
        "display_name": director.display_name,
        "post": director.post,
        "from_on": on(director.from_on.as_ref()),
        "until_on": on(director.until_on.as_ref()),
    })
}

fn liaison(liaison: &Liaison) -> Value {
    json!({
        "officer": liaison.officer,
        "display_name": liaison.display_name,
        "rank": match liaison.rank() {
            Rank::Unspecified => "unspecified",
            Rank::Division => "division",
            Rank::Other => "other",
        },
        "rank_override_reason": liaison.rank_override_reason,
        "from_on": on(liaison.from_on.as_ref()),
        "until_on": on(liaison.until_on.as_ref()),
    })
}

pub(crate) fn membership(membership: &Membership) -> Value {
    json!({
        "name": membership.name,
        "agency": membership.agency.as_ref().map(agency),
        "role": match membership.role() {
            MembershipRole::Unspecified => "unspecified",
            MembershipRole::Lead => "lead",
            MembershipRole::Member => "member",
        },
        "from_on": on(membership.from_on.as_ref()),
        "until_on": on(membership.until_on.as_ref()),
        "basis": membership.basis,
        "liaison": membership.liaison.as_ref().map(liaison),
        "ordinal": membership.ordinal,
        "duties": membership.duties.iter().map(|one| {
            json!({ "duty": one.duty, "source": one.source })
        }).collect::<Vec<_>>(),
    })
}

pub(crate) fn node(node: &Node) -> Value {
    json!({
        "name": node.name,
        "certificate_sha256": hex(&node.certificate_sha256),
        "certificate": STANDARD.encode(&node.certificate),
        "not_before_at": at(node.not_before_at.as_ref()),
        "not_after_at": at(node.not_after_at.as_ref()),
        "enrolled_at": at(node.enrolled_at.as_ref()),
        "revoked_at": at(node.revoked_at.as_ref()),
        "revocation_reason": node.revocation_reason,
    })
}

pub(crate) fn token_key(key: &TokenKey) -> Value {
    let jwk = serde_json::from_str(&key.jwk).unwrap_or_else(|_| Value::from(key.jwk.as_str()));
    json!({
        "name": key.name,
        "jwk": jwk,
        "enrolled_at": at(key.enrolled_at.as_ref()),
        "revoked_at": at(key.revoked_at.as_ref()),
        "revocation_reason": key.revocation_reason,
    })
}

pub(crate) fn header(header: &EntryHeader) -> Value {
    let author = header.author.clone().unwrap_or_default();
    json!({
        "format": header.format,
        "index": header.index,
        "recorded_at": Timestamp::from_microsecond(header.recorded_at_us)
            .map(|at| at.to_string())
            .ok(),
        "author": {
            "agency": author.agency,
            "node": author.node,
            "certificate_sha256": hex(&author.certificate_sha256),
            "officer": author.officer,
            "role": author.role,
        },
        "method": header.method,
        "commitment": hex(&header.commitment),
        "author_signature": STANDARD.encode(&header.author_signature),
        "events_hash": hex(&header.events_hash),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_alone_or_as_a_field() {
        let original = Receipt {
            entry_index: 7,
            leaf_hash: vec![1; 32].into(),
            recorded_at: Some(prost_types::Timestamp {
                seconds: 1_780_000_000,
                nanos: 123_456_000,
            }),
            header: vec![2; 90].into(),
        };
        let value = receipt(Some(&original));
        assert_eq!(read_receipt(&value), Some(original.clone()));
        let wrapped = json!({"notification": {}, "receipt": value});
        assert_eq!(read_receipt(&wrapped), Some(original));
        assert_eq!(read_receipt(&json!({"entry_index": 7})), None);
    }

    #[test]
    fn a_body_is_text_only_when_it_says_so_and_is() {
        let with = |media_type: &str, body: &'static [u8]| Notification {
            media_type: media_type.into(),
            body: body.into(),
            ..Notification::default()
        };
        let text = notification(&with("text/plain; charset=utf-8", "正文".as_bytes()));
        assert_eq!(text["body_text"], "正文");
        for binary in [
            with("application/pdf", b"%PDF"),
            with("text/plain", b"\xff"),
        ] {
            let value = notification(&binary);
            assert!(value["body_text"].is_null() && value["body_base64"].is_string());
        }
    }
}
