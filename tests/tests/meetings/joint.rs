//! A meeting of both mechanisms (JE-076, FS-061).

use std::collections::BTreeSet;

use hub_proto::{
    channels::{ListOutstandingActionsRequest, ListOutstandingActionsResponse, RequestedAction},
    meetings::{
        ConfirmMeetingRequest, ConfirmMeetingResponse, Meeting, MeetingKind, MeetingState,
        TopicState,
    },
};
use hub_tests::{
    World, channels,
    meetings::{self, FUND, JOINT},
    raw::{Session, fields, reason, requests::request_id},
};
use tonic::Status;

async fn confirm(session: &Session, name: &str, mechanism: &str) -> Result<Meeting, Status> {
    let request = ConfirmMeetingRequest {
        name: name.into(),
        office: format!("{mechanism}/office"),
        etag: String::new(),
        request_id: request_id(),
    };
    let method = hub_tests::meetings!("ConfirmMeeting");
    let confirmed: ConfirmMeetingResponse = session.ask(method, &request).await?;
    Ok(confirmed.meeting.unwrap())
}

async fn joint(world: &World, mechanisms: [&str; 2]) -> Meeting {
    let draft = meetings::draft(world, MeetingKind::Extraordinary, &mechanisms, &[]);
    meetings::create(&meetings::office(world), draft)
        .await
        .unwrap()
}

#[tokio::test]
async fn je_076_the_union_has_15_distinct_units_and_a_shared_one_is_asked_once() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let made = joint(&world, [JOINT, FUND]).await;
    let ids: Vec<&str> = made
        .units
        .iter()
        .map(|unit| &unit.agency["agencies/".len()..])
        .collect();
    assert_eq!(ids.len(), 15);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 15, "{ids:?}");
    // The order of the first mechanism, the lead first; then the second one's own.
    assert_eq!(
        (ids[0], &ids[13..]),
        ("civil-affairs", &["finance", "pboc-branch"][..])
    );
    assert_eq!(
        ids.iter().filter(|id| **id == "cyberspace").count(),
        1,
        "JE-013"
    );
    confirm(&office, &made.name, FUND).await.unwrap();
    meetings::open(&office, &made.name).await.unwrap();
    let own = format!("{JOINT}/office");
    let topic = meetings::propose(&office, &made.name, &own, "联合行动")
        .await
        .unwrap();
    meetings::decide(&office, &topic.name, TopicState::Accepted, "")
        .await
        .unwrap();
    meetings::confirm_topics(&office, &made.name, "")
        .await
        .unwrap();
    meetings::convene(&office, &made.name).await.unwrap();
    for agency in [
        "tax",
        "public-security",
        "state-security",
        "civil-affairs",
        "health",
        "finance",
    ] {
        let clerk = meetings::clerk(&world, agency);
        let told = meetings::told(&clerk, &format!("agencies/{agency}/inbox")).await;
        let notices = told.iter().filter(|one| one.title.starts_with("会议通知"));
        assert_eq!(notices.count(), 1, "{agency}");
        let request = ListOutstandingActionsRequest {
            parent: format!("agencies/{agency}"),
            ..ListOutstandingActionsRequest::default()
        };
        let asked = clerk
            .ask(channels!("ListOutstandingActions"), &request)
            .await;
        let asked: ListOutstandingActionsResponse = asked.unwrap();
        let actions: Vec<RequestedAction> = asked
            .outstanding_actions
            .iter()
            .map(|one| one.action())
            .collect();
        assert_eq!(actions, [RequestedAction::AnswerNotice], "{agency}");
    }
}

#[tokio::test]
async fn fs_061_either_office_proposes_and_both_confirm() {
    let world = World::start().await;
    let office = meetings::office(&world);
    for mechanisms in [[JOINT, FUND], [FUND, JOINT]] {
        let [first, second] = mechanisms;
        let made = joint(&world, mechanisms).await;
        let offices = mechanisms.map(|of| format!("{of}/office"));
        assert_eq!(made.offices, offices);
        assert_eq!(made.confirmed_by, offices[..1]);
        assert_eq!(made.units.len(), 15);
        let refused = meetings::open(&office, &made.name).await.unwrap_err();
        assert_eq!(reason(&refused), "MEETING_STATE");
        assert!(refused.message().contains("FS-061"), "{refused}");
        let told = meetings::told(&office, &format!("{second}/office/inbox")).await;
        assert_eq!(
            told.last().unwrap().resource,
            made.name,
            "the other office is asked"
        );
        let refused = confirm(&office, &made.name, first).await.unwrap_err();
        assert_eq!(reason(&refused), "MEETING_STATE", "it has, by making it");
        let leader = meetings::leader(&world, "civil-affairs");
        let refused = confirm(&leader, &made.name, second).await.unwrap_err();
        assert_eq!(
            reason(&refused),
            "NOT_FOUND",
            "not an officer of the office"
        );
        let confirmed = confirm(&office, &made.name, second).await.unwrap();
        assert_eq!(confirmed.confirmed_by, offices);
        let open = meetings::open(&office, &made.name).await.unwrap();
        assert_eq!(open.state(), MeetingState::TopicsOpen);
    }
}

#[tokio::test]
async fn fs_061_an_office_of_no_mechanism_of_the_meeting_confirms_nothing() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let draft = meetings::draft(&world, MeetingKind::Annual, &[JOINT], &[]);
    let made = meetings::create(&office, draft).await.unwrap();
    let refused = confirm(&office, &made.name, FUND).await.unwrap_err();
    assert_eq!(fields(&refused), ["office"]);
}
