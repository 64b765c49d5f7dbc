//! Escalations: after a meeting, together with a member, to the leading group (JE-075, FS-060).

use hub_proto::meetings::{
    DispositionKind, Escalation, EscalationState, MajorIssueState, MeetingKind,
};
use hub_tests::{
    World,
    meetings::{self, JOINT, issues},
    raw::{Session, fields, reason, requests::request_id},
};
use tonic::Code;

const INVITED: [&str; 4] = ["civil-affairs", "tax", "health", "education"];

fn lead(world: &World) -> Session {
    meetings::leader(world, "civil-affairs")
}

#[tokio::test]
async fn je_075_only_what_a_held_meeting_discussed_is_reported() {
    let world = World::start().await;
    let (office, tax) = (meetings::office(&world), meetings::leader(&world, "tax"));
    let flagged = issues::flag(&tax, issues::issue(JOINT)).await.unwrap();
    // Neither the office by a disposition …
    let escalate = DispositionKind::Escalate;
    let early = issues::dispose(&office, &flagged.name, escalate, "").await;
    let early = early.unwrap_err();
    assert_eq!(reason(&early), "MEETING_STATE");
    assert!(early.message().contains("JE-075"), "{}", early.message());
    // … nor the lead by a report, while the meeting is not held.
    let meeting = meetings::opened(&world, MeetingKind::Annual, JOINT, &[]).await;
    let agenda = DispositionKind::Agenda;
    issues::dispose(&office, &flagged.name, agenda, &meeting.name)
        .await
        .unwrap();
    let report = issues::report(&flagged.name, &meeting.name, &["tax"]);
    let early = issues::draft(&lead(&world), report.clone()).await;
    let early = early.unwrap_err();
    assert_eq!(reason(&early), "MEETING_STATE");
    assert!(early.message().contains("JE-075"), "{}", early.message());
    meetings::confirm_topics(&office, &meeting.name, "")
        .await
        .unwrap();
    let convened = meetings::convene(&office, &meeting.name).await.unwrap();
    let early = issues::draft(&lead(&world), report.clone()).await;
    assert_eq!(reason(&early.unwrap_err()), "MEETING_STATE");
    let held = meetings::held(&convened, &["civil-affairs", "tax"]);
    meetings::record_held(&office, &held).await.unwrap();
    let seen = issues::get(&tax, &flagged.name).await.unwrap();
    assert_eq!(seen.state(), MajorIssueState::Discussed);
    let disposed = issues::dispose(&office, &flagged.name, escalate, "").await;
    assert_eq!(disposed.unwrap().state(), MajorIssueState::Escalated);
    // A meeting that was held and discussed something else does not do either.
    let kind = MeetingKind::Extraordinary;
    let other = meetings::was_held(&world, kind, JOINT, &[], &["tax"]).await;
    let wrong = issues::report(&flagged.name, &other.name, &["tax"]);
    let wrong = issues::draft(&lead(&world), wrong).await.unwrap_err();
    assert_eq!(reason(&wrong), "MEETING_STATE");
    let drafted = issues::draft(&lead(&world), report).await.unwrap();
    assert_eq!(drafted.state(), EscalationState::Drafted);
}

#[tokio::test]
async fn je_075_it_takes_the_lead_and_at_least_one_member() {
    let world = World::start().await;
    let (issue, meeting) = issues::discussed(&world, &INVITED).await;
    let lead = lead(&world);
    let report = |units: &[&str]| issues::report(&issue.name, &meeting.name, units);
    let none = issues::draft(&lead, report(&[])).await.unwrap_err();
    assert_eq!(fields(&none), ["escalation.co_units"]);
    for wrong in ["civil-affairs", "finance", "culture-tourism"] {
        let refused = issues::draft(&lead, report(&["tax", wrong])).await;
        assert_eq!(fields(&refused.unwrap_err()), ["escalation.co_units[1]"]);
    }
    let twice = issues::draft(&lead, report(&["tax", "tax"])).await;
    assert_eq!(fields(&twice.unwrap_err()), ["escalation.co_units[1]"]);
    for (agency, role) in [("tax", "leader"), ("civil-affairs", "office")] {
        let session = Session::new(&world, agency, "somebody", &[role]);
        let refused = issues::draft(&session, report(&["tax"])).await;
        assert_eq!(reason(&refused.unwrap_err()), "PERMISSION_DENIED");
    }
    let drafted = issues::draft(&lead, report(&["tax", "health"])).await;
    let name = drafted.unwrap().name;
    let second = issues::draft(&lead, report(&["tax"])).await;
    assert_eq!(reason(&second.unwrap_err()), "MEETING_STATE");
    let (tax, health) = (
        meetings::leader(&world, "tax"),
        meetings::leader(&world, "health"),
    );
    let early = issues::send(&lead, &name).await.unwrap_err();
    assert!(
        early.message().contains("tax, health"),
        "{}",
        early.message()
    );
    let declines = true;
    issues::co_sign(&health, &name, declines).await.unwrap();
    let early = issues::send(&lead, &name).await.unwrap_err();
    assert_eq!(reason(&early), "MEETING_STATE", "tax has not answered");
    let declined = issues::co_sign(&tax, &name, declines).await.unwrap();
    assert_eq!(declined.co_signatures.len(), 2);
    // All have declined: nobody reports it with the lead.
    let sent = issues::send(&lead, &name).await.unwrap_err();
    assert_eq!(reason(&sent), "MEETING_STATE");
    assert!(sent.message().contains("JE-075"), "{}", sent.message());
    let signed = issues::co_sign(&tax, &name, false).await.unwrap();
    let answers = signed.co_signatures.iter();
    let answers: Vec<bool> = answers.map(|one| one.is_signed).collect();
    assert_eq!(answers, [true, false], "the one that declined is named");
    let sent = issues::send(&lead, &name).await.unwrap();
    assert_eq!(sent.state(), EscalationState::Sent);
    let late = issues::co_sign(&health, &name, false).await.unwrap_err();
    assert_eq!(reason(&late), "MEETING_STATE");
}

#[tokio::test]
async fn je_075_the_leading_group_alone_replies_and_those_concerned_are_told() {
    let world = World::start().await;
    let (issue, meeting) = issues::discussed(&world, &INVITED).await;
    let lead = lead(&world);
    let tax = meetings::leader(&world, "tax");
    let desk = issues::leading_group(&world);
    let report = issues::report(&issue.name, &meeting.name, &["tax"]);
    let name = issues::draft(&lead, report).await.unwrap().name;
    // Until it is sent the addressee knows nothing of it; nor does any other unit of the meeting.
    let health = meetings::leader(&world, "health");
    for outsider in [&desk, &health] {
        let hidden = issues::get_escalation(outsider, &name).await.unwrap_err();
        assert_eq!(hidden.code(), Code::NotFound);
        assert_eq!(issues::escalations(outsider).await.unwrap(), [""; 0]);
    }
    let seen = issues::get(&health, &issue.name).await.unwrap();
    assert_eq!(seen.escalations, [""; 0]);
    assert_eq!(seen.state(), MajorIssueState::Escalated);
    issues::co_sign(&tax, &name, false).await.unwrap();
    let early = issues::reply(&desk, &name).await.unwrap_err();
    assert_eq!(early.code(), Code::NotFound);
    issues::send(&lead, &name).await.unwrap();
    let got = issues::get_escalation(&desk, &name).await.unwrap();
    assert_eq!(got.addressee, "agencies/leading-group-office");
    assert_eq!(got.lead_unit, "agencies/civil-affairs");
    assert_eq!(issues::escalations(&desk).await.unwrap(), [&*name]);
    let told = meetings::told(&desk, "agencies/leading-group-office/inbox").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].title.contains("重大问题报告"), "{}", told[0].title);
    // The issue itself is not the leading group's to see: the report says what it is to know.
    let hidden = issues::get(&desk, &issue.name).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
    for wrong in [&lead, &tax] {
        let refused = issues::reply(wrong, &name).await.unwrap_err();
        assert_eq!(reason(&refused), "PERMISSION_DENIED");
    }
    let clerk = Session::new(&world, "leading-group-office", "clerk-1", &["clerk"]);
    let refused = issues::reply(&clerk, &name).await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");
    let replied = issues::reply(&desk, &name).await.unwrap();
    assert_eq!(replied.state(), EscalationState::Answered);
    let again = issues::reply(&desk, &name).await.unwrap_err();
    assert_eq!(reason(&again), "MEETING_STATE");
    let reply = issues::get_escalation(&tax, &name).await.unwrap().reply;
    assert_eq!(reply.unwrap().document_number, "晋社管组发〔2026〕3号");
    let told = meetings::told(&tax, "agencies/tax/inbox").await;
    assert!(told.last().unwrap().title.contains("领导小组答复"));
    let seen = issues::get(&tax, &issue.name).await.unwrap();
    assert_eq!(seen.state(), MajorIssueState::Answered);
    let office = meetings::office(&world);
    let inbox = "mechanisms/joint-enforcement/office/inbox";
    let told = meetings::told(&office, inbox).await;
    assert_eq!(told.last().unwrap().resource, issue.name);
}

#[tokio::test]
async fn a_draft_that_is_taken_back_asks_nothing_and_leaves_room_for_another() {
    let world = World::start().await;
    let (issue, meeting) = issues::discussed(&world, &INVITED).await;
    let lead = lead(&world);
    let report = issues::report(&issue.name, &meeting.name, &["tax"]);
    let name = issues::draft(&lead, report.clone()).await.unwrap().name;
    let tax = meetings::leader(&world, "tax");
    let refused = issues::withdraw(&tax, &name).await.unwrap_err();
    assert_eq!(reason(&refused), "PERMISSION_DENIED");
    let withdrawn = issues::withdraw(&lead, &name).await.unwrap();
    assert_eq!(withdrawn.state(), EscalationState::Withdrawn);
    let seen = issues::get(&tax, &issue.name).await.unwrap();
    assert_eq!(seen.state(), MajorIssueState::Discussed);
    let late = issues::co_sign(&tax, &name, false).await.unwrap_err();
    assert_eq!(reason(&late), "MEETING_STATE");
    issues::draft(&lead, report).await.unwrap();
}

#[tokio::test]
async fn an_escalation_keeps_its_limits() {
    let world = World::start().await;
    let (issue, meeting) = issues::discussed(&world, &INVITED).await;
    let lead = lead(&world);
    let long = |count: usize| "社".repeat(count);
    let edge = Escalation {
        title: long(200),
        text: long(16_000),
        ..issues::report(&issue.name, &meeting.name, &["tax"])
    };
    let past = Escalation {
        title: long(201),
        text: long(16_001),
        co_units: vec!["agencies/tax".into(); 15],
        ..edge.clone()
    };
    let refused = issues::draft(&lead, past).await.unwrap_err();
    let wrong = ["title", "text", "co_units"].map(|one| format!("escalation.{one}"));
    assert_eq!(fields(&refused), wrong);
    issues::draft(&lead, edge).await.unwrap();
    let absent = format!("escalations/{}", request_id());
    let hidden = issues::get_escalation(&lead, &absent).await.unwrap_err();
    assert_eq!(hidden.code(), Code::NotFound);
}
