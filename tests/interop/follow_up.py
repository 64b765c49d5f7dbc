"""A file goes along with a notification, and a mistake is corrected and acknowledged."""

import hashlib
from collections.abc import Iterator
from typing import Any

import grpc
from client import CHANNELS, DEADLINE_S, Node, Officer, done, expect, refused, uuid7
from hub.attachments.v1 import attachment_service_pb2 as attachments
from hub.channels.v1 import channel_service_pb2 as channels
from hub.channels.v1 import notification_pb2 as notifications

ATTACHMENTS = "/hub.attachments.v1.AttachmentService/"
CHUNK_BYTES = 512 * 1024
CONTENT = "互通测试附件\n".encode() * 50_000


def upload(officer: Officer, content: bytes) -> str:
    """Uploads a file in chunks and answers its SHA-256."""
    digest = hashlib.sha256(content).hexdigest()

    def parts() -> Iterator[bytes]:
        start = attachments.UploadStart(sha256=digest, size_bytes=len(content), offset=0)
        yield attachments.UploadAttachmentRequest(start=start).SerializeToString()
        for at in range(0, len(content), CHUNK_BYTES):
            chunk = content[at : at + CHUNK_BYTES]
            yield attachments.UploadAttachmentRequest(chunk=chunk).SerializeToString()

    stub = officer.node.channel.stream_unary(
        ATTACHMENTS + "UploadAttachment",
        request_serializer=None,
        response_deserializer=attachments.UploadAttachmentResponse.FromString,
    )
    answer = stub(parts(), metadata=officer.headers(), timeout=DEADLINE_S)
    expect(answer.upload.is_complete, "the upload is not complete")
    return digest


def download(officer: Officer, name: str, sha256: str, offset: int) -> bytes:
    """Downloads an attachment from a byte on."""
    wanted = attachments.DownloadAttachmentRequest(
        notification=name, sha256=sha256, offset=offset
    )
    method = ATTACHMENTS + "DownloadAttachment"
    content = b""
    for part in officer.stream(method, wanted, attachments.DownloadAttachmentResponse):
        if part.WhichOneof("part") == "start":
            expect(part.start.offset == offset, "the download begins elsewhere")
        else:
            content += part.chunk
    return content


def owed(officer: Officer, parent: str) -> list[Any]:
    """What is outstanding."""
    return list(
        officer.read(
            CHANNELS + "ListOutstandingActions",
            channels.ListOutstandingActionsRequest(parent=parent),
            channels.ListOutstandingActionsResponse,
        ).outstanding_actions
    )


def tour(author_node: Node, recipient_node: Node) -> None:
    """Attach, download, correct, acknowledge."""
    office = Officer(author_node, "office-1", "office")
    clerk = Officer(recipient_node, "clerk-1", "clerk")
    leader = Officer(recipient_node, "leader-1", "leader")
    recipient = f"agencies/{recipient_node.profile['agency']}"

    digest = upload(office, CONTENT)
    draft = notifications.Notification(
        addressees=[recipient],
        category="work_notice",
        title="关于互通测试附件的通知",
        media_type="text/plain; charset=utf-8",
        classification=notifications.CLASSIFICATION_INTERNAL,
        attachments=[
            notifications.Attachment(
                sha256=digest,
                file_name="附件.txt",
                media_type="text/plain; charset=utf-8",
                size_bytes=len(CONTENT),
            )
        ],
    )
    request = channels.PublishNotificationRequest(notification=draft, request_id=uuid7())
    sent, _ = office.write(
        CHANNELS + "PublishNotification", request, channels.PublishNotificationResponse
    )
    name = sent.notification.name
    content = download(clerk, name, digest, 0)
    expect(hashlib.sha256(content).hexdigest() == digest, "the download is not what was sent")
    half = len(CONTENT) // 2
    expect(download(clerk, name, digest, half) == CONTENT[half:], "a resumed download differs")
    refused(
        grpc.StatusCode.NOT_FOUND,
        "NOT_FOUND",
        lambda: download(clerk, name, "0" * 64, 0),
    )
    done(f"an attachment of {len(CONTENT)} bytes arrives whole, and from the middle on")

    fixed = notifications.Notification()
    fixed.CopyFrom(draft)
    fixed.title = "关于互通测试附件的通知（更正）"
    fixed.ClearField("addressees")
    correction, _ = office.write(
        CHANNELS + "CorrectNotification",
        channels.CorrectNotificationRequest(
            name=name, notification=fixed, reason="标题有误", request_id=uuid7()
        ),
        channels.CorrectNotificationResponse,
    )
    successor = correction.notification.name
    earlier = clerk.read(
        CHANNELS + "GetNotification",
        channels.GetNotificationRequest(name=name),
        channels.GetNotificationResponse,
    ).notification
    expect(earlier.state == notifications.NOTIFICATION_STATE_CORRECTED, "the earlier one's state")
    expect(earlier.superseded_by == successor, "the earlier one's successor")
    expect(
        [(one.notification, one.action) for one in owed(clerk, recipient)]
        == [(successor, notifications.REQUESTED_ACTION_ACKNOWLEDGE)],
        "the acknowledgement is owed",
    )
    leader.write(
        CHANNELS + "SignForNotification",
        channels.SignForNotificationRequest(name=successor, request_id=uuid7()),
        channels.SignForNotificationResponse,
    )
    expect(not owed(clerk, recipient), "nothing is owed any more")
    done(f"corrected, and acknowledged by {recipient}")
