//! The main path, once: publish, receive, sign for, verify, restart.

use std::sync::Arc;

use agency_client::{
    channels::NotificationDraft,
    subscribe::{Event, SubscribeOptions},
};
use hub_core::reason::Reason;
use hub_proto::{channels::Classification, ledger::EntryContent};
use hub_tests::World;
use prost::Message as _;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_can_bind_the_text_to_its_author_and_nobody_else_learns_of_it() {
    let mut world = World::start().await;
    let tax = world.clerk("tax");
    let draft = NotificationDraft::to(["health"])
        .category("coordination")
        .title("事项")
        .text("只给一家")
        .classification(Classification::Internal);
    let sent = tax.channels().publish(draft).await.unwrap();
    let index = sent.receipt.as_ref().unwrap().entry_index;

    let given = world.clerk("health").ledger().entry(index).await.unwrap();
    let content = EntryContent::decode(given.entry.unwrap().content).unwrap();
    assert_eq!(content.request, sent.authored.request);
    assert_eq!(content.author_salt, sent.authored.salt.as_slice());
    assert!(
        content.events.is_empty(),
        "positions in others' inboxes stay inside"
    );
    assert!(!given.author_certificate.is_empty());

    let refused = world
        .clerk("finance")
        .ledger()
        .entry(index)
        .await
        .unwrap_err();
    let missing = world
        .clerk("finance")
        .ledger()
        .entry(9_999)
        .await
        .unwrap_err();
    assert_eq!(refused.reason(), Some(Reason::NotFound));
    assert_eq!(
        refused.to_string().replace(&index.to_string(), "9999"),
        missing.to_string(),
        "told apart from nothing at all"
    );
    world.stop().await;
}

#[test]
fn a_test_that_panics_ends_and_leaves_no_hub_behind() {
    let (sent, received) = std::sync::mpsc::sync_channel(1);
    let test = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async move {
            let world = World::start().await;
            let clerk = world.clerk("tax");
            let mut stream = clerk.channels().subscribe(SubscribeOptions::default());
            stream.next().await.unwrap().unwrap();
            let data = world.site.data_dir();
            sent.send((Arc::clone(world.hub().engine()), data)).unwrap();
            panic!("as a test that fails");
        });
    });
    let (engine, data) = received.recv().unwrap();
    assert!(test.join().is_err(), "it ended, by its panic");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let seal = runtime.block_on(engine.order_seal(vec![], "rule", jiff::Timestamp::UNIX_EPOCH));
    let refused = seal.expect_err("the writer has stopped");
    assert_eq!(refused.reason, Reason::Unavailable);
    assert!(!data.exists(), "its folder went with it");
}
