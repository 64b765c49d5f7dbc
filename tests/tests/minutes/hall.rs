//! Where meetings take place: a hub, and officers of every unit who call it.

use std::{collections::HashMap, net::SocketAddr};

use hub_core::{
    crypto::{hex, random, sha256},
    date,
    reason::Reason,
};
use hub_proto::{
    common::Date,
    meetings::{
        AgreedItemDraft, AgreedItemKind, Attendance, Attendee, CirculateMinutesRequest,
        CirculateMinutesResponse, ConfirmTopicsRequest, ConfirmTopicsResponse,
        ConsentToMinutesRequest, ConsentToMinutesResponse, ConveneMeetingRequest,
        ConveneMeetingResponse, CreateMeetingRequest, CreateMeetingResponse, DecideTopicRequest,
        DecideTopicResponse, DraftMinutesRequest, DraftMinutesResponse, GetMinutesRequest,
        GetMinutesResponse, IssueMinutesRequest, IssueMinutesResponse, Meeting, MeetingKind,
        MeetingNotice, MeetingUnit, Minutes, MinutesContent, ObjectToMinutesRequest,
        ObjectToMinutesResponse, OpenTopicsRequest, OpenTopicsResponse, ProposeTopicRequest,
        ProposeTopicResponse, RecordMeetingHeldRequest, RecordMeetingHeldResponse, Topic,
        TopicMinutes, TopicState,
    },
};
use hub_tests::{
    Site, World,
    raw::{Node, Raw, Session, reason},
    tokens::Token,
};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tonic::Status;

/// Path of a method of the meetings.
macro_rules! meeting_method {
    ($name:literal) => {
        concat!("/hub.meetings.v1.MeetingService/", $name)
    };
}

/// Path of a method of the minutes.
macro_rules! minutes_method {
    ($name:literal) => {
        concat!("/hub.meetings.v1.MinutesService/", $name)
    };
}

pub(crate) use {meeting_method, minutes_method};

/// The office's host and the role of its officers.
pub(crate) const OFFICE: (&str, &str) = ("civil-affairs", "office");

/// Four units: two attend, one is excused, one is absent.
pub(crate) const FOUR: [(&str, Attendance); 4] = [
    ("civil-affairs", Attendance::Present),
    ("education", Attendance::Present),
    ("health", Attendance::Excused),
    ("tax", Attendance::Absent),
];

/// An agency and a role.
pub(crate) type Who<'a> = (&'a str, &'a str);

/// Who may bind a unit.
pub(crate) fn leader(unit: &str) -> Who<'_> {
    (unit, "leader")
}

/// Callers of a hub: officers of every agency, each agency on a connection of its own.
#[derive(Clone)]
pub(crate) struct Hall {
    sessions: HashMap<(String, String), Session>,
}

impl Hall {
    pub(crate) fn new(site: &Site, address: SocketAddr) -> Self {
        let authority = site.authority();
        let mut sessions = HashMap::new();
        for agency in site.agencies() {
            let profile = site.profile(&agency);
            let node = Node::of_profile(&profile);
            let raw = Raw::new(address, node.tls(&authority));
            let mut roles = vec!["clerk", "leader"];
            if agency == OFFICE.0 {
                roles.push(OFFICE.1);
            }
            for role in roles {
                let token = Token::new(&profile, &format!("{agency}-{role}"), &[role]).mint();
                let session = Session {
                    raw: raw.clone(),
                    node: node.clone(),
                    token,
                };
                sessions.insert((agency.clone(), role.to_owned()), session);
            }
        }
        Self { sessions }
    }

    pub(crate) fn session(&self, (agency, role): Who<'_>) -> &Session {
        &self.sessions[&(agency.to_owned(), role.to_owned())]
    }

    pub(crate) async fn ask<R: Message + Default>(
        &self,
        who: Who<'_>,
        method: &'static str,
        request: &impl Message,
    ) -> Result<R, Status> {
        self.session(who).ask(method, request).await
    }

    /// What only the office asks, and gets.
    pub(crate) async fn office<R: Message + Default>(
        &self,
        method: &'static str,
        request: &impl Message,
    ) -> R {
        self.ask(OFFICE, method, request).await.unwrap()
    }
}

/// A hub with its callers.
pub(crate) struct Stage {
    pub(crate) hall: Hall,
    pub(crate) world: World,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::of(World::start().await)
    }

    pub(crate) fn of(world: World) -> Self {
        let hall = Hall::new(&world.site, world.hub().address());
        Self { hall, world }
    }

    /// Stops the hub, loses the index of state, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.world.stop().await;
        std::fs::remove_dir_all(self.world.site.data_dir().join("state")).unwrap();
        self.world.restart().await;
        self.hall = Hall::new(&self.world.site, self.world.hub().address());
    }

    pub(crate) async fn stop(mut self) {
        self.world.stop().await;
    }
}

/// A new request id.
pub(crate) fn id() -> String {
    let unix_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap();
    let tail: [u8; 10] = random().unwrap();
    uuid::Builder::from_unix_timestamp_millis(unix_ms, &tail)
        .into_uuid()
        .to_string()
}

/// Today in the province, and days after it.
pub(crate) fn today_and(days: i64) -> Date {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let day = date::on(Timestamp::now(), &zone);
    date::to_wire(day + jiff::Span::new().days(days))
}

pub(crate) fn in_hours(hours: i64) -> prost_types::Timestamp {
    date::timestamp(Timestamp::now() + SignedDuration::from_hours(hours))
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, expected: Reason) {
    let status = answer.unwrap_err();
    assert_eq!(reason(&status), expected.as_str(), "{status}");
}

pub(crate) fn agency(unit: &str) -> String {
    format!("agencies/{unit}")
}

pub(crate) fn task(text: &str, units: &[&str]) -> AgreedItemDraft {
    AgreedItemDraft {
        text: text.into(),
        responsible_units: units.iter().map(|unit| agency(unit)).collect(),
        due_on: Some(today_and(30)),
        kind: AgreedItemKind::Task.into(),
        ..AgreedItemDraft::default()
    }
}

pub(crate) fn content(title: &str, items: &[AgreedItemDraft]) -> MinutesContent {
    MinutesContent {
        title: title.into(),
        opening: "会议听取了情况汇报。".into(),
        topics: vec![TopicMinutes {
            topic: 1,
            title: "议题一".into(),
            paragraphs: vec!["会议认为，应当加强配合。".into()],
        }],
        agreed_items: items.to_vec(),
        ..MinutesContent::default()
    }
}

pub(crate) fn sha(content: &MinutesContent) -> String {
    hex(&sha256(&[&content.encode_to_vec()]))
}

/// A unit as the office records it.
pub(crate) fn attendance(unit: &str, attendance: Attendance) -> MeetingUnit {
    let attendees = if attendance == Attendance::Present {
        vec![Attendee {
            display_name: "示例甲".into(),
            post: "处长".into(),
            officer: String::new(),
        }]
    } else {
        vec![]
    };
    MeetingUnit {
        agency: agency(unit),
        attendance: attendance.into(),
        attendees,
        ..MeetingUnit::default()
    }
}

/// What a meeting's notice says.
pub(crate) fn notice() -> MeetingNotice {
    MeetingNotice {
        starts_at: Some(in_hours(1)),
        place: "第一会议室".into(),
        text: "请准时参会。".into(),
        ..MeetingNotice::default()
    }
}

pub(crate) fn meeting(kind: MeetingKind, mechanisms: &[&str], invited: &[&str]) -> Meeting {
    Meeting {
        kind: kind.into(),
        mechanisms: mechanisms
            .iter()
            .map(|id| format!("mechanisms/{id}"))
            .collect(),
        title: "第一次会议".into(),
        invited_units: invited.iter().map(|unit| agency(unit)).collect(),
        planned_on: Some(today_and(0)),
        ..Meeting::default()
    }
}

impl Hall {
    /// A partial meeting of four units, held: two attended.
    pub(crate) async fn held(&self) -> String {
        let units: Vec<&str> = FOUR.iter().map(|(unit, _)| *unit).collect();
        let asked = meeting(MeetingKind::Partial, &["joint-enforcement"], &units);
        self.held_by("education", asked, &FOUR).await
    }

    /// A meeting of one mechanism, from its making until it was held; a unit proposes the topic.
    pub(crate) async fn held_by(
        &self,
        proposer: &str,
        asked: Meeting,
        units: &[(&str, Attendance)],
    ) -> String {
        let created: CreateMeetingResponse = self
            .office(
                meeting_method!("CreateMeeting"),
                &CreateMeetingRequest {
                    office: format!("{}/office", asked.mechanisms[0]),
                    meeting: Some(asked),
                    request_id: id(),
                },
            )
            .await;
        let name = created.meeting.unwrap().name;
        let _: OpenTopicsResponse = self
            .office(
                meeting_method!("OpenTopics"),
                &OpenTopicsRequest {
                    name: name.clone(),
                    request_id: id(),
                    ..OpenTopicsRequest::default()
                },
            )
            .await;
        self.with_a_topic(proposer, &name).await;
        let _: ConveneMeetingResponse = self
            .office(
                meeting_method!("ConveneMeeting"),
                &ConveneMeetingRequest {
                    name: name.clone(),
                    notice: Some(notice()),
                    request_id: id(),
                    ..ConveneMeetingRequest::default()
                },
            )
            .await;
        let _: RecordMeetingHeldResponse = self
            .office(
                meeting_method!("RecordMeetingHeld"),
                &RecordMeetingHeldRequest {
                    name: name.clone(),
                    held_at: Some(date::timestamp(Timestamp::now())),
                    chair: "示例乙".into(),
                    units: units
                        .iter()
                        .map(|(unit, was)| attendance(unit, *was))
                        .collect(),
                    request_id: id(),
                    ..RecordMeetingHeldRequest::default()
                },
            )
            .await;
        name
    }

    /// A topic, proposed by a unit, accepted, and the topics confirmed.
    async fn with_a_topic(&self, proposer: &str, name: &str) {
        let proposed: ProposeTopicResponse = self
            .ask(
                leader(proposer),
                meeting_method!("ProposeTopic"),
                &ProposeTopicRequest {
                    parent: name.into(),
                    topic: Some(Topic {
                        title: "议题一".into(),
                        ..Topic::default()
                    }),
                    request_id: id(),
                    ..ProposeTopicRequest::default()
                },
            )
            .await
            .unwrap();
        let _: DecideTopicResponse = self
            .office(
                meeting_method!("DecideTopic"),
                &DecideTopicRequest {
                    name: proposed.topic.unwrap().name,
                    decision: TopicState::Accepted.into(),
                    request_id: id(),
                    ..DecideTopicRequest::default()
                },
            )
            .await;
        let _: ConfirmTopicsResponse = self
            .office(
                meeting_method!("ConfirmTopics"),
                &ConfirmTopicsRequest {
                    name: name.into(),
                    request_id: id(),
                    ..ConfirmTopicsRequest::default()
                },
            )
            .await;
    }

    /// Drafts as an officer of the office.
    pub(crate) async fn draft(
        &self,
        minutes: &str,
        base_version: i32,
        content: &MinutesContent,
    ) -> Result<DraftMinutesResponse, Status> {
        let request = DraftMinutesRequest {
            parent: minutes.into(),
            content: Some(content.clone()),
            change_note: if base_version > 0 {
                "修改".into()
            } else {
                String::new()
            },
            base_version,
            request_id: id(),
        };
        self.ask(OFFICE, minutes_method!("DraftMinutes"), &request)
            .await
    }

    pub(crate) async fn circulate(
        &self,
        minutes: &str,
        version: i32,
    ) -> Result<CirculateMinutesResponse, Status> {
        let request = CirculateMinutesRequest {
            name: minutes.into(),
            version,
            consent_by_at: None,
            request_id: id(),
        };
        self.ask(OFFICE, minutes_method!("CirculateMinutes"), &request)
            .await
    }

    pub(crate) async fn consent(
        &self,
        who: Who<'_>,
        minutes: &str,
        version: i32,
        content: &MinutesContent,
    ) -> Result<ConsentToMinutesResponse, Status> {
        let request = ConsentToMinutesRequest {
            name: minutes.into(),
            version,
            content_sha256: sha(content),
            request_id: id(),
        };
        self.ask(who, minutes_method!("ConsentToMinutes"), &request)
            .await
    }

    pub(crate) async fn object(
        &self,
        who: Who<'_>,
        minutes: &str,
        version: i32,
    ) -> Result<ObjectToMinutesResponse, Status> {
        let request = ObjectToMinutesRequest {
            name: minutes.into(),
            version,
            reason: "时限不可行".into(),
            request_id: id(),
        };
        self.ask(who, minutes_method!("ObjectToMinutes"), &request)
            .await
    }

    pub(crate) async fn issue(
        &self,
        minutes: &str,
        version: i32,
    ) -> Result<IssueMinutesResponse, Status> {
        let request = IssueMinutesRequest {
            name: minutes.into(),
            version,
            request_id: id(),
        };
        self.ask(OFFICE, minutes_method!("IssueMinutes"), &request)
            .await
    }

    /// Minutes as somebody sees them.
    pub(crate) async fn minutes(&self, who: Who<'_>, name: &str) -> Result<Minutes, Status> {
        let request = GetMinutesRequest { name: name.into() };
        let answer: Result<GetMinutesResponse, Status> =
            self.ask(who, minutes_method!("GetMinutes"), &request).await;
        answer.map(|answer| answer.minutes.unwrap())
    }

    /// A meeting whose minutes are issued with these items.
    pub(crate) async fn issued(&self, items: &[AgreedItemDraft]) -> String {
        let meeting = self.held().await;
        let minutes = format!("{meeting}/minutes/1");
        let what = content("第一次会议纪要", items);
        self.agree(&minutes, &what).await;
        self.issue(&minutes, 1).await.unwrap();
        meeting
    }

    /// Drafts, circulates, and lets both attending units consent.
    pub(crate) async fn agree(&self, minutes: &str, what: &MinutesContent) {
        self.draft(minutes, 0, what).await.unwrap();
        self.circulate(minutes, 1).await.unwrap();
        for unit in ["civil-affairs", "education"] {
            self.consent(leader(unit), minutes, 1, what).await.unwrap();
        }
    }
}
