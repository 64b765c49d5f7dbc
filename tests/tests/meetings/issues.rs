//! Major issues: flagged by members, given a disposition by the office (JE-023, FS-014).

use hub_proto::meetings::{
    DispositionKind, ListMajorIssuesRequest, MajorIssue, MajorIssueState, MeetingKind, TopicState,
};
use hub_tests::{
    World,
    meetings::{self, FUND, JOINT, issues},
    raw::{fields, reason},
};
use tonic::Code;

#[tokio::test]
async fn je_023_an_issue_stands_in_the_offices_queue_until_it_has_a_disposition() {
    let world = World::start().await;
    let (office, tax) = (meetings::office(&world), meetings::leader(&world, "tax"));
    let flagged = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
    assert_eq!(flagged.state(), MajorIssueState::Flagged);
    let waiting = ListMajorIssuesRequest {
        state: MajorIssueState::Flagged.into(),
        ..ListMajorIssuesRequest::default()
    };
    let queue = issues::list(&office, &waiting).await.unwrap().major_issues;
    assert_eq!(queue.len(), 1);
    assert_eq!(queue[0].name, flagged.name);
    assert!(queue[0].text.is_empty(), "lists show no text");
    let told = meetings::told(&office, "mechanisms/joint-enforcement/office/inbox").await;
    assert_eq!(told[0].resource, flagged.name);
    // No meeting of the mechanism goes on while it waits.
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let own = "mechanisms/joint-enforcement/office";
    let topic = meetings::propose(&office, &meeting.name, own, "年度安排").await;
    meetings::decide(&office, &topic.unwrap().name, TopicState::Accepted, "")
        .await
        .unwrap();
    let confirm = meetings::confirm_topics(&office, &meeting.name, "").await;
    assert_eq!(reason(&confirm.unwrap_err()), "MEETING_STATE");
    // Nor is it the issue of another mechanism's office.
    let close = DispositionKind::Close;
    let closed = issues::dispose(&office, &flagged.name, close, "").await;
    assert_eq!(closed.unwrap().state(), MajorIssueState::Closed);
    let queue = issues::list(&office, &waiting).await.unwrap().major_issues;
    assert_eq!(queue, []);
    meetings::confirm_topics(&office, &meeting.name, "")
        .await
        .unwrap();
    let told = meetings::told(&tax, "agencies/tax/inbox").await;
    let of_issue = told.iter().filter(|one| one.resource == flagged.name);
    assert_eq!(of_issue.count(), 1, "who flagged it learns what came of it");
    let again = issues::dispose(&office, &flagged.name, close, "").await;
    assert_eq!(reason(&again.unwrap_err()), "MEETING_STATE");
}

#[tokio::test]
async fn je_023_the_agenda_gets_an_accepted_topic_in_the_same_act() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let tax = meetings::leader(&world, "tax");
    let flagged = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
    let meeting = meetings::opened(&world, MeetingKind::Partial, JOINT, &["tax", "health"]).await;
    let head = world.hub().engine().store().head();
    let agenda = DispositionKind::Agenda;
    let disposed = issues::dispose(&office, &flagged.name, agenda, &meeting.name).await;
    let disposed = disposed.unwrap();
    assert_eq!(world.hub().engine().store().head(), head + 1, "one entry");
    assert_eq!(disposed.state(), MajorIssueState::OnAgenda);
    let topic = disposed.disposition.unwrap().topic;
    let health = meetings::leader(&world, "health");
    let request = hub_proto::meetings::GetTopicRequest {
        name: topic.clone(),
    };
    let shown: hub_proto::meetings::GetTopicResponse = health
        .ask(hub_tests::meetings!("GetTopic"), &request)
        .await
        .unwrap();
    let shown = shown.topic.unwrap();
    assert_eq!(shown.state(), TopicState::Accepted);
    assert_eq!((shown.order, shown.major_issue), (1, flagged.name.clone()));
    assert_eq!(shown.text, flagged.text);
    // Once it is a topic, the units of the meeting see the issue, and nobody else.
    let seen = issues::get(&health, &flagged.name).await.unwrap();
    assert_eq!(seen.text, flagged.text);
    assert_eq!(issues::names(&health).await, [&*flagged.name]);
    let outsider = meetings::leader(&world, "education");
    let hidden = issues::get(&outsider, &flagged.name).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    assert_eq!(issues::names(&outsider).await, [""; 0]);
    // A topic on which an issue hangs is not declined under it (JE-023).
    let declined = meetings::decide(&office, &topic, TopicState::Declined, "").await;
    assert_eq!(reason(&declined.unwrap_err()), "MEETING_STATE");
    let twice = issues::dispose(&office, &flagged.name, agenda, &meeting.name).await;
    assert_eq!(reason(&twice.unwrap_err()), "MEETING_STATE");
}

#[tokio::test]
async fn je_023_a_cancelled_meeting_gives_its_issues_back_to_the_queue() {
    let world = World::start().await;
    let (office, tax) = (meetings::office(&world), meetings::leader(&world, "tax"));
    let flagged = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let agenda = DispositionKind::Agenda;
    issues::dispose(&office, &flagged.name, agenda, &meeting.name)
        .await
        .unwrap();
    let cancel = hub_proto::meetings::CancelMeetingRequest {
        name: meeting.name.clone(),
        reason: "另行安排".into(),
        etag: String::new(),
        request_id: hub_tests::raw::requests::request_id(),
    };
    let _cancelled: hub_proto::meetings::CancelMeetingResponse = office
        .ask(hub_tests::meetings!("CancelMeeting"), &cancel)
        .await
        .unwrap();
    let back = issues::get(&office, &flagged.name).await.unwrap();
    assert_eq!(back.state(), MajorIssueState::Flagged);
    assert_eq!(back.disposition, None);
}

#[tokio::test]
async fn fs_014_each_office_has_its_own_queue_and_members_alone_fill_it() {
    let world = World::start().await;
    let finance = meetings::leader(&world, "finance");
    let flagged = issues::flag(&finance, issues::issue(FUND)).await.unwrap();
    let refused = issues::flag(&finance, issues::issue(JOINT)).await;
    assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    let office = meetings::office(&world);
    let of = |mechanism: &str| ListMajorIssuesRequest {
        mechanism: mechanism.into(),
        ..ListMajorIssuesRequest::default()
    };
    let joint = issues::list(&office, &of(JOINT)).await.unwrap();
    assert_eq!(joint.major_issues, []);
    let fund = issues::list(&office, &of(FUND)).await.unwrap();
    assert_eq!(fund.major_issues[0].name, flagged.name);
    // A meeting of the other mechanism is not held up by it, and does not take it.
    let meeting = meetings::with_topics(&world, MeetingKind::Annual, JOINT, &[]).await;
    let agenda = DispositionKind::Agenda;
    let wrong = issues::dispose(&office, &flagged.name, agenda, &meeting.name).await;
    assert_eq!(fields(&wrong.unwrap_err()), ["disposition.meeting"]);
    let clerk = meetings::clerk(&world, "finance");
    let refused = issues::flag(&clerk, issues::issue(FUND)).await;
    assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_meeting_that_the_flagging_unit_may_not_see_does_not_show_in_its_issue() {
    let world = World::start().await;
    let (office, tax) = (meetings::office(&world), meetings::leader(&world, "tax"));
    let flagged = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
    let before = issues::get(&tax, &flagged.name).await.unwrap();
    // To an agenda of a meeting without the unit it does not go.
    let invited = ["health", "education"];
    let open = meetings::opened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let agenda = DispositionKind::Agenda;
    let refused = issues::dispose(&office, &flagged.name, agenda, &open.name).await;
    assert_eq!(fields(&refused.unwrap_err()), ["disposition.meeting"]);
    issues::dispose(
        &office,
        &flagged.name,
        agenda,
        &meetings::opened(&world, MeetingKind::Partial, JOINT, &["tax"])
            .await
            .name,
    )
    .await
    .unwrap();
    let on_agenda = issues::get(&tax, &flagged.name).await.unwrap();
    assert_ne!(on_agenda, before);
    // Another meeting discusses it all the same: the unit sees no trace of that.
    let convened = meetings::convened(&world, MeetingKind::Partial, JOINT, &invited).await;
    let mut held = meetings::held(&convened, &invited);
    held.discussed_issues = vec![flagged.name.clone()];
    let held = meetings::record_held(&office, &held).await.unwrap();
    assert_eq!(issues::get(&tax, &flagged.name).await.unwrap(), on_agenda);
    let seen = issues::get(&office, &flagged.name).await.unwrap();
    assert_eq!(seen.state(), MajorIssueState::Discussed);
    assert_eq!(seen.discussed_at, [&*held.name]);
    let health = meetings::leader(&world, "health");
    let seen = issues::get(&health, &flagged.name).await.unwrap();
    assert_eq!(seen.discussed_at, [held.name]);
}

#[tokio::test]
async fn an_issue_keeps_its_limits() {
    let world = World::start().await;
    let tax = meetings::leader(&world, "tax");
    let long = |count: usize| "社".repeat(count);
    let edge = MajorIssue {
        title: long(200),
        text: long(8_000),
        reason: long(1_000),
        ..issues::issue(JOINT)
    };
    issues::flag(&tax, edge.clone()).await.unwrap();
    let past = MajorIssue {
        title: long(201),
        text: long(8_001),
        reason: long(1_001),
        ..edge
    };
    let refused = issues::flag(&tax, past).await.unwrap_err();
    let wrong = ["title", "text", "reason"].map(|one| format!("major_issue.{one}"));
    assert_eq!(fields(&refused), wrong);
    let written = MajorIssue {
        flagged_by: "agencies/tax".into(),
        ..issues::issue(JOINT)
    };
    let refused = issues::flag(&tax, written).await.unwrap_err();
    assert_eq!(fields(&refused), ["major_issue"]);
}

#[tokio::test]
async fn pages_of_issues_are_oldest_first_and_bound_to_their_filter() {
    let world = World::start().await;
    let tax = meetings::leader(&world, "tax");
    let mut flagged = vec![];
    for _ in 0..3 {
        let issue = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
        flagged.push(issue.name);
    }
    let mut request = ListMajorIssuesRequest {
        page_size: 2,
        ..ListMajorIssuesRequest::default()
    };
    let first = issues::list(&tax, &request).await.unwrap();
    request.page_token = first.next_page_token;
    let second = issues::list(&tax, &request).await.unwrap();
    let both = first.major_issues.into_iter().chain(second.major_issues);
    let names: Vec<String> = both.map(|issue| issue.name).collect();
    assert_eq!(names, flagged);
    assert_eq!(second.next_page_token, "");
    request.mechanism = JOINT.into();
    let wrong = issues::list(&tax, &request).await.unwrap_err();
    assert_eq!(reason(&wrong), "CURSOR_INVALID");
}
