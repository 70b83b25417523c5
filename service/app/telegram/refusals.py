"""Groups in which the bot may not write. Remembering them avoids a failure for every command there."""

import time
from collections.abc import Callable

import structlog
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError

from app.core import metrics

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


class RefusingChats:
    """The groups, and forum topics of groups, that refused a message lately. One per replica; `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[tuple[int, int | None], float] = {}

    def add(self, chat_id: int, thread_id: int | None, error: TelegramAPIError) -> None:
        """Remember a group that refused a message; counted and logged once while it is remembered."""
        if chat_id >= 0 or not is_refusal(error):
            return
        key = (chat_id, thread_id if "topic_closed" in error.message.lower() else None)
        if self._refuses(key):
            return
        self._until.pop(key, None)
        self._until[key] = self._clock() + REMEMBERED_SECONDS
        if len(self._until) > _MAX_CHATS:
            del self._until[next(iter(self._until))]
        metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="warning").inc()
        log.warning("chat_refuses_messages", chat_id=chat_id, reason=error.message)

    def refuses(self, chat_id: int, thread_id: int | None) -> bool:
        """Whether a reply in this chat or topic would be refused."""
        return bool(self._until) and (self._refuses((chat_id, None)) or self._refuses((chat_id, thread_id)))

    def remove(self, chat_id: int) -> None:
        """Forget a group: the bot's rights in it have changed."""
        for key in [key for key in self._until if key[0] == chat_id]:
            del self._until[key]

    def _refuses(self, key: tuple[int, int | None]) -> bool:
        return self._until.get(key, 0.0) > self._clock()
