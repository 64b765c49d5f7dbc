//! What the hub asks in its own notices: on the boards of who is asked and of the office's host, in
//! receipts, reminded of, and settled by the act itself.

use std::sync::Arc;

use hub::{clock::Clock, reminders};
use hub_proto::channels::{
    ListDeliveryReceiptsRequest, ListDeliveryReceiptsResponse, ListNotificationsRequest,
    ListNotificationsResponse, ListOutstandingActionsRequest, ListOutstandingActionsResponse,
    NotificationKind, OutstandingAction, RequestedAction,
};
use hub_proto::meetings::{AnswerKind, ConveneMeetingRequest, ConveneMeetingResponse, MeetingKind};
use hub_tests::{
    Site, World, channels,
    clock::Shifted,
    meetings::{self, JOINT, issues},
    raw::{Session, requests::request_id},
};
use jiff::{SignedDuration, Timestamp};

async fn outstanding(session: &Session, board: &str) -> Vec<OutstandingAction> {
    let request = ListOutstandingActionsRequest {
        parent: board.into(),
        ..ListOutstandingActionsRequest::default()
    };
    let listed: ListOutstandingActionsResponse = session
        .ask(channels!("ListOutstandingActions"), &request)
        .await
        .unwrap();
    listed.outstanding_actions
}

#[tokio::test]
async fn an_answer_to_a_notice_is_outstanding_until_it_is_given() {
    let world = World::start().await;
    let office = meetings::office(&world);
    let meeting = meetings::convened(&world, MeetingKind::Partial, JOINT, &["tax", "health"]).await;
    let tax = meetings::leader(&world, "tax");
    let asked = outstanding(&tax, "agencies/tax").await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].action(), RequestedAction::AnswerNotice);
    assert!(asked[0].due_at.is_some());
    // The office sees who has not answered; the units that are asked see each their own.
    let board = "agencies/civil-affairs/sent";
    let who = |asked: Vec<OutstandingAction>| -> Vec<String> {
        asked.into_iter().map(|one| one.recipient).collect()
    };
    let both = who(outstanding(&office, board).await);
    assert_eq!(both, ["agencies/health", "agencies/tax"]);
    let attends = AnswerKind::Attends;
    meetings::answer(&tax, &meeting.name, attends, 1)
        .await
        .unwrap();
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    let left = who(outstanding(&office, board).await);
    assert_eq!(left, ["agencies/health"]);
    // Receipts of the notice are the office's to see, with what is still asked.
    let notice = meeting.notice.unwrap().notification;
    let request = ListDeliveryReceiptsRequest { parent: notice };
    let receipts = async |session: &Session| -> Vec<(String, usize)> {
        let listed: ListDeliveryReceiptsResponse = session
            .ask(channels!("ListDeliveryReceipts"), &request)
            .await
            .unwrap();
        let rows = listed.delivery_receipts.into_iter();
        rows.map(|row| (row.recipient, row.outstanding_actions.len()))
            .collect()
    };
    let all = [("agencies/health".into(), 1), ("agencies/tax".into(), 0)];
    assert_eq!(receipts(&office).await, all);
    assert_eq!(receipts(&tax).await, all[1..]);
}

#[tokio::test]
async fn a_co_signature_is_asked_reminded_of_and_settled_by_the_answer() {
    let start = Timestamp::now();
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let invited = ["civil-affairs", "tax", "health"];
    let (issue, meeting) = issues::discussed(&world, &invited).await;
    let lead = meetings::leader(&world, "civil-affairs");
    let report = issues::report(&issue.name, &meeting.name, &["tax", "health"]);
    let drafted = issues::draft(&lead, report).await.unwrap();
    let tax = meetings::leader(&world, "tax");
    let asked = outstanding(&tax, "agencies/tax").await;
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].action(), RequestedAction::CoSign);
    let due = asked[0].due_at.as_ref().unwrap();
    let due = hub_core::date::from_timestamp(due).unwrap();
    assert!(due >= start + SignedDuration::from_hours(168), "seven days");
    let board = "agencies/civil-affairs/sent";
    assert_eq!(outstanding(&lead, board).await.len(), 2);
    issues::co_sign(&meetings::leader(&world, "health"), &drafted.name, false)
        .await
        .unwrap();
    assert_eq!(outstanding(&lead, board).await.len(), 1);
    // A day before the time the one that has not answered is reminded, and only that one.
    clock.by(SignedDuration::from_hours(145));
    assert_eq!(reminders::run(world.hub().engine()).await.unwrap(), 1);
    clock.by(SignedDuration::ZERO);
    let request = ListNotificationsRequest {
        parent: "agencies/tax/inbox".into(),
        newest_first: true,
        page_size: 1,
        ..ListNotificationsRequest::default()
    };
    let newest: ListNotificationsResponse = tax
        .ask(channels!("ListNotifications"), &request)
        .await
        .unwrap();
    let title = &newest.notifications[0].title;
    assert!(title.starts_with("到期提醒：请会签或说明理由"), "{title}");
    issues::withdraw(&meetings::leader(&world, "civil-affairs"), &drafted.name)
        .await
        .unwrap();
    assert_eq!(outstanding(&tax, "agencies/tax").await, []);
    clock.by(SignedDuration::from_hours(169));
    assert_eq!(reminders::run(world.hub().engine()).await.unwrap(), 0);
}

/// Who the hub reminded last, and of what.
async fn reminded(session: &Session, agency: &str) -> Vec<String> {
    let request = ListNotificationsRequest {
        parent: format!("agencies/{agency}/inbox"),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let listed: ListNotificationsResponse = session
        .ask(channels!("ListNotifications"), &request)
        .await
        .unwrap();
    let reminders = listed.notifications.into_iter();
    let reminders = reminders.filter(|one| one.kind() == NotificationKind::Reminder);
    reminders.map(|one| one.title).collect()
}

#[tokio::test]
async fn je_021_who_has_not_answered_the_notice_is_reminded() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let office = meetings::office(&world);
    let meeting =
        meetings::with_topics(&world, MeetingKind::Partial, JOINT, &["tax", "health"]).await;
    let mut notice = meetings::notice();
    let starts_at = Timestamp::now() + SignedDuration::from_hours(200);
    notice.starts_at = Some(hub_core::date::timestamp(starts_at));
    let request = ConveneMeetingRequest {
        name: meeting.name.clone(),
        notice: Some(notice),
        request_id: request_id(),
        ..ConveneMeetingRequest::default()
    };
    let _: ConveneMeetingResponse = office
        .ask(hub_tests::meetings!("ConveneMeeting"), &request)
        .await
        .unwrap();
    let (tax, health) = (
        meetings::leader(&world, "tax"),
        meetings::leader(&world, "health"),
    );
    meetings::answer(&tax, &meeting.name, AnswerKind::Attends, 1)
        .await
        .unwrap();
    // The charter's three days to answer; a day before they end the other one is reminded.
    clock.by(SignedDuration::from_hours(47));
    assert_eq!(reminders::run(world.hub().engine()).await.unwrap(), 0);
    clock.by(SignedDuration::from_hours(49));
    assert_eq!(reminders::run(world.hub().engine()).await.unwrap(), 1);
    clock.by(SignedDuration::ZERO);
    let titles = reminded(&health, "health").await;
    assert_eq!(titles.len(), 1);
    assert!(
        titles[0].starts_with("到期提醒：请答复会议通知"),
        "{titles:?}"
    );
    assert_eq!(reminded(&tax, "tax").await, [] as [&str; 0]);
}
