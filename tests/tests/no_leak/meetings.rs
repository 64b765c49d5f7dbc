//! Two worlds hold the same annual meeting; in one of them some units also meet alone, over an issue
//! that one of them flagged, issue minutes, and report the issue to the leading group.

use std::sync::Arc;

use hub::{clock::Clock as _, identity::Caller};
use hub_core::{
    crypto::{hex, sha256},
    date,
};
use hub_proto::meetings::{
    AgreedItemDraft, AgreedItemKind, AnswerKind, AnswerNoticeRequest, Attendance, Attendee,
    CirculateMinutesRequest, CoSignEscalationRequest, CommentOnTopicRequest, ConfirmTopicsRequest,
    ConsentToMinutesRequest, ConveneMeetingRequest, CreateMeetingRequest, DisposeMajorIssueRequest,
    Disposition, DispositionKind, DraftEscalationRequest, DraftMinutesRequest, Escalation,
    FlagMajorIssueRequest, GetAgreedItemRequest, GetEscalationRequest, GetMajorIssueRequest,
    GetMeetingRequest, GetMeetingStatisticsRequest, GetMinutesRequest, GetMinutesVersionRequest,
    GetTopicRequest, IssueMinutesRequest, ListAgreedItemsRequest, ListEscalationsRequest,
    ListMajorIssuesRequest, ListMeetingWarningsRequest, ListMeetingsRequest, ListTopicsRequest,
    MajorIssue, Meeting, MeetingKind, MeetingNotice, MeetingUnit, MinutesContent,
    OpenTopicsRequest, ProgressReport, RecordMeetingHeldRequest, ReportProgressRequest,
    SendEscalationRequest, TaskState, TopicMinutes, UnitAnswer,
    major_issue_service_server::MajorIssueService as _,
    meeting_service_server::MeetingService as _, minutes_service_server::MinutesService as _,
};
use hub_tests::direct::call;
use jiff::SignedDuration;
use prost::Message as _;

use super::*;
use crate::probe::{Observations, Probe};

const JOINT: &str = "mechanisms/joint-enforcement";

/// Units that meet alone, the office's host among them.
const UNITS: [&str; 3] = ["civil-affairs", "health", "tax"];

/// Who knows: the units, and whom they report to.
const INSIDERS: [&str; 4] = ["civil-affairs", "health", "tax", "leading-group-office"];

impl Story<'_> {
    /// A meeting of the kind that discusses an issue of an agency's. A silent one takes its time and
    /// its randomness, and happens not.
    async fn meet(&mut self, kind: MeetingKind, flagged_by: &str, is_silent: bool) -> Vec<String> {
        let ids: Vec<String> = (0..24).map(|_| self.step()).collect();
        if is_silent {
            self.direct.clock.advance_us(24_000_000);
            return named(&ids);
        }
        let mut ids = ids.into_iter();
        let names = named(ids.as_slice());
        let [meeting, issue, ..] = names.as_slice() else {
            panic!("{names:?}");
        };
        let mut id = || self.tick(&mut ids);
        let api = &self.direct.services;
        let office = self.officer("civil-affairs");
        let member = self.officer(flagged_by);
        let is_partial = kind == MeetingKind::Partial;
        let create = CreateMeetingRequest {
            meeting: Some(self.draft_of(kind)),
            office: format!("{JOINT}/office"),
            request_id: id(),
        };
        api.create_meeting(call(&office, create)).await.unwrap();
        let flag = FlagMajorIssueRequest {
            major_issue: Some(MajorIssue {
                mechanism: JOINT.into(),
                title: "重大问题".into(),
                text: "有关情况".into(),
                reason: "涉及多个部门".into(),
                ..MajorIssue::default()
            }),
            request_id: id(),
        };
        api.flag_major_issue(call(&member, flag)).await.unwrap();
        let open = OpenTopicsRequest {
            name: meeting.clone(),
            etag: String::new(),
            request_id: id(),
        };
        api.open_topics(call(&office, open)).await.unwrap();
        let dispose = DisposeMajorIssueRequest {
            name: issue.clone(),
            disposition: Some(Disposition {
                kind: DispositionKind::Agenda.into(),
                meeting: meeting.clone(),
                ..Disposition::default()
            }),
            request_id: id(),
        };
        api.dispose_major_issue(call(&office, dispose))
            .await
            .unwrap();
        let confirm = ConfirmTopicsRequest {
            name: meeting.clone(),
            etag: String::new(),
            request_id: id(),
        };
        api.confirm_topics(call(&office, confirm)).await.unwrap();
        self.hold(meeting, &mut ids).await;
        if is_partial {
            self.agree(&names, &mut ids).await;
            self.report(&names, &mut ids).await;
            // As much time as in the world where nothing happens.
            self.direct.clock.advance_us(8_000_000);
        }
        names
    }

    /// A meeting of the kind, today.
    fn draft_of(&self, kind: MeetingKind) -> Meeting {
        let today = date::on(self.direct.clock.now(), self.site.charter().zone());
        let invited = UNITS.iter().map(|unit| format!("agencies/{unit}"));
        Meeting {
            kind: kind.into(),
            mechanisms: vec![JOINT.into()],
            title: "专题会议".into(),
            invited_units: invited.filter(|_| kind == MeetingKind::Partial).collect(),
            planned_on: Some(date::to_wire(today)),
            ..Meeting::default()
        }
    }

    /// A second later, the next id.
    fn tick(&self, ids: &mut std::vec::IntoIter<String>) -> String {
        self.direct.clock.advance_us(1_000_000);
        ids.next().unwrap()
    }

    /// The notice goes out, and everyone comes.
    async fn hold(&self, meeting: &str, ids: &mut std::vec::IntoIter<String>) {
        let api = &self.direct.services;
        let office = self.officer("civil-affairs");
        let starts_at = self.direct.clock.now() + SignedDuration::from_mins(10);
        let convene = ConveneMeetingRequest {
            name: meeting.to_owned(),
            notice: Some(MeetingNotice {
                starts_at: Some(date::timestamp(starts_at)),
                place: "会议室".into(),
                ..MeetingNotice::default()
            }),
            etag: String::new(),
            request_id: self.tick(ids),
        };
        let convened = api.convene_meeting(call(&office, convene)).await.unwrap();
        let units = convened.into_inner().meeting.unwrap().units;
        let held_at = self.direct.clock.now();
        let record_id = self.tick(ids);
        let held = RecordMeetingHeldRequest {
            name: meeting.to_owned(),
            held_at: Some(date::timestamp(held_at)),
            chair: "某厅领导".into(),
            units: units.into_iter().map(present).collect(),
            request_id: record_id,
            ..RecordMeetingHeldRequest::default()
        };
        api.record_meeting_held(call(&office, held)).await.unwrap();
    }

    /// Minutes are agreed to and issued.
    async fn agree(&self, names: &[String], ids: &mut std::vec::IntoIter<String>) {
        let api = &self.direct.services;
        let office = self.officer("civil-affairs");
        let minutes = &names[3];
        let content = content();
        let draft = DraftMinutesRequest {
            parent: minutes.clone(),
            content: Some(content.clone()),
            request_id: self.tick(ids),
            ..DraftMinutesRequest::default()
        };
        api.draft_minutes(call(&office, draft)).await.unwrap();
        let circulate = CirculateMinutesRequest {
            name: minutes.clone(),
            version: 1,
            consent_by_at: None,
            request_id: self.tick(ids),
        };
        api.circulate_minutes(call(&office, circulate))
            .await
            .unwrap();
        for unit in UNITS {
            let consent = ConsentToMinutesRequest {
                name: minutes.clone(),
                version: 1,
                content_sha256: hex(&sha256(&[&content.encode_to_vec()])),
                request_id: self.tick(ids),
            };
            let leader = self.officer(unit);
            api.consent_to_minutes(call(&leader, consent))
                .await
                .unwrap();
        }
        let issued = IssueMinutesRequest {
            name: minutes.clone(),
            version: 1,
            request_id: self.tick(ids),
        };
        api.issue_minutes(call(&office, issued)).await.unwrap();
    }

    /// The issue goes to the leading group.
    async fn report(&self, names: &[String], ids: &mut std::vec::IntoIter<String>) {
        let api = &self.direct.services;
        let office = self.officer("civil-affairs");
        let [meeting, issue, escalation, ..] = names else {
            panic!("{names:?}");
        };
        let report = DraftEscalationRequest {
            escalation: Some(Escalation {
                major_issue: issue.clone(),
                meeting: meeting.clone(),
                co_units: vec!["agencies/tax".into()],
                title: "报告".into(),
                text: "内容".into(),
                ..Escalation::default()
            }),
            request_id: self.tick(ids),
        };
        let drafted = api.draft_escalation(call(&office, report)).await.unwrap();
        let name = drafted.into_inner().escalation.unwrap().name;
        assert_eq!(name, *escalation, "probes ask for what there is");
        let sign = CoSignEscalationRequest {
            name: name.clone(),
            declines: false,
            reason: String::new(),
            request_id: self.tick(ids),
        };
        let tax = self.officer("tax");
        api.co_sign_escalation(call(&tax, sign)).await.unwrap();
        let send = SendEscalationRequest {
            name,
            request_id: self.tick(ids),
        };
        api.send_escalation(call(&office, send)).await.unwrap();
    }
}

fn present(unit: MeetingUnit) -> MeetingUnit {
    MeetingUnit {
        agency: unit.agency,
        attendance: Attendance::Present.into(),
        attendees: vec![Attendee {
            display_name: "甲".into(),
            ..Attendee::default()
        }],
        ..MeetingUnit::default()
    }
}

fn content() -> MinutesContent {
    MinutesContent {
        title: "会议纪要".into(),
        topics: vec![TopicMinutes {
            title: "议题".into(),
            paragraphs: vec!["会议讨论了议题。".into()],
            ..TopicMinutes::default()
        }],
        agreed_items: vec![AgreedItemDraft {
            text: "落实".into(),
            responsible_units: vec!["agencies/tax".into()],
            kind: AgreedItemKind::Task.into(),
            ..AgreedItemDraft::default()
        }],
        ..MinutesContent::default()
    }
}

/// Names that follow from the ids of a meeting's acts: the first makes the meeting, the second the
/// issue, the fourteenth the escalation.
fn named(ids: &[String]) -> Vec<String> {
    let meeting = format!("meetings/{}", ids[0]);
    vec![
        meeting.clone(),
        format!("majorIssues/{}", ids[1]),
        format!("escalations/{}", ids[13]),
        format!("{meeting}/minutes/1"),
        format!("{meeting}/topics/1"),
        format!("{meeting}/agreedItems/1"),
        format!("{meeting}/minutes/1/versions/1"),
    ]
}

async fn tell_of_meetings(site: &Site, direct: &Direct, is_told: bool) -> story::Told {
    let mut story = Story::new(site, direct, PAIRS[0], is_told);
    let open = story.meet(MeetingKind::Annual, "education", false).await;
    let hidden = story.meet(MeetingKind::Partial, "tax", !is_told).await;
    let absent = (0..24).map(|_| story.step()).collect::<Vec<_>>();
    story.told.resources = [open, hidden, named(&absent)].concat();
    story.told
}

#[tokio::test(flavor = "multi_thread")]
async fn x_006_je_071_who_is_not_called_cannot_tell_that_others_meet_and_report() {
    let site = Site::new();
    let start = Timestamp::now();
    let mut with = world(&site, start).await;
    let mut without = world(&site, start).await;
    let mut told = tell_of_meetings(&site, &with.direct, true).await;
    let silent = tell_of_meetings(&site, &without.direct, false).await;
    assert_eq!(told.resources, silent.resources);
    assert!(with.store.head() >= without.store.head() + 16);
    // Names of the notices that the insiders got of it.
    for index in without.store.head()..with.store.head() {
        let entry = with
            .direct
            .services
            .engine
            .recorded(index)
            .unwrap()
            .unwrap();
        let notices = entry.notifications().iter();
        told.names.extend(notices.map(|(_, one)| one.name.clone()));
    }
    assert!(told.names.len() > 12, "{:?}", told.names);
    for round in 0..2 {
        let seen = observe(&site, &with.direct, &INSIDERS, &told).await;
        let unseen = observe(&site, &without.direct, &INSIDERS, &told).await;
        compare(("meetings", round), &seen, &unseen);
        // Again after a restart, with the index lost.
        for world in [&mut with, &mut without] {
            world.direct.stop();
            world.store.drop_rows();
            let store = Arc::clone(&world.store) as Arc<dyn Store>;
            let clock = world.direct.clock.clone();
            world.direct = direct(&site, &world.files, store, clock).await;
        }
    }
    // A test that cannot fail is none: a unit that was called sees the difference.
    let others = ["civil-affairs", "health", "leading-group-office"];
    let seen = observe(&site, &with.direct, &others, &told).await;
    let unseen = observe(&site, &without.direct, &others, &told).await;
    let pairs = seen.iter().zip(&unseen);
    let differs = pairs.filter(|(seen, unseen)| seen.answer != unseen.answer);
    assert!(differs.count() > 20);
    with.direct.stop();
    without.direct.stop();
}

impl Probe<'_> {
    /// Everything about meetings, minutes, issues and escalations, by every name of any kind.
    pub(crate) async fn meetings(&self, notes: &mut Observations) {
        self.meeting_lists(notes).await;
        for name in &self.told.resources {
            self.meeting_names(notes, name).await;
            self.meeting_acts(notes, name).await;
        }
    }

    async fn meeting_lists(&self, notes: &mut Observations) {
        let (api, caller) = (&self.direct.services, &self.caller);
        for page_size in [0, 1] {
            let asked = ListMeetingsRequest {
                page_size,
                ..ListMeetingsRequest::default()
            };
            let answer = api.list_meetings(call(caller, asked)).await;
            self.note(notes, format!("meetings {page_size}"), answer, |answer| {
                blank_token(&mut answer.next_page_token);
            });
            let asked = ListMajorIssuesRequest {
                page_size,
                ..ListMajorIssuesRequest::default()
            };
            let answer = api.list_major_issues(call(caller, asked)).await;
            self.note(notes, format!("issues {page_size}"), answer, |answer| {
                blank_token(&mut answer.next_page_token);
            });
            let asked = ListEscalationsRequest {
                page_size,
                ..ListEscalationsRequest::default()
            };
            let answer = api.list_escalations(call(caller, asked)).await;
            self.note(
                notes,
                format!("escalations {page_size}"),
                answer,
                |answer| {
                    blank_token(&mut answer.next_page_token);
                },
            );
            let asked = ListAgreedItemsRequest {
                parent: "meetings/-".into(),
                page_size,
                ..ListAgreedItemsRequest::default()
            };
            let answer = api.list_agreed_items(call(caller, asked)).await;
            self.note(notes, format!("items {page_size}"), answer, |answer| {
                blank_token(&mut answer.next_page_token);
            });
        }
        let asked = GetMeetingStatisticsRequest {
            name: JOINT.into(),
            from_on: Some(date::to_wire(jiff::civil::date(2020, 1, 1))),
            until_on: Some(date::to_wire(jiff::civil::date(2100, 1, 1))),
            all_members_only: false,
        };
        let answer = api.get_meeting_statistics(call(caller, asked)).await;
        self.note(notes, "statistics", answer, |_| ());
        let asked = ListMeetingWarningsRequest {
            parent: JOINT.into(),
        };
        let answer = api.list_meeting_warnings(call(caller, asked)).await;
        self.note(notes, "warnings", answer, |_| ());
    }

    async fn meeting_names(&self, notes: &mut Observations, name: &str) {
        let (api, caller) = (&self.direct.services, &self.caller);
        let (name, parent) = (name.to_owned(), name.to_owned());
        macro_rules! ask {
            ($method:ident, $request:expr) => {
                let answer = api.$method(call(caller, $request)).await;
                self.note(
                    notes,
                    format!("{} {name}", stringify!($method)),
                    answer,
                    |_| (),
                );
            };
        }
        ask!(get_meeting, GetMeetingRequest { name: name.clone() });
        ask!(get_topic, GetTopicRequest { name: name.clone() });
        ask!(list_topics, ListTopicsRequest { parent });
        ask!(get_minutes, GetMinutesRequest { name: name.clone() });
        ask!(
            get_minutes_version,
            GetMinutesVersionRequest { name: name.clone() }
        );
        ask!(get_agreed_item, GetAgreedItemRequest { name: name.clone() });
        ask!(get_major_issue, GetMajorIssueRequest { name: name.clone() });
        ask!(get_escalation, GetEscalationRequest { name: name.clone() });
    }

    async fn meeting_acts(&self, notes: &mut Observations, name: &str) {
        let (api, caller): (_, &Arc<Caller>) = (&self.direct.services, &self.caller);
        macro_rules! ask {
            ($method:ident, $request:expr) => {
                let answer = api.$method(call(caller, $request)).await;
                let asked = format!("{} {name}", stringify!($method));
                self.note(notes, asked, answer, |_| ());
            };
        }
        // Refused for its id at the latest, so that asking changes nothing.
        let request_id = String::from("x");
        let name_of = name.to_owned();
        ask!(
            answer_notice,
            AnswerNoticeRequest {
                name: name_of.clone(),
                answer: Some(UnitAnswer {
                    kind: AnswerKind::Attends.into(),
                    attendees: vec![Attendee {
                        display_name: "甲".into(),
                        ..Attendee::default()
                    }],
                    ..UnitAnswer::default()
                }),
                revision: 1,
                request_id: request_id.clone(),
            }
        );
        ask!(
            comment_on_topic,
            CommentOnTopicRequest {
                name: name_of.clone(),
                text: "意见".into(),
                author: String::new(),
                request_id: request_id.clone(),
            }
        );
        ask!(
            consent_to_minutes,
            ConsentToMinutesRequest {
                name: name_of.clone(),
                version: 1,
                content_sha256: hex(&[1; 32]),
                request_id: request_id.clone(),
            }
        );
        ask!(
            report_progress,
            ReportProgressRequest {
                name: name_of.clone(),
                report: Some(ProgressReport {
                    state: TaskState::Done.into(),
                    text: "完成".into(),
                    ..ProgressReport::default()
                }),
                request_id: request_id.clone(),
            }
        );
        ask!(
            co_sign_escalation,
            CoSignEscalationRequest {
                name: name_of,
                declines: false,
                reason: String::new(),
                request_id,
            }
        );
    }
}

/// A token holds the index of an entry, which is a place on the ledger; that there is one is compared.
fn blank_token(token: &mut String) {
    if !token.is_empty() {
        *token = "token".into();
    }
}
