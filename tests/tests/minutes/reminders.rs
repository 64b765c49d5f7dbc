//! Whoever is asked by a time, and has not answered, is reminded before and after it: of a consent
//! (JE-074) and of what was agreed (JE-080).

use std::sync::Arc;

use hub::{clock::Clock, reminders};
use hub_proto::{
    channels::{ListNotificationsRequest, ListNotificationsResponse, NotificationKind},
    meetings::{ProgressReport, ReportProgressRequest, ReportProgressResponse, TaskState},
};
use hub_tests::{Site, World, clock::Shifted};
use jiff::SignedDuration;

use crate::hall::{Hall, Stage, content, id, leader, minutes_method, task};

/// How many reminders go out when the clock is so many hours ahead.
async fn after_hours(stage: &Stage, clock: &Shifted, hours: i64) -> usize {
    clock.by(SignedDuration::from_hours(hours));
    let given = reminders::run(stage.world.hub().engine()).await.unwrap();
    // Tokens are of the real hour.
    clock.by(SignedDuration::ZERO);
    given
}

/// Titles of the reminders of a unit, oldest first, up to the book-title mark.
async fn reminded(hall: &Hall, unit: &str) -> Vec<String> {
    let request = ListNotificationsRequest {
        parent: format!("agencies/{unit}/inbox"),
        page_size: 500,
        ..ListNotificationsRequest::default()
    };
    let method = "/hub.channels.v1.ChannelService/ListNotifications";
    let listed: ListNotificationsResponse = hall.ask(leader(unit), method, &request).await.unwrap();
    let reminders = listed.notifications.into_iter();
    let reminders = reminders.filter(|one| one.kind() == NotificationKind::Reminder);
    reminders
        .map(|one| one.title.split('《').next().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn je_074_je_080_who_owes_a_consent_or_a_report_is_reminded_and_nobody_else() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let stage = Stage::of(world);
    let hall = &stage.hall;
    let meeting = hall.held().await;
    let minutes = format!("{meeting}/minutes/1");
    let what = content("纪要", &[task("核查名单", &["education", "tax"])]);
    hall.draft(&minutes, 0, &what).await.unwrap();
    hall.circulate(&minutes, 1).await.unwrap();
    hall.consent(leader("civil-affairs"), &minutes, 1, &what)
        .await
        .unwrap();
    // The charter's seven days: a day before they end, when they end, and three days later.
    assert_eq!(after_hours(&stage, &clock, 143).await, 0);
    assert_eq!(after_hours(&stage, &clock, 145).await, 1);
    assert_eq!(after_hours(&stage, &clock, 146).await, 0, "once");
    assert_eq!(after_hours(&stage, &clock, 169).await, 1);
    assert_eq!(after_hours(&stage, &clock, 241).await, 1);
    let consent = "请对纪要表示同意或提出异议";
    let of_consent = [
        format!("到期提醒：{consent}"),
        format!("逾期提醒：{consent}"),
        format!("逾期提醒：{consent}"),
    ];
    assert_eq!(reminded(hall, "education").await, of_consent);
    for other in ["civil-affairs", "tax", "health"] {
        assert_eq!(reminded(hall, other).await, [] as [&str; 0], "{other}");
    }

    hall.consent(leader("education"), &minutes, 1, &what)
        .await
        .unwrap();
    hall.issue(&minutes, 1).await.unwrap();
    let request = ReportProgressRequest {
        name: format!("{meeting}/agreedItems/1"),
        report: Some(ProgressReport {
            state: TaskState::Done.into(),
            text: "已核查。".into(),
            ..ProgressReport::default()
        }),
        request_id: id(),
    };
    let _: ReportProgressResponse = hall
        .ask(leader("tax"), minutes_method!("ReportProgress"), &request)
        .await
        .unwrap();
    // The item is due at the end of the thirtieth day: on that day, and after it.
    assert_eq!(after_hours(&stage, &clock, 28 * 24).await, 0);
    assert_eq!(after_hours(&stage, &clock, 30 * 24).await, 1);
    assert_eq!(after_hours(&stage, &clock, 31 * 24).await, 1);
    let told = reminded(hall, "education").await;
    let carry_out = "请落实议定事项并报告进展";
    assert_eq!(
        told[of_consent.len()..],
        [
            format!("到期提醒：{carry_out}"),
            format!("逾期提醒：{carry_out}")
        ]
    );
    assert_eq!(reminded(hall, "tax").await, [] as [&str; 0], "it is done");
    stage.stop().await;
}
