"""Parses one update, from the webhook or from polling, has it handled, and stores invalid ones as dead letters."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from aiogram import Bot
from aiogram.types import Update
from aiogram.types.update import UpdateTypeLookupError
from pydantic import ValidationError

from app.core import metrics
from app.core.tracing import current_exemplar, mark_failed
from app.delivery.dead_letters import DeadLetterReason, DeadLetters
from app.delivery.lenient import without_unreadable
from app.delivery.origin import origin_of
from app.delivery.pipeline import ENDED, Outcome, Pipeline

_LENIENT_ATTEMPTS = 3
"""What is left out can be part of a union, whose other members then have other errors."""


class InvalidUpdateError(Exception):
    """The body is not an update that this bot can handle."""

    def __init__(self, reason: DeadLetterReason) -> None:
        super().__init__(reason)
        self.reason = reason


def parse_update(body: bytes, bot: Bot) -> Update:
    """Parse an update.

    Raises:
        InvalidUpdateError: it is not JSON, not an update, or of a type that aiogram does not know.
    """
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidUpdateError(DeadLetterReason.INVALID_JSON) from None
    try:
        update = _validated(raw, bot)
        _ = update.event_type
    except (ValidationError, UpdateTypeLookupError, RecursionError):
        raise InvalidUpdateError(DeadLetterReason.INVALID_UPDATE) from None
    return update


def _validated(raw: Any, bot: Bot) -> Update:
    """Validate an update; without the optional parts that aiogram does not know, if need be."""
    for _attempt in range(_LENIENT_ATTEMPTS):
        try:
            return Update.model_validate(raw, context={"bot": bot})
        except ValidationError as error:
            reduced = without_unreadable(raw, error.errors()) if isinstance(raw, dict) else None
            if reduced is None:
                raise
            raw = reduced
    return Update.model_validate(raw, context={"bot": bot})


class Intake:
    """`message_type` names an update for metrics and spans; `observe` sees each update, whatever becomes of it."""

    def __init__(
        self,
        pipeline: Pipeline,
        bot: Bot,
        dead_letters: DeadLetters,
        *,
        message_type: Callable[[Update], str],
        observe: Callable[[Update], None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._bot = bot
        self._dead_letters = dead_letters
        self._message_type = message_type
        self._observe = observe

    async def take(self, body: bytes, *, keep: bool = True) -> Outcome:
        """Handle one update; `keep` says whether an invalid one is stored as a dead letter."""
        started = time.perf_counter()
        try:
            update = parse_update(body, self._bot)
        except InvalidUpdateError as error:
            stored = await self.reject(body, error.reason, keep=keep)
            return Outcome.INVALID if stored else Outcome.UNAVAILABLE
        if self._observe is not None:
            self._observe(update)
        store_dead_letter = partial(
            self._dead_letters.add, body, DeadLetterReason.HANDLER_FAILED, chat_id=origin_of(update).lock_id
        )
        outcome = await self._pipeline.handle(update, self._message_type(update), store_dead_letter)
        if outcome in ENDED:
            metrics.MESSAGE_PROCESSING_DURATION_SECONDS.observe(time.perf_counter() - started, current_exemplar())
        return outcome

    async def reject(self, body: bytes, reason: DeadLetterReason, *, keep: bool) -> bool:
        """Count an update that would fail again, and store it as a dead letter if `keep`.

        False if it should be stored and could not be: Telegram must redeliver it, or it would be lost.
        """
        metrics.ERRORS_TOTAL.labels("invalid_update", "warning").inc()
        mark_failed("invalid_update")
        return not keep or await self._dead_letters.add(body, reason)
