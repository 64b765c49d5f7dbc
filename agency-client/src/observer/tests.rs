use std::sync::Mutex;

use hub_proto::{
    channels::{Delivery, SubscribeResponse, subscribe_response::Event as Wire},
    ledger::GetCheckpointResponse,
};
use prost::Message as _;

use super::*;
use crate::{
    Client,
    subscribe::SubscribeOptions,
    testing::{FakeHub, Fixture, Reply, Sent, message, refusal},
};

/// Writes down what it is told.
#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Recorder {
    fn write(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Recorder {
    fn call_finished(&self, call: &CallFinished<'_>) {
        let method = call.method.rsplit('/').next().unwrap_or_default();
        let outcome = call.error.map_or("OK", ClientError::reason_text);
        self.write(format!("{method} {outcome} after {}", call.attempts));
    }

    fn reconnected(&self) {
        self.write("reconnected".into());
    }

    fn stream_resumed(&self, stream: &StreamResumed<'_>) {
        self.write(format!("resumed: {}", stream.error));
    }

    fn checkpoint_verified(&self, checkpoint: &TrustedCheckpoint) {
        self.write(format!("checkpoint {}", checkpoint.size));
    }
}

fn client(fixture: &Fixture, hub: &FakeHub, recorder: &Arc<Recorder>) -> Client {
    Client::builder(&fixture.profile())
        .endpoint(hub.endpoint())
        .observer(recorder.clone())
        .build()
        .unwrap()
}

#[tokio::test]
async fn calls_are_told_with_their_outcome_and_attempts() {
    let fixture = Fixture::new();
    let note = fixture.checkpoint(3).note;
    let hub = FakeHub::start(&fixture, move |call| match call.number {
        1 => Err(refusal("UNAVAILABLE")),
        2 => message(&GetCheckpointResponse {
            checkpoint: note.clone(),
        }),
        _ => Err(refusal("NOT_FOUND")),
    })
    .await;
    let recorder = Arc::new(Recorder::default());
    let client = client(&fixture, &hub, &recorder);
    client.ledger().checkpoint().await.unwrap();
    client.channels().notification("x").await.unwrap_err();
    assert_eq!(
        recorder.told(),
        [
            "GetCheckpoint OK after 2",
            "checkpoint 3",
            "GetNotification NOT_FOUND after 1"
        ]
    );
}

#[tokio::test]
async fn a_stream_that_goes_on_is_told_in_words_for_people() {
    let delivery = |position: i64| {
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
    let fixture = Fixture::new();
    let first = move |_: &_| -> Reply { Ok(vec![delivery(1), Sent::Hang]) };
    let second = move |_: &_| -> Reply { Ok(vec![delivery(2), Sent::Hang]) };
    let mut hub = FakeHub::start(&fixture, first).await;
    let recorder = Arc::new(Recorder::default());
    let client = client(&fixture, &hub, &recorder);
    let lost = Arc::new(Recorder::default());
    let seen = lost.clone();
    let mut events = client.channels().subscribe(SubscribeOptions {
        on_reconnect: Some(Arc::new(move |error| seen.write(error.to_string()))),
        ..SubscribeOptions::default()
    });
    events.next().await.unwrap().unwrap();
    hub.stop().await;
    // Refused at least once before it comes back.
    while lost.told().len() < 2 {
        tokio::task::yield_now().await;
    }
    hub.restart(&fixture, second).await;
    events.next().await.unwrap().unwrap();
    let told = recorder.told();
    assert_eq!(told.iter().filter(|text| *text == "reconnected").count(), 1);
    let resumed = told.iter().filter(|text| text.starts_with("resumed: "));
    assert_eq!(resumed.count(), 1, "{told:?}");
    for text in lost.told().iter().chain(&told) {
        for inside in ["os error", "h2", "transport error", "hyper", "tcp connect"] {
            assert!(!text.contains(inside), "{text}");
        }
    }
    let away = lost.told().pop().unwrap();
    assert!(
        away.ends_with("connection refused: nothing listens there"),
        "{away}"
    );
}
