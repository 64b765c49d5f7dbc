use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hub_proto::{
    channels::{
        Delivery, ListChannelsResponse, Notification, PublishNotificationResponse,
        SubscribeResponse, subscribe_response::Event as Wire,
    },
    common::Receipt,
};
use prost::Message as _;

use super::*;
use crate::{
    channels::NotificationDraft,
    outbox::{OutboxOptions, Outgoing},
    subscribe::SubscribeOptions,
    testing::{FakeHub, Fixture, Reply, Sent, message},
};

fn answer(path: &str) -> Reply {
    if path.ends_with("/PublishNotification") {
        return message(&PublishNotificationResponse {
            notification: Some(Notification {
                name: "channels/x/notifications/1".into(),
                ..Notification::default()
            }),
            receipt: Some(Receipt::default()),
        });
    }
    if path.ends_with("/Subscribe") {
        let delivery = |position| {
            let delivery = Delivery {
                log: "channels/x".into(),
                position,
                cursor: position.to_string(),
                ..Delivery::default()
            };
            let response = SubscribeResponse {
                event: Some(Wire::Delivery(delivery)),
            };
            Sent::Message(response.encode_to_vec().into())
        };
        return Ok(vec![delivery(1), delivery(2), Sent::Hang]);
    }
    message(&ListChannelsResponse::default())
}

/// A hub on a runtime of the test's, and a client on its own.
fn world() -> (Runtime, Fixture, FakeHub) {
    let runtime = Runtime::new().unwrap();
    let fixture = Fixture::new();
    let hub = runtime.block_on(FakeHub::start(&fixture, |call| answer(&call.path)));
    (runtime, fixture, hub)
}

fn client(fixture: &Fixture, hub: &FakeHub) -> Client {
    let builder = crate::Client::builder(&fixture.profile()).endpoint(hub.endpoint());
    Client::build(builder).unwrap()
}

#[test]
fn calls_and_subscriptions_work_without_a_runtime() {
    let (_runtime, fixture, hub) = world();
    let client = client(&fixture, &hub);
    assert_eq!(client.channels().list_channels().unwrap(), []);
    let draft = NotificationDraft::to_channel("x").title("t");
    let published = client.channels().publish(draft).unwrap();
    assert!(published.receipt.is_some());
    let events = client.channels().subscribe(SubscribeOptions::default());
    let mut events = events.unwrap();
    for expected in [1, 2] {
        let Event::Delivery(delivery) = events.next().unwrap().unwrap() else {
            panic!("a delivery comes");
        };
        assert_eq!(delivery.position, expected);
    }
    let none = events.next_within(Duration::from_millis(1)).unwrap();
    assert_eq!(none, None);
}

#[test]
fn an_outbox_sends_without_a_runtime() {
    let (_runtime, fixture, hub) = world();
    let client = client(&fixture, &hub);
    let outbox = Outbox::open(fixture.path().join("outbox"), OutboxOptions::default()).unwrap();
    let draft = NotificationDraft::to_channel("x").title("t");
    let what = Outgoing::publish(draft).unwrap();
    let ticket = outbox.enqueue("s", what).unwrap().ticket;
    let sender = outbox.start_sender(&client).unwrap();
    assert_eq!(
        outbox.wait(ticket).unwrap().name,
        "channels/x/notifications/1"
    );
    assert!(!sender.has_ended());
    sender.stop().unwrap();
    // The place is free again.
    outbox.start_sender(&client).unwrap().stop().unwrap();
}

#[test]
fn inside_a_runtime_it_is_an_error_and_no_panic() {
    let (runtime, fixture, hub) = world();
    let outside = client(&fixture, &hub);
    runtime.block_on(async {
        let error = outside.channels().list_channels().unwrap_err();
        assert!(matches!(error, ClientError::AsyncContext), "{error}");
        let error = Client::connect(&fixture.profile()).unwrap_err();
        assert!(matches!(error, ClientError::AsyncContext), "{error}");
        // A client that is dropped here brings nothing down.
        drop(outside);
    });
}

#[test]
fn an_observer_is_told_of_calls() {
    #[derive(Default)]
    struct Counts(AtomicUsize, AtomicUsize);
    impl crate::observer::Observer for Counts {
        fn call_finished(&self, call: &crate::observer::CallFinished<'_>) {
            assert!(call.error.is_none() && call.attempts == 1);
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn outbox_changed(&self, outbox: &crate::observer::OutboxGauge) {
            self.1
                .store(usize::try_from(outbox.queued).unwrap(), Ordering::Relaxed);
        }
    }
    let (_runtime, fixture, hub) = world();
    let counts = Arc::new(Counts::default());
    counts.1.store(99, Ordering::Relaxed);
    let builder = crate::Client::builder(&fixture.profile())
        .endpoint(hub.endpoint())
        .observer(counts.clone());
    let client = Client::build(builder).unwrap();
    client.channels().list_channels().unwrap();
    assert_eq!(counts.0.load(Ordering::Relaxed), 1);
    let outbox = Outbox::open(fixture.path().join("outbox"), OutboxOptions::default()).unwrap();
    let sender = outbox.start_sender(&client).unwrap();
    while counts.1.load(Ordering::Relaxed) == 99 {
        std::thread::yield_now();
    }
    sender.stop().unwrap();
    assert_eq!(counts.1.load(Ordering::Relaxed), 0);
}
