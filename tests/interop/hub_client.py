"""A foreign client of the hub, written from the `.proto` files and `docs/WIRE.md` alone.

As one agency it publishes a notice; as another it receives, acknowledges and signs for it; as both
it proves what the hub answered against the signed checkpoint. Then a file goes along, a mistake is
corrected, a meeting's minutes are consented to, the central-bank branch raises a fund alert and nobody else
can, and a program without keys calls through a gateway. It ends with status 1 and one line on stderr at the
first thing that is not as documented.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from client import (
    CHANNELS,
    MEMBERS,
    Authored,
    Ledger,
    Mismatch,
    Node,
    Officer,
    base64url,
    compile_protos,
    deliveries,
    done,
    expect,
    refused,
    uuid7,
)
from proofs import ProofError


def tour(author_node: Node, recipient_node: Node) -> None:
    """Publish, receive, acknowledge, sign for, prove, and be refused."""
    from hub.channels.v1 import channel_service_pb2 as channels
    from hub.channels.v1 import notification_pb2 as notifications
    from hub.ledger.v1 import entry_pb2, ledger_service_pb2
    from hub.members.v1 import members_service_pb2 as members

    office = Officer(author_node, "office-1", "office")
    clerk = Officer(recipient_node, "clerk-1", "clerk")
    leader = Officer(recipient_node, "leader-1", "leader")
    recipient = f"agencies/{recipient_node.profile['agency']}"

    me = office.read(MEMBERS + "WhoAmI", members.WhoAmIRequest(), members.WhoAmIResponse)
    expect(me.agency.name == f"agencies/{author_node.profile['agency']}", "WhoAmI: agency")
    expect((me.officer, list(me.roles)) == ("office-1", ["office"]), "WhoAmI: officer and roles")
    done(f"mTLS and token: {me.agency.name}, node {me.node}, {author_node.key_kind}")
    them = clerk.read(MEMBERS + "WhoAmI", members.WhoAmIRequest(), members.WhoAmIResponse)
    expect(them.agency.name == recipient, "WhoAmI: the recipient's agency")
    done(f"mTLS and token: {them.agency.name}, node {them.node}, {recipient_node.key_kind}")

    body = "请各成员单位知悉。".encode()
    request = channels.PublishNotificationRequest(
        notification=notifications.Notification(
            channel="channels/all-members",
            category="work_notice",
            title="关于互通测试的通知",
            body=body,
            media_type="text/plain; charset=utf-8",
            classification=notifications.CLASSIFICATION_INTERNAL,
        ),
        request_id=uuid7(),
    )
    refusals(author_node, office, recipient_node, request, channels, notifications)

    publish = CHANNELS + "PublishNotification"
    answer, authored = office.write(publish, request, channels.PublishNotificationResponse)
    name = answer.notification.name
    expect(name == "channels/all-members/notifications/1", f"a refused call left a trace: {name}")
    proofs = Ledger(office, ledger_service_pb2, entry_pb2)
    index = proofs.prove(answer.receipt, authored).index
    proofs.reread(index, authored)
    done(f"published {name}, entry {index}, proved")

    again, _ = office.write(publish, request, channels.PublishNotificationResponse)
    expect(again == answer, "a replay must give the first answer")
    done("a replay gives the first receipt")

    subscribe = CHANNELS + "Subscribe"
    wanted = channels.SubscribeRequest(logs=["channels/all-members"], consumer="interop")
    found, end = deliveries(clerk.stream(subscribe, wanted, channels.SubscribeResponse))
    expect([delivery.position for delivery in found] == [1], "one delivery at position 1")
    expect(found[0].notification.name == name, "the delivery is another notification")
    expect(found[0].notification.body == body, "the body is another")
    expect(found[0].receipt == answer.receipt, "author and recipient hold different receipts")
    theirs = Ledger(clerk, ledger_service_pb2, entry_pb2)
    theirs.prove(found[0].receipt, None)
    resumed = channels.SubscribeRequest(logs=["channels/all-members"], cursor=found[0].cursor)
    repeated, _ = deliveries(clerk.stream(subscribe, resumed, channels.SubscribeResponse))
    expect(not repeated, "a resumed stream repeats")
    done("received once, proved by the recipient, resumed without repeat")

    acknowledge = channels.AcknowledgeDeliveryRequest(
        consumer="interop", cursor=end, request_id=uuid7()
    )
    answer, authored = clerk.write(
        CHANNELS + "AcknowledgeDelivery", acknowledge, channels.AcknowledgeDeliveryResponse
    )
    theirs.prove(answer.receipt, authored)
    found, _ = deliveries(clerk.stream(subscribe, wanted, channels.SubscribeResponse))
    expect(not found, "a consumer must go on after what it acknowledged")
    done("acknowledged; the durable consumer goes on from there")

    signing = channels.SignForNotificationRequest(name=name, request_id=uuid7())
    answer, authored = leader.write(
        CHANNELS + "SignForNotification", signing, channels.SignForNotificationResponse
    )
    theirs.prove(answer.receipt, authored)
    rows = office.read(
        CHANNELS + "ListDeliveryReceipts",
        channels.ListDeliveryReceiptsRequest(parent=name),
        channels.ListDeliveryReceiptsResponse,
    ).delivery_receipts
    row = next(row for row in rows if row.recipient == recipient)
    expect(row.signed_for_by == "leader-1" and row.HasField("delivered_at"), "the receipt row")
    expect(row.signed_for_receipt == answer.receipt, "the author sees another signature")
    proofs.prove(row.signed_for_receipt, authored)
    done(f"signed for (签收) by {recipient}, proved by both sides")


def refusals(
    author_node: Node,
    office: Officer,
    recipient_node: Node,
    request: Any,
    channels: Any,
    notifications: Any,
) -> None:
    """What must be refused, and leave no trace."""
    method = CHANNELS + "PublishNotification"
    code = grpc.StatusCode
    answer = channels.PublishNotificationResponse
    payload = request.SerializeToString()

    def send(sent: bytes, headers: list) -> Callable[[], Any]:
        return lambda: office.call(method, sent, answer, headers)

    authored = Authored(office, method, payload)
    other = channels.PublishNotificationRequest()
    other.CopyFrom(request)
    other.notification.title += "（改）"
    denied = (code.PERMISSION_DENIED, "AUTHOR_SIGNATURE_INVALID")
    refused(*denied, send(other.SerializeToString(), office.headers() + authored.headers()))
    misdirected = Authored(office, CHANNELS + "BatchPublishNotifications", payload)
    refused(*denied, send(payload, office.headers() + misdirected.headers()))
    refused(*denied, send(payload, office.headers()))

    refused(code.UNAUTHENTICATED, "TOKEN_MISSING", send(payload, authored.headers()))
    foreign = base64url(recipient_node.certificate_sha256)
    stolen = author_node.token("office-1", ["office"], cnf={"x5t#S256": foreign})
    bearer = [("authorization", f"Bearer {stolen}")]
    refused(code.UNAUTHENTICATED, "TOKEN_NOT_BOUND", send(payload, bearer + authored.headers()))

    other.CopyFrom(request)
    other.notification.classification = notifications.CLASSIFICATION_STATE_SECRET
    refused(
        code.INVALID_ARGUMENT,
        "CLASSIFICATION_REFUSED",
        lambda: office.write(method, other, answer),
    )


def main() -> int:
    """Runs the tour."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--protos", type=Path, required=True, help="folder that has hub/")
    arguments.add_argument("--author", type=Path, required=True, help="profile of the office")
    arguments.add_argument("--recipient", type=Path, required=True, help="profile of a member")
    arguments.add_argument("--bank", type=Path, help="profile of the central-bank branch")
    arguments.add_argument("--endpoint", help="https://host:port instead of the profiles'")
    arguments.add_argument("--gateway", help="http://host:port of the recipient's gateway")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as modules:
        compile_protos(options.protos, Path(modules))
        try:
            author = Node(options.author, options.endpoint)
            recipient = Node(options.recipient, options.endpoint)
            tour(author, recipient)
            # Here, because they import what was compiled just now.
            import follow_up
            import gateway
            import meetings

            follow_up.tour(author, recipient)
            meetings.tour(author, recipient)
            if options.bank:
                import alerts

                alerts.tour(Node(options.bank, options.endpoint), recipient)
            if options.gateway:
                gateway.tour(options.gateway, recipient.profile["agency"])
        except (Mismatch, ProofError) as error:
            print(f"hub_client: {error}", file=sys.stderr)
            return 1
        except grpc.RpcError as error:
            print(f"hub_client: {error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    print("The foreign client and the hub agree.")
    return 0


if __name__ == "__main__":
    # gRPC's own log adds nothing to what is said here.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(main())
