"""Groups in which the bot may not write. Remembering them avoids a failure for every command there."""

import time
from collections.abc import Callable
from importlib.resources import files

import structlog
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError

from app.core import metrics
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

REMEMBERED_SECONDS = 600.0
"""After this time the bot tries again, because it may have missed the update that restored its rights."""

_MAX_CHATS = 10_000

_REFUSALS = (
    "not enough rights to send",
    "chat_restricted",
    "chat_write_forbidden",
    "topic_closed",
    "have no write access",
    "need administrator rights",
)


def is_refusal(error: TelegramAPIError) -> bool:
    """Whether the chat refuses messages of the bot; a retry or another text would not help."""
    if isinstance(error, TelegramForbiddenError):
        return True
    return isinstance(error, TelegramBadRequest) and any(part in error.message.lower() for part in _REFUSALS)


_Mark = tuple[int, int | None]
"""A chat, or one forum topic of it."""


class RefusingChats:
    """The groups, and forum topics of groups, that refused a message lately; all replicas share them in Redis.

    An update asks only this replica's copy. `refresh` renews it, within a round trip that the background work makes
    anyway; until then another replica may try once more. `clock` is monotonic. Without `redis` nothing is shared.
    """

    def __init__(
        self, redis: ScriptRunner | None = None, key_prefix: str = "", *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        # In one hash slot.
        base = f"{{{key_prefix}:refusing}}"
        self._keys = (base, f"{base}:version")
        self._clock = clock
        self._version = ""
        self._until: dict[_Mark, float] = {}
        self._unshared: set[_Mark] = set()
        self._refuse_script, self._allow_script = _script("refuse"), _script("allow")
        self._refusing_script = _script("refusing")

    async def add(self, chat_id: int, thread_id: int | None, error: TelegramAPIError) -> None:
        """Remember a group that refused a message; counted and logged once by all replicas while it is remembered.

        Without Redis this replica remembers it alone.
        """
        if chat_id >= 0 or not is_refusal(error):
            return
        mark = (chat_id, thread_id if "topic_closed" in error.message.lower() else None)
        if self._refuses(mark):
            return
        self._until.pop(mark, None)
        self._until[mark] = self._clock() + REMEMBERED_SECONDS
        self._unshared.add(mark)
        if len(self._until) > _MAX_CHATS:
            oldest = next(iter(self._until))
            del self._until[oldest]
            self._unshared.discard(oldest)
        if not await self._share(mark):
            return
        metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="warning").inc()
        log.warning("chat_refuses_messages", chat_id=chat_id, reason=error.message)

    def refuses(self, chat_id: int, thread_id: int | None) -> bool:
        """Whether a reply in this chat or topic would be refused."""
        return bool(self._until) and (self._refuses((chat_id, None)) or self._refuses((chat_id, thread_id)))

    async def remove(self, chat_id: int) -> None:
        """Forget a group: the bot's rights in it have changed."""
        for mark in [mark for mark in self._until if mark[0] == chat_id]:
            del self._until[mark]
            self._unshared.discard(mark)
        if self._redis is None:
            return
        try:
            await self._redis.run(self._allow_script, self._keys, chat_id, int(REMEMBERED_SECONDS))
        except RedisUnavailableError as error:
            log.warning("refusing_chat_not_shared", chat_id=chat_id, reason=str(error))

    async def refresh(self) -> None:
        """Read what the other replicas have learned. Raises RedisUnavailableError."""
        if self._redis is None:
            return
        found = await self._redis.run(self._refusing_script, self._keys, self._version)
        if found is None:
            return
        now = self._clock()
        shared = {
            _parsed(mark): now + int(milliseconds) / 1000
            for mark, milliseconds in zip(found[1::2], found[2::2], strict=True)
        }
        own = {mark: self._until[mark] for mark in self._unshared}
        self._until = {**shared, **own}
        self._version = found[0].decode()

    async def _share(self, mark: _Mark) -> bool:
        """Tell the other replicas; False if one of them has told already."""
        if self._redis is None:
            return True
        arguments = (_written(mark), int(REMEMBERED_SECONDS), _MAX_CHATS)
        try:
            is_new = await self._redis.run(self._refuse_script, self._keys, *arguments)
        except RedisUnavailableError as error:
            log.warning("refusing_chat_not_shared", chat_id=mark[0], reason=str(error))
            return True
        self._unshared.discard(mark)
        return bool(is_new)

    def _refuses(self, mark: _Mark) -> bool:
        return self._until.get(mark, 0.0) > self._clock()


def _written(mark: _Mark) -> str:
    chat_id, thread_id = mark
    return str(chat_id) if thread_id is None else f"{chat_id}:{thread_id}"


def _parsed(written: bytes) -> _Mark:
    chat_id, _, thread_id = written.decode().partition(":")
    return int(chat_id), int(thread_id) if thread_id else None


def _script(name: str) -> Script:
    return Script("blocked", files("app.telegram").joinpath("scripts", f"{name}.lua").read_text("utf-8"))
