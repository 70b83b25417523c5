"""A Bot API server that responses as scripted, and a bot that talks to it by the gateway's session."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiogram import Bot
from aiohttp import web

from app.delivery.context import UpdateContext, current_update
from app.telegram.session import GatewaySession
from support.stub_server import serving

TOKEN = "42:AAF-known-token-of-the-tests"
SENT = {"message_id": 9, "date": 1, "chat": {"id": 1001, "type": "private"}, "text": "hello"}


@dataclass
class BotApi:
    """`responses` are given in order, the last one for ever; `bytes` are sent as they are, status 0 hangs up.

    `hold` keeps it from answering.
    """

    responses: list[tuple[int, Any]] = field(default_factory=lambda: [(200, {"ok": True, "result": SENT})])
    calls: list[tuple[str, Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def handle(self, request: web.Request) -> web.Response:
        assert request.path.startswith(f"/bot{TOKEN}/")
        raw = await request.read()
        is_json = request.content_type == "application/json"
        self.calls.append((request.path.rpartition("/")[2], orjson.loads(raw) if is_json else raw))
        if self.hold is not None:
            await self.hold.wait()
        status, body = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
        if status == 0:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return web.Response(status=status, body=body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.fixture
async def api() -> AsyncIterator[tuple[BotApi, str]]:
    scripted = BotApi()
    async with serving(scripted.handle) as url:
        yield scripted, url


@pytest.fixture
def bot_api(api: tuple[BotApi, str]) -> BotApi:
    return api[0]


@pytest.fixture
async def bot(api: tuple[BotApi, str]) -> AsyncIterator[Bot]:
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=10, timeout=2))
    yield bot
    await bot.session.close()


@contextmanager
def handling_an_update(seconds_left: float = 10) -> Iterator[None]:
    """As if an update were being handled."""
    context = UpdateContext(1, 1001, "private", 1001, deadline=asyncio.get_running_loop().time() + seconds_left)
    token = current_update.set(context)
    try:
        yield
    finally:
        current_update.reset(token)


@pytest.fixture
def in_update() -> Callable[..., AbstractContextManager[None]]:
    return handling_an_update
