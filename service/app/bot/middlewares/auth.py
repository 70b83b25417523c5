"""Authentication: the identity cached with the chat, or the response of the Auth Service.

A fresh cached identity is used without a call. While the Auth Service is down, a stale one is used, except for handlers
that the guard reserves for fresh ones. Puts `identity` (None for a user without an account) and `identity_fresh` in the
handler's data.
"""

import time
from collections.abc import Callable
from typing import Any

from aiogram.types import TelegramObject, Update, User
from aiogram.utils.i18n import gettext as _
from pydantic import ValidationError

from app.backends.auth import AuthService
from app.backends.errors import BackendRefusedError, BackendUnavailableError
from app.backends.models import Identity, TelegramId
from app.bot.i18n import CatalogueI18n, closest_locale
from app.bot.middlewares.timed import Handler, TimedMiddleware
from app.bot.reply import replyable_event, send_reply
from app.bot.roles import role_label
from app.core import metrics
from app.core.tracing import add_span_attribute, create_span
from app.delivery.context import UpdateContext, require_update


class AuthMiddleware(TimedMiddleware):
    """`fresh_seconds` and `stale_seconds` limit the age of a cached identity; `clock` is the wall clock."""

    name = "auth"

    def __init__(
        self,
        auth: AuthService,
        i18n: CatalogueI18n,
        *,
        fresh_seconds: float,
        stale_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._auth = auth
        self._i18n = i18n
        self._fresh_seconds = fresh_seconds
        self._stale_seconds = stale_seconds
        self._clock = clock

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: User | None = data.get("event_from_user")
        if user is None or user.is_bot:
            return await _ask_to_write_as_oneself(event)
        with create_span("Auth Middleware"):
            try:
                identity, fresh = await self._identify(TelegramId(user.id))
            except BackendUnavailableError:
                require_update().degraded = True
                metrics.ERRORS_TOTAL.labels(error_type="backend_unavailable", severity="warning").inc()
                return await _refuse(
                    event, _("I cannot verify your account right now. Please try again in a few minutes.")
                )
            add_span_attribute("user_role", role_label(identity))
        data["identity"] = identity
        data["identity_fresh"] = fresh
        if identity is not None:
            data["language"] = self._i18n.current_locale = closest_locale(identity.language)
            if identity.blocked:
                return await _refuse(event, _("Your account is blocked. Please contact the administration."))
        return await handler(event, data)

    async def _identify(self, telegram_id: TelegramId) -> tuple[Identity | None, bool]:
        update = require_update()
        cached, age = self._cached(update)
        if cached is not None and age < self._fresh_seconds:
            return cached, True
        try:
            identity = await self._auth.verify(telegram_id)
        except BackendRefusedError as refused:
            if refused.status != 404:
                raise
            _count_attempt("failure", None)
            # Delete the cached identity of an account that was unlinked.
            update.forget = cached is not None
            return None, True
        except BackendUnavailableError:
            if cached is None or age > self._stale_seconds:
                _count_attempt("failure", None)
                raise
            _count_attempt("stale", cached)
            return cached, False
        _count_attempt("success", identity)
        update.new_identity = identity.model_dump(mode="json")
        return identity, True

    def _cached(self, update: UpdateContext) -> tuple[Identity | None, float]:
        cached = update.identity
        if cached is None:
            return None, 0.0
        try:
            identity = Identity.model_validate(cached.value)
        except ValidationError:
            # Another release stored it with other fields. Treat it as missing.
            return None, 0.0
        # Redis' clock and this one differ a little, or one was set back: an age is never negative.
        return identity, abs(self._clock() - cached.stored_at)


async def _ask_to_write_as_oneself(event: TelegramObject) -> None:
    """Reply to an anonymous administrator, or to a person who writes as a channel; other bots get no reply."""
    message = event.message if isinstance(event, Update) else None
    if message is not None and message.sender_chat is not None and not message.is_automatic_forward:
        await message.answer(
            _("I cannot see who you are, because you write as a group or channel. Please write as yourself.")
        )


async def _refuse(event: TelegramObject, text: str) -> None:
    asked = replyable_event(event) if isinstance(event, Update) else None
    if asked is not None:
        await send_reply(asked, text)


def _count_attempt(result: str, identity: Identity | None) -> None:
    metrics.AUTH_ATTEMPTS_TOTAL.labels(result=result, user_role=role_label(identity)).inc()
