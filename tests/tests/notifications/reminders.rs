//! Who is late is reminded, before and after the time, and nobody else learns of it.

use std::sync::Arc;

use hub::{
    clock::{Clock, ManualClock},
    engine::entropy::SystemEntropy,
    reminders, server,
    state::{keys, memory::MemoryStore, store::Store as _, view::Overlay},
};
use hub_proto::channels::{
    NotificationKind, PublishNotificationRequest, channel_service_server::ChannelService as _,
};
use hub_tests::{
    Site, TRUST_DOMAIN,
    clock::Shifted,
    direct::{Direct, call},
    raw,
};
use jiff::{SignedDuration, Timestamp};

use super::*;

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// Gives the reminders of a time to come, returns to the present, and counts what went out; the hub
/// itself, which looks for reminders when it starts, may have been quicker with some.
async fn remind_in(world: &World, clock: &Shifted, ahead: SignedDuration) -> u64 {
    let engine = world.hub().engine();
    let before = engine.store().head();
    clock.by(ahead);
    reminders::run(engine).await.unwrap();
    clock.by(SignedDuration::ZERO);
    engine.store().head() - before
}

async fn reminded(world: &World, agency: &str) -> Vec<Notification> {
    let all = list(&world.clerk(agency), &format!("agencies/{agency}/inbox"))
        .await
        .unwrap();
    all.into_iter()
        .filter(|one| one.kind() == NotificationKind::Reminder)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_go_out_before_and_after_to_those_who_are_late_alone() {
    let clock = Arc::new(Shifted::default());
    let mut world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let due = Timestamp::now() + hours(40);
    let asking = addressed(&["tax", "health"], "核对").sign_by(due);
    let sent = publish(&world.clerk("finance"), asking).await;
    assert_eq!(
        remind_in(&world, &clock, hours(15)).await,
        0,
        "a day before is early enough"
    );
    leader(&world, "health")
        .channels()
        .sign_for(&sent.name, None)
        .await
        .unwrap();
    assert_eq!(remind_in(&world, &clock, hours(17)).await, 1);
    assert_eq!(remind_in(&world, &clock, hours(17)).await, 0, "once");
    let first = reminded(&world, "tax").await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].about, sent.name);
    assert_eq!(first[0].category, "reminder");
    assert_eq!(first[0].author, "agencies/hub");
    assert!(first[0].title.contains("到期提醒") && first[0].title.contains("核对"));
    assert_eq!(
        reminded(&world, "health").await,
        [],
        "who has signed is left alone"
    );
    assert_eq!(reminded(&world, "finance").await, []);
    // What comes next is remembered over a restart.
    world.restart().await;
    assert_eq!(remind_in(&world, &clock, hours(39)).await, 0);
    assert_eq!(remind_in(&world, &clock, hours(41)).await, 1, "at the time");
    assert!(reminded(&world, "tax").await[1].title.contains("逾期提醒"));
    leader(&world, "tax")
        .channels()
        .sign_for(&sent.name, None)
        .await
        .unwrap();
    assert_eq!(
        remind_in(&world, &clock, hours(200)).await,
        0,
        "done is done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_end_and_corrections_are_reminded_of() {
    let clock = Arc::new(Shifted::default());
    let world = World::start_on(Site::new(), Arc::clone(&clock) as Arc<dyn Clock>).await;
    let finance = world.clerk("finance");
    let sent = publish(&finance, addressed(&["tax"], "核对")).await;
    finance
        .channels()
        .retract(&sent.name, "误发")
        .await
        .unwrap();
    let mut given = 0;
    for ahead in [49, 73, 145, 400, 4_000] {
        given += remind_in(&world, &clock, hours(ahead)).await;
    }
    assert_eq!(
        given, 3,
        "a day before, at the time, three days after; never again"
    );
    let texts: Vec<String> = reminded(&world, "tax")
        .await
        .into_iter()
        .map(|one| one.title)
        .collect();
    assert!(
        texts.iter().all(|text| text.contains("签收确认更正或撤回")),
        "{texts:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_cannot_be_given_holds_up_no_other() {
    let site = Site::new();
    let key = Arc::new(server::ledger_key(&site.config()).unwrap());
    let store = Arc::new(MemoryStore::new(TRUST_DOMAIN, key).unwrap());
    let now = Timestamp::now();
    let clock = ManualClock::at(now);
    let entropy = Box::new(SystemEntropy);
    let direct = Direct::start(&site, Arc::clone(&store) as _, clock, entropy).await;
    let due = now + hours(40);
    let request = PublishNotificationRequest {
        notification: Some(Notification {
            sign_by_at: Some(hub_core::date::timestamp(due)),
            ..raw::requests::to_addressees("coordination", &["agencies/tax"])
        }),
        request_id: raw::requests::request_id(),
    };
    let clerk = direct.caller(&site, "finance", "finance-clerk-1", &["clerk"]);
    let services = &direct.services;
    let published = services.publish_notification(call(&clerk, request)).await;
    published.unwrap();
    // More than a page of reminders that come earlier and are of what is not there.
    let mut rows = Overlay::new(&*store);
    for number in 0..u64::try_from(reminders::BATCH_MAX).unwrap() + 9 {
        let key = keys::reminders().number(1).number(1_000_000 + number);
        let key = key.number(0).number(1).text("agencies/tax").build();
        rows.put(key, vec![]);
    }
    store
        .commit(store.head(), &[], rows.take_changes(), now)
        .unwrap();
    assert_eq!(reminders::run(&services.engine).await.unwrap(), 0);
    direct
        .clock
        .advance_us(hours(17).as_micros().try_into().unwrap());
    assert_eq!(reminders::run(&services.engine).await.unwrap(), 1);
    assert_eq!(reminders::run(&services.engine).await.unwrap(), 0, "once");
    direct
        .clock
        .advance_us(hours(24).as_micros().try_into().unwrap());
    assert_eq!(reminders::run(&services.engine).await.unwrap(), 1);
    direct.stop();
}
