"""A whole sandbox delivers to a real webhook over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.redis_server import free_port
from sandbox.server import PortInUseError, Sandbox
from sandbox.settings import Settings


class Bot:
    """Answers every message with its text, by a call of the Bot API while the update is open."""

    def __init__(self, api: str) -> None:
        self.api = api
        self.statuses: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.updates: list[dict[str, Any]] = []

    async def webhook(self, request: web.Request) -> web.Response:
        update = await request.json()
        self.updates.append(update)
        self.headers.append(dict(request.headers))
        if "message" in update:
            body = {"chat_id": update["message"]["chat"]["id"], "text": update["message"]["text"]}
            async with httpx.AsyncClient() as client:
                await client.post(f"{self.api}/sendMessage", json=body)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
def settings() -> Settings:
    names = ("telegram", "control", "auth", "request", "user", "shift")
    return Settings(**{f"{name}_port": free_port() for name in names}, traffic_users=3)


@pytest.fixture
async def sandbox(settings: Settings) -> AsyncIterator[Sandbox]:
    async with Sandbox(settings) as sandbox:
        yield sandbox


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    settings = sandbox.settings
    token = settings.bot_token.get_secret_value()
    bot = Bot(f"http://127.0.0.1:{settings.telegram_port}/bot{token}")
    app = web.Application()
    app.router.add_post("/webhook", bot.webhook)
    async with TestServer(app) as server, httpx.AsyncClient() as client:
        hook = {"url": str(server.make_url("/webhook")), "secret_token": "s3cret"}
        assert (await client.post(f"{bot.api}/setWebhook", json=hook)).json()["ok"]
        yield bot


@pytest.fixture
async def control(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.control_port}", timeout=20) as client:
        yield client


async def ask(control: httpx.AsyncClient, text: str) -> str:
    before = (await control.get("/chats/1001/messages")).json()["last"]
    await control.post("/updates", json={"user_id": 1001, "text": text})
    answer = await control.get("/chats/1001/messages", params={"after": before, "timeout": 10})
    return answer.json()["items"][-1]["text"]


async def test_an_update_is_delivered_and_the_reply_stored(bot: Bot, control) -> None:
    assert await ask(control, "hello") == "hello"
    assert bot.headers[0]["X-Telegram-Bot-Api-Secret-Token"] == "s3cret"


async def test_a_refused_update_is_redelivered_and_a_duplicate_send_is_found(
    bot: Bot, control, sandbox: Sandbox
) -> None:
    bot.statuses = [503]
    await ask(control, "hello")
    async with asyncio.timeout(60):
        while sandbox.telegram.queues.pending:  # noqa: ASYNC110 - a real delivery takes real time
            await asyncio.sleep(0.01)
    assert len(bot.updates) == 2
    summary = (await control.get("/ledger")).json()["updates"]
    assert (summary["handled"], summary["redelivered"], summary["open"]) == (1, 1, 0)
    (double,) = (await control.get("/ledger/duplicates")).json()["sends"]
    assert double["redelivered"] is True


async def test_an_unreachable_bot(sandbox: Sandbox, control) -> None:
    token = sandbox.settings.bot_token.get_secret_value()
    api = f"http://127.0.0.1:{sandbox.settings.telegram_port}/bot{token}"
    await control.post(f"{api}/setWebhook", json={"url": f"http://127.0.0.1:{free_port()}/webhook"})
    await control.post("/updates", json={"user_id": 1001, "text": "hello"})
    async with asyncio.timeout(60):
        while not sandbox.telegram.queues.last_error:  # noqa: ASYNC110 - a real delivery takes real time
            await asyncio.sleep(0.01)
    info = (await control.get(f"{api}/getWebhookInfo")).json()["result"]
    assert (info["last_error_message"], info["pending_update_count"]) == ("Connection refused", 1)


async def test_a_port_in_use_is_one_clear_line(sandbox: Sandbox) -> None:
    with pytest.raises(PortInUseError, match=rf"port {sandbox.settings.telegram_port} \(telegram\)") as caught:
        async with Sandbox(sandbox.settings):
            pass
    assert "\n" not in str(caught.value)
