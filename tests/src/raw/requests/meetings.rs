//! Meetings, minutes, issues and escalations of a scene: a partial meeting that was held, with issued
//! minutes and an agreed item, and an issue that it discussed and that was reported.

use hub_core::crypto::{hex, sha256};
use hub_proto::meetings::{
    AgreedItemDraft, AgreedItemKind, AnswerKind, AnswerNoticeRequest, CancelMeetingRequest,
    ChangeMeetingRequest, CirculateMinutesRequest, CirculateMinutesResponse,
    CloseAgreedItemRequest, CloseMeetingRequest, CoSignEscalationRequest, CommentOnTopicRequest,
    ConfirmMeetingRequest, ConfirmTopicsRequest, ConsentToMinutesRequest, ConsentToMinutesResponse,
    ConveneMeetingRequest, CorrectMinutesRequest, CreateMeetingRequest, DecideExtensionRequest,
    DecideTopicRequest, DisposeMajorIssueRequest, Disposition, DispositionKind,
    DraftEscalationRequest, DraftMinutesRequest, DraftMinutesResponse, EscalationReply,
    FlagMajorIssueRequest, GetAgreedItemRequest, GetEscalationRequest, GetMajorIssueRequest,
    GetMeetingRequest, GetMeetingStatisticsRequest, GetMinutesRequest, GetMinutesVersionRequest,
    GetTopicRequest, IssueMinutesRequest, IssueMinutesResponse, ListAgreedItemsRequest,
    ListEscalationsRequest, ListMajorIssuesRequest, ListMeetingWarningsRequest,
    ListMeetingsRequest, ListMinutesVersionsRequest, ListProgressReportsRequest, ListTopicsRequest,
    Meeting, MeetingKind, MinutesContent, ObjectToMinutesRequest, OpenTopicsRequest,
    OrderTopicsRequest, ProgressReport, ProposeTopicRequest, RecordMeetingHeldRequest,
    ReplyToEscalationRequest, ReportProgressRequest, RequestExtensionRequest,
    SendEscalationRequest, TaskState, Topic, TopicMinutes, TopicState, UnitAnswer,
    WithdrawEscalationRequest, WithdrawObjectionRequest,
};
use prost::Message as _;

use super::{Scene, Target, future_id, in_2099, request_id};
use crate::{
    World,
    meetings::{self, FUND, JOINT, issues as issue},
};

/// Path of a method of minutes.
#[macro_export]
macro_rules! minutes {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MinutesService/", $method)
    };
}

/// Units of the scene's meeting.
pub const INVITED: [&str; 3] = ["civil-affairs", "tax", "health"];

/// Names of what there is.
#[derive(Debug, Clone, Default)]
pub struct MeetingScene {
    /// The meeting.
    pub meeting: Meeting,
    /// The issue that tax flagged.
    pub issue: String,
    /// The report, which tax co-signed and health was not asked for.
    pub escalation: String,
}

impl MeetingScene {
    /// Brings the meeting as far as its agreed item, and the issue to the leading group.
    pub(super) async fn set(world: &World) -> Self {
        let (issue, meeting) = issue::discussed(world, &INVITED).await;
        let office = meetings::office(world);
        let minutes = format!("{}/minutes/1", meeting.name);
        let content = content();
        let request = DraftMinutesRequest {
            parent: minutes.clone(),
            content: Some(content.clone()),
            request_id: request_id(),
            ..DraftMinutesRequest::default()
        };
        let _drafted: DraftMinutesResponse = office
            .ask(minutes!("DraftMinutes"), &request)
            .await
            .unwrap();
        let request = CirculateMinutesRequest {
            name: minutes.clone(),
            version: 1,
            consent_by_at: None,
            request_id: request_id(),
        };
        let _circulated: CirculateMinutesResponse = office
            .ask(minutes!("CirculateMinutes"), &request)
            .await
            .unwrap();
        for unit in INVITED {
            let request = ConsentToMinutesRequest {
                name: minutes.clone(),
                version: 1,
                content_sha256: sha(&content),
                request_id: request_id(),
            };
            let _consented: ConsentToMinutesResponse = meetings::leader(world, unit)
                .ask(minutes!("ConsentToMinutes"), &request)
                .await
                .unwrap();
        }
        let request = IssueMinutesRequest {
            name: minutes,
            version: 1,
            request_id: request_id(),
        };
        let _issued: IssueMinutesResponse = office
            .ask(minutes!("IssueMinutes"), &request)
            .await
            .unwrap();
        let lead = meetings::leader(world, "civil-affairs");
        let report = issue::report(&issue.name, &meeting.name, &["tax"]);
        let drafted = issue::draft(&lead, report).await.unwrap();
        let tax = meetings::leader(world, "tax");
        issue::co_sign(&tax, &drafted.name, false).await.unwrap();
        issue::send(&lead, &drafted.name).await.unwrap();
        Self {
            meeting,
            issue: issue.name,
            escalation: drafted.name,
        }
    }
}

/// Minutes with one agreed item, of tax.
#[must_use]
pub fn content() -> MinutesContent {
    MinutesContent {
        title: "第一次会议纪要".into(),
        topics: vec![TopicMinutes {
            title: "议题一".into(),
            paragraphs: vec!["会议讨论了议题一。".into()],
            ..TopicMinutes::default()
        }],
        agreed_items: vec![AgreedItemDraft {
            text: "统一执法依据".into(),
            responsible_units: vec!["agencies/tax".into()],
            kind: AgreedItemKind::Task.into(),
            ..AgreedItemDraft::default()
        }],
        ..MinutesContent::default()
    }
}

fn sha(content: &MinutesContent) -> String {
    hex(&sha256(&[&content.encode_to_vec()]))
}

const OF_MEETING: &str = "the partial meeting";

impl Scene {
    pub(super) fn meetings(&self, world: &World, targets: &mut Vec<Target>) {
        let name = self.meetings.meeting.name.clone();
        self.convening(world, &name, targets);
        self.holding(&name, targets);
        topics(&name, targets);
        self.reading(&name, targets);
        minutes(&format!("{name}/minutes/1"), targets);
        agreed_items(&name, targets);
        self.major_issues(targets);
        self.escalations(&name, targets);
    }

    fn convening(&self, world: &World, name: &str, targets: &mut Vec<Target>) {
        for mechanism in [JOINT, FUND] {
            let kind = MeetingKind::Annual;
            let draft = meetings::draft(world, kind, &[mechanism], &[]);
            let office = format!("{mechanism}/office");
            targets.push(Target::new(
                crate::meetings!("CreateMeeting"),
                mechanism,
                move |_| CreateMeetingRequest {
                    meeting: Some(draft.clone()),
                    office: office.clone(),
                    request_id: future_id(),
                },
            ));
        }
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("ConfirmMeeting"),
            OF_MEETING,
            move |_| ConfirmMeetingRequest {
                name: of.clone(),
                office: format!("{JOINT}/office"),
                etag: String::new(),
                request_id: future_id(),
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("OpenTopics"),
            OF_MEETING,
            move |_| OpenTopicsRequest {
                name: of.clone(),
                etag: String::new(),
                request_id: future_id(),
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("ConveneMeeting"),
            OF_MEETING,
            move |_| ConveneMeetingRequest {
                name: of.clone(),
                notice: Some(meetings::notice()),
                etag: String::new(),
                request_id: future_id(),
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("ChangeMeeting"),
            OF_MEETING,
            move |_| ChangeMeetingRequest {
                name: of.clone(),
                notice: Some(meetings::notice()),
                reason: "时间有变".into(),
                request_id: future_id(),
                ..ChangeMeetingRequest::default()
            },
        ));
    }

    fn holding(&self, name: &str, targets: &mut Vec<Target>) {
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("AnswerNotice"),
            OF_MEETING,
            move |_| AnswerNoticeRequest {
                name: of.clone(),
                answer: Some(UnitAnswer {
                    kind: AnswerKind::Attends.into(),
                    attendees: vec![meetings::attendee("甲")],
                    ..UnitAnswer::default()
                }),
                revision: 1,
                request_id: future_id(),
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("CancelMeeting"),
            OF_MEETING,
            move |_| CancelMeetingRequest {
                name: of.clone(),
                reason: "另行安排".into(),
                etag: String::new(),
                request_id: future_id(),
            },
        ));
        let meeting = self.meetings.meeting.clone();
        targets.push(Target::new(
            crate::meetings!("RecordMeetingHeld"),
            OF_MEETING,
            move |_| RecordMeetingHeldRequest {
                request_id: future_id(),
                ..meetings::held(&meeting, &INVITED)
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("CloseMeeting"),
            OF_MEETING,
            move |_| CloseMeetingRequest {
                name: of.clone(),
                etag: String::new(),
                request_id: future_id(),
            },
        ));
    }

    fn reading(&self, name: &str, targets: &mut Vec<Target>) {
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("GetMeeting"),
            OF_MEETING,
            move |_| GetMeetingRequest { name: of.clone() },
        ));
        targets.push(Target::new(crate::meetings!("ListMeetings"), "", |_| {
            ListMeetingsRequest::default()
        }));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("GetTopic"),
            OF_MEETING,
            move |_| GetTopicRequest {
                name: format!("{of}/topics/1"),
            },
        ));
        let of = name.to_owned();
        targets.push(Target::new(
            crate::meetings!("ListTopics"),
            OF_MEETING,
            move |_| ListTopicsRequest { parent: of.clone() },
        ));
        for mechanism in [JOINT, FUND] {
            targets.push(Target::new(
                crate::meetings!("ListMeetingWarnings"),
                mechanism,
                move |_| ListMeetingWarningsRequest {
                    parent: mechanism.into(),
                },
            ));
        }
    }

    fn major_issues(&self, targets: &mut Vec<Target>) {
        for mechanism in [JOINT, FUND] {
            targets.push(Target::new(
                crate::issues!("FlagMajorIssue"),
                mechanism,
                move |_| FlagMajorIssueRequest {
                    major_issue: Some(issue::issue(mechanism)),
                    request_id: future_id(),
                },
            ));
        }
        let what = "tax's, discussed at the partial meeting";
        let of = self.meetings.issue.clone();
        targets.push(Target::new(
            crate::issues!("DisposeMajorIssue"),
            what,
            move |_| DisposeMajorIssueRequest {
                name: of.clone(),
                disposition: Some(Disposition {
                    kind: DispositionKind::Close.into(),
                    reason: "已解决".into(),
                    ..Disposition::default()
                }),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.issue.clone();
        targets.push(Target::new(
            crate::issues!("GetMajorIssue"),
            what,
            move |_| GetMajorIssueRequest { name: of.clone() },
        ));
        targets.push(Target::new(crate::issues!("ListMajorIssues"), "", |_| {
            ListMajorIssuesRequest::default()
        }));
    }

    fn escalations(&self, meeting: &str, targets: &mut Vec<Target>) {
        let what = "reported by civil affairs with tax";
        let (of, meeting) = (self.meetings.issue.clone(), meeting.to_owned());
        targets.push(Target::new(
            crate::issues!("DraftEscalation"),
            what,
            move |_| DraftEscalationRequest {
                escalation: Some(issue::report(&of, &meeting, &["tax"])),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.escalation.clone();
        targets.push(Target::new(
            crate::issues!("CoSignEscalation"),
            what,
            move |_| CoSignEscalationRequest {
                name: of.clone(),
                declines: false,
                reason: String::new(),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.escalation.clone();
        targets.push(Target::new(
            crate::issues!("SendEscalation"),
            what,
            move |_| SendEscalationRequest {
                name: of.clone(),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.escalation.clone();
        targets.push(Target::new(
            crate::issues!("WithdrawEscalation"),
            what,
            move |_| WithdrawEscalationRequest {
                name: of.clone(),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.escalation.clone();
        targets.push(Target::new(
            crate::issues!("ReplyToEscalation"),
            what,
            move |_| ReplyToEscalationRequest {
                name: of.clone(),
                reply: Some(EscalationReply {
                    text: "同意".into(),
                    ..EscalationReply::default()
                }),
                request_id: future_id(),
            },
        ));
        let of = self.meetings.escalation.clone();
        targets.push(Target::new(
            crate::issues!("GetEscalation"),
            what,
            move |_| GetEscalationRequest { name: of.clone() },
        ));
        targets.push(Target::new(crate::issues!("ListEscalations"), "", |_| {
            ListEscalationsRequest::default()
        }));
    }
}

fn topics(name: &str, targets: &mut Vec<Target>) {
    let office = format!("{JOINT}/office");
    let actors = [
        ("the partial meeting, for itself", ""),
        ("the partial meeting, for the joint office", &*office),
    ];
    for (what, proposer) in actors {
        let (of, proposer) = (name.to_owned(), proposer.to_owned());
        targets.push(Target::new(
            crate::meetings!("ProposeTopic"),
            what,
            move |_| ProposeTopicRequest {
                parent: of.clone(),
                topic: Some(Topic {
                    title: "议题".into(),
                    ..Topic::default()
                }),
                proposer: proposer.clone(),
                request_id: future_id(),
            },
        ));
    }
    for (what, author) in actors {
        let (of, author) = (name.to_owned(), author.to_owned());
        targets.push(Target::new(
            crate::meetings!("CommentOnTopic"),
            what,
            move |_| CommentOnTopicRequest {
                name: format!("{of}/topics/1"),
                text: "同意".into(),
                author: author.clone(),
                request_id: future_id(),
            },
        ));
    }
    let of = name.to_owned();
    targets.push(Target::new(
        crate::meetings!("DecideTopic"),
        OF_MEETING,
        move |_| DecideTopicRequest {
            name: format!("{of}/topics/1"),
            decision: TopicState::Accepted.into(),
            request_id: future_id(),
            ..DecideTopicRequest::default()
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::meetings!("OrderTopics"),
        OF_MEETING,
        move |_| OrderTopicsRequest {
            parent: of.clone(),
            topics: vec![format!("{of}/topics/1")],
            request_id: future_id(),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        crate::meetings!("ConfirmTopics"),
        OF_MEETING,
        move |_| ConfirmTopicsRequest {
            name: of.clone(),
            etag: String::new(),
            request_id: future_id(),
        },
    ));
}

fn minutes(name: &str, targets: &mut Vec<Target>) {
    let what = "minutes of the partial meeting";
    let of = name.to_owned();
    targets.push(Target::new(minutes!("DraftMinutes"), what, move |_| {
        DraftMinutesRequest {
            parent: of.clone(),
            content: Some(content()),
            change_note: "修改".into(),
            base_version: 1,
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(minutes!("CirculateMinutes"), what, move |_| {
        CirculateMinutesRequest {
            name: of.clone(),
            version: 1,
            consent_by_at: None,
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(minutes!("ConsentToMinutes"), what, move |_| {
        ConsentToMinutesRequest {
            name: of.clone(),
            version: 1,
            content_sha256: sha(&content()),
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(minutes!("ObjectToMinutes"), what, move |_| {
        ObjectToMinutesRequest {
            name: of.clone(),
            version: 1,
            reason: "时限不可行".into(),
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(
        minutes!("WithdrawObjection"),
        what,
        move |_| WithdrawObjectionRequest {
            name: of.clone(),
            version: 1,
            request_id: future_id(),
        },
    ));
    issued_minutes(name, targets);
}

fn issued_minutes(name: &str, targets: &mut Vec<Target>) {
    let what = "minutes of the partial meeting";
    let of = name.to_owned();
    targets.push(Target::new(minutes!("IssueMinutes"), what, move |_| {
        IssueMinutesRequest {
            name: of.clone(),
            version: 1,
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(minutes!("CorrectMinutes"), what, move |_| {
        CorrectMinutesRequest {
            name: of.clone(),
            reason: "单位名称有误".into(),
            request_id: future_id(),
        }
    }));
    let of = name.to_owned();
    targets.push(Target::new(minutes!("GetMinutes"), what, move |_| {
        GetMinutesRequest { name: of.clone() }
    }));
    let of = name.to_owned();
    targets.push(Target::new(
        minutes!("GetMinutesVersion"),
        what,
        move |_| GetMinutesVersionRequest {
            name: format!("{of}/versions/1"),
        },
    ));
    let of = name.to_owned();
    targets.push(Target::new(
        minutes!("ListMinutesVersions"),
        what,
        move |_| ListMinutesVersionsRequest { parent: of.clone() },
    ));
}

fn agreed_items(meeting: &str, targets: &mut Vec<Target>) {
    let what = "tax's item of the partial meeting";
    let item = format!("{meeting}/agreedItems/1");
    let of = item.clone();
    targets.push(Target::new(minutes!("ReportProgress"), what, move |_| {
        ReportProgressRequest {
            name: of.clone(),
            report: Some(ProgressReport {
                state: TaskState::InProgress.into(),
                text: "已着手".into(),
                ..ProgressReport::default()
            }),
            request_id: future_id(),
        }
    }));
    let of = item.clone();
    targets.push(Target::new(minutes!("RequestExtension"), what, move |_| {
        RequestExtensionRequest {
            name: of.clone(),
            due_on: Some(in_2099()),
            reason: "需要会商".into(),
            request_id: future_id(),
        }
    }));
    let of = item.clone();
    targets.push(Target::new(minutes!("DecideExtension"), what, move |_| {
        DecideExtensionRequest {
            name: of.clone(),
            unit: "agencies/tax".into(),
            is_granted: true,
            due_on: Some(in_2099()),
            reason: String::new(),
            request_id: future_id(),
        }
    }));
    let of = item.clone();
    targets.push(Target::new(minutes!("CloseAgreedItem"), what, move |_| {
        CloseAgreedItemRequest {
            name: of.clone(),
            note: "已落实".into(),
            request_id: future_id(),
        }
    }));
    listed_items(meeting, &item, targets);
}

fn listed_items(meeting: &str, item: &str, targets: &mut Vec<Target>) {
    let what = "tax's item of the partial meeting";
    let item = item.to_owned();
    let of = item.clone();
    targets.push(Target::new(minutes!("GetAgreedItem"), what, move |_| {
        GetAgreedItemRequest { name: of.clone() }
    }));
    targets.push(Target::new(
        minutes!("ListProgressReports"),
        what,
        move |_| ListProgressReportsRequest {
            parent: item.clone(),
            unit: "agencies/tax".into(),
        },
    ));
    for (what, parent) in [("all", "meetings/-"), (OF_MEETING, meeting)] {
        let parent = parent.to_owned();
        targets.push(Target::new(minutes!("ListAgreedItems"), what, move |_| {
            ListAgreedItemsRequest {
                parent: parent.clone(),
                ..ListAgreedItemsRequest::default()
            }
        }));
    }
    for mechanism in [JOINT, FUND] {
        targets.push(Target::new(
            minutes!("GetMeetingStatistics"),
            mechanism,
            move |_| GetMeetingStatisticsRequest {
                name: mechanism.into(),
                from_on: Some(hub_core::date::to_wire(jiff::civil::date(2026, 1, 1))),
                until_on: Some(hub_core::date::to_wire(jiff::civil::date(2027, 1, 1))),
                all_members_only: false,
            },
        ));
    }
}
