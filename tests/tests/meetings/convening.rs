//! The notice: answered, changed, cancelled; who got it hears of each (JE-021).

use hub_core::date::{timestamp, to_wire};
use hub_proto::{
    channels::{ListOutstandingActionsRequest, ListOutstandingActionsResponse, RequestedAction},
    meetings::{
        AnswerKind, AnswerNoticeRequest, AnswerNoticeResponse, CancelMeetingRequest,
        CancelMeetingResponse, ChangeMeetingRequest, ChangeMeetingResponse, CreateMeetingRequest,
        CreateMeetingResponse, ListMeetingsRequest, ListMeetingsResponse, Meeting, MeetingKind,
        MeetingState, UnitAnswer,
    },
};
use hub_tests::{
    World, channels,
    meetings::{self, JOINT},
    raw::{Session, fields, reason, requests::request_id},
};
use jiff::{SignedDuration, Timestamp};
use tonic::{Code, Status};

async fn asked(session: &Session, board: &str) -> Vec<(RequestedAction, String)> {
    let request = ListOutstandingActionsRequest {
        parent: board.into(),
        ..ListOutstandingActionsRequest::default()
    };
    let listed = session
        .ask(channels!("ListOutstandingActions"), &request)
        .await;
    let listed: ListOutstandingActionsResponse = listed.unwrap();
    let actions = listed.outstanding_actions.iter();
    actions
        .map(|one| (one.action(), one.recipient.clone()))
        .collect()
}

async fn change(
    office: &Session,
    meeting: &Meeting,
    change: impl FnOnce(&mut ChangeMeetingRequest),
) -> Result<Meeting, Status> {
    let mut request = ChangeMeetingRequest {
        name: meeting.name.clone(),
        notice: Some(meetings::notice()),
        reason: "时间冲突".into(),
        request_id: request_id(),
        ..ChangeMeetingRequest::default()
    };
    change(&mut request);
    let method = hub_tests::meetings!("ChangeMeeting");
    let changed: ChangeMeetingResponse = office.ask(method, &request).await?;
    Ok(changed.meeting.unwrap())
}

fn answer_of(meeting: &Meeting, agency: &str) -> Option<UnitAnswer> {
    let mut units = meeting.units.iter();
    let unit = units.find(|unit| unit.agency == format!("agencies/{agency}"));
    unit.unwrap().answer.clone()
}

#[tokio::test]
async fn je_021_each_unit_answers_and_the_office_sees_who_has_not() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let invited = ["tax", "health", "education"];
    let meeting = meetings::convened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let name = &meeting.name;
    assert_eq!(asked(&office, "agencies/civil-affairs/sent").await.len(), 3);
    let tax = meetings::clerk(&world, "tax");
    let answered = meetings::answer(&tax, name, AnswerKind::Attends, 1)
        .await
        .unwrap();
    let own = answer_of(&answered, "tax").unwrap();
    assert_eq!((own.kind(), own.attendees.len()), (AnswerKind::Attends, 1));
    assert_eq!(own.officer, "tax-clerk-1");
    // A later answer takes the place of the first.
    meetings::answer(&tax, name, AnswerKind::Deputy, 1)
        .await
        .unwrap();
    let health = meetings::leader(&world, "health");
    meetings::answer(&health, name, AnswerKind::Excused, 1)
        .await
        .unwrap();
    let seen = meetings::get(&office, name).await.unwrap();
    assert_eq!(answer_of(&seen, "tax").unwrap().kind(), AnswerKind::Deputy);
    assert_eq!(answer_of(&seen, "health").unwrap().reason, "另有公务");
    assert_eq!(answer_of(&seen, "education"), None);
    let left = asked(&office, "agencies/civil-affairs/sent").await;
    assert_eq!(
        left,
        [(
            RequestedAction::AnswerNotice,
            "agencies/education".to_owned()
        )]
    );
    assert_eq!(asked(&tax, "agencies/tax").await, []);
    let told = meetings::told(&office, &format!("{JOINT}/office/inbox")).await;
    assert_eq!(
        told.iter()
            .filter(|one| one.title.starts_with("会议通知答复"))
            .count(),
        3
    );
    // Once it is held, nothing is asked and nothing is answered any more.
    let record = meetings::held(&meeting, &["tax"]);
    meetings::record_held(&office, &record).await.unwrap();
    assert_eq!(asked(&office, "agencies/civil-affairs/sent").await, []);
    let late = meetings::answer(&tax, name, AnswerKind::Attends, 1)
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "MEETING_STATE");
}

#[tokio::test]
async fn an_answer_says_who_comes_or_why_nobody_does() {
    let world = World::start().await;
    let meeting = meetings::convened(&world, MeetingKind::Partial, JOINT, &["tax"]).await;
    let tax = meetings::clerk(&world, "tax");
    let ask = async |answer: UnitAnswer, revision| {
        let request = AnswerNoticeRequest {
            name: meeting.name.clone(),
            answer: Some(answer),
            revision,
            request_id: request_id(),
        };
        let method = hub_tests::meetings!("AnswerNotice");
        tax.ask::<AnswerNoticeResponse>(method, &request)
            .await
            .unwrap_err()
    };
    let of = |kind: AnswerKind| UnitAnswer {
        kind: kind.into(),
        ..UnitAnswer::default()
    };
    assert_eq!(
        fields(&ask(of(AnswerKind::Unspecified), 1).await),
        ["answer.kind"]
    );
    assert_eq!(
        fields(&ask(of(AnswerKind::Attends), 1).await),
        ["answer.attendees"]
    );
    assert_eq!(
        fields(&ask(of(AnswerKind::Excused), 1).await),
        ["answer.reason"]
    );
    let eleven = UnitAnswer {
        attendees: vec![meetings::attendee("甲"); 11],
        ..of(AnswerKind::Attends)
    };
    assert_eq!(fields(&ask(eleven, 1).await), ["answer.attendees"]);
    let early = UnitAnswer {
        attendees: vec![meetings::attendee("甲")],
        ..of(AnswerKind::Attends)
    };
    assert_eq!(
        reason(&ask(early, 2).await),
        "CONFLICT",
        "no such notice yet"
    );
}

#[tokio::test]
async fn a_change_reaches_everyone_who_got_the_notice_and_asks_anew() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let invited = ["tax", "health"];
    let meeting = meetings::convened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let (tax, health, education) = (
        meetings::clerk(&world, "tax"),
        meetings::clerk(&world, "health"),
        meetings::clerk(&world, "education"),
    );
    meetings::answer(&tax, &meeting.name, AnswerKind::Attends, 1)
        .await
        .unwrap();
    let changed = change(&office, &meeting, |request| {
        request.invited_units = vec!["agencies/education".into(), "agencies/tax".into()];
    });
    let changed = changed.await.unwrap();
    assert_eq!(changed.notice.as_ref().unwrap().revision, 2);
    assert_eq!(answer_of(&changed, "tax"), None, "asked anew");
    let inbox = async |session: &Session, agency: &str| {
        let told = meetings::told(session, &format!("agencies/{agency}/inbox")).await;
        told.last().map(|one| one.title.clone()).unwrap_or_default()
    };
    assert!(inbox(&tax, "tax").await.starts_with("会议变更通知"));
    assert!(
        inbox(&education, "education")
            .await
            .starts_with("会议变更通知")
    );
    assert!(inbox(&health, "health").await.starts_with("不再参加会议"));
    // Who is no longer invited sees no more of it, and is asked nothing any more.
    let refused = meetings::get(&health, &meeting.name).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(asked(&health, "agencies/health").await, []);
    let refused = meetings::answer(&health, &meeting.name, AnswerKind::Attends, 1).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
    assert_eq!(
        meetings::get(&education, &meeting.name).await.unwrap(),
        changed
    );
    let method = hub_tests::meetings!("ListMeetings");
    let listed = education.ask(method, &ListMeetingsRequest::default()).await;
    let listed: ListMeetingsResponse = listed.unwrap();
    assert_eq!(listed.meetings.len(), 1);
    assert_eq!(
        asked(&tax, "agencies/tax").await.len(),
        1,
        "once, not twice"
    );
    let stale = meetings::answer(&tax, &meeting.name, AnswerKind::Attends, 1).await;
    assert_eq!(reason(&stale.unwrap_err()), "CONFLICT");
    meetings::answer(&tax, &meeting.name, AnswerKind::Attends, 2)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_moves_the_day_and_its_rules_hold() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let meeting = meetings::convened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let zone = world.site.charter().zone().clone();
    let starts_at = Timestamp::now() + SignedDuration::from_hours(72);
    let later = hub_core::date::on(starts_at, &zone);
    let refused = change(&office, &meeting, |request| {
        request.planned_on = Some(to_wire(later))
    });
    assert_eq!(
        fields(&refused.await.unwrap_err()),
        ["planned_on"],
        "it does not begin on that day"
    );
    let refused = change(&office, &meeting, |request| {
        request.invited_units = vec!["agencies/tax".into()];
    });
    assert_eq!(fields(&refused.await.unwrap_err()), ["invited_units"]);
    let refused = change(&office, &meeting, |request| {
        let past = Timestamp::now() - SignedDuration::from_secs(1);
        request.notice.as_mut().unwrap().starts_at = Some(timestamp(past));
    });
    assert_eq!(fields(&refused.await.unwrap_err()), ["notice.starts_at"]);
    let refused = change(&office, &meeting, |request| request.etag = "m1".into());
    assert_eq!(reason(&refused.await.unwrap_err()), "CONFLICT");
    for named in [None, Some(to_wire(later))] {
        let moved = change(&office, &meeting, |request| {
            request.planned_on = named;
            request.notice.as_mut().unwrap().starts_at = Some(timestamp(starts_at));
        });
        assert_eq!(moved.await.unwrap().planned_on, Some(to_wire(later)));
    }
}

#[tokio::test]
async fn a_cancellation_reaches_everyone_and_takes_back_what_was_asked() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let tax = meetings::clerk(&world, "tax");
    let cancel = async |meeting: &Meeting| {
        let request = CancelMeetingRequest {
            name: meeting.name.clone(),
            reason: "另行安排".into(),
            request_id: request_id(),
            ..CancelMeetingRequest::default()
        };
        let method = hub_tests::meetings!("CancelMeeting");
        let cancelled = office.ask::<CancelMeetingResponse>(method, &request).await;
        cancelled.map(|cancelled| cancelled.meeting.unwrap())
    };
    let meeting = meetings::convened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let cancelled = cancel(&meeting).await.unwrap();
    assert_eq!(cancelled.state(), MeetingState::Cancelled);
    let seen = meetings::get(&tax, &meeting.name).await.unwrap();
    assert_eq!(seen.cancel_reason, "另行安排");
    let told = meetings::told(&tax, "agencies/tax/inbox").await;
    assert!(told.last().unwrap().title.starts_with("会议取消"));
    assert_eq!(asked(&tax, "agencies/tax").await, []);
    let refused = meetings::answer(&tax, &meeting.name, AnswerKind::Attends, 1).await;
    assert_eq!(reason(&refused.unwrap_err()), "MEETING_STATE");
    assert_eq!(
        reason(&cancel(&meeting).await.unwrap_err()),
        "MEETING_STATE"
    );
    // A draft that is cancelled stays its office's own.
    let draft = meetings::draft(&world, MeetingKind::Annual, &[JOINT], &[]);
    let draft = meetings::create(&office, draft).await.unwrap();
    cancel(&draft).await.unwrap();
    let refused = meetings::get(&tax, &draft.name).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(
        meetings::told(&tax, "agencies/tax/inbox").await.len(),
        told.len()
    );
    let meeting = meetings::was_held(&world, MeetingKind::Annual, JOINT, &[], &["tax"]).await;
    assert_eq!(
        reason(&cancel(&meeting).await.unwrap_err()),
        "MEETING_STATE",
        "it was held"
    );
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_the_first_one_and_records_nothing() {
    let mut world = World::start().await;
    let request = CreateMeetingRequest {
        meeting: Some(meetings::draft(&world, MeetingKind::Annual, &[JOINT], &[])),
        office: format!("{JOINT}/office"),
        request_id: request_id(),
    };
    let method = hub_tests::meetings!("CreateMeeting");
    let first: CreateMeetingResponse = meetings::office(&world)
        .ask(method, &request)
        .await
        .unwrap();
    let name = first.meeting.as_ref().unwrap().name.clone();
    assert_eq!(name, format!("meetings/{}", request.request_id));
    world.restart().await;
    let office = meetings::office(&world);
    let head = world.hub().engine().store().head();
    let again: CreateMeetingResponse = office.ask(method, &request).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(world.hub().engine().store().head(), head);
    let other = CreateMeetingRequest {
        office: format!("{JOINT}/office"),
        meeting: Some(Meeting {
            title: "另一会议".into(),
            ..request.meeting.clone().unwrap()
        }),
        ..request.clone()
    };
    let refused = office
        .ask::<CreateMeetingResponse>(method, &other)
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn je_071_by_correspondence_nobody_attends_and_everyone_is_consulted() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let kind = MeetingKind::Correspondence;
    let meeting = meetings::convened(&world, kind, JOINT, &[]).await;
    let mut record = meetings::held(&meeting, &["tax"]);
    let refused = meetings::record_held(&office, &record).await.unwrap_err();
    assert_eq!(fields(&refused), ["units"]);
    record.units.clear();
    record.chair.clear();
    let held = meetings::record_held(&office, &record).await.unwrap();
    let consulted = hub_proto::meetings::Attendance::Consulted;
    assert!(held.units.iter().all(|unit| unit.attendance() == consulted));
}

#[tokio::test]
async fn attendance_is_of_every_unit_once_and_of_somebody() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let invited = ["tax", "health"];
    let meeting = meetings::convened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let good = meetings::held(&meeting, &["tax"]);
    let mut left_out = good.clone();
    left_out.units.pop();
    let mut twice = good.clone();
    twice.units.push(good.units[0].clone());
    let mut stranger = good.clone();
    stranger.units[1].agency = "agencies/education".into();
    for wrong in [left_out, twice, stranger, meetings::held(&meeting, &[])] {
        let refused = meetings::record_held(&office, &wrong).await.unwrap_err();
        assert_eq!(fields(&refused), ["units"]);
    }
    let mut nobody = good.clone();
    nobody.units[0].attendees.clear();
    nobody.units[1].attendees.clear();
    let refused = meetings::record_held(&office, &nobody).await.unwrap_err();
    assert_eq!(fields(&refused).len(), 1, "{refused:?}");
    meetings::record_held(&office, &good).await.unwrap();
}
