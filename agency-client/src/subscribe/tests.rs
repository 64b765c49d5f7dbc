//! Subscriptions against a hub that drops, repeats, skips and restarts.

use hub_proto::channels::{CaughtUp, Heartbeat};
use prost::Message as _;

use super::*;
use crate::testing::{Call, FakeHub, Fixture, Reply, Sent, refusal};

const LOG: &str = "channels/all-members";

fn delivery(position: i64) -> Sent {
    wire(Wire::Delivery(Delivery {
        log: LOG.into(),
        position,
        cursor: format!("cursor-{position}"),
        ..Delivery::default()
    }))
}

fn caught_up(cursor: &str) -> Sent {
    wire(Wire::CaughtUp(CaughtUp {
        cursor: cursor.into(),
    }))
}

fn wire(event: Wire) -> Sent {
    let message = SubscribeResponse { event: Some(event) };
    Sent::Message(message.encode_to_vec().into())
}

fn asked(call: &Call) -> SubscribeRequest {
    SubscribeRequest::decode(&call.bytes[..]).unwrap()
}

async fn positions(subscription: &mut Subscription, count: usize) -> Vec<i64> {
    let mut positions = vec![];
    while positions.len() < count {
        match subscription.next().await.unwrap().unwrap() {
            Event::Delivery(delivery) => positions.push(delivery.position),
            Event::CaughtUp { .. } => {}
        }
    }
    positions
}

#[tokio::test]
async fn a_dropped_stream_goes_on_from_the_last_cursor_without_gap_or_repeat() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |call| -> Reply {
        let request = asked(call);
        assert_eq!(request.logs, [LOG]);
        match request.cursor.as_str() {
            // Breaks with an error of the hub.
            "" => Ok(vec![
                delivery(1),
                delivery(2),
                Sent::Error(refusal("UNAVAILABLE")),
            ]),
            // Repeats what was sent, then just ends.
            "cursor-2" => Ok(vec![delivery(1), delivery(2), delivery(3)]),
            "cursor-3" => Ok(vec![
                wire(Wire::Heartbeat(Heartbeat::default())),
                delivery(4),
                caught_up("cursor-4"),
                Sent::Hang,
            ]),
            other => panic!("cursor {other}"),
        }
    })
    .await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions {
        logs: vec![LOG.into()],
        ..SubscribeOptions::default()
    });
    assert_eq!(positions(&mut subscription, 4).await, [1, 2, 3, 4]);
    let event = subscription.next().await.unwrap().unwrap();
    assert!(matches!(event, Event::CaughtUp { cursor } if cursor == "cursor-4"));
    assert_eq!(hub.calls(), 3);
}

#[tokio::test]
async fn a_skipped_position_ends_the_stream_with_a_gap() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |_| -> Reply {
        Ok(vec![delivery(1), delivery(3), Sent::Hang])
    })
    .await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions::default());
    assert_eq!(positions(&mut subscription, 1).await, [1]);
    let error = subscription.next().await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::Gap {
                expected: 2,
                received: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn a_hub_that_restarts_is_found_again() {
    let fixture = Fixture::new();
    let mut hub =
        FakeHub::start(&fixture, |_| -> Reply { Ok(vec![delivery(1), Sent::Hang]) }).await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions::default());
    assert_eq!(positions(&mut subscription, 1).await, [1]);
    hub.restart(&fixture, |call| -> Reply {
        assert_eq!(asked(call).cursor, "cursor-1");
        Ok(vec![delivery(2), Sent::Hang])
    })
    .await;
    assert_eq!(positions(&mut subscription, 1).await, [2]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_and_a_revoked_node_is_told() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |call| -> Reply {
        match call.number {
            1 => Ok(vec![delivery(1), Sent::Error(refusal("TOKEN_EXPIRED"))]),
            2 => Ok(vec![delivery(2), Sent::Error(refusal("NODE_REVOKED"))]),
            _ => panic!("a revoked node must not come again"),
        }
    })
    .await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions::default());
    assert_eq!(positions(&mut subscription, 2).await, [1, 2]);
    let error = subscription.next().await.unwrap().unwrap_err();
    assert_eq!(error.reason_text(), "NODE_REVOKED");
    let tokens = hub.tokens();
    assert_ne!(tokens[0], tokens[1], "the second stream has a fresh token");
}

#[tokio::test]
async fn live_only_and_consumer_are_asked_for_until_there_is_a_cursor() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |call| -> Reply {
        let request = asked(call);
        match call.number {
            1 => {
                assert!(request.live_only && request.cursor.is_empty());
                Ok(vec![caught_up("here")])
            }
            _ => {
                assert!(!request.live_only, "else what came meanwhile is lost");
                assert_eq!(request.cursor, "here");
                Ok(vec![delivery(9), Sent::Hang])
            }
        }
    })
    .await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions {
        live_only: true,
        ..SubscribeOptions::default()
    });
    assert_eq!(positions(&mut subscription, 1).await, [9]);
}

#[tokio::test]
async fn a_slow_reader_holds_back_the_stream_and_loses_nothing() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |_| -> Reply {
        Ok((1..=500).map(delivery).chain([Sent::Hang]).collect())
    })
    .await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions {
        buffer_events: 2,
        ..SubscribeOptions::default()
    });
    tokio::task::yield_now().await;
    let expected: Vec<i64> = (1..=500).collect();
    assert_eq!(positions(&mut subscription, 500).await, expected);
}

#[tokio::test]
async fn patience_ends_when_the_caller_says_so() {
    let fixture = Fixture::new();
    let mut hub =
        FakeHub::start(&fixture, |_| -> Reply { Ok(vec![delivery(1), Sent::Hang]) }).await;
    let client = fixture.client(&hub);
    let mut subscription = client.channels().subscribe(SubscribeOptions {
        give_up_after: Some(Duration::from_millis(300)),
        ..SubscribeOptions::default()
    });
    assert_eq!(positions(&mut subscription, 1).await, [1]);
    hub.stop().await;
    let error = subscription.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}
