//! Calls against a small fake hub: what is signed, what is repeated, what is told.

use std::sync::Mutex;

use hub_core::{commitment::commitment, crypto::VerifyingKey, names::RequestId};
use hub_proto::{
    channels::{
        Classification, ListChannelsResponse, PublishNotificationRequest,
        PublishNotificationResponse,
    },
    members::WhoAmIResponse,
};

use super::*;
use crate::{
    channels::NotificationDraft,
    testing::{Call, FakeHub, Fixture, Reply, Sent, message, refusal},
};

fn draft() -> NotificationDraft {
    NotificationDraft::to_channel("all-members")
        .category("bulletin")
        .title("通报")
        .text("正文")
        .subject("51140000MJ0000000X", "某基金会")
        .classification(Classification::Internal)
}

fn header(call: &Call, name: &str) -> Bytes {
    call.metadata.get_bin(name).unwrap().to_bytes().unwrap()
}

#[tokio::test]
async fn the_bytes_on_the_wire_are_the_bytes_that_were_signed() {
    let fixture = Fixture::new();
    let node = crate::profile::certificates(fixture.profile().certificate.as_ref()).unwrap();
    let key = VerifyingKey::from_certificate(&node[0]).unwrap();
    let hub = FakeHub::start(&fixture, move |call| -> Reply {
        let salt = header(call, SALT_HEADER)[..].try_into().unwrap();
        let commitment = commitment(&salt, &call.path, &call.bytes);
        key.verify(&commitment, &header(call, SIGNATURE_HEADER))
            .unwrap();
        let request = PublishNotificationRequest::decode(&call.bytes[..]).unwrap();
        assert_eq!(request.encode_to_vec(), call.bytes, "no other encoding");
        message(&PublishNotificationResponse {
            notification: request.notification,
            receipt: None,
        })
    })
    .await;
    let client = fixture.client(&hub);
    let published = client.channels().publish(draft()).await.unwrap();
    let sent = PublishNotificationRequest::decode(&published.authored.request[..]).unwrap();
    assert_eq!(sent.notification, published.notification);
    assert_eq!(
        published.authored.method,
        "/hub.channels.v1.ChannelService/PublishNotification"
    );
}

#[tokio::test]
async fn a_repetition_sends_the_same_bytes_salt_and_signature() {
    let fixture = Fixture::new();
    let seen = Arc::new(Mutex::new(vec![]));
    let record = seen.clone();
    let hub = FakeHub::start(&fixture, move |call| -> Reply {
        record.lock().unwrap().push((
            call.bytes.clone(),
            header(call, SALT_HEADER),
            header(call, SIGNATURE_HEADER),
        ));
        match call.number {
            1 => Err(refusal("UNAVAILABLE")),
            // The answer is lost on the way.
            2 => Ok(vec![Sent::Error(refusal("UNAVAILABLE"))]),
            _ => message(&PublishNotificationResponse::default()),
        }
    })
    .await;
    let client = fixture.client(&hub);
    client.channels().publish(draft()).await.unwrap();
    client.channels().publish(draft()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 4);
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
    let id = |at: usize| {
        let request = PublishNotificationRequest::decode(&seen[at].0[..]).unwrap();
        request.request_id.parse::<RequestId>().unwrap()
    };
    assert_ne!(id(2), id(3), "another call has another request id");
}

#[tokio::test]
async fn a_refusal_is_final() {
    let fixture = Fixture::new();
    let hub = FakeHub::start(&fixture, |_| -> Reply { Err(refusal("NOT_FOUND")) }).await;
    let client = fixture.client(&hub);
    let error = client.channels().list_channels().await.unwrap_err();
    assert_eq!(error.reason_text(), "NOT_FOUND");
    assert_eq!(hub.calls(), 1);
}

#[tokio::test]
async fn an_expired_token_is_renewed_once_and_no_more() {
    let fixture = Fixture::new();
    let mut hub = FakeHub::start(&fixture, |call| -> Reply {
        match call.number {
            1 => Err(refusal("TOKEN_EXPIRED")),
            _ => message(&ListChannelsResponse::default()),
        }
    })
    .await;
    let client = fixture.client(&hub);
    client.channels().list_channels().await.unwrap();
    let tokens = hub.tokens();
    assert_ne!(tokens[0], tokens[1]);
    hub.restart(&fixture, |_| -> Reply { Err(refusal("TOKEN_EXPIRED")) })
        .await;
    let error = client.channels().list_channels().await.unwrap_err();
    assert_eq!(error.reason_text(), "TOKEN_EXPIRED");
    assert_eq!(hub.calls(), 4, "two calls, each renewed once");
}

#[tokio::test]
async fn a_hub_that_comes_back_within_the_deadline_is_enough() {
    let fixture = Fixture::new();
    let mut hub = FakeHub::start(&fixture, |_| -> Reply {
        message(&WhoAmIResponse::default())
    })
    .await;
    let client = fixture.client(&hub);
    client.members().who_am_i().await.unwrap();
    hub.stop().await;
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.members().who_am_i().await }
    });
    hub.restart(&fixture, |_| -> Reply {
        message(&WhoAmIResponse {
            node: "again".into(),
            ..WhoAmIResponse::default()
        })
    })
    .await;
    assert_eq!(asking.await.unwrap().unwrap().node, "again");
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_silence_is_a_deadline() {
    let fixture = Fixture::new();
    let mut hub = FakeHub::start(&fixture, |_| -> Reply { Ok(vec![Sent::Hang]) }).await;
    let client = Client::builder(&fixture.profile())
        .endpoint(hub.endpoint())
        .deadline(Duration::from_millis(400))
        .build()
        .unwrap();
    let error = client.members().who_am_i().await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
    hub.stop().await;
    let error = client.members().who_am_i().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_told_from_an_absent_hub() {
    let (ours, theirs) = (Fixture::new(), Fixture::new());
    let hub = FakeHub::start(&theirs, |_| -> Reply {
        message(&WhoAmIResponse::default())
    })
    .await;
    // Our CA did not sign the hub's certificate.
    let client = ours.client(&hub);
    let error = client.members().who_am_i().await.unwrap_err();
    assert!(matches!(error, ClientError::HubUntrusted { .. }), "{error}");
    // The hub's CA did not sign ours: TLS 1.3 tells only after the handshake.
    let mut profile = ours.profile();
    profile.ca = theirs.profile().ca;
    let client = Client::builder(&profile)
        .endpoint(hub.endpoint())
        .build()
        .unwrap();
    let error = client.members().who_am_i().await.unwrap_err();
    assert!(matches!(error, ClientError::NodeRefused { .. }), "{error}");
    assert_eq!(hub.calls(), 0);
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_is_sent() {
    let fixture = Fixture::new();
    let profile = fixture.profile();
    let none: [&str; 0] = [];
    for (builder, field) in [
        (Client::builder(&profile).officer("a b"), "officer"),
        (Client::builder(&profile).roles(none), "roles"),
        (Client::builder(&profile).roles(["Clerk"]), "role Clerk"),
        (
            Client::builder(&profile).deadline(Duration::ZERO),
            "deadline",
        ),
        (
            Client::builder(&profile).deadline(Duration::MAX),
            "deadline",
        ),
        (
            Client::builder(&profile).transfer_patience(Duration::ZERO),
            "transfer_patience",
        ),
        (
            Client::builder(&profile).endpoint("http://127.0.0.1:1"),
            "endpoint",
        ),
    ] {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
}
