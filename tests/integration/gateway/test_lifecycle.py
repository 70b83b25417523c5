"""A replica's life in one process: it starts without Telegram or the backends, waits for Redis, drains, and stops."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from app.core.election import Election
from app.core.settings import Settings
from app.http_server import CannotListenError
from app.main import Gateway, secrets_of
from sandbox.redis_server import RedisServer, free_port
from support.stub_server import serving
from support.updates import written

Make = Callable[..., Settings]
UPDATE = written("/help")


class Outside:
    """The Bot API and the Auth Service in one: a message is taken only when `taking` is set."""

    def __init__(self) -> None:
        self.taking = asyncio.Event()
        self.asked = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        if request.path.endswith("/sendMessage"):
            self.asked.set()
            await self.taking.wait()
            message = {"message_id": 9, "date": 1, "chat": {"id": 1001, "type": "private"}, "text": "a"}
            return web.json_response({"ok": True, "result": message})
        if request.path.endswith("/verify"):
            return web.json_response({"error": {"code": "unknown_user", "message": ""}}, status=404)
        return web.json_response({"ok": False, "error_code": 500, "description": "down"}, status=500)


@pytest.fixture
async def outside() -> AsyncIterator[tuple[Outside, str]]:
    stub = Outside()
    async with serving(stub.handle) as url:
        yield stub, url


@pytest.fixture
async def make_gateway(make_settings: Make) -> AsyncIterator[Callable[..., Gateway]]:
    gateways: list[Gateway] = []

    def make(**changes: Any) -> Gateway:
        values = {"host": "127.0.0.1", "port": free_port(), "shutdown_grace_seconds": 1, "tracing_enabled": False}
        gateways.append(Gateway(make_settings(**(values | changes))))
        return gateways[-1]

    yield make
    for gateway in gateways:
        await gateway.stop()
    gc.unfreeze()


async def get(gateway: Gateway, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(_url(gateway, path)) as response:
        return response.status


async def post(gateway: Gateway, update: dict[str, Any]) -> tuple[int, str | None]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(_url(gateway, "/webhook"), data=orjson.dumps(update)) as response,
    ):
        return response.status, response.headers.get("Connection")


def _url(gateway: Gateway, path: str) -> str:
    return f"http://127.0.0.1:{gateway.settings.port}{path}"


async def test_it_starts_although_telegram_and_the_backends_are_down(make_gateway: Callable[..., Gateway]) -> None:
    nowhere = "http://127.0.0.1:1"
    gateway = make_gateway(telegram_api_base=nowhere, auth_service_url=nowhere, request_service_url=nowhere)
    await gateway.start()
    assert [await get(gateway, path) for path in ("/livez", "/readyz", "/startupz", "/metrics")] == [200] * 4


async def test_it_is_alive_but_not_ready_until_redis_is_there(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str]
) -> None:
    port = free_port()
    gateway = make_gateway(redis_url=f"redis://127.0.0.1:{port}/0", telegram_api_base=outside[1])
    with capture_logs() as logs:
        starting = asyncio.create_task(gateway.start())
        while not any(entry["event"] == "redis_unreachable" for entry in logs):  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.01)
    assert [await get(gateway, path) for path in ("/livez", "/readyz", "/startupz")] == [200, 503, 503]
    async with RedisServer(port=port):
        await starting
        assert [await get(gateway, path) for path in ("/livez", "/readyz", "/startupz")] == [200, 200, 200]


async def test_what_is_in_hand_is_finished_before_it_stops(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], redis: Any
) -> None:
    stub, url = outside
    gateway = make_gateway(telegram_api_base=url, auth_service_url=url, shutdown_grace_seconds=5)
    await gateway.start()
    update = asyncio.create_task(post(gateway, UPDATE))
    await stub.asked.wait()
    stopping = asyncio.create_task(gateway.stop())
    while not gateway.webhook.draining:
        assert await get(gateway, "/livez") == 200
        await asyncio.sleep(0.01)
    assert await get(gateway, "/readyz") == 503
    assert await post(gateway, {**UPDATE, "update_id": 2}) == (503, "close")
    stub.taking.set()
    assert await update == (200, "close")
    await stopping
    assert await redis.zrange("bg:{42:1001}:done", 0, -1) == [b"1"]
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(gateway, "/livez")


async def test_a_notification_in_flight_is_finished_before_it_stops(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str]
) -> None:
    """If it were cancelled, the backend would send it again, and the user would read it twice."""
    stub, url = outside
    gateway = make_gateway(telegram_api_base=url, shutdown_grace_seconds=5, service_token="known-service-token")
    await gateway.start()
    event = {"event_id": "e1", "type": "request_status_changed", "telegram_id": 1001, "request_id": 5}
    body = orjson.dumps({**event, "request_number": "R-5", "status": "done", "language": "en"})

    async def notify() -> int:
        headers = {"Authorization": "Bearer known-service-token"}
        url = _url(gateway, "/internal/notify")
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
            return response.status

    notified = asyncio.create_task(notify())
    await stub.asked.wait()
    stopping = asyncio.create_task(gateway.stop())
    while not gateway.webhook.draining:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    for _ in range(10):
        assert await get(gateway, "/livez") == 200
    stub.taking.set()
    assert await notified == 200
    await stopping


async def test_what_does_not_end_within_the_grace_period_is_released(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], redis: Any
) -> None:
    stub, url = outside
    gateway = make_gateway(telegram_api_base=url, auth_service_url=url)
    await gateway.start()
    update = asyncio.create_task(post(gateway, UPDATE))
    await stub.asked.wait()
    await gateway.stop()
    # Another replica can take it at once: nothing holds the chat, and the update does not count as done.
    assert await redis.keys("bg:{42:1001}:*") == [b"bg:{42:1001}:rl:1001"]
    with pytest.raises(aiohttp.ClientError):
        await update


async def test_without_compat_an_update_is_handled_by_the_plain_libraries(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dispatch_index.DispatchIndex.feed", "lazy_message.LazyMessage.of"):
        monkeypatch.setattr(f"app.compat.{name}", lambda *_args, **_options: pytest.fail("compat is off"))
    stub, url = outside
    stub.taking.set()
    gateway = make_gateway(
        telegram_api_base=url, auth_service_url=url, compat_dispatch_index=False, compat_lazy_message=False
    )
    await gateway.start()
    assert (await post(gateway, UPDATE))[0] == 200
    assert stub.asked.is_set()


async def test_a_stopped_replica_gives_up_its_elections(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], redis: Any
) -> None:
    gateway = make_gateway(telegram_api_base=outside[1])
    await gateway.start()
    elections = {b"bg:42:elect:sweeper", b"bg:42:elect:webhook"}
    while set(await redis.keys("bg:42:elect:*")) != elections:  # noqa: ASYNC110 - Redis notifies nobody
        await asyncio.sleep(0.01)
    await gateway.stop()
    assert await redis.keys("bg:42:elect:*") == []


async def test_an_election_that_cannot_be_resigned_does_not_keep_the_others(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resign, failed = Election.resign, []

    async def fail_first(election: Election) -> None:
        if not failed:
            failed.append(election)
            raise RedisConnectionError("closed")
        await resign(election)

    monkeypatch.setattr(Election, "resign", fail_first)
    gateway = make_gateway(telegram_api_base=outside[1])
    await gateway.start()
    while len(await redis.keys("bg:42:elect:*")) < 2:  # noqa: ASYNC110 - Redis notifies nobody
        await asyncio.sleep(0.01)
    await gateway._background.hand_over()
    assert await redis.keys("bg:42:elect:*") == [b"bg:42:elect:sweeper"]


async def test_elections_are_handed_over_before_the_updates_in_flight_end(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str], redis: Any
) -> None:
    stub, url = outside
    gateway = make_gateway(telegram_api_base=url, auth_service_url=url, shutdown_grace_seconds=5)
    await gateway.start()
    while len(await redis.keys("bg:42:elect:*")) < 2:  # noqa: ASYNC110 - Redis notifies nobody
        await asyncio.sleep(0.01)
    update = asyncio.create_task(post(gateway, UPDATE))
    await stub.asked.wait()
    stopping = asyncio.create_task(gateway.stop())
    while await redis.keys("bg:42:elect:*"):  # noqa: ASYNC110 - Redis notifies nobody
        await asyncio.sleep(0.01)
    assert gateway.webhook.in_flight == 1
    stub.taking.set()
    assert (await update)[0] == 200
    await stopping


async def test_a_port_that_is_taken_stops_the_start(
    make_gateway: Callable[..., Gateway], outside: tuple[Outside, str]
) -> None:
    first = make_gateway(telegram_api_base=outside[1])
    await first.start()
    second = Gateway(first.settings)
    with pytest.raises(CannotListenError, match="address already in use"):
        await second.start()


def test_every_secret_is_known_to_the_log(make_settings: Make) -> None:
    settings = make_settings(
        webhook_secret="new-one",
        webhook_secret_previous="old-one",
        service_token="service-one",
        redis_password="redis-one",
    )
    token = settings.bot_token.get_secret_value()
    assert set(secrets_of(settings)) == {
        token,
        token.partition(":")[2],
        "new-one",
        "old-one",
        "service-one",
        "redis-one",
    }
