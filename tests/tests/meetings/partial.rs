//! A partial meeting: units that are not invited learn nothing of it (JE-071).

use hub_core::names::MeetingName;
use hub_proto::{
    channels::{ListNotificationsRequest, ListNotificationsResponse},
    meetings::{
        AnswerKind, GetTopicRequest, GetTopicResponse, ListMeetingsRequest, ListMeetingsResponse,
        ListTopicsRequest, ListTopicsResponse, MeetingKind,
    },
};
use hub_tests::{
    World, channels,
    meetings::{self, JOINT},
    raw::{fields, requests::request_id},
};
use tonic::{Code, Status};

#[tokio::test]
async fn je_071_a_unit_that_is_not_invited_learns_nothing() {
    let world = World::start().await;
    let invited = ["tax", "health"];
    let present = ["tax"];
    let kind = MeetingKind::Partial;
    let meeting = meetings::was_held(&world, kind, JOINT, &invited, &present).await;
    let named: Vec<&str> = meeting.invited_units.iter().map(String::as_str).collect();
    // In the official order, whatever the order of the call.
    assert_eq!(named, ["agencies/health", "agencies/tax"]);
    assert!(
        meeting.units.iter().all(|unit| unit.attendance != 0),
        "nobody else is absent"
    );
    let outsider = meetings::leader(&world, "education");
    let absent = MeetingName(request_id().parse().unwrap()).to_string();
    // What there is and what there is not is answered with the same bytes.
    let same = |one: Status, other: Status| {
        assert_eq!(one.code(), Code::NotFound);
        let plain = |status: &Status, name: &str| status.message().replace(name, "");
        assert_eq!(plain(&one, &meeting.name), plain(&other, &absent));
        let bytes = |status: &Status, name: &str| {
            String::from_utf8_lossy(status.details()).replace(name, "")
        };
        assert_eq!(bytes(&one, &meeting.name), bytes(&other, &absent));
    };
    let get = async |name: &str| meetings::get(&outsider, name).await.unwrap_err();
    same(get(&meeting.name).await, get(&absent).await);
    let propose = async |name: &str| {
        meetings::propose(&outsider, name, "", "议题")
            .await
            .unwrap_err()
    };
    same(propose(&meeting.name).await, propose(&absent).await);
    let answer = async |name: &str| {
        let answer = meetings::answer(&outsider, name, AnswerKind::Attends, 1);
        answer.await.unwrap_err()
    };
    same(answer(&meeting.name).await, answer(&absent).await);
    let open = async |name: &str| meetings::open(&outsider, name).await.unwrap_err();
    same(open(&meeting.name).await, open(&absent).await);
    let list = async |name: &str| {
        let request = ListTopicsRequest {
            parent: name.into(),
        };
        let method = hub_tests::meetings!("ListTopics");
        outsider
            .ask::<ListTopicsResponse>(method, &request)
            .await
            .unwrap_err()
    };
    same(list(&meeting.name).await, list(&absent).await);
    let topic = async |name: &str| {
        let request = GetTopicRequest {
            name: format!("{name}/topics/1"),
        };
        let method = hub_tests::meetings!("GetTopic");
        outsider
            .ask::<GetTopicResponse>(method, &request)
            .await
            .unwrap_err()
    };
    same(topic(&meeting.name).await, topic(&absent).await);
    let method = hub_tests::meetings!("ListMeetings");
    let listed = outsider.ask(method, &ListMeetingsRequest::default()).await;
    let listed: ListMeetingsResponse = listed.unwrap();
    assert_eq!(listed, ListMeetingsResponse::default());
    let request = ListNotificationsRequest {
        parent: "agencies/education/inbox".into(),
        ..ListNotificationsRequest::default()
    };
    let inbox = outsider.ask(channels!("ListNotifications"), &request).await;
    let inbox: ListNotificationsResponse = inbox.unwrap();
    assert_eq!(inbox, ListNotificationsResponse::default());
}

#[tokio::test]
async fn je_071_a_partial_meeting_names_members_of_its_mechanisms() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let draft = |invited: &[&str]| meetings::draft(&world, MeetingKind::Partial, &[JOINT], invited);
    let refused = meetings::create(&office, draft(&[])).await.unwrap_err();
    assert_eq!(fields(&refused), ["meeting.invited_units"]);
    let refused = meetings::create(&office, draft(&["tax", "finance"]))
        .await
        .unwrap_err();
    assert_eq!(
        fields(&refused),
        ["meeting.invited_units[1]"],
        "of the other mechanism"
    );
    let refused = meetings::create(&office, draft(&["tax", "tax"]))
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["meeting.invited_units[1]"]);
    meetings::create(&office, draft(&["tax"])).await.unwrap();
}
