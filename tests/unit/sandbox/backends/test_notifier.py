"""A changed status is pushed to the bot until it is taken."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.backends.notifier import Notifier
from sandbox.backends.requests import StatusChanged
from sandbox.backends.telemetry import BackendMetrics

EVENT = StatusChanged("e1", 1001, "ru", 7, "R-000007", "done")


class Gateway:
    """Answers with the statuses of its script, then 200."""

    def __init__(self) -> None:
        self.script: list[int] = []
        self.bodies: list[dict[str, object]] = []
        self.tokens: set[str] = set()

    async def notify(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.json())
        self.tokens.add(request.headers["Authorization"])
        return web.Response(status=self.script.pop(0) if self.script else 200)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def notifier(gateway, virtual_time) -> AsyncIterator[Notifier]:
    app = web.Application()
    app.router.add_post("/internal/notify", gateway.notify)
    async with TestServer(app) as server:

        async def sleep(seconds: float) -> None:
            virtual_time.now += seconds

        notifier = Notifier(str(server.make_url("/internal/notify")), "token", BackendMetrics(), sleep)
        yield notifier
        await notifier.close()


async def test_the_notification_has_all_fields(notifier, gateway) -> None:
    notifier.publish(EVENT)
    await notifier.idle()
    assert gateway.bodies == [
        {
            "type": "request_status_changed",
            "event_id": "e1",
            "telegram_id": 1001,
            "language": "ru",
            "request_id": 7,
            "request_number": "R-000007",
            "status": "done",
        }
    ]
    assert gateway.tokens == {"Bearer token"}


async def test_a_notification_is_retried_until_accepted(notifier, gateway) -> None:
    gateway.script = [503, 500, 429]
    notifier.publish(EVENT)
    await notifier.idle()
    assert [body["event_id"] for body in gateway.bodies] == ["e1"] * 4


async def test_a_permanently_refused_notification_is_dropped(notifier, gateway) -> None:
    gateway.script = [400] * 5
    notifier.publish(EVENT)
    await notifier.idle()
    assert len(gateway.bodies) == 1


async def test_without_a_url_nothing_is_sent() -> None:
    attempts: list[float] = []

    async def sleep(seconds: float) -> None:
        attempts.append(seconds)

    notifier = Notifier("", "token", BackendMetrics(), sleep)
    notifier.publish(EVENT)
    await notifier.idle()
    await notifier.close()
    # An attempt without a URL would fail and wait for the next one.
    assert attempts == []
