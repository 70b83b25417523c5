"""Deferred messages: messages that Telegram limits for longer than their update may wait, kept in Redis until then.

Delivery is at least once: when the replica that sends a message dies, another one sends it after the lease.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import structlog
from aiogram import Bot
from aiogram.client.default import Default
from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import EditMessageText, SendDocument, SendMediaGroup, SendMessage, SendPhoto, TelegramMethod
from aiogram.types import InlineKeyboardMarkup, TelegramObject
from aiogram.utils.i18n import gettext as _
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.bot.keyboard_owner import split_owner
from app.core import metrics
from app.core.background import count_failure
from app.core.redis_metrics import measured
from app.core.tasks import BackgroundTask
from app.telegram.retries import Effect, effect_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Each message has a lease of its own, longer than one send may take, so that no other replica sends it meanwhile.
_LEASE_SECONDS = 60
_SEND_SECONDS = 45
_REDIS_RETRY_SECONDS = 0.5
_REDIS_ATTEMPTS = int((_LEASE_SECONDS - _SEND_SECONDS) / _REDIS_RETRY_SECONDS)
_FIRST_RETRY_SECONDS = 10
_MAX_RETRY_SECONDS = 300
MAX_ATTEMPTS = 10
MAX_AGE_SECONDS = 3600
"""A message is given up after as many attempts or so long: by then it answers a question that nobody remembers."""

_BATCH = 10
_SCAN = 200

_Photos = SendMediaGroup | SendPhoto | SendDocument
_CALLS: dict[str, type[SendMessage | _Photos]] = {
    call.__api_method__: call for call in (SendMessage, SendMediaGroup, SendPhoto, SendDocument)
}
_OPTIONS = ("message_thread_id", "parse_mode", "entities", "link_preview_options", "reply_parameters", "reply_markup")
_MEDIA = {SendMediaGroup: "media", SendPhoto: "photo", SendDocument: "document"}
"""Photos of a request have no caption and no keyboard, so they need no other options."""


CLAIM_SCRIPT = """
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if #due == 0 then return false end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], due[1])
return due[1]
"""
REPLACE_SCRIPT = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
return redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
"""


class OutboxMessage(BaseModel):
    """A deferred message. `id` keeps two equal messages apart: a sorted set holds a value only once.

    `options` are the other arguments of `call`: any keyboard, topic, reply target, parse mode, photos. `keyboard`, and
    the `text` of photos, are for earlier releases, whose replicas send only texts, during an upgrade.
    """

    id: str
    chat_id: int | str
    text: str
    call: str = "sendMessage"
    keyboard: dict[str, Any] | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    attempts: int = 0
    queued_at: float | None = None


def deferrable(method: TelegramMethod[Any]) -> bool:
    """Return whether a call can be sent later: a message can, the answer to a callback query expires."""
    if isinstance(method, _Photos):
        # A file that is uploaded is gone by then; photos of requests are named by their id.
        return all(isinstance(item, str) for item in _media_of(method))
    return isinstance(method, SendMessage | EditMessageText) and method.chat_id is not None


def _media_of(method: _Photos) -> list[Any]:
    match method:
        case SendMediaGroup():
            return [item.media for item in method.media]
        case SendPhoto():
            return [method.photo]
        case SendDocument():
            return [method.document]


def _options(method: SendMessage | EditMessageText | _Photos, thread_id: int | None) -> dict[str, Any]:
    names = (*_OPTIONS, _MEDIA[type(method)]) if isinstance(method, _Photos) else _OPTIONS
    fields = {name: _plain(getattr(method, name, None)) for name in names}
    fields["message_thread_id"] = fields["message_thread_id"] or thread_id
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    # A default of the bot applies when the message is sent.
    if value is None or isinstance(value, Default):
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, TelegramObject):
        return {name: plain for name, item in value if (plain := _plain(item)) is not None}
    return value


def _sending(message: OutboxMessage) -> TelegramMethod[Any]:
    options = message.options
    if not options and message.keyboard is not None:
        # The release before stored it.
        options = {"reply_markup": message.keyboard}
    text = {"text": message.text} if message.call == SendMessage.__api_method__ else {}
    return _CALLS[message.call].model_validate({"chat_id": message.chat_id, **text, **options})


def _photo_count(method: _Photos) -> str:
    return _("Photos: {count}").format(count=len(_media_of(method)))


def _concerns(raw: bytes, user_id: int) -> bool:
    """Whether a stored message goes to the user's private chat, or its keyboard in a group is the user's."""
    try:
        message = OutboxMessage.model_validate_json(raw)
    except ValidationError:
        # Of another release: it will be dropped unread.
        return False
    if message.chat_id == user_id:
        return True
    rows = (message.options.get("reply_markup") or {}).get("inline_keyboard") or []
    buttons = [button for row in rows for button in row]
    return any(split_owner(button.get("callback_data") or "")[1] == user_id for button in buttons)


class Outbox:
    """The queue of deferred messages. `start` starts the sender of this replica; `put` works without it."""

    def __init__(
        self,
        redis: Redis,
        *,
        key_prefix: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis = redis
        self._key = f"{key_prefix}:outbox"
        self._clock = clock
        self._sleep = sleep
        self._claim = redis.register_script(CLAIM_SCRIPT)
        self._replace = redis.register_script(REPLACE_SCRIPT)
        self._task = BackgroundTask("outbox")

    async def put(self, method: TelegramMethod[Any], delay_seconds: float, *, thread_id: int | None = None) -> None:
        """Defer `method` by `delay_seconds`. An edit becomes a new message, in the topic `thread_id`."""
        if not isinstance(method, SendMessage | EditMessageText | _Photos) or not deferrable(method):
            raise TypeError(f"{type(method).__name__} cannot be deferred")
        assert method.chat_id is not None  # noqa: S101 - `deferrable` says so
        markup = None if isinstance(method, _Photos) else method.reply_markup
        keyboard = markup.model_dump(exclude_none=True) if isinstance(markup, InlineKeyboardMarkup) else None
        now = self._clock()
        message = OutboxMessage(
            id=uuid4().hex,
            chat_id=method.chat_id,
            text=_photo_count(method) if isinstance(method, _Photos) else method.text,
            call=method.__api_method__ if isinstance(method, _Photos) else SendMessage.__api_method__,
            keyboard=keyboard,
            options=_options(method, thread_id),
            queued_at=now,
        )
        with measured("outbox"):
            await self._redis.zadd(self._key, {message.model_dump_json(): now + delay_seconds})

    async def forget(self, user_id: int) -> int:
        """Delete what waits to be sent to a user, and return how many there were. Raises RedisError.

        What a replica is sending at this moment is sent, and not kept for another attempt.
        """
        found = 0
        async for raw, _due in self._redis.zscan_iter(self._key, count=_SCAN):
            if _concerns(raw, user_id):
                with measured("outbox"):
                    found += await self._redis.zrem(self._key, raw)
        return found

    async def start(self, bot: Bot) -> None:
        """Start the task that sends messages when they are due."""
        self._task.start(self._run(bot))

    async def close(self) -> None:
        """Stop sending; the remaining messages stay in Redis."""
        await self._task.stop()

    async def send_due(self, bot: Bot) -> int:
        """Send due messages, at most a batch; return how many."""
        for sent in range(_BATCH):
            now = self._clock()
            with measured("outbox"):
                due: bytes | None = await self._claim(keys=[self._key], args=[now, now + _LEASE_SECONDS])
            if due is None:
                return sent
            await self._send(bot, due)
        return _BATCH

    async def _run(self, bot: Bot) -> None:
        while True:
            taken = 0
            try:
                taken = await self.send_due(bot)
                with measured("outbox"):
                    metrics.OUTBOX_MESSAGES.set(await self._redis.zcard(self._key))
            except RedisError:
                metrics.OUTBOX_MESSAGES.set(float("nan"))
            except Exception as error:
                count_failure(error)
                log.exception("background_work_failed", work="outbox")
            if not taken:
                await asyncio.sleep(1)

    async def _send(self, bot: Bot, raw: bytes) -> None:
        try:
            message = OutboxMessage.model_validate_json(raw)
            sending = _sending(message)
        except ValidationError:
            # Another release stored it with other fields.
            log.warning("outbox_message_dropped", exception_type="ValidationError")
            await self._remove(raw)
            return
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await bot(sending)
        except TimeoutError as error:
            await self._give_up(raw, error)
        except TelegramRetryAfter as error:
            await self._retry(raw, message, error, error.retry_after)
        except (TelegramNetworkError, TelegramServerError) as error:
            if effect_of(error) is Effect.NONE:
                wait = min(_FIRST_RETRY_SECONDS * 2**message.attempts, _MAX_RETRY_SECONDS)
                await self._retry(raw, message, error, wait)
            else:
                await self._give_up(raw, error)
        except TelegramAPIError as error:
            # Telegram would refuse it later too: the chat is gone, or the user has blocked the bot.
            log.warning("outbox_message_dropped", exception_type=type(error).__name__)
            await self._remove(raw)
        else:
            await self._remove(raw)

    async def _retry(self, raw: bytes, message: OutboxMessage, error: TelegramAPIError, seconds: float) -> None:
        now = self._clock()
        queued_at = message.queued_at if message.queued_at is not None else now
        attempts = message.attempts + 1
        if attempts >= MAX_ATTEMPTS or now + seconds > queued_at + MAX_AGE_SECONDS:
            await self._give_up(raw, error)
            return
        again = message.model_copy(update={"attempts": attempts, "queued_at": queued_at})
        stored, due = again.model_dump_json(), now + seconds
        await self._until_reply(lambda: self._replace(keys=[self._key], args=[raw, stored, due]))

    async def _give_up(self, raw: bytes, error: TelegramAPIError | TimeoutError) -> None:
        """Drop a message that may have been sent, or was tried often enough; counted as an error."""
        metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
        log.error("outbox_message_given_up", exception_type=type(error).__name__)
        await self._remove(raw)

    async def _remove(self, raw: bytes) -> None:
        await self._until_reply(lambda: self._redis.zrem(self._key, raw))

    async def _until_reply(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Repeat a command until Redis replies, for the rest of the lease. Raises RedisError.

        A message that was sent and stayed in the queue would be sent again after its lease.
        """
        for attempt in range(1, _REDIS_ATTEMPTS + 1):
            try:
                with measured("outbox"):
                    await call()
            except RedisError:
                if attempt == _REDIS_ATTEMPTS:
                    raise
            else:
                return
            await self._sleep(_REDIS_RETRY_SECONDS)
