//! The main path, once: publish, receive, sign for, verify, restart.

use agency_client::{
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use hub_proto::channels::Classification;
use hub_tests::World;

fn notice(channel: &str) -> NotificationDraft {
    NotificationDraft::to_channel(channel)
        .category("work_notice")
        .title("通知")
        .body("正文", "text/plain; charset=utf-8")
        .classification(Classification::Internal)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_published_received_signed_for_and_proved() {
    let mut world = World::start().await;
    let office = world.client("civil-affairs", "office-1", &["office"]);
    let tax = world.client("tax", "tax-leader", &["leader"]);
    let published = office
        .channels()
        .publish(notice("all-members"))
        .await
        .unwrap();
    let name = published.response.notification.unwrap().name;
    assert_eq!(name, "channels/all-members/notifications/1");

    let mut stream = world
        .clerk("tax")
        .channels()
        .subscribe(SubscribeOptions::default());
    let delivery = loop {
        if let Event::Delivery(delivery) = stream.next().await.unwrap().unwrap() {
            break delivery;
        }
    };
    assert_eq!(delivery.notification.unwrap().body, "正文".as_bytes());
    tax.channels().sign_for(&name, None).await.unwrap();

    world.restart().await;
    let office = world.client("civil-affairs", "office-1", &["office"]);
    let receipts = office.channels().delivery_receipts(&name).await.unwrap();
    let signed: Vec<_> = receipts
        .iter()
        .filter(|row| row.signed_for_at.is_some())
        .map(|row| &row.recipient)
        .collect();
    assert_eq!(signed, ["agencies/tax"]);
    assert_eq!(receipts.len(), 15, "every agency but the author's");
    world.stop().await;
}
