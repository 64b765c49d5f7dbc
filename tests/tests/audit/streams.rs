//! Subscriptions: one access for what is read in one go, and none of its own making.

use futures::StreamExt as _;
use hub_proto::channels::{SubscribeRequest, SubscribeResponse, subscribe_response::Event};
use hub_tests::raw::eventually;

use super::*;

type Stream =
    std::pin::Pin<Box<dyn futures::Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

async fn subscribe(hall: &Hall, caller: &Arc<Caller>, logs: &[&str]) -> Stream {
    let asked = SubscribeRequest {
        logs: logs.iter().map(ToString::to_string).collect(),
        ..SubscribeRequest::default()
    };
    let opened = hall.direct.services.subscribe(call(caller, asked)).await;
    opened.unwrap().into_inner()
}

/// The deliveries until the stream has caught up.
async fn backlog(stream: &mut Stream) -> usize {
    let mut deliveries = 0;
    loop {
        match stream.next().await.unwrap().unwrap().event {
            Some(Event::Delivery(_)) => deliveries += 1,
            Some(Event::CaughtUp(_)) => return deliveries,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_deliveries_is_one_access_and_wakes_nobody_into_more() {
    let mut hall = Hall::new().await;
    for _ in 0..100 {
        hall.send("tax", &["health"]).await;
    }
    let head = |hall: &Hall| hall.direct.services.engine.store().head();
    let before = head(&hall);
    let clerk = hall.officer("health", "clerk");
    let mut one = subscribe(&hall, &clerk, &["agencies/health/inbox"]).await;
    assert_eq!(backlog(&mut one).await, 100);
    let counts: Vec<usize> = hall
        .own("health")
        .await
        .iter()
        .map(|access| access.records.len())
        .collect();
    assert_eq!(counts, [36, 64]);
    assert_eq!(head(&hall), before + 2);
    // Two streams side by side: each records what it sends, and neither records for the other's record.
    let mut two = subscribe(&hall, &clerk, &["agencies/health/inbox"]).await;
    assert_eq!(backlog(&mut two).await, 100);
    let before = head(&hall);
    hall.send("tax", &["health"]).await;
    for stream in [&mut one, &mut two] {
        let next = stream.next().await.unwrap().unwrap();
        assert!(matches!(next.event, Some(Event::Delivery(_))), "{next:?}");
    }
    // Both are woken by both records; a channel's notification after it shows that they have looked.
    assert_eq!(head(&hall), before + 3, "the letter and two accesses");
    hall.send("tax", &["health"]).await;
    for stream in [&mut one, &mut two] {
        let next = stream.next().await.unwrap().unwrap();
        assert!(matches!(next.event, Some(Event::Delivery(_))), "{next:?}");
    }
    assert_eq!(head(&hall), before + 6);
    drop((one, two));
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_channels_records_nothing() {
    let mut hall = Hall::new().await;
    hall.publish("tax", open_notice()).await;
    hall.send("tax", &["finance"]).await;
    let head = hall.direct.services.engine.store().head();
    let clerk = hall.officer("health", "clerk");
    let mut stream = subscribe(&hall, &clerk, &[]).await;
    assert_eq!(backlog(&mut stream).await, 1);
    assert_eq!(hall.direct.services.engine.store().head(), head);
    hall.publish("tax", open_notice()).await;
    let next = stream.next().await.unwrap().unwrap();
    assert!(matches!(next.event, Some(Event::Delivery(_))), "{next:?}");
    assert_eq!(hall.direct.services.engine.store().head(), head + 1);
    drop(stream);
    hall.direct.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_leaves_the_record_of_what_it_was_about_to_get() {
    let (mut hall, gate) = gated().await;
    hall.send("tax", &["health"]).await;
    let clerk = hall.officer("health", "clerk");
    gate.close();
    let mut stream = subscribe(&hall, &clerk, &["agencies/health/inbox"]).await;
    tokio::select! {
        next = stream.next() => panic!("{next:?}"),
        () = gate.until_the_writer_waits() => {}
    }
    drop(stream);
    gate.open();
    eventually("the access is recorded", async || {
        hall.own("health").await.len() == 1
    })
    .await;
    hall.direct.stop();
}
