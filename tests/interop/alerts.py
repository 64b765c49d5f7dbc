"""A fund alert: raised by the central-bank branch's node, refused from any other, acknowledged by a unit."""

import time
from datetime import datetime, timedelta, timezone

import grpc
from client import Ledger, Node, Officer, done, expect, refused, uuid7
from hub.channels.v1 import notification_pb2 as notifications
from hub.common.v1 import date_pb2
from hub.funds.v1 import alert_pb2 as model
from hub.funds.v1 import alert_service_pb2 as alerts
from hub.ledger.v1 import entry_pb2, ledger_service_pb2

ALERTS = "/hub.funds.v1.AlertService/"


def uscc(number: int) -> str:
    """A synthetic code with both check characters (GB 32100-2015, GB 11714)."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"MJ{number:06}"
    inner = 11 - sum(int(c, 36) * w for c, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    first = "51140000" + body + {10: "X", 11: "0"}.get(inner, str(inner))
    total = sum(alphabet.index(c) * pow(3, at, 31) for at, c in enumerate(first))
    return first + alphabet[-total % 31]


def day(before: int) -> date_pb2.Date:
    """So many days before today, where the charter applies."""
    on = datetime.now(timezone(timedelta(hours=8))) - timedelta(days=before)
    return date_pb2.Date(year=on.year, month=on.month, day=on.day)


def draft(unit: str) -> model.Alert:
    """An alert at clue level that asks something of a unit."""
    return model.Alert(
        organization=notifications.SubjectOrganization(uscc=uscc(1), display_name="互通测试协会"),
        kind=model.ALERT_KIND_ABNORMAL_MOVEMENT,
        indicator="flow_out_of_line",
        start_on=day(90),
        end_on=day(0),
        amount_band="1m_10m",
        currency="CNY",
        direction=model.DIRECTION_OUT,
        severity=model.SEVERITY_MAJOR,
        severity_reason="短期内多次。",
        grounds="流出与项目不符。",
        source_note="互通测试。",
        asks=[model.AlertAsk(unit=unit, text="核对票据。")],
        legal_basis="晋社管组发〔2021〕2号",
        classification=notifications.CLASSIFICATION_INTERNAL,
    )


def tour(bank_node: Node, unit_node: Node) -> None:
    """Refused from the unit's node, raised from the bank's, proved, acknowledged."""
    analyst = Officer(bank_node, "analyst-1", "analyst")
    unit = f"agencies/{unit_node.profile['agency']}"
    clerk = Officer(unit_node, "clerk-1", "clerk")
    request = alerts.RaiseAlertRequest(alert=draft(unit), request_id=uuid7())

    def raise_as(officer: Officer, what: alerts.RaiseAlertRequest) -> tuple:
        return officer.write(ALERTS + "RaiseAlert", what, alerts.RaiseAlertResponse)

    denied = grpc.StatusCode.PERMISSION_DENIED
    refused(denied, "PERMISSION_DENIED", lambda: raise_as(clerk, request))
    # A token may say what it likes: the charter gives the role to the bank alone.
    forged = Officer(unit_node, "analyst-1", "analyst")
    refused(denied, "ROLE_NOT_GRANTED", lambda: raise_as(forged, request))
    refused(
        denied,
        "PERMISSION_DENIED",
        lambda: raise_as(Officer(bank_node, "clerk-1", "clerk"), request),
    )
    numbered = alerts.RaiseAlertRequest()
    numbered.CopyFrom(request)
    numbered.alert.grounds = "转入 622202100100001 账户。"
    refused(
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        lambda: raise_as(analyst, numbered),
    )

    answer, authored = raise_as(analyst, request)
    name = answer.alert.name
    expect(name == f"alerts/{request.request_id}", "an alert's id is its request's")
    expect(answer.alert.state == model.ALERT_STATE_CIRCULATED, "the alert is circulated")
    expect(not answer.alert.possible_duplicates, "a refused call left a trace")
    Ledger(analyst, ledger_service_pb2, entry_pb2).prove(answer.receipt, authored)
    again, _ = raise_as(analyst, request)
    expect(again.receipt == answer.receipt, "a replay must give the first receipt")
    done(f"{answer.alert.author} raises {name}, proved; refused from {unit}")

    read = alerts.GetAlertRequest(name=name)
    seen = clerk.read(ALERTS + "GetAlert", read, alerts.GetAlertResponse).alert
    expect(seen.grounds == request.alert.grounds, "the grounds are others")
    acknowledged = alerts.AcknowledgeAlertRequest(
        name=name,
        revision=seen.revision,
        action=model.ALERT_ACTION_CHECKS,
        request_id=uuid7(),
    )
    answer, authored = clerk.write(
        ALERTS + "AcknowledgeAlert", acknowledged, alerts.AcknowledgeAlertResponse
    )
    Ledger(clerk, ledger_service_pb2, entry_pb2).prove(answer.receipt, authored)
    handling = next(row for row in answer.alert.units if row.unit == unit)
    expect(handling.action == model.ALERT_ACTION_CHECKS, "what the unit does")
    expect(abs(handling.acknowledged_at.seconds - time.time()) < 300, "when it acknowledged")
    owing = [row.unit for row in answer.alert.units if not row.HasField("acknowledged_at")]
    expect(unit not in owing and len(owing) == len(answer.alert.units) - 1, "who still owes it")
    done(f"{unit} acknowledges revision {seen.revision} and checks; {len(owing)} units owe it still")
