//! Meetings, minutes and major issues as JSON.

use hub_proto::meetings::{
    AgreedItem, AgreedItemDraft, AgreedItemKind, Attendee, Consent, Escalation,
    GetMeetingStatisticsResponse, MajorIssue, Meeting, MeetingNotice, MeetingUnit, MeetingWarning,
    Minutes, MinutesContent, MinutesVersion, Objection, ProgressReport, Topic, UnitStatistics,
    UnitTask,
};
use serde_json::{Value, json};

use super::{at, attachment, on};

/// A value of an enum in lower case, without the name of its type: `MEETING_STATE_DRAFT` is `draft`.
pub(super) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix)
        .unwrap_or(name)
        .to_ascii_lowercase()
}

pub(super) fn all<T>(items: &[T], one: fn(&T) -> Value) -> Value {
    items.iter().map(one).collect()
}

pub(crate) fn meeting(m: &Meeting) -> Value {
    let points: Vec<Value> = m
        .speaker_points
        .iter()
        .map(|point| json!({"agency": point.agency, "topic": point.topic, "text": point.text}))
        .collect();
    json!({
        "name": m.name,
        "kind": word(m.kind().as_str_name(), "MEETING_KIND_"),
        "mechanisms": m.mechanisms,
        "title": m.title,
        "purpose": m.purpose,
        "invited_units": m.invited_units,
        "planned_on": on(m.planned_on.as_ref()),
        "topics_by_at": at(m.topics_by_at.as_ref()),
        "state": word(m.state().as_str_name(), "MEETING_STATE_"),
        "units": all(&m.units, unit),
        "offices": m.offices,
        "confirmed_by": m.confirmed_by,
        "notice": m.notice.as_ref().map(notice),
        "etag": m.etag,
        "created_at": at(m.created_at.as_ref()),
        "topics_confirmed_at": at(m.topics_confirmed_at.as_ref()),
        "held_at": at(m.held_at.as_ref()),
        "cancel_reason": m.cancel_reason,
        "speaker_points": points,
        "observers": m.observers,
        "chair": m.chair,
        "minutes": m.minutes,
    })
}

fn attendee(who: &Attendee) -> Value {
    json!({"display_name": who.display_name, "post": who.post, "officer": who.officer})
}

fn unit(unit: &MeetingUnit) -> Value {
    json!({
        "agency": unit.agency,
        "display_name": unit.display_name,
        "answer": unit.answer.as_ref().map(|answer| json!({
            "kind": word(answer.kind().as_str_name(), "ANSWER_KIND_"),
            "attendees": all(&answer.attendees, attendee),
            "reason": answer.reason,
            "answered_at": at(answer.answered_at.as_ref()),
            "officer": answer.officer,
        })),
        "attendance": word(unit.attendance().as_str_name(), "ATTENDANCE_"),
        "attendees": all(&unit.attendees, attendee),
    })
}

fn notice(notice: &MeetingNotice) -> Value {
    json!({
        "starts_at": at(notice.starts_at.as_ref()),
        "place": notice.place,
        "text": notice.text,
        "documents": all(&notice.documents, attachment),
        "answer_by_at": at(notice.answer_by_at.as_ref()),
        "revision": notice.revision,
        "sent_at": at(notice.sent_at.as_ref()),
        "notification": notice.notification,
    })
}

pub(crate) fn warning(warning: &MeetingWarning) -> Value {
    json!({
        "mechanism": warning.mechanism,
        "year": warning.year,
        "requirement": warning.requirement,
        "message": warning.message,
    })
}

pub(crate) fn topic(topic: &Topic) -> Value {
    let comments: Vec<Value> = topic
        .comments
        .iter()
        .map(|comment| {
            json!({
                "author": comment.author,
                "officer": comment.officer,
                "text": comment.text,
                "commented_at": at(comment.commented_at.as_ref()),
            })
        })
        .collect();
    json!({
        "name": topic.name,
        "title": topic.title,
        "text": topic.text,
        "documents": all(&topic.documents, attachment),
        "major_issue": topic.major_issue,
        "proposer": topic.proposer,
        "officer": topic.officer,
        "proposed_at": at(topic.proposed_at.as_ref()),
        "state": word(topic.state().as_str_name(), "TOPIC_STATE_"),
        "order": topic.order,
        "merged_into": topic.merged_into,
        "reason": topic.reason,
        "comments": comments,
        "comment_count": topic.comment_count,
        "notification": topic.notification,
    })
}

pub(crate) fn minutes(minutes: &Minutes) -> Value {
    json!({
        "name": minutes.name,
        "state": word(minutes.state().as_str_name(), "MINUTES_STATE_"),
        "newest_version": minutes.newest_version,
        "circulated_version": minutes.circulated_version,
        "consent_by_at": at(minutes.consent_by_at.as_ref()),
        "consents": all(&minutes.consents, consent),
        "objections": all(&minutes.objections, objection),
        "document_number": minutes.document_number,
        "issued_at": at(minutes.issued_at.as_ref()),
        "issued_on": on(minutes.issued_on.as_ref()),
        "content_sha256": minutes.content_sha256,
        "corrects": minutes.corrects,
        "correction_reason": minutes.correction_reason,
        "corrected_by": minutes.corrected_by,
        "issued_entry_index": minutes.issued_entry_index,
        "etag": minutes.etag,
    })
}

fn consent(consent: &Consent) -> Value {
    json!({
        "unit": consent.unit,
        "display_name": consent.display_name,
        "state": word(consent.state().as_str_name(), "CONSENT_STATE_"),
        "asked_at": at(consent.asked_at.as_ref()),
        "answered_at": at(consent.answered_at.as_ref()),
        "officer": consent.officer,
        "role": consent.role,
        "is_overdue": consent.is_overdue,
    })
}

fn objection(objection: &Objection) -> Value {
    json!({
        "unit": objection.unit,
        "version": objection.version,
        "reason": objection.reason,
        "objected_at": at(objection.objected_at.as_ref()),
        "officer": objection.officer,
        "withdrawn_at": at(objection.withdrawn_at.as_ref()),
        "answered_by_version": objection.answered_by_version,
    })
}

pub(crate) fn version(version: &MinutesVersion) -> Value {
    json!({
        "name": version.name,
        "content": version.content.as_ref().map(content),
        "drafted_at": at(version.drafted_at.as_ref()),
        "officer": version.officer,
        "content_sha256": version.content_sha256,
        "change_note": version.change_note,
        "circulated_at": at(version.circulated_at.as_ref()),
    })
}

pub(crate) fn content(content: &MinutesContent) -> Value {
    let topics: Vec<Value> = content
        .topics
        .iter()
        .map(|topic| {
            json!({"topic": topic.topic, "title": topic.title, "paragraphs": topic.paragraphs})
        })
        .collect();
    json!({
        "title": content.title,
        "opening": content.opening,
        "topics": topics,
        "agreed_items": all(&content.agreed_items, draft),
        "main_addressees": content.main_addressees,
        "copy_addressees": content.copy_addressees,
        "attachments": all(&content.attachments, attachment),
    })
}

fn item_kind(kind: AgreedItemKind) -> String {
    word(kind.as_str_name(), "AGREED_ITEM_KIND_")
}

fn draft(item: &AgreedItemDraft) -> Value {
    json!({
        "text": item.text,
        "responsible_units": item.responsible_units,
        "assisting_units": item.assisting_units,
        "due_on": on(item.due_on.as_ref()),
        "topic": item.topic,
        "kind": item_kind(item.kind()),
        "period_from_on": on(item.period_from_on.as_ref()),
        "period_until_on": on(item.period_until_on.as_ref()),
        "lead_unit": item.lead_unit,
        "assigner": item.assigner,
        "continues_item": item.continues_item,
    })
}

pub(crate) fn item(item: &AgreedItem) -> Value {
    json!({
        "name": item.name,
        "text": item.text,
        "minutes": item.minutes,
        "tasks": all(&item.tasks, task),
        "assisting_units": item.assisting_units,
        "due_on": on(item.due_on.as_ref()),
        "state": word(item.state().as_str_name(), "AGREED_ITEM_STATE_"),
        "close_note": item.close_note,
        "closed_at": at(item.closed_at.as_ref()),
        "is_overdue": item.is_overdue,
        "kind": item_kind(item.kind()),
        "lead_unit": item.lead_unit,
        "period_from_on": on(item.period_from_on.as_ref()),
        "period_until_on": on(item.period_until_on.as_ref()),
        "assigner": item.assigner,
        "continues": item.continues,
        "continued_by": item.continued_by,
    })
}

fn task(task: &UnitTask) -> Value {
    json!({
        "unit": task.unit,
        "state": word(task.state().as_str_name(), "TASK_STATE_"),
        "due_on": on(task.due_on.as_ref()),
        "is_overdue": task.is_overdue,
        "requested_due_on": on(task.requested_due_on.as_ref()),
        "extension_reason": task.extension_reason,
        "reports": all(&task.reports, report),
    })
}

pub(crate) fn report(report: &ProgressReport) -> Value {
    json!({
        "state": word(report.state().as_str_name(), "TASK_STATE_"),
        "text": report.text,
        "evidence": all(&report.evidence, attachment),
        "reported_at": at(report.reported_at.as_ref()),
        "officer": report.officer,
    })
}

pub(crate) fn statistics(answer: &GetMeetingStatisticsResponse) -> Value {
    json!({
        "counted_at": at(answer.counted_at.as_ref()),
        "meetings_held_count": answer.meetings_held_count,
        "units": all(&answer.units, unit_statistics),
    })
}

fn unit_statistics(unit: &UnitStatistics) -> Value {
    json!({
        "unit": unit.unit,
        "meetings_count": unit.meetings_count,
        "present_count": unit.present_count,
        "excused_count": unit.excused_count,
        "tasks_count": unit.tasks_count,
        "done_count": unit.done_count,
        "done_in_time_count": unit.done_in_time_count,
        "overdue_count": unit.overdue_count,
    })
}

pub(crate) fn issue(issue: &MajorIssue) -> Value {
    json!({
        "name": issue.name,
        "mechanism": issue.mechanism,
        "title": issue.title,
        "text": issue.text,
        "reason": issue.reason,
        "documents": all(&issue.documents, attachment),
        "flagged_by": issue.flagged_by,
        "officer": issue.officer,
        "flagged_at": at(issue.flagged_at.as_ref()),
        "state": word(issue.state().as_str_name(), "MAJOR_ISSUE_STATE_"),
        "disposition": issue.disposition.as_ref().map(|disposition| json!({
            "kind": word(disposition.kind().as_str_name(), "DISPOSITION_KIND_"),
            "reason": disposition.reason,
            "meeting": disposition.meeting,
            "topic": disposition.topic,
            "decided_at": at(disposition.decided_at.as_ref()),
            "officer": disposition.officer,
        })),
        "discussed_at": issue.discussed_at,
        "escalations": issue.escalations,
    })
}

pub(crate) fn escalation(escalation: &Escalation) -> Value {
    let signatures: Vec<Value> = escalation
        .co_signatures
        .iter()
        .map(|one| {
            json!({
                "unit": one.unit,
                "is_signed": one.is_signed,
                "reason": one.reason,
                "signed_at": at(one.signed_at.as_ref()),
                "officer": one.officer,
            })
        })
        .collect();
    json!({
        "name": escalation.name,
        "major_issue": escalation.major_issue,
        "meeting": escalation.meeting,
        "co_units": escalation.co_units,
        "title": escalation.title,
        "text": escalation.text,
        "documents": all(&escalation.documents, attachment),
        "lead_unit": escalation.lead_unit,
        "addressee": escalation.addressee,
        "state": word(escalation.state().as_str_name(), "ESCALATION_STATE_"),
        "co_signatures": signatures,
        "drafted_at": at(escalation.drafted_at.as_ref()),
        "sent_at": at(escalation.sent_at.as_ref()),
        "reply": escalation.reply.as_ref().map(|reply| json!({
            "text": reply.text,
            "document_number": reply.document_number,
            "documents": all(&reply.documents, attachment),
            "replied_at": at(reply.replied_at.as_ref()),
            "officer": reply.officer,
        })),
    })
}
