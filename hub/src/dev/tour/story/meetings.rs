//! A joint meeting of both mechanisms: topics settled by correspondence, a notice that every unit
//! answers, and who was there (JE-072, JE-076, FS-061).

use agency_client::Client;
use anyhow::{Context as _, ensure};
use hub_core::date::to_wire;
use hub_proto::meetings::{
    AnswerKind, AnswerNoticeRequest, Attendance, Attendee, CommentOnTopicRequest,
    ConfirmMeetingRequest, ConfirmTopicsRequest, ConveneMeetingRequest, CreateMeetingRequest,
    DecideTopicRequest, Meeting, MeetingKind, MeetingNotice, MeetingUnit, OpenTopicsRequest,
    OrderTopicsRequest, ProposeTopicRequest, RecordMeetingHeldRequest, Topic, TopicState,
    UnitAnswer,
};
use jiff::{Timestamp, ToSpan as _};

use super::{issues::issue_is_flagged, receive, today};
use crate::dev::tour::{account::Account, cast::Cast};

/// Offices of the two mechanisms; the first makes the meeting.
const OFFICES: [&str; 2] = [
    "mechanisms/joint-enforcement/office",
    "mechanisms/fund-supervision/office",
];
/// Who proposes which topic.
const TOPICS: [(&str, &str); 4] = [
    ("tax", "免税资格信息共享（虚构）"),
    ("finance", "专项资金使用情况联合检查（虚构）"),
    ("market-regulation", "违规收费线索移送（虚构）"),
    ("education", "校外培训类社会组织年度抽查（虚构）"),
];
/// Units that are excused.
const EXCUSED: [&str; 2] = ["culture-tourism", "foreign-affairs"];
/// Units of the two mechanisms, each counted once (JE-076).
const UNITS: usize = 15;

/// The office's client.
pub(super) fn office(cast: &mut Cast) -> anyhow::Result<Client> {
    cast.player("civil-affairs")?.officer("office-1", "office")
}

/// Both offices agree to meet, and the members settle what about. Answers the names of the
/// meeting and of the major issue that is on its agenda.
pub(in super::super) async fn meeting_is_prepared(
    cast: &mut Cast,
    account: &mut Account,
) -> anyhow::Result<(String, String)> {
    let client = office(cast)?;
    let request = CreateMeetingRequest {
        meeting: Some(Meeting {
            kind: MeetingKind::Annual.into(),
            mechanisms: vec![
                "mechanisms/joint-enforcement".into(),
                "mechanisms/fund-supervision".into(),
            ],
            title: "联合执法机制和资金监管机制年度工作协调会议（虚构）".into(),
            purpose: "研究年度联合抽查和资金监管工作（虚构）。".into(),
            planned_on: Some(to_wire(today())),
            ..Meeting::default()
        }),
        office: OFFICES[0].into(),
        request_id: String::new(),
    };
    let made = client.meetings().create(request).await?;
    let player = cast.player("civil-affairs")?;
    player.keep("making a meeting", &made, made.receipt.clone())?;
    let name = made.meeting.as_ref().context("no meeting")?.name.clone();
    let confirmed = client
        .meetings()
        .confirm(ConfirmMeetingRequest {
            name: name.clone(),
            office: OFFICES[1].into(),
            ..ConfirmMeetingRequest::default()
        })
        .await?;
    player.keep(
        "confirming a meeting",
        &confirmed,
        confirmed.receipt.clone(),
    )?;
    let opened = client
        .meetings()
        .open_topics(OpenTopicsRequest {
            name: name.clone(),
            ..OpenTopicsRequest::default()
        })
        .await?;
    player.keep("opening a meeting", &opened, opened.receipt.clone())?;
    let units = &opened.meeting.as_ref().context("no meeting")?.units;
    ensure!(units.len() == UNITS, "{} units are called", units.len());
    let issue = topics_are_settled(cast, &client, &name).await?;
    account.say(&format!(
        "Both offices agree to meet together (FS-061): {UNITS} units, the four that are in both \
         mechanisms counted once (JE-076). {} units propose topics, one comments, a major issue of 省公安厅 joins them (JE-023), and the office \
         orders and confirms them before anybody is called (JE-072).",
        TOPICS.len()
    ))?;
    Ok((name, issue))
}

async fn topics_are_settled(
    cast: &mut Cast,
    client: &Client,
    name: &str,
) -> anyhow::Result<String> {
    for (id, title) in TOPICS {
        let player = cast.player(id)?;
        let request = ProposeTopicRequest {
            parent: name.to_owned(),
            topic: Some(Topic {
                title: title.into(),
                text: "请会议研究（虚构）。".into(),
                ..Topic::default()
            }),
            ..ProposeTopicRequest::default()
        };
        let proposed = player.clerk()?.meetings().propose_topic(request).await?;
        player.keep("a topic", &proposed, proposed.receipt.clone())?;
    }
    let topic = |number: usize| format!("{name}/topics/{number}");
    let health = cast.player("health")?;
    let request = CommentOnTopicRequest {
        name: topic(1),
        text: "同意，建议一并共享年检结论（虚构）。".into(),
        ..CommentOnTopicRequest::default()
    };
    let commented = health.clerk()?.meetings().comment_on_topic(request).await?;
    health.keep("a comment", &commented, commented.receipt.clone())?;
    for number in 1..=TOPICS.len() {
        let request = DecideTopicRequest {
            name: topic(number),
            decision: TopicState::Accepted.into(),
            ..DecideTopicRequest::default()
        };
        client.meetings().decide_topic(request).await?;
    }
    let issue = issue_is_flagged(cast, client, name).await?;
    let request = OrderTopicsRequest {
        parent: name.to_owned(),
        topics: [5, 2, 1, 4, 3].map(topic).into(),
        request_id: String::new(),
    };
    let ordered = client.meetings().order_topics(request).await?;
    let first = ordered.topics.first().context("no topics")?;
    ensure!(
        first.name == topic(TOPICS.len() + 1),
        "{} comes first",
        first.name
    );
    let request = ConfirmTopicsRequest {
        name: name.to_owned(),
        ..ConfirmTopicsRequest::default()
    };
    client.meetings().confirm_topics(request).await?;
    Ok(issue)
}

/// The notice goes out, every unit answers, and the office records who was there.
pub(in super::super) async fn meeting_is_held(
    cast: &mut Cast,
    account: &mut Account,
    name: &str,
) -> anyhow::Result<()> {
    let client = office(cast)?;
    let request = ConveneMeetingRequest {
        name: name.to_owned(),
        notice: Some(MeetingNotice {
            starts_at: Some(wire(Timestamp::now() + 1.hour())),
            place: "省民政厅 301 会议室（虚构）".into(),
            text: "请各成员单位派员参加（虚构）。".into(),
            ..MeetingNotice::default()
        }),
        ..ConveneMeetingRequest::default()
    };
    let convened = client.meetings().convene(request).await?;
    let notice = convened.meeting.clone().context("no meeting")?.notice;
    let notice = notice.context("no notice")?;
    let office = cast.player("civil-affairs")?;
    office.keep("a meeting's notice", &convened, convened.receipt.clone())?;
    receive(cast.player("tax")?, &notice.notification).await?;
    for (place, id) in cast.departments().into_iter().enumerate() {
        let player = cast.player(&id)?;
        let request = AnswerNoticeRequest {
            name: name.to_owned(),
            answer: Some(answer(place, &id)),
            revision: notice.revision,
            request_id: String::new(),
        };
        let answered = player.clerk()?.meetings().answer_notice(request).await?;
        player.keep("an answer to a notice", &answered, answered.receipt.clone())?;
    }
    let departments = cast.departments();
    let units = departments.iter().enumerate();
    let units = units.map(|(place, id)| attendance(place, id));
    let request = RecordMeetingHeldRequest {
        name: name.to_owned(),
        held_at: Some(wire(Timestamp::now())),
        chair: "省民政厅分管副厅长（虚构）".into(),
        units: units.collect(),
        observers: vec!["省社会组织管理工作领导小组办公室（虚构）".into()],
        ..RecordMeetingHeldRequest::default()
    };
    let held = client.meetings().record_held(request).await?;
    let office = cast.player("civil-affairs")?;
    office.keep("a meeting's record", &held, held.receipt.clone())?;
    account.say(&format!(
        "The notice goes out and reaches 省税务局's own system; all {UNITS} units answer, {} of them \
         excused (请假). The office records who was there: {} present (出席), one in attendance \
         (列席).",
        EXCUSED.len(),
        UNITS - EXCUSED.len()
    ))
}

/// Whether a unit was there.
pub(super) fn attends(id: &str) -> bool {
    !EXCUSED.contains(&id)
}

fn answer(place: usize, id: &str) -> UnitAnswer {
    if attends(id) {
        UnitAnswer {
            kind: AnswerKind::Attends.into(),
            attendees: vec![attendee(place, id)],
            ..UnitAnswer::default()
        }
    } else {
        UnitAnswer {
            kind: AnswerKind::Excused.into(),
            reason: "另有会议（虚构）".into(),
            ..UnitAnswer::default()
        }
    }
}

fn attendance(place: usize, id: &str) -> MeetingUnit {
    let (attendance, attendees) = if attends(id) {
        (Attendance::Present, vec![attendee(place, id)])
    } else {
        (Attendance::Excused, vec![])
    };
    MeetingUnit {
        agency: format!("agencies/{id}"),
        attendance: attendance.into(),
        attendees,
        ..MeetingUnit::default()
    }
}

/// Invented names, with characters that many fonts lack.
const NAMES: [&str; 7] = ["某璟", "某堃", "某喆", "某祎", "某玥", "某䶮", "某㛃"];

/// Who comes for a unit: the same person in its answer and in the record.
fn attendee(place: usize, id: &str) -> Attendee {
    let name = NAMES.iter().cycle().nth(place).copied();
    Attendee {
        display_name: name.unwrap_or_default().into(),
        post: "处长".into(),
        officer: format!("{id}-clerk-1"),
    }
}

/// An instant as the wire has it.
pub(super) fn wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}
