"""A meeting of two units: topics, notice, minutes, and a consent to exactly what was read."""

import hashlib
import time
from datetime import datetime, timedelta, timezone

import grpc
from client import Ledger, Node, Officer, done, expect, refused, uuid7
from hub.common.v1 import date_pb2
from hub.ledger.v1 import entry_pb2, ledger_service_pb2
from hub.meetings.v1 import meeting_pb2 as model
from hub.meetings.v1 import meeting_service_pb2 as meetings
from hub.meetings.v1 import minutes_pb2 as texts
from hub.meetings.v1 import minutes_service_pb2 as minutes

MEETINGS = "/hub.meetings.v1.MeetingService/"
MINUTES = "/hub.meetings.v1.MinutesService/"
MECHANISM = "mechanisms/joint-enforcement"


def call(officer: Officer, method: str, request: object) -> object:
    """A mutating call of either service, under an id of its own."""
    module = meetings if hasattr(meetings, f"{method}Request") else minutes
    path = (MEETINGS if module is meetings else MINUTES) + method
    request.request_id = uuid7()
    answer, _ = officer.write(path, request, getattr(module, f"{method}Response"))
    return answer


def read(officer: Officer, method: str, request: object) -> object:
    """A call that changes nothing."""
    module = meetings if hasattr(meetings, f"{method}Request") else minutes
    path = (MEETINGS if module is meetings else MINUTES) + method
    return officer.read(path, request, getattr(module, f"{method}Response"))


def today() -> date_pb2.Date:
    """Today where the charter applies."""
    now = datetime.now(timezone(timedelta(hours=8)))
    return date_pb2.Date(year=now.year, month=now.month, day=now.day)


def held(office: Officer, units: dict[str, Officer]) -> str:
    """A partial meeting of the units, from its draft to its record. Answers its name."""
    draft = model.Meeting(
        kind=model.MEETING_KIND_PARTIAL,
        mechanisms=[MECHANISM],
        title="互通测试会议",
        invited_units=list(units),
        planned_on=today(),
    )
    made = call(
        office,
        "CreateMeeting",
        meetings.CreateMeetingRequest(meeting=draft, office=f"{MECHANISM}/office"),
    )
    name = made.meeting.name
    some = next(iter(units.values()))
    refused(
        grpc.StatusCode.NOT_FOUND,
        "NOT_FOUND",
        lambda: read(some, "GetMeeting", meetings.GetMeetingRequest(name=name)),
    )
    call(office, "OpenTopics", meetings.OpenTopicsRequest(name=name))
    topic = model.Topic(title="互通测试议题", text="请会议研究。")
    proposed = call(some, "ProposeTopic", meetings.ProposeTopicRequest(parent=name, topic=topic))
    call(
        office,
        "DecideTopic",
        meetings.DecideTopicRequest(
            name=proposed.topic.name, decision=model.TOPIC_STATE_ACCEPTED
        ),
    )
    call(office, "ConfirmTopics", meetings.ConfirmTopicsRequest(name=name))
    notice = model.MeetingNotice(place="一号会议室")
    notice.starts_at.FromSeconds(int(time.time()) + 3600)
    call(office, "ConveneMeeting", meetings.ConveneMeetingRequest(name=name, notice=notice))
    who = model.Attendee(display_name="参会人员", post="处长")
    answer = model.UnitAnswer(kind=model.ANSWER_KIND_ATTENDS, attendees=[who])
    for officer in units.values():
        call(
            officer,
            "AnswerNotice",
            meetings.AnswerNoticeRequest(name=name, answer=answer, revision=1),
        )
    record = meetings.RecordMeetingHeldRequest(
        name=name,
        chair="主持人",
        units=[
            model.MeetingUnit(
                agency=unit, attendance=model.ATTENDANCE_PRESENT, attendees=[who]
            )
            for unit in units
        ],
    )
    record.held_at.GetCurrentTime()
    held_meeting = call(office, "RecordMeetingHeld", record).meeting
    expect(held_meeting.state == model.MEETING_STATE_HELD, "the meeting is held")
    return name


def tour(author_node: Node, recipient_node: Node) -> None:
    """Convene, draft, read, check, consent, issue."""
    office = Officer(author_node, "office-1", "office")
    host = f"agencies/{author_node.profile['agency']}"
    unit = f"agencies/{recipient_node.profile['agency']}"
    leader = Officer(recipient_node, "leader-1", "leader")
    units = {host: Officer(author_node, "leader-1", "leader"), unit: leader}
    meeting = held(office, units)
    done(f"a partial meeting of {len(units)} units, from its draft to its record: {meeting}")

    name = f"{meeting}/minutes/1"
    item = texts.AgreedItemDraft(
        text="继续开展互通测试。",
        responsible_units=[unit],
        due_on=today(),
        kind=texts.AGREED_ITEM_KIND_TASK,
    )
    content = texts.MinutesContent(
        title="互通测试会议纪要",
        topics=[texts.TopicMinutes(topic=1, title="互通测试议题", paragraphs=["会议研究了该议题。"])],
        agreed_items=[item],
    )
    drafted = call(office, "DraftMinutes", minutes.DraftMinutesRequest(parent=name, content=content))
    digest = hashlib.sha256(content.SerializeToString(deterministic=True)).hexdigest()
    expect(drafted.version.content_sha256 == digest, "the version's SHA-256")
    call(office, "CirculateMinutes", minutes.CirculateMinutesRequest(name=name, version=1))

    asked = read(leader, "GetMinutes", minutes.GetMinutesRequest(name=name)).minutes
    number = asked.circulated_version
    version = read(
        leader,
        "GetMinutesVersion",
        minutes.GetMinutesVersionRequest(name=f"{name}/versions/{number}"),
    ).version
    expect(version.content == content, "the circulated text is another")
    own = hashlib.sha256(version.content.SerializeToString(deterministic=True)).hexdigest()
    expect(own == version.content_sha256, "what is read is not what is consented to")
    conflict = (grpc.StatusCode.ABORTED, "CONFLICT")
    wrong = minutes.ConsentToMinutesRequest(name=name, version=number, content_sha256="0" * 64)
    refused(*conflict, lambda: call(leader, "ConsentToMinutes", wrong))
    clerk = Officer(recipient_node, "clerk-1", "clerk")
    consent = minutes.ConsentToMinutesRequest(name=name, version=number, content_sha256=own)
    refused(
        grpc.StatusCode.PERMISSION_DENIED,
        "PERMISSION_DENIED",
        lambda: call(clerk, "ConsentToMinutes", consent),
    )
    issue = minutes.IssueMinutesRequest(name=name, version=number)
    refused(
        grpc.StatusCode.FAILED_PRECONDITION,
        "MINUTES_NOT_AGREED",
        lambda: call(office, "IssueMinutes", issue),
    )
    consent.request_id = uuid7()
    answer, authored = leader.write(
        MINUTES + "ConsentToMinutes", consent, minutes.ConsentToMinutesResponse
    )
    Ledger(leader, ledger_service_pb2, entry_pb2).prove(answer.receipt, authored)
    done(f"{unit} consents to version {number}, SHA-256 {own[:12]}…, and proves that it did")
    call(units[host], "ConsentToMinutes", consent)
    issued = call(office, "IssueMinutes", issue).minutes
    expect(issued.content_sha256 == own, "what is issued is not what was agreed to")
    done(f"issued as {issued.document_number}, the same text")
