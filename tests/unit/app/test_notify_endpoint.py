"""Who may tell the bot that something changed, and what they are answered."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiogram import Bot
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.exceptions import ConnectionError as RedisConnectionError

from app.bot.notify import NotifyResult
from app.core.settings import Settings
from app.notify_endpoint import MAX_BODY, NotifyEndpoint

Sample = Callable[..., float]
Serve = Callable[..., Any]
TOKEN = "known-service-token"


class NotifierStub:
    """Answers as it is told, or fails."""

    def __init__(self) -> None:
        self.result: NotifyResult | Exception = NotifyResult.SENT
        self.bodies: list[bytes] = []

    async def handle(self, _bot: Bot, body: bytes) -> NotifyResult:
        self.bodies.append(body)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def notifier() -> NotifierStub:
    return NotifierStub()


@pytest.fixture
async def serve(notifier: NotifierStub, make_settings: Callable[..., Settings]) -> AsyncIterator[Serve]:
    clients: list[TestClient[web.Request, web.Application]] = []

    async def start(service_token: str = TOKEN) -> TestClient[web.Request, web.Application]:
        settings = make_settings(service_token=service_token)
        bot = Bot(settings.bot_token.get_secret_value())
        application = web.Application()
        endpoint = NotifyEndpoint(notifier, bot, settings)  # type: ignore[arg-type]  # a stub
        application.router.add_post("/internal/notify", endpoint.handle)
        client = TestClient(TestServer(application))
        await client.start_server()
        clients.append(client)
        return client

    yield start
    for client in clients:
        await client.close()


async def post(client: Any, body: bytes = b"{}", authorization: str | None = f"Bearer {TOKEN}") -> web.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with client.post("/internal/notify", data=body, headers=headers) as response:
        await response.read()
        return response


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (NotifyResult.SENT, 200),
        (NotifyResult.DUPLICATE, 200),
        (NotifyResult.QUEUED, 200),
        (NotifyResult.BLOCKED, 200),
        (NotifyResult.INVALID, 422),
        (NotifyResult.FAILED, 503),
    ],
)
async def test_the_backend_is_told_how_it_ended(
    serve: Serve, notifier: NotifierStub, result: NotifyResult, status: int
) -> None:
    notifier.result = result
    response = await post(await serve(), b'{"event_id": "e1"}')
    assert (response.status, response.headers.get("Retry-After")) == (status, "1" if status == 503 else None)
    assert notifier.bodies == [b'{"event_id": "e1"}']


@pytest.mark.parametrize(
    "authorization", [None, "", TOKEN, f"bearer {TOKEN}", "Bearer ", f"Bearer {TOKEN}x", "Bearer wr\u00e9ng"]
)
async def test_a_stranger_is_refused_and_counted(
    serve: Serve, notifier: NotifierStub, sample: Sample, authorization: str | None
) -> None:
    before = sample("notifications_total", result="unauthorized")
    assert (await post(await serve(), authorization=authorization)).status == 401
    assert sample("notifications_total", result="unauthorized") == before + 1
    assert notifier.bodies == []


@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer x"])
async def test_without_a_service_token_nobody_may(
    serve: Serve, notifier: NotifierStub, authorization: str | None
) -> None:
    assert (await post(await serve(service_token=""), authorization=authorization)).status == 401
    assert notifier.bodies == []


@pytest.mark.parametrize("failure", [RedisConnectionError("down"), OSError("down")])
async def test_without_redis_the_backend_is_to_try_again(
    serve: Serve, notifier: NotifierStub, sample: Sample, failure: Exception
) -> None:
    before = sample("errors_total", error_type="redis_unavailable", severity="error")
    notifier.result = failure
    response = await post(await serve())
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert sample("errors_total", error_type="redis_unavailable", severity="error") == before + 1


async def test_a_huge_body_is_not_read(serve: Serve, notifier: NotifierStub, sample: Sample) -> None:
    before = sample("notifications_total", result="invalid")
    assert (await post(await serve(), b"x" * (MAX_BODY + 1))).status == 413
    assert sample("notifications_total", result="invalid") == before + 1
    assert notifier.bodies == []
