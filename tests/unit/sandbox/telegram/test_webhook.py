"""One delivery: what is posted, and how each kind of answer is read."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.telegram.queues import Outcome
from sandbox.telegram.users import Users
from sandbox.telegram.webhook import WebhookClient, WebhookSettings


class Bot:
    def __init__(self) -> None:
        self.answer = web.Response()
        self.waits = asyncio.Event()
        self.waits.set()
        self.seen: list[tuple[str | None, object]] = []
        self.connections: set[tuple[str, int]] = set()

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), await request.json()))
        assert request.transport is not None
        self.connections.add(request.transport.get_extra_info("peername"))
        await self.waits.wait()
        return self.answer


@pytest.fixture
def bot() -> Bot:
    return Bot()


@pytest.fixture
async def client(bot: Bot) -> AsyncIterator[WebhookClient]:
    app = web.Application()
    app.router.add_post("/webhook", bot.handle)
    async with TestServer(app) as server:
        settings = WebhookSettings(str(server.make_url("/webhook")), secret="s3cret")
        client = WebhookClient(settings, timeout_seconds=0.3)
        yield client
        bot.waits.set()
        await client.close()


async def test_updates_carry_the_secret_over_one_connection(bot: Bot, client: WebhookClient) -> None:
    for number in (1, 2):
        assert (await client.deliver({"update_id": number})).handled
        bot.answer = web.Response()
    assert bot.seen == [("s3cret", {"update_id": 1}), ("s3cret", {"update_id": 2})]
    assert len(bot.connections) == 1


async def test_a_connection_to_another_server_is_closed(bot: Bot, client: WebhookClient) -> None:
    for status in (404, 404, 200, 503, 200):
        bot.answer = web.Response(status=status)
        await client.deliver({})
    # The first finds the stranger, the next two close what they used, the rest share one.
    assert len(bot.connections) == 3


async def test_retry_after_is_parsed(bot: Bot, client: WebhookClient) -> None:
    bot.answer = web.Response(status=503, headers={"Retry-After": "7"})
    outcome = await client.deliver({})
    assert (outcome.status, outcome.retry_after, outcome.handled) == (503, 7, False)
    assert outcome.error == "Wrong response from the webhook: 503 Service Unavailable"


async def test_a_webhook_that_is_gone_for_a_day_is_removed(bot: Bot, client: WebhookClient, virtual_time) -> None:
    removed: list[float] = []
    client._clock = virtual_time.clock
    client._remove = lambda: removed.append(virtual_time.now)
    started = virtual_time.now
    for status, hours in ((410, 0), (500, 22), (410, 22), (410, 45), (410, 45.1)):
        virtual_time.now = started + hours * 3600
        bot.answer = web.Response(status=status)
        await client.deliver({})
    assert removed == [started + 45.1 * 3600]  # the 500 started the 23 hours again


async def test_a_removed_webhook_leaves_the_updates(bot: Bot, simulator, virtual_time, ledger) -> None:
    app = web.Application()
    app.router.add_post("/webhook", bot.handle)
    bot.answer = web.Response(status=410)
    async with TestServer(app) as server:
        await simulator.set_webhook(WebhookSettings(str(server.make_url("/webhook")), allowed_updates=("message",)))
        assert simulator._client is not None
        simulator._client._gone_since = virtual_time.now - 24 * 3600
        Users(simulator).say(1001, "hi")
        async with asyncio.timeout(30):
            while simulator.webhook.url:  # noqa: ASYNC110 - the simulator has no event for it
                await asyncio.sleep(0)
        assert simulator._removal is not None
        await simulator._removal
    assert (simulator.queues.pending, simulator.webhook.allowed_updates) == (1, ("message",))


async def test_a_redirect_is_not_followed(bot: Bot, client: WebhookClient) -> None:
    bot.answer = web.Response(status=302, headers={"Location": "/elsewhere"})
    assert not (await client.deliver({})).handled


async def test_a_late_response_times_out(bot: Bot, client: WebhookClient) -> None:
    bot.waits.clear()
    assert await client.deliver({}) == Outcome(0, "Read timeout expired")


async def test_a_refused_connection_is_an_outcome() -> None:
    client = WebhookClient(WebhookSettings("http://127.0.0.1:9/webhook"))
    assert await client.deliver({}) == Outcome(0, "Connection refused")
    await client.close()


async def test_a_call_in_the_response_is_performed(bot: Bot, client: WebhookClient) -> None:
    performed: list[tuple[str, object]] = []

    async def perform(name: str, arguments: object) -> None:
        performed.append((name, arguments))

    client._perform = perform
    for method in ("sendMessage", "getMe", "setWebhook", "logOut"):
        bot.answer = web.json_response({"method": method, "chat_id": 1})
        await client.deliver({})
    assert performed == [("sendMessage", {"chat_id": 1})]
