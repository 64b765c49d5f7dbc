//! Meetings in tests: officers on raw connections, and a meeting brought as far as a test needs it.

pub mod issues;

use hub_core::date::{timestamp, to_wire};
use hub_proto::{
    channels::{ListNotificationsRequest, ListNotificationsResponse, Notification},
    meetings::{
        AnswerKind, AnswerNoticeRequest, AnswerNoticeResponse, Attendance, Attendee,
        ConfirmTopicsRequest, ConfirmTopicsResponse, ConveneMeetingRequest, ConveneMeetingResponse,
        CreateMeetingRequest, CreateMeetingResponse, DecideTopicRequest, DecideTopicResponse,
        GetMeetingRequest, GetMeetingResponse, Meeting, MeetingKind, MeetingNotice, MeetingUnit,
        OpenTopicsRequest, OpenTopicsResponse, ProposeTopicRequest, ProposeTopicResponse,
        RecordMeetingHeldRequest, RecordMeetingHeldResponse, Topic, TopicState, UnitAnswer,
    },
};
use jiff::{SignedDuration, Timestamp};
use tonic::Status;

use crate::{
    World, channels,
    raw::{Session, requests::request_id},
};

/// Path of a method of meetings.
#[macro_export]
macro_rules! meetings {
    ($method:literal) => {
        concat!("/hub.meetings.v1.MeetingService/", $method)
    };
}

/// The joint-enforcement mechanism.
pub const JOINT: &str = "mechanisms/joint-enforcement";
/// The fund-supervision mechanism.
pub const FUND: &str = "mechanisms/fund-supervision";

/// An officer of the bureau that hosts both offices.
#[must_use]
pub fn office(world: &World) -> Session {
    Session::new(world, "civil-affairs", "office-1", &["office"])
}

/// A clerk of an agency.
#[must_use]
pub fn clerk(world: &World, agency: &str) -> Session {
    Session::new(world, agency, &format!("{agency}-clerk-1"), &["clerk"])
}

/// The leader of an agency.
#[must_use]
pub fn leader(world: &World, agency: &str) -> Session {
    Session::new(world, agency, &format!("{agency}-leader-1"), &["leader"])
}

/// Somebody who comes.
#[must_use]
pub fn attendee(name: &str) -> Attendee {
    Attendee {
        display_name: name.into(),
        post: "处长".into(),
        officer: String::new(),
    }
}

/// A draft of a meeting that is to take place today.
#[must_use]
pub fn draft(world: &World, kind: MeetingKind, mechanisms: &[&str], invited: &[&str]) -> Meeting {
    let today = hub_core::date::on(Timestamp::now(), world.site.charter().zone());
    Meeting {
        kind: kind.into(),
        mechanisms: mechanisms.iter().map(|one| (*one).to_owned()).collect(),
        title: "专项整治工作会议".into(),
        purpose: "研究部署专项整治工作".into(),
        invited_units: invited
            .iter()
            .map(|one| format!("agencies/{one}"))
            .collect(),
        planned_on: Some(to_wire(today)),
        ..Meeting::default()
    }
}

/// Makes a meeting in the name of the first mechanism's office.
///
/// # Errors
/// What the hub answers.
pub async fn create(session: &Session, meeting: Meeting) -> Result<Meeting, Status> {
    let office = format!("{}/office", meeting.mechanisms[0]);
    let request = CreateMeetingRequest {
        meeting: Some(meeting),
        office,
        request_id: request_id(),
    };
    let made: CreateMeetingResponse = session.ask(meetings!("CreateMeeting"), &request).await?;
    Ok(made.meeting.unwrap())
}

/// Opens a meeting for topics.
///
/// # Errors
/// What the hub answers.
pub async fn open(session: &Session, name: &str) -> Result<Meeting, Status> {
    let request = OpenTopicsRequest {
        name: name.into(),
        etag: String::new(),
        request_id: request_id(),
    };
    let opened: OpenTopicsResponse = session.ask(meetings!("OpenTopics"), &request).await?;
    Ok(opened.meeting.unwrap())
}

/// A meeting as somebody sees it.
///
/// # Errors
/// What the hub answers.
pub async fn get(session: &Session, name: &str) -> Result<Meeting, Status> {
    let request = GetMeetingRequest { name: name.into() };
    let found: GetMeetingResponse = session.ask(meetings!("GetMeeting"), &request).await?;
    Ok(found.meeting.unwrap())
}

/// Proposes a topic; `proposer` is empty for the own agency.
///
/// # Errors
/// What the hub answers.
pub async fn propose(
    session: &Session,
    meeting: &str,
    proposer: &str,
    title: &str,
) -> Result<Topic, Status> {
    let request = ProposeTopicRequest {
        parent: meeting.into(),
        topic: Some(Topic {
            title: title.into(),
            text: "有关情况".into(),
            ..Topic::default()
        }),
        proposer: proposer.into(),
        request_id: request_id(),
    };
    let proposed: ProposeTopicResponse = session.ask(meetings!("ProposeTopic"), &request).await?;
    Ok(proposed.topic.unwrap())
}

/// Decides a topic.
///
/// # Errors
/// What the hub answers.
pub async fn decide(
    session: &Session,
    topic: &str,
    decision: TopicState,
    merged_into: &str,
) -> Result<Topic, Status> {
    let request = DecideTopicRequest {
        name: topic.into(),
        decision: decision.into(),
        reason: "经研究".into(),
        merged_into: merged_into.into(),
        request_id: request_id(),
    };
    let decided: DecideTopicResponse = session.ask(meetings!("DecideTopic"), &request).await?;
    Ok(decided.topic.unwrap())
}

/// Fixes the topics.
///
/// # Errors
/// What the hub answers.
pub async fn confirm_topics(session: &Session, name: &str, etag: &str) -> Result<Meeting, Status> {
    let request = ConfirmTopicsRequest {
        name: name.into(),
        etag: etag.into(),
        request_id: request_id(),
    };
    let fixed: ConfirmTopicsResponse = session.ask(meetings!("ConfirmTopics"), &request).await?;
    Ok(fixed.meeting.unwrap())
}

/// A notice of a meeting in an hour.
#[must_use]
pub fn notice() -> MeetingNotice {
    let starts_at = Timestamp::now() + SignedDuration::from_hours(1);
    MeetingNotice {
        starts_at: Some(timestamp(starts_at)),
        place: "省民政厅三楼会议室".into(),
        text: "请派员参加".into(),
        ..MeetingNotice::default()
    }
}

/// Sends the notice.
///
/// # Errors
/// What the hub answers.
pub async fn convene(session: &Session, name: &str) -> Result<Meeting, Status> {
    let request = ConveneMeetingRequest {
        name: name.into(),
        notice: Some(notice()),
        etag: String::new(),
        request_id: request_id(),
    };
    let convened: ConveneMeetingResponse =
        session.ask(meetings!("ConveneMeeting"), &request).await?;
    Ok(convened.meeting.unwrap())
}

/// Answers the notice of a revision.
///
/// # Errors
/// What the hub answers.
pub async fn answer(
    session: &Session,
    name: &str,
    kind: AnswerKind,
    revision: i32,
) -> Result<Meeting, Status> {
    let is_excused = kind == AnswerKind::Excused;
    let request = AnswerNoticeRequest {
        name: name.into(),
        answer: Some(UnitAnswer {
            kind: kind.into(),
            attendees: if is_excused {
                vec![]
            } else {
                vec![attendee("甲")]
            },
            reason: if is_excused {
                "另有公务".into()
            } else {
                String::new()
            },
            ..UnitAnswer::default()
        }),
        revision,
        request_id: request_id(),
    };
    let answered: AnswerNoticeResponse = session.ask(meetings!("AnswerNotice"), &request).await?;
    Ok(answered.meeting.unwrap())
}

/// A record that a meeting was held now by these units, the others being excused.
#[must_use]
pub fn held(meeting: &Meeting, present: &[&str]) -> RecordMeetingHeldRequest {
    let units = meeting.units.iter().map(|unit| {
        let is_present = present
            .iter()
            .any(|one| unit.agency == format!("agencies/{one}"));
        MeetingUnit {
            agency: unit.agency.clone(),
            attendance: if is_present {
                Attendance::Present.into()
            } else {
                Attendance::Excused.into()
            },
            attendees: if is_present {
                vec![attendee("甲")]
            } else {
                vec![]
            },
            ..MeetingUnit::default()
        }
    });
    RecordMeetingHeldRequest {
        name: meeting.name.clone(),
        held_at: Some(timestamp(Timestamp::now())),
        chair: "某厅领导".into(),
        units: units.collect(),
        request_id: request_id(),
        ..RecordMeetingHeldRequest::default()
    }
}

/// Records that a meeting was held.
///
/// # Errors
/// What the hub answers.
pub async fn record_held(
    session: &Session,
    request: &RecordMeetingHeldRequest,
) -> Result<Meeting, Status> {
    let recorded: RecordMeetingHeldResponse =
        session.ask(meetings!("RecordMeetingHeld"), request).await?;
    Ok(recorded.meeting.unwrap())
}

/// A meeting open for topics.
pub async fn opened(
    world: &World,
    kind: MeetingKind,
    mechanism: &str,
    invited: &[&str],
) -> Meeting {
    let office = office(world);
    let made = create(&office, draft(world, kind, &[mechanism], invited))
        .await
        .unwrap();
    open(&office, &made.name).await.unwrap()
}

/// A meeting whose topics are fixed: one, of the office's.
pub async fn with_topics(
    world: &World,
    kind: MeetingKind,
    mechanism: &str,
    invited: &[&str],
) -> Meeting {
    let office = office(world);
    let meeting = opened(world, kind, mechanism, invited).await;
    let own = format!("{mechanism}/office");
    let topic = propose(&office, &meeting.name, &own, "年度工作安排")
        .await
        .unwrap();
    decide(&office, &topic.name, TopicState::Accepted, "")
        .await
        .unwrap();
    confirm_topics(&office, &meeting.name, "").await.unwrap()
}

/// A meeting whose notice has gone out.
pub async fn convened(
    world: &World,
    kind: MeetingKind,
    mechanism: &str,
    invited: &[&str],
) -> Meeting {
    let meeting = with_topics(world, kind, mechanism, invited).await;
    convene(&office(world), &meeting.name).await.unwrap()
}

/// A meeting that was held with these units present.
pub async fn was_held(
    world: &World,
    kind: MeetingKind,
    mechanism: &str,
    invited: &[&str],
    present: &[&str],
) -> Meeting {
    let meeting = convened(world, kind, mechanism, invited).await;
    record_held(&office(world), &held(&meeting, present))
        .await
        .unwrap()
}

/// What the hub has told somebody of meetings, oldest first: the notifications of a log.
pub async fn told(session: &Session, log: &str) -> Vec<Notification> {
    let request = ListNotificationsRequest {
        parent: log.into(),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let listed: ListNotificationsResponse = session
        .ask(channels!("ListNotifications"), &request)
        .await
        .unwrap();
    let mut told = listed.notifications;
    told.retain(|one| one.category == "meeting");
    told
}
