"""A program of an agency that has no keys: it calls the hub through the agency's gateway."""

import time
from typing import Any

import grpc
from client import CHANNELS, DEADLINE_S, MEMBERS, done, expect, reason, uuid7
from hub.channels.v1 import channel_service_pb2 as channels
from hub.channels.v1 import notification_pb2 as notifications
from hub.gateway.v1 import gateway_service_pb2 as gateway
from hub.members.v1 import members_service_pb2 as members

GATEWAY = "/hub.gateway.v1.GatewayService/"


class Plain:
    """A connection without certificate, token or signature."""

    def __init__(self, address: str):
        self.channel = grpc.insecure_channel(address.removeprefix("http://"))

    def call(self, method: str, request: Any, answer: Any, metadata: Any = ()) -> Any:
        """One unary call."""
        stub = self.channel.unary_unary(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return stub(request, metadata=metadata, timeout=DEADLINE_S)


def tour(address: str, agency: str) -> None:
    """Ask, publish, receive, enqueue."""
    plain = Plain(address)
    forged = [("authorization", "Bearer forged")]
    method = MEMBERS + "WhoAmI"
    me = plain.call(method, members.WhoAmIRequest(), members.WhoAmIResponse, forged)
    expect(me.agency.name == f"agencies/{agency}", "the gateway speaks for another agency")

    draft = notifications.Notification(
        addressees=["agencies/health"],
        category="coordination",
        title="经网关发送",
        media_type="text/plain; charset=utf-8",
        classification=notifications.CLASSIFICATION_INTERNAL,
    )
    request = channels.PublishNotificationRequest(notification=draft, request_id=uuid7())
    publish = CHANNELS + "PublishNotification"
    sent = plain.call(publish, request, channels.PublishNotificationResponse)
    expect(sent.notification.author == f"agencies/{agency}", "the author is another")
    again = plain.call(publish, request, channels.PublishNotificationResponse)
    expect(again == sent, "a replay through the gateway gives another answer")
    draft.classification = notifications.CLASSIFICATION_STATE_SECRET
    secret = channels.PublishNotificationRequest(notification=draft, request_id=uuid7())
    try:
        plain.call(publish, secret, channels.PublishNotificationResponse)
        expect(False, "a secret was taken")
    except grpc.RpcError as error:
        expect(reason(error) == "CLASSIFICATION_REFUSED", "the refusal's reason is lost")
    done("published through the gateway without keys; refusals come through unchanged")

    subscribe = plain.channel.unary_stream(
        CHANNELS + "Subscribe",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=channels.SubscribeResponse.FromString,
    )
    events = subscribe(channels.SubscribeRequest(), timeout=DEADLINE_S)
    received = 0
    for event in events:
        if event.WhichOneof("event") == "caught_up":
            break
        received += event.WhichOneof("event") == "delivery"
    events.cancel()
    expect(received >= 3, f"only {received} deliveries came through the gateway")

    draft.classification = notifications.CLASSIFICATION_INTERNAL
    enqueue = gateway.EnqueueNotificationRequest(
        notification=draft, stream="oa", key="interop-1"
    )
    item = plain.call(
        GATEWAY + "EnqueueNotification", enqueue, gateway.EnqueueNotificationResponse
    ).outbox_item
    repeated = plain.call(
        GATEWAY + "EnqueueNotification", enqueue, gateway.EnqueueNotificationResponse
    ).outbox_item
    expect(repeated.name == item.name, "the same key was enqueued twice")
    deadline = time.monotonic() + DEADLINE_S
    while item.state == gateway.OUTBOX_ITEM_STATE_QUEUED:
        expect(time.monotonic() < deadline, f"the outbox is slow: {item.message}")
        time.sleep(0.05)
        item = plain.call(
            GATEWAY + "GetOutboxItem",
            gateway.GetOutboxItemRequest(name=item.name),
            gateway.GetOutboxItemResponse,
        ).outbox_item
    expect(item.state == gateway.OUTBOX_ITEM_STATE_DELIVERED, f"the outbox: {item.message}")
    expect(bool(item.receipt.header), "a delivered item has no receipt")
    done(f"enqueued at the gateway and delivered once, as {item.notification}")
