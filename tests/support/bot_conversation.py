"""A bot under test: its real dispatcher, scripted backends, and a Telegram stub that accepts every call.

A conftest that imports the fixtures provides `redis`: a server for the integration tests, an unreachable one for the
unit tests.
"""

import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiogram import Bot, Dispatcher
from aiogram.client.session.base import BaseSession
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.methods import GetMe, SendMessage, TelegramMethod
from aiogram.types import InlineKeyboardMarkup, Message, Update, User
from aiohttp import web
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.backends.models import Identity
from app.bot.services import Services
from app.bot.setup import build_dispatcher
from app.core.metric_family import REGISTRY
from app.core.settings import Settings
from app.delivery.context import CachedIdentity, RateDecision, UpdateContext, current_update
from support.stub_server import serving

TOKEN = "42:TEST-TOKEN"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log entries of the test."""
    with capture_logs() as entries:
        yield entries


class TelegramStub(BaseSession):
    """Accepts and records every call; `failures` are raised first, in order.

    Its results follow the Bot API: getMe returns the bot, sendMessage the message, everything else here True.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[TelegramMethod[Any]] = []
        self.failures: list[Exception] = []
        self._message_ids = itertools.count(1000)

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ASYNC109 - aiogram's signature
        if self.failures:
            raise self.failures.pop(0)
        self.calls.append(method)
        if isinstance(method, GetMe):
            return User(id=bot.id, is_bot=True, first_name="Bot", username="test_bot")
        if not isinstance(method, SendMessage):
            return True
        message = {
            "message_id": next(self._message_ids),
            "date": 0,
            "chat": {"id": method.chat_id, "type": "private"},
            "text": method.text,
        }
        return Message.model_validate(message, context={"bot": bot})

    async def stream_content(self, *args: Any, **kwargs: Any) -> AsyncGenerator[bytes, None]:
        raise AssertionError("this session downloads no file")
        yield b""

    async def close(self) -> None:
        pass


Response = tuple[int, Any]


class Backends:
    """All four backends behind one server. `responses` maps "METHOD /path" to a response or a function of the body."""

    def __init__(self) -> None:
        self.responses: dict[str, Response | Callable[[dict[str, Any]], Response]] = {}
        self.default: Response = (404, {"error": {"code": "not_scripted", "message": ""}})
        self.calls: list[tuple[str, dict[str, Any], dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else dict(request.query)
        name = f"{request.method} {request.path}"
        self.calls.append((name, body, dict(request.headers)))
        response = self.responses.get(name, self.default)
        status, value = response(body) if callable(response) else response
        return web.json_response(value, status=status)

    def named(self, name: str) -> list[dict[str, Any]]:
        return [body for called, body, _headers in self.calls if called == name]


@pytest.fixture
async def backends() -> AsyncIterator[tuple[Backends, str]]:
    scripted = Backends()
    async with serving(scripted.handle) as url:
        yield scripted, url


def identity(role: str = "applicant", language: str = "en", **changes: Any) -> dict[str, Any]:
    values = {"user_id": 7, "telegram_id": 1001, "role": role, "language": language, "name": "Aziz"}
    return Identity.model_validate({**values, **changes}).model_dump(mode="json")


@dataclass
class Conversation:
    """The user's side of a chat. Keeps between updates what claim and commit would keep."""

    dispatcher: Dispatcher
    bot: Bot
    telegram: TelegramStub
    backends: Backends
    cached: CachedIdentity | None = None
    rate: RateDecision = field(default_factory=lambda: RateDecision(allowed=True, warn=False))
    user_id: int = 1001
    language_code: str = "en"
    chat: dict[str, Any] = field(default_factory=lambda: {"id": 1001, "type": "private"})
    last: UpdateContext | None = None
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def sign_in(self, role: str = "applicant", language: str = "en", *, age: float = 0.0, **changes: Any) -> None:
        self.cached = CachedIdentity(identity(role, language, **changes), time.time() - age)

    async def feed(self, **event: Any) -> Any:
        update_id = next(self._ids)
        update = Update.model_validate({"update_id": update_id, **event}, context={"bot": self.bot})
        context = UpdateContext(
            update_id=update_id,
            chat_id=self.chat["id"],
            chat_type=self.chat["type"],
            user_id=self.user_id,
            deadline=time.monotonic() + 45,
            rate=self.rate,
            identity=self.cached,
        )
        self.last = context
        token = current_update.set(context)
        try:
            return await self.dispatcher.feed_update(self.bot, update)
        finally:
            current_update.reset(token)
            if context.forget:
                self.cached = None
            if context.new_identity is not None:
                self.cached = CachedIdentity(context.new_identity, time.time())

    async def send(self, text: str | None = None, **content: Any) -> Any:
        return await self.feed(message=self.message(text=text, **content))

    async def press(self, data: str, **message: Any) -> Any:
        query = {
            "id": "1",
            "from": self._user(),
            "chat_instance": "1",
            "data": data,
            "message": {**self.message(text="old"), "from": {"id": 42, "is_bot": True, "first_name": "Bot"}, **message},
        }
        return await self.feed(callback_query=query)

    async def press_labelled(self, label: str) -> Any:
        """Press the button of the newest keyboard whose text starts with `label`."""
        buttons = {button.text: button.callback_data for row in self.keyboard().inline_keyboard for button in row}
        text = next(text for text in buttons if text.startswith(label))
        return await self.press(str(buttons[text]))

    def keyboard(self) -> InlineKeyboardMarkup:
        for call in reversed(self.telegram.calls):
            markup = getattr(call, "reply_markup", None)
            if isinstance(markup, InlineKeyboardMarkup):
                return markup
        raise AssertionError("no keyboard was shown")

    def said(self) -> list[str]:
        """Return the texts of all messages, edits and alerts so far."""
        return [call.text for call in self.telegram.calls if getattr(call, "text", None)]

    def message(self, **content: Any) -> dict[str, Any]:
        values = {"message_id": next(self._ids), "date": 0, "chat": self.chat, "from": self._user(), **content}
        return {key: value for key, value in values.items() if value is not None}

    def _user(self) -> dict[str, Any]:
        return {"id": self.user_id, "is_bot": False, "first_name": "A", "language_code": self.language_code}


@pytest.fixture
def settings(backends: tuple[Backends, str]) -> Settings:
    url = backends[1]
    return Settings(
        bot_token=TOKEN,
        auth_service_url=url,
        request_service_url=url,
        user_service_url=url,
        shift_service_url=url,
        service_token="service-token",
        # The tests count the calls of the backends.
        probe_interval_seconds=0,
    )


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    services = Services.from_settings(settings)
    await services.start()
    yield services
    await services.close()


@pytest.fixture
async def user(services: Services, settings: Settings, redis: Redis, backends: tuple[Backends, str]) -> Conversation:
    telegram = TelegramStub()
    bot = Bot(TOKEN, session=telegram)
    dispatcher = build_dispatcher(services, settings, redis, MemoryStorage())
    return Conversation(dispatcher, bot, telegram, backends[0])


def sample(name: str, **labels: str) -> float:
    """Return the value of one of the gateway's series, 0 if it does not exist yet."""
    return REGISTRY.get_sample_value(f"bot_gateway_{name}", labels) or 0.0


@pytest.fixture
def moved() -> Callable[..., Callable[[], float]]:
    """`moved(name, **labels)` returns a function that returns the change of that series since then."""

    def watch(name: str, **labels: str) -> Callable[[], float]:
        before = sample(name, **labels)
        return lambda: sample(name, **labels) - before

    return watch
