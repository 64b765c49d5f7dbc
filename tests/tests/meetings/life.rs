//! Who organises a meeting, and its way from draft to held.

use hub_proto::meetings::{
    Attendance, ListMeetingsRequest, ListMeetingsResponse, MeetingKind, MeetingState,
};
use hub_tests::{
    World,
    meetings::{self, FUND, JOINT},
    raw::{Session, fields, reason},
};
use tonic::Code;

#[tokio::test]
async fn je_020_je_022_only_an_office_makes_a_meeting() {
    let world = World::start().await;
    let draft = || meetings::draft(&world, MeetingKind::Annual, &[JOINT], &[]);
    for agency in ["tax", "civil-affairs"] {
        for session in [
            meetings::clerk(&world, agency),
            meetings::leader(&world, agency),
        ] {
            let refused = meetings::create(&session, draft()).await.unwrap_err();
            assert_eq!(reason(&refused), "PERMISSION_DENIED", "{agency}");
        }
    }
    // The role itself can be held by officers of the bureau's agency only (JE-020).
    let pretender = Session::new(&world, "tax", "tax-1", &["office"]);
    let refused = meetings::create(&pretender, draft()).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_NOT_GRANTED");
    let made = meetings::create(&meetings::office(&world), draft())
        .await
        .unwrap();
    assert_eq!(made.state(), MeetingState::Draft);
    assert_eq!(made.offices, [format!("{JOINT}/office")]);
}

#[tokio::test]
async fn je_022_fs_014_every_step_of_the_office_is_refused_to_a_member() {
    let world = World::start().await;
    let tax = meetings::leader(&world, "tax");
    let office = meetings::office(&world);
    let meeting = meetings::opened(&world, MeetingKind::Annual, FUND, &[]).await;
    let name = &meeting.name;
    let topic = meetings::propose(&tax, name, "", "税收线索移送")
        .await
        .unwrap();
    let denied = |status: tonic::Status| {
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    };
    let accepted = hub_proto::meetings::TopicState::Accepted;
    denied(meetings::open(&tax, name).await.unwrap_err());
    denied(
        meetings::decide(&tax, &topic.name, accepted, "")
            .await
            .unwrap_err(),
    );
    denied(meetings::confirm_topics(&tax, name, "").await.unwrap_err());
    denied(meetings::convene(&tax, name).await.unwrap_err());
    let record = meetings::held(&meeting, &["tax"]);
    denied(meetings::record_held(&tax, &record).await.unwrap_err());
    let refused = meetings::propose(&tax, name, &format!("{FUND}/office"), "冒名").await;
    denied(refused.unwrap_err());
    let refused = meetings::propose(&tax, name, "agencies/finance", "冒名").await;
    denied(refused.unwrap_err());
    assert_eq!(
        meetings::get(&office, name).await.unwrap().state(),
        MeetingState::TopicsOpen
    );
}

#[tokio::test]
async fn fs_060_a_fund_meeting_goes_the_same_way_with_its_own_members() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let meeting = meetings::convened(&world, MeetingKind::Annual, FUND, &[]).await;
    let units: Vec<&str> = meeting
        .units
        .iter()
        .map(|unit| &unit.agency["agencies/".len()..])
        .collect();
    let members = [
        "civil-affairs",
        "public-security",
        "finance",
        "state-security",
        "tax",
        "pboc-branch",
    ];
    assert_eq!(units, members);
    let record = meetings::held(&meeting, &["civil-affairs", "tax"]);
    let held = meetings::record_held(&office, &record).await.unwrap();
    assert_eq!(held.state(), MeetingState::Held);
    let of = |agency: &str| {
        let mut units = held.units.iter();
        let unit = units.find(|unit| unit.agency == format!("agencies/{agency}"));
        unit.unwrap().clone()
    };
    assert_eq!(of("tax").attendance(), Attendance::Present);
    assert_eq!(of("tax").attendees[0].display_name, "甲");
    assert_eq!(of("finance").attendance(), Attendance::Excused);
    assert_eq!(held.chair, "某厅领导");
    // A member of the other mechanism alone learns nothing of it.
    let health = meetings::clerk(&world, "health");
    assert_eq!(
        meetings::get(&health, &held.name).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_draft_is_its_offices_own() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let made = meetings::draft(&world, MeetingKind::Extraordinary, &[JOINT], &[]);
    let made = meetings::create(&office, made).await.unwrap();
    for agency in ["tax", "civil-affairs"] {
        let clerk = meetings::clerk(&world, agency);
        let refused = meetings::get(&clerk, &made.name).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{agency}");
        let inbox = format!("agencies/{agency}/inbox");
        assert_eq!(meetings::told(&clerk, &inbox).await.len(), 0);
    }
    meetings::open(&office, &made.name).await.unwrap();
    let clerk = meetings::clerk(&world, "tax");
    let seen = meetings::get(&clerk, &made.name).await.unwrap();
    assert_eq!(seen.title, "专项整治工作会议");
    let told = meetings::told(&clerk, "agencies/tax/inbox").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].resource, made.name);
}

#[tokio::test]
async fn lists_are_newest_first_by_pages_and_filters() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let mut names = vec![];
    for mechanism in [JOINT, FUND, JOINT] {
        let meeting = meetings::opened(&world, MeetingKind::Extraordinary, mechanism, &[]).await;
        names.insert(0, meeting.name);
    }
    let list = async |session: &Session, request: ListMeetingsRequest| {
        let listed = session
            .ask(hub_tests::meetings!("ListMeetings"), &request)
            .await;
        let listed: ListMeetingsResponse = listed.unwrap();
        let found: Vec<String> = listed.meetings.into_iter().map(|one| one.name).collect();
        (found, listed.next_page_token)
    };
    let all = list(&office, ListMeetingsRequest::default()).await;
    assert_eq!(all, (names.clone(), String::new()));
    let tax = meetings::clerk(&world, "tax");
    let two = ListMeetingsRequest {
        page_size: 2,
        ..ListMeetingsRequest::default()
    };
    let (first, token) = list(&tax, two.clone()).await;
    assert_eq!(first, names[..2]);
    let (rest, end) = list(
        &tax,
        ListMeetingsRequest {
            page_token: token,
            ..two
        },
    )
    .await;
    assert_eq!((rest.as_slice(), end.as_str()), (&names[2..], ""));
    let fund = ListMeetingsRequest {
        mechanism: FUND.into(),
        ..ListMeetingsRequest::default()
    };
    assert_eq!(list(&tax, fund).await.0, names[1..2]);
    let health = meetings::clerk(&world, "health");
    let seen = list(&health, ListMeetingsRequest::default()).await.0;
    assert_eq!(seen, [names[0].clone(), names[2].clone()]);
    let held = ListMeetingsRequest {
        state: MeetingState::Held.into(),
        ..ListMeetingsRequest::default()
    };
    assert_eq!(list(&tax, held).await.0, [""; 0]);
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_by_field() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let good = || meetings::draft(&world, MeetingKind::Annual, &[JOINT], &[]);
    let broken = [
        (
            "meeting.title",
            hub_proto::meetings::Meeting {
                title: "会".repeat(201),
                ..good()
            },
        ),
        (
            "meeting.kind",
            hub_proto::meetings::Meeting { kind: 0, ..good() },
        ),
        (
            "meeting.planned_on",
            hub_proto::meetings::Meeting {
                planned_on: None,
                ..good()
            },
        ),
        (
            "meeting",
            hub_proto::meetings::Meeting {
                etag: "m1".into(),
                ..good()
            },
        ),
        (
            "meeting.invited_units",
            hub_proto::meetings::Meeting {
                invited_units: vec!["agencies/tax".into()],
                ..good()
            },
        ),
        (
            "meeting.mechanisms[1]",
            hub_proto::meetings::Meeting {
                mechanisms: vec![JOINT.into(), JOINT.into()],
                ..good()
            },
        ),
    ];
    for (field, meeting) in broken {
        let refused = meetings::create(&office, meeting).await.unwrap_err();
        assert!(
            fields(&refused).contains(&field.to_owned()),
            "{field}: {refused:?}"
        );
    }
    let yesterday = hub_core::date::from_wire(&good().planned_on.unwrap()).unwrap();
    let yesterday = hub_core::date::to_wire(yesterday.yesterday().unwrap());
    let past = hub_proto::meetings::Meeting {
        planned_on: Some(yesterday),
        ..good()
    };
    let refused = meetings::create(&office, past).await.unwrap_err();
    assert_eq!(fields(&refused), ["meeting.planned_on"]);
}
