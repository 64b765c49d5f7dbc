//! The request ids of a recorded request, so that the deduplication window can be filled again from
//! the ledger's tail.

use hub_core::names::RequestId;
use hub_proto::{
    channels::{
        AcknowledgeDeliveryRequest, BatchPublishNotificationsRequest, CorrectNotificationRequest,
        OpenNotificationRequest, PublishNotificationRequest, RetractNotificationRequest,
        SignForNotificationRequest,
    },
    members::{
        AddMembershipRequest, AppointLiaisonRequest, EnrollNodeRequest, EnrollTokenKeyRequest,
        RevokeNodeRequest, RevokeTokenKeyRequest,
    },
};
use prost::Message;

/// Reads the request ids of a request.
pub type Reader = fn(&[u8]) -> Vec<String>;

/// Every mutating method, with how to read its request ids: the call's own first, then its items'.
pub const READERS: &[(&str, Reader)] = &[
    (
        "/hub.channels.v1.ChannelService/PublishNotification",
        |bytes| {
            one(bytes, |request: PublishNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/BatchPublishNotifications",
        batch,
    ),
    (
        "/hub.channels.v1.ChannelService/OpenNotification",
        |bytes| one(bytes, |request: OpenNotificationRequest| request.request_id),
    ),
    (
        "/hub.channels.v1.ChannelService/SignForNotification",
        |bytes| {
            one(bytes, |request: SignForNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/AcknowledgeDelivery",
        |bytes| {
            one(bytes, |request: AcknowledgeDeliveryRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/CorrectNotification",
        |bytes| {
            one(bytes, |request: CorrectNotificationRequest| {
                request.request_id
            })
        },
    ),
    (
        "/hub.channels.v1.ChannelService/RetractNotification",
        |bytes| {
            one(bytes, |request: RetractNotificationRequest| {
                request.request_id
            })
        },
    ),
    ("/hub.members.v1.MembersService/AddMembership", |bytes| {
        one(bytes, |request: AddMembershipRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/AppointLiaison", |bytes| {
        one(bytes, |request: AppointLiaisonRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/EnrollNode", |bytes| {
        one(bytes, |request: EnrollNodeRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/RevokeNode", |bytes| {
        one(bytes, |request: RevokeNodeRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/EnrollTokenKey", |bytes| {
        one(bytes, |request: EnrollTokenKeyRequest| request.request_id)
    }),
    ("/hub.members.v1.MembersService/RevokeTokenKey", |bytes| {
        one(bytes, |request: RevokeTokenKeyRequest| request.request_id)
    }),
];

/// The ids of a request; none when the method has none or the content is sealed.
#[must_use]
pub fn of(method: &str, request: &[u8]) -> Vec<RequestId> {
    let Some((_, read)) = READERS.iter().find(|(name, _)| *name == method) else {
        return vec![];
    };
    read(request)
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect()
}

fn one<M: Message + Default>(bytes: &[u8], id: fn(M) -> String) -> Vec<String> {
    M::decode(bytes).map(id).into_iter().collect()
}

fn batch(bytes: &[u8]) -> Vec<String> {
    let Ok(batch) = BatchPublishNotificationsRequest::decode(bytes) else {
        return vec![];
    };
    let items = batch.requests.into_iter().map(|item| item.request_id);
    std::iter::once(batch.request_id).chain(items).collect()
}
