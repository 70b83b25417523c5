"""Whether and when to retry a failed Bot API call.

A message that may have been delivered is not sent again: a user would read it twice. Calls that are idempotent (an
edit, `answerCallbackQuery`, a query) are retried all the same. The rules and their sources are in
docs/telegram-rules.md, section "Repeating a call".
"""

import asyncio
from enum import Enum
from typing import Any

from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import TelegramMethod

from app.delivery.context import current_update

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_RESERVED_SECONDS = 3.0
"""Seconds of the update's deadline that are kept for the error message to the user and for the commit."""

_MAX_WAIT_OUTSIDE_UPDATE = 5.0
"""Seconds that a message outside an update waits for the send budget: outbox and broadcasts have their own queues."""

MAX_ATTEMPTS = 8
"""Of one call, however much of the deadline is left: a bot that insists makes a limit or an outage worse."""

_IDEMPOTENT_PREFIXES = ("answer", "delete", "edit", "get", "set")


class OutcomeUnknownError(TelegramNetworkError):
    """The call may or may not have taken effect: no response came, or it was not the Bot API's."""


class Effect(Enum):
    """Whether a failed call had its effect all the same."""

    NONE = 0
    UNKNOWN = 1
    DONE = 2


def effect_of(error: TelegramAPIError) -> Effect:
    """Whether the call that failed with `error` had its effect."""
    if isinstance(error, OutcomeUnknownError):
        return Effect.UNKNOWN
    if not isinstance(error, TelegramServerError):
        return Effect.NONE
    if "immediately deleted" in error.message:
        # Telegram accepted the message and deleted it before it was added to the chat (Client::delete_message).
        return Effect.DONE
    # The Bot API server restarts and has not started the call (Client::get_closing_error); any other 5xx can come
    # after the call has taken effect.
    return Effect.NONE if error.message.endswith("restart") else Effect.UNKNOWN


def may_repeat(method: TelegramMethod[Any], error: TelegramAPIError) -> bool:
    """Whether the call may be retried after `error`: it had no effect, or is idempotent."""
    match effect_of(error):
        case Effect.NONE:
            return True
        case Effect.UNKNOWN:
            return method.__api_method__.startswith(_IDEMPOTENT_PREFIXES)
        case Effect.DONE:
            return False


def retry_delay(error: TelegramAPIError, attempt: int) -> float | None:
    """Seconds until the next attempt; None outside an update, after `MAX_ATTEMPTS`, or if the deadline is too near."""
    if current_update.get() is None or attempt + 1 >= MAX_ATTEMPTS:
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
