"""Whether and when to retry a failed Bot API call.

A message that may have been delivered is not sent again: a user would read it twice. Calls that are idempotent (an
edit, `answerCallbackQuery`, a query) are retried all the same.
"""

import asyncio
from typing import Any

from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import TelegramMethod

from app.delivery.context import current_update

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_RESERVED_SECONDS = 3.0
"""Seconds of the update's deadline that are kept for the error message to the user and for the commit."""

_MAX_WAIT_OUTSIDE_UPDATE = 5.0
"""Seconds that a message outside an update waits for the send budget: outbox and broadcasts have their own queues."""

_IDEMPOTENT_PREFIXES = ("answer", "delete", "edit", "get", "set")


class OutcomeUnknownError(TelegramNetworkError):
    """The call may or may not have taken effect: no response came, or it was not the Bot API's."""


def may_repeat(method: TelegramMethod[Any], error: TelegramAPIError) -> bool:
    """Whether the call may be retried after `error`: it had no effect, or is idempotent."""
    return not isinstance(error, OutcomeUnknownError) or method.__api_method__.startswith(_IDEMPOTENT_PREFIXES)


def retry_delay(error: TelegramAPIError, attempt: int) -> float | None:
    """Seconds until the next attempt, or None if the update's deadline leaves no time, or outside an update."""
    if current_update.get() is None:
        return None
    if isinstance(error, TelegramRetryAfter):
        wait = float(error.retry_after)
    else:
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    return wait if wait < remaining_wait() else None


def remaining_wait() -> float:
    """Seconds that the update being handled may still wait before it sends."""
    update = current_update.get()
    if update is None:
        return _MAX_WAIT_OUTSIDE_UPDATE
    return update.deadline - asyncio.get_running_loop().time() - _RESERVED_SECONDS
