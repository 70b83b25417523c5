"""A gateway and a sandbox in this process, with a real Redis: people write, and what the bot does is read."""

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.core.settings import Settings
from app.main import Gateway
from sandbox.redis_server import RedisServer, free_port
from sandbox.server import Sandbox
from sandbox.settings import Settings as SandboxSettings
from sandbox.telegram.chats import Chat
from sandbox.telegram.injected_errors import ErrorSpec, InjectedError
from sandbox.telegram.users import Users
from support.bot_conversation import moved

__all__ = ["moved"]

TOKEN = "42:AAF-known-token-of-the-integration-tests"
SERVICES = ("auth", "request", "user", "shift")
WAIT_SECONDS = 30.0


@dataclass
class Town:
    """Everything around one gateway. `users` acts; `settle` waits until every update is handled."""

    sandbox: Sandbox
    gateway: Gateway
    redis: Redis

    @property
    def users(self) -> Users:
        return Users(self.sandbox.telegram)

    async def settle(self) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while self.sandbox.ledger.summary()["updates"]["open"]:  # noqa: ASYNC110 - the ledger has no event
                await asyncio.sleep(0.01)

    def chat(self, chat_id: int) -> Chat:
        chats = self.sandbox.telegram.chats
        return chats.private(chat_id) if chat_id > 0 else chats.group(chat_id)

    def messages(self, chat_id: int) -> list[dict[str, Any]]:
        """Return the bot's messages in a chat, oldest first."""
        return [message.content for message in self.chat(chat_id).messages.values() if message.from_bot]

    def texts(self, chat_id: int) -> list[str]:
        return [str(content.get("text", content.get("caption", ""))) for content in self.messages(chat_id)]

    def fail(self, *errors: str, **spec: Any) -> InjectedError:
        return self.sandbox.telegram.errors.add(ErrorSpec(errors=list(errors), **spec))

    def sends(self, method: str = "sendMessage") -> list[dict[str, Any]]:
        return [send for send in self.sandbox.ledger.sends() if send["method"] == method]

    def toasts(self) -> list[str]:
        """Return the texts of answered callback queries, oldest first."""
        return [query.answer_text for query in self.sandbox.telegram.callbacks.all() if query.answered]

    async def say(self, user_id: int, text: str, **where: Any) -> None:
        self.users.say(user_id, text, **where)
        await self.settle()

    async def press(self, user_id: int, chat_id: int, label: str) -> None:
        """Press a button of the bot's last message that has one with this label."""
        for content in reversed(self.messages(chat_id)):
            for row in content.get("reply_markup", {}).get("inline_keyboard", []):
                for button in row:
                    if button["text"].startswith(label):
                        data = button["callback_data"]
                        self.users.press(user_id, content["message_id"], data, chat_id=chat_id)
                        await self.settle()
                        return
        raise AssertionError(f"no button {label!r} in {self.messages(chat_id)}")


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log entries of the test. Without it, structlog renders tracebacks for a terminal, which takes seconds."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def environment() -> dict[str, Any]:
    """Settings of the gateway that a test wants changed."""
    return {}


@pytest.fixture
async def town(redis_server: RedisServer, environment: dict[str, Any]) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_server.url))
        await redis.flushall()
        port = free_port()
        ports = {name: free_port() for name in ("telegram", "control", *SERVICES)}
        sandbox = Sandbox(
            SandboxSettings(
                bot_token=TOKEN,
                traffic_users=20,
                webhook_url="" if environment.get("update_mode") == "polling" else f"http://127.0.0.1:{port}/webhook",
                webhook_secret="secret",
                **{f"{name}_port": number for name, number in ports.items()},
            )
        )
        await stack.enter_async_context(sandbox)
        settings: dict[str, Any] = {
            "bot_token": TOKEN,
            "webhook_secret": "secret",
            "host": "127.0.0.1",
            "port": port,
            "redis_url": redis_server.url,
            "telegram_api_base": f"http://127.0.0.1:{ports['telegram']}",
            "tracing_enabled": False,
            "service_token": "sandbox-service-token",
            "shutdown_grace_seconds": 1,
            **{f"{name}_service_url": f"http://127.0.0.1:{ports[name]}" for name in SERVICES},
        }
        gateway = Gateway(Settings(**(settings | environment)))
        await gateway.start()
        stack.push_async_callback(gateway.stop)
        yield Town(sandbox, gateway, redis)
