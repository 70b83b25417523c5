"""The HTTP endpoints, without a cluster: what each request is answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from remediator.health import Heartbeat, Readiness
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.server import BODY_LIMIT_BYTES, IntakeServer, NotPersistedError
from remediator.intake.token import BearerToken
from remediator.metrics import Metrics

AUTHORISED = {"Authorization": "Bearer secret"}


class Inbox:
    def __init__(self) -> None:
        self.alerts: list[Received] = []
        self.error: Exception | None = None
        self.hangs = False
        self.truncated = False

    async def submit(self, alerts: list[Received], *, receiver: str = "", truncated: bool = False) -> None:
        self.truncated = truncated
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        self.alerts += alerts


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def heartbeat() -> Heartbeat:
    now = [0.0]
    beat = Heartbeat(lambda: now[0], limit=60)
    beat.__dict__["now"] = now
    return beat


@pytest.fixture
async def http(inbox: Inbox, heartbeat: Heartbeat) -> AsyncIterator[TestClient[Any, Any]]:
    server = IntakeServer(
        inbox=inbox,
        token=BearerToken(file=None, fixed="secret", monotonic=lambda: 0.0),
        metrics=Metrics(CollectorRegistry()),
        heartbeat=heartbeat,
        readiness=Readiness(),
        persist_timeout=0.05,
    )
    async with TestClient(TestServer(server.application())) as client:
        yield client


def webhook(*statuses: str, fingerprint: str = "0123456789abcdef") -> dict[str, Any]:
    return {
        "version": "4",
        "groupLabels": {"anything": "else"},
        "alerts": [
            {
                "status": status,
                "labels": {"pod": "a"},
                "startsAt": "2026-01-01T00:00:00.123456789Z",
                "fingerprint": fingerprint,
            }
            for status in statuses
        ],
    }


async def test_alerts_are_taken_when_they_are_persisted(http: TestClient[Any, Any], inbox: Inbox) -> None:
    answer = await http.post("/alerts", json=webhook("firing"), headers=AUTHORISED)
    assert answer.status == 200
    assert [alert.state for alert in inbox.alerts] == [ReceivedState.ACTIVE]


async def test_of_one_fingerprint_the_last_counts(http: TestClient[Any, Any], inbox: Inbox) -> None:
    await http.post("/alerts", json=webhook("firing", "resolved"), headers=AUTHORISED)
    assert [alert.state for alert in inbox.alerts] == [ReceivedState.RESOLVED]


async def test_what_cannot_be_persisted_is_sent_again(http: TestClient[Any, Any], inbox: Inbox) -> None:
    inbox.error = NotPersistedError("the API server is away")
    answer = await http.post("/alerts", json=webhook("firing"), headers=AUTHORISED)
    assert answer.status == 503
    inbox.error, inbox.hangs = None, True
    answer = await http.post("/alerts", json=webhook("firing"), headers=AUTHORISED)
    assert answer.status == 503


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b'{"version": "5", "alerts": []}', 400),
        (b'{"version": "4"}', 400),
        (b'{"version": "4", "alerts": [{"status": "firing"}]}', 400),
        (b" " * (BODY_LIMIT_BYTES + 1), 413),
    ],
)
async def test_what_is_no_webhook_is_refused(
    http: TestClient[Any, Any], inbox: Inbox, body: bytes, status: int
) -> None:
    answer = await http.post("/alerts", data=body, headers=AUTHORISED)
    assert answer.status == status
    assert inbox.alerts == []


async def test_hostile_fingerprint_is_refused(http: TestClient[Any, Any]) -> None:
    answer = await http.post("/alerts", json=webhook("firing", fingerprint="../../secrets"), headers=AUTHORISED)
    assert answer.status == 400


@pytest.mark.parametrize("starts_at", [None, "soon", "2026-01-01T00:00:00"])
async def test_a_malformed_alert_is_refused_alone(http: TestClient[Any, Any], inbox: Inbox, starts_at: Any) -> None:
    message = webhook("firing", "firing")
    message["alerts"][0].update(startsAt=starts_at, fingerprint="f" * 16)
    answer = await http.post("/alerts", json=message, headers=AUTHORISED)
    assert answer.status == 200
    assert [alert.fingerprint for alert in inbox.alerts] == ["0123456789abcdef"]
    text = await (await http.get("/metrics")).text()
    assert 'remediator_alerts_malformed_total{via="webhook"} 1.0' in text


@pytest.mark.parametrize("starts_at", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"])
async def test_a_time_at_the_end_of_the_calendar_is_clamped(
    http: TestClient[Any, Any], inbox: Inbox, starts_at: str
) -> None:
    message = webhook("firing")
    message["alerts"][0]["startsAt"] = starts_at
    answer = await http.post("/alerts", json=message, headers=AUTHORISED)
    assert answer.status == 200
    assert 1970 <= inbox.alerts[0].starts_at.year <= 2200


async def test_a_truncated_message_asks_for_a_poll(http: TestClient[Any, Any], inbox: Inbox) -> None:
    await http.post("/alerts", json={**webhook("firing"), "truncatedAlerts": 3}, headers=AUTHORISED)
    assert inbox.truncated


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_nobody_comes_in_without_the_token(
    http: TestClient[Any, Any], inbox: Inbox, headers: dict[str, str]
) -> None:
    answer = await http.post("/alerts", json=webhook("firing"), headers=headers)
    assert answer.status == 401
    assert inbox.alerts == []


async def test_livez_fails_when_the_heart_stops(http: TestClient[Any, Any], heartbeat: Heartbeat) -> None:
    assert (await http.get("/livez")).status == 200
    heartbeat.__dict__["now"][0] = 61.0
    assert (await http.get("/livez")).status == 503
    heartbeat.beat()
    assert (await http.get("/livez")).status == 200


async def test_metrics_are_served(http: TestClient[Any, Any]) -> None:
    text = await (await http.get("/metrics")).text()
    assert 'remediator_alerts_received_total{via="webhook"} 0.0' in text
