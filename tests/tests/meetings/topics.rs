//! Topics are settled by correspondence before the meeting (JE-072).

use hub_core::date::timestamp;
use hub_proto::meetings::{
    CommentOnTopicRequest, CommentOnTopicResponse, GetTopicRequest, GetTopicResponse,
    ListTopicsRequest, ListTopicsResponse, MeetingKind, MeetingState, OrderTopicsRequest,
    OrderTopicsResponse, Topic, TopicState,
};
use hub_tests::{
    World,
    meetings::{self, JOINT},
    raw::{Session, fields, reason, requests::request_id},
};
use jiff::{SignedDuration, Timestamp};

async fn listed(session: &Session, meeting: &str) -> Vec<Topic> {
    let request = ListTopicsRequest {
        parent: meeting.into(),
    };
    let listed = session
        .ask(hub_tests::meetings!("ListTopics"), &request)
        .await;
    let listed: ListTopicsResponse = listed.unwrap();
    listed.topics
}

#[tokio::test]
async fn je_072_a_meeting_is_not_convened_before_its_topics_are_fixed() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let name = &meeting.name;
    let refused = meetings::confirm_topics(&office, name, "")
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "MEETING_STATE", "no topic at all");
    let tax = meetings::clerk(&world, "tax");
    let topic = meetings::propose(&tax, name, "", "税收违法线索")
        .await
        .unwrap();
    assert_eq!(topic.state(), TopicState::Proposed);
    let other = meetings::propose(&tax, name, "", "其他").await.unwrap();
    meetings::decide(&office, &other.name, TopicState::Accepted, "")
        .await
        .unwrap();
    let refused = meetings::confirm_topics(&office, name, "")
        .await
        .unwrap_err();
    assert_eq!(reason(&refused), "MEETING_STATE", "undecided");
    assert!(refused.message().contains("JE-072"), "{refused}");
    let refused = meetings::convene(&office, name).await.unwrap_err();
    assert_eq!(reason(&refused), "MEETING_STATE");
    let record = meetings::held(&meeting, &["tax"]);
    let refused = meetings::record_held(&office, &record).await.unwrap_err();
    assert_eq!(reason(&refused), "MEETING_STATE");
    meetings::decide(&office, &topic.name, TopicState::Accepted, "")
        .await
        .unwrap();
    let fixed = meetings::confirm_topics(&office, name, "").await.unwrap();
    assert_eq!(fixed.state(), MeetingState::TopicsConfirmed);
    assert!(fixed.topics_confirmed_at.is_some());
    let late = meetings::propose(&tax, name, "", "补充议题")
        .await
        .unwrap_err();
    assert_eq!(reason(&late), "MEETING_STATE", "the topics are fixed");
    let convened = meetings::convene(&office, name).await.unwrap();
    assert_eq!(convened.state(), MeetingState::Convened);
}

#[tokio::test]
async fn je_072_the_topics_were_fixed_before_the_meeting_began() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    let meeting = meetings::convened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let mut record = meetings::held(&meeting, &["tax"]);
    for wrong in [before, Timestamp::now() + SignedDuration::from_hours(1)] {
        record.held_at = Some(timestamp(wrong));
        let refused = meetings::record_held(&office, &record).await.unwrap_err();
        assert_eq!(fields(&refused), ["held_at"]);
    }
    record.held_at = Some(timestamp(Timestamp::now()));
    meetings::record_held(&office, &record).await.unwrap();
}

#[tokio::test]
async fn je_083_a_members_proposal_becomes_an_agenda_item_or_is_answered_with_a_reason() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let (tax, health) = (
        meetings::clerk(&world, "tax"),
        meetings::clerk(&world, "health"),
    );
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let name = &meeting.name;
    let first = meetings::propose(&tax, name, "", "完善信息共享制度")
        .await
        .unwrap();
    let second = meetings::propose(&health, name, "", "信息共享")
        .await
        .unwrap();
    let third = meetings::propose(&health, name, "", "其他事项")
        .await
        .unwrap();
    let accepted = meetings::decide(&office, &first.name, TopicState::Accepted, "")
        .await
        .unwrap();
    assert_eq!(
        (accepted.order, accepted.proposer.as_str()),
        (1, "agencies/tax")
    );
    let merged = meetings::decide(&office, &second.name, TopicState::Merged, &first.name).await;
    assert_eq!(merged.unwrap().merged_into, first.name);
    let declined = meetings::decide(&office, &third.name, TopicState::Declined, "")
        .await
        .unwrap();
    assert_eq!((declined.reason.as_str(), declined.order), ("经研究", 0));
    // What others are merged into stays on the agenda, and one without a reason does not go.
    let refused = meetings::decide(&office, &first.name, TopicState::Declined, "").await;
    assert_eq!(reason(&refused.unwrap_err()), "MEETING_STATE");
    let refused = meetings::decide(&office, &third.name, TopicState::Merged, &second.name).await;
    assert_eq!(
        fields(&refused.unwrap_err()),
        ["merged_into"],
        "a merged topic takes none"
    );
    // The members hear of each: tax of the opening, two topics of another, and its own decision.
    let told = meetings::told(&tax, "agencies/tax/inbox").await;
    let about: Vec<&str> = told.iter().map(|one| one.resource.as_str()).collect();
    let expected = [name, &second.name, &third.name, &first.name];
    assert_eq!(about, expected);
}

#[tokio::test]
async fn je_072_members_comment_and_the_office_orders() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let (tax, health) = (
        meetings::clerk(&world, "tax"),
        meetings::clerk(&world, "health"),
    );
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let mut names = vec![];
    for title in ["甲", "乙", "丙"] {
        let topic = meetings::propose(&tax, &meeting.name, "", title)
            .await
            .unwrap();
        meetings::decide(&office, &topic.name, TopicState::Accepted, "")
            .await
            .unwrap();
        names.push(topic.name);
    }
    let comment = CommentOnTopicRequest {
        name: names[0].clone(),
        text: "建议先行试点".into(),
        request_id: request_id(),
        ..CommentOnTopicRequest::default()
    };
    let commented = health
        .ask(hub_tests::meetings!("CommentOnTopic"), &comment)
        .await;
    let commented: CommentOnTopicResponse = commented.unwrap();
    let topic = commented.topic.unwrap();
    assert_eq!(topic.comments[0].author, "agencies/health");
    assert_eq!(topic.comments[0].text, "建议先行试点");
    let get = GetTopicRequest {
        name: names[0].clone(),
    };
    let seen: GetTopicResponse = tax
        .ask(hub_tests::meetings!("GetTopic"), &get)
        .await
        .unwrap();
    assert_eq!(seen.topic.unwrap(), topic);
    let order = |topics: &[&String]| OrderTopicsRequest {
        parent: meeting.name.clone(),
        topics: topics.iter().map(|one| (*one).clone()).collect(),
        request_id: request_id(),
    };
    let method = hub_tests::meetings!("OrderTopics");
    for wrong in [
        vec![&names[0], &names[1]],
        vec![&names[0], &names[1], &names[1]],
    ] {
        let refused = office
            .ask::<OrderTopicsResponse>(method, &order(&wrong))
            .await;
        assert_eq!(fields(&refused.unwrap_err()), ["topics"]);
    }
    let turned = order(&[&names[2], &names[0], &names[1]]);
    let ordered: OrderTopicsResponse = office.ask(method, &turned).await.unwrap();
    let titles: Vec<String> = ordered
        .topics
        .into_iter()
        .map(|topic| topic.title)
        .collect();
    assert_eq!(titles, ["丙", "甲", "乙"]);
    let seen = listed(&health, &meeting.name).await;
    let seen: Vec<(i32, &str)> = seen
        .iter()
        .map(|one| (one.order, one.title.as_str()))
        .collect();
    assert_eq!(seen, [(1, "丙"), (2, "甲"), (3, "乙")]);
}

#[tokio::test]
async fn two_officers_who_fix_topics_or_convene_at_once_end_in_one_outcome() {
    let world = World::start().await;
    let (one, other) = (
        meetings::office(&world),
        Session::new(&world, "civil-affairs", "office-2", &["office"]),
    );
    for with_etag in [false, true] {
        let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
        let name = &meeting.name;
        let own = format!("{JOINT}/office");
        let topic = meetings::propose(&one, name, &own, "议题").await.unwrap();
        meetings::decide(&one, &topic.name, TopicState::Accepted, "")
            .await
            .unwrap();
        let etag = meetings::get(&one, name).await.unwrap().etag;
        let etag = if with_etag { etag } else { String::new() };
        let (first, second) = tokio::join!(
            meetings::confirm_topics(&one, name, &etag),
            meetings::confirm_topics(&other, name, &etag)
        );
        let expected = if with_etag {
            "CONFLICT"
        } else {
            "MEETING_STATE"
        };
        assert_eq!(lost(first, second), expected);
        let (first, second) = tokio::join!(
            meetings::convene(&one, name),
            meetings::convene(&other, name)
        );
        assert_eq!(lost(first, second), "MEETING_STATE");
        let seen = meetings::get(&one, name).await.unwrap();
        assert_eq!(seen.notice.unwrap().revision, 1, "one notice");
        let tax = meetings::clerk(&world, "tax");
        let told = meetings::told(&tax, "agencies/tax/inbox").await;
        let asked = told
            .iter()
            .filter(|note| note.title.starts_with("会议通知"));
        assert_eq!(asked.filter(|note| note.resource == *name).count(), 1);
    }
}

/// The reason of the one that lost; the other one won.
fn lost<T: std::fmt::Debug>(
    first: Result<T, tonic::Status>,
    second: Result<T, tonic::Status>,
) -> String {
    match (first, second) {
        (Ok(_), Err(status)) | (Err(status), Ok(_)) => reason(&status),
        both => panic!("one must win: {both:?}"),
    }
}
