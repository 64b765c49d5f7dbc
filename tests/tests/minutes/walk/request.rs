//! How an act goes out.

use std::collections::BTreeSet;

use hub_core::date;
use hub_proto::meetings::{
    AnswerKind, AnswerNoticeRequest, Attendance, Attendee, CancelMeetingRequest,
    CirculateMinutesRequest, CloseAgreedItemRequest, CloseMeetingRequest, ConfirmMeetingRequest,
    ConfirmTopicsRequest, ConsentToMinutesRequest, ConveneMeetingRequest, CorrectMinutesRequest,
    DecideExtensionRequest, DecideTopicRequest, DraftMinutesRequest, IssueMinutesRequest,
    ObjectToMinutesRequest, OpenTopicsRequest, ProgressReport, ProposeTopicRequest,
    RecordMeetingHeldRequest, ReportProgressRequest, RequestExtensionRequest, TaskState, Topic,
    TopicState, UnitAnswer, WithdrawObjectionRequest,
};
use jiff::Timestamp;
use prost::Message;

use super::{
    act::written,
    model::{Act, Meeting},
};
use crate::hall::{agency, attendance, meeting_method, minutes_method, notice, today_and};

pub(super) fn of_meeting(row: &Meeting, act: &Act, id: &str) -> (&'static str, Vec<u8>) {
    let (name, request_id) = (row.name.clone(), id.to_owned());
    match act {
        Act::Confirm(mechanism) => (
            meeting_method!("ConfirmMeeting"),
            ConfirmMeetingRequest {
                name,
                office: format!("mechanisms/{mechanism}/office"),
                request_id,
                ..ConfirmMeetingRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::Open => (
            meeting_method!("OpenTopics"),
            OpenTopicsRequest {
                name,
                request_id,
                ..OpenTopicsRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::Propose => (
            meeting_method!("ProposeTopic"),
            ProposeTopicRequest {
                parent: name,
                topic: Some(Topic {
                    title: "议题".into(),
                    ..Topic::default()
                }),
                request_id,
                ..ProposeTopicRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::Decide(topic, is_accepted) => (
            meeting_method!("DecideTopic"),
            DecideTopicRequest {
                name: format!("{name}/topics/{topic}"),
                decision: if *is_accepted {
                    TopicState::Accepted.into()
                } else {
                    TopicState::Declined.into()
                },
                reason: "已研究".into(),
                request_id,
                ..DecideTopicRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::ConfirmTopics => (
            meeting_method!("ConfirmTopics"),
            ConfirmTopicsRequest {
                name,
                request_id,
                ..ConfirmTopicsRequest::default()
            }
            .encode_to_vec(),
        ),
        _ => of_sitting(row, act, id),
    }
}

fn of_sitting(row: &Meeting, act: &Act, id: &str) -> (&'static str, Vec<u8>) {
    let (name, request_id) = (row.name.clone(), id.to_owned());
    match act {
        Act::Convene => (
            meeting_method!("ConveneMeeting"),
            ConveneMeetingRequest {
                name,
                notice: Some(notice()),
                request_id,
                ..ConveneMeetingRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::Answer => (
            meeting_method!("AnswerNotice"),
            AnswerNoticeRequest {
                name,
                answer: Some(UnitAnswer {
                    kind: AnswerKind::Attends.into(),
                    attendees: vec![Attendee {
                        display_name: "示例甲".into(),
                        ..Attendee::default()
                    }],
                    ..UnitAnswer::default()
                }),
                revision: 1,
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Held(attended) => held(row, attended, request_id),
        Act::Cancel => (
            meeting_method!("CancelMeeting"),
            CancelMeetingRequest {
                name,
                reason: "改期".into(),
                request_id,
                ..CancelMeetingRequest::default()
            }
            .encode_to_vec(),
        ),
        Act::Close => (
            meeting_method!("CloseMeeting"),
            CloseMeetingRequest {
                name,
                request_id,
                ..CloseMeetingRequest::default()
            }
            .encode_to_vec(),
        ),
        other => unreachable!("{other:?}"),
    }
}

pub(super) fn of_minutes(row: &Meeting, act: &Act, id: &str) -> (&'static str, Vec<u8>) {
    let minutes = |doc: &usize| format!("{}/minutes/{doc}", row.name);
    let number = |number: &usize| i32::try_from(*number).unwrap();
    let request_id = id.to_owned();
    match act {
        Act::Draft(doc, base, text, title) => (
            minutes_method!("DraftMinutes"),
            DraftMinutesRequest {
                parent: minutes(doc),
                content: Some(written(title.parse().unwrap(), &text.items)),
                change_note: "修改".into(),
                base_version: number(base),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Circulate(doc, version) => (
            minutes_method!("CirculateMinutes"),
            CirculateMinutesRequest {
                name: minutes(doc),
                version: number(version),
                consent_by_at: None,
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Issue(doc, version) => (
            minutes_method!("IssueMinutes"),
            IssueMinutesRequest {
                name: minutes(doc),
                version: number(version),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Correct(doc) => (
            minutes_method!("CorrectMinutes"),
            CorrectMinutesRequest {
                name: minutes(doc),
                reason: "更正".into(),
                request_id,
            }
            .encode_to_vec(),
        ),
        _ => of_stand(row, act, id),
    }
}

pub(super) fn of_item(row: &Meeting, act: &Act, id: &str) -> (&'static str, Vec<u8>) {
    let item = |number: &usize| format!("{}/agreedItems/{number}", row.name);
    let request_id = id.to_owned();
    match act {
        Act::Report(number, is_done) => (
            minutes_method!("ReportProgress"),
            ReportProgressRequest {
                name: item(number),
                report: Some(ProgressReport {
                    state: if *is_done {
                        TaskState::Done.into()
                    } else {
                        TaskState::InProgress.into()
                    },
                    text: "进展".into(),
                    ..ProgressReport::default()
                }),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Extend(number, due) => (
            minutes_method!("RequestExtension"),
            RequestExtensionRequest {
                name: item(number),
                due_on: Some(today_and(*due)),
                reason: "须待审计".into(),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::DecideExtension(number, unit, is_granted, due) => (
            minutes_method!("DecideExtension"),
            DecideExtensionRequest {
                name: item(number),
                unit: agency(unit),
                is_granted: *is_granted,
                due_on: Some(today_and(*due)),
                reason: "已研究".into(),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::CloseItem(number, has_note) => (
            minutes_method!("CloseAgreedItem"),
            CloseAgreedItemRequest {
                name: item(number),
                note: if *has_note {
                    "办结".into()
                } else {
                    String::new()
                },
                request_id,
            }
            .encode_to_vec(),
        ),
        other => unreachable!("{other:?}"),
    }
}

fn held(row: &Meeting, attended: &BTreeSet<String>, request_id: String) -> (&'static str, Vec<u8>) {
    let was = |unit: &String| {
        if attended.contains(unit) {
            Attendance::Present
        } else {
            Attendance::Absent
        }
    };
    let units = row.units.iter().map(|unit| attendance(unit, was(unit)));
    let units = if row.is_by_correspondence {
        vec![]
    } else {
        units.collect()
    };
    let request = RecordMeetingHeldRequest {
        name: row.name.clone(),
        held_at: Some(date::timestamp(Timestamp::now())),
        chair: "示例乙".into(),
        units,
        request_id,
        ..RecordMeetingHeldRequest::default()
    };
    (
        meeting_method!("RecordMeetingHeld"),
        request.encode_to_vec(),
    )
}

fn of_stand(row: &Meeting, act: &Act, id: &str) -> (&'static str, Vec<u8>) {
    let minutes = |doc: &usize| format!("{}/minutes/{doc}", row.name);
    let number = |number: &usize| i32::try_from(*number).unwrap();
    let request_id = id.to_owned();
    match act {
        Act::Consent(doc, version, sha256) => (
            minutes_method!("ConsentToMinutes"),
            ConsentToMinutesRequest {
                name: minutes(doc),
                version: number(version),
                content_sha256: sha256.clone(),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Object(doc, version) => (
            minutes_method!("ObjectToMinutes"),
            ObjectToMinutesRequest {
                name: minutes(doc),
                version: number(version),
                reason: "时限不可行".into(),
                request_id,
            }
            .encode_to_vec(),
        ),
        Act::Withdraw(doc, version) => (
            minutes_method!("WithdrawObjection"),
            WithdrawObjectionRequest {
                name: minutes(doc),
                version: number(version),
                request_id,
            }
            .encode_to_vec(),
        ),
        other => unreachable!("{other:?}"),
    }
}
