"""Counts updates after the handler has run: only then are role and language known."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from aiogram.types import TelegramObject, Update
from prometheus_client import Counter

from app.bot.i18n import DEFAULT_LOCALE
from app.bot.message_types import message_type
from app.bot.middlewares.timed import Handler, TimedMiddleware
from app.bot.roles import cached_role, role_label
from app.core import metrics
from app.core.tracing import create_span


class MetricsMiddleware(TimedMiddleware):
    """The outermost middleware. `commands` and `callback_types` are the closed sets of the labels."""

    name = "metrics"

    def __init__(self, *, commands: frozenset[str], callback_types: Mapping[str, str]) -> None:
        super().__init__()
        self._commands = commands
        self._callback_types = callback_types

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        try:
            return await handler(event, data)
        finally:
            if isinstance(event, Update):
                with create_span("Metrics Middleware"):
                    self._count(event, data)

    def _count(self, update: Update, data: dict[str, Any]) -> None:
        # The rate limit runs before authentication, so use the cached role if there is one.
        role = role_label(data["identity"]) if "identity" in data else cached_role()
        _messages(message_type(update), role, data.get("language", DEFAULT_LOCALE)).inc()
        if update.message is not None and (update.message.text or "").startswith("/"):
            command = (update.message.text or "")[1:].split(maxsplit=1)[:1]
            _commands(
                metrics.label_value(command[0].partition("@")[0].lower() if command else "", self._commands), role
            ).inc()
        if update.callback_query is not None:
            prefix = (update.callback_query.data or "").partition(":")[0]
            _callbacks(self._callback_types.get(prefix, "other"), role).inc()


# Looking up a child by its labels costs three times as much as counting; the label sets are closed and small.
@cache
def _messages(message_type: str, role: str, language: str) -> Counter:
    return metrics.MESSAGES_TOTAL.labels(message_type=message_type, user_role=role, language=language)


@cache
def _commands(command: str, role: str) -> Counter:
    return metrics.COMMANDS_TOTAL.labels(command=command, user_role=role)


@cache
def _callbacks(callback_type: str, role: str) -> Counter:
    return metrics.CALLBACKS_TOTAL.labels(callback_type=callback_type, user_role=role)
