"""What is known of a call of the Bot API that did not end in its answer, and whether it may be made again.

A message that may have gone out is not sent again by itself: a user would read it twice. What changes nothing when it
is done twice (an edit, the answer to a button, a question) is repeated all the same.
"""

import asyncio
from typing import Any

from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import TelegramMethod

from app.delivery.context import current_update

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_RESERVE = 3.0
"""Seconds of the update's deadline that are kept for telling the user and for the commit."""

_PATIENCE = 5.0
"""Seconds that a message outside of an update waits for its turn: who sends there has a queue of its own."""

_HARMLESS_TWICE = ("answer", "delete", "edit", "get", "set")


class OutcomeUnknownError(TelegramNetworkError):
    """The call may or may not have taken effect: its answer did not come, or was not the Bot API's."""


def may_repeat(method: TelegramMethod[Any], error: TelegramAPIError) -> bool:
    """Whether the call may be made again after `error`: it had no effect, or a second one would do no harm."""
    return not isinstance(error, OutcomeUnknownError) or method.__api_method__.startswith(_HARMLESS_TWICE)


def retry_wait(error: TelegramAPIError, attempt: int) -> float | None:
    """Seconds to wait before another try, or None where there is no time for one.

    Outside of an update nothing is tried again.
    """
    if current_update.get() is None:
        return None
    if isinstance(error, TelegramRetryAfter):
        wait = float(error.retry_after)
    else:
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
    return wait if wait < seconds_to_wait() else None


def seconds_to_wait() -> float:
    """How long the update being handled may still wait before it sends."""
    update = current_update.get()
    if update is None:
        return _PATIENCE
    return update.deadline - asyncio.get_running_loop().time() - _RESERVE
