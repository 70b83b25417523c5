"""Permission check by the flags of a handler. The backend authorises again; this saves it the obvious refusals.

Flags of a handler: `roles` (a set of Role, default everyone with an account), `guest=True` (users without an account
too), `fresh=True` (only with an identity that the Auth Service confirmed recently), `action` (its name in
`user_actions_total`).
"""

from functools import cache
from typing import Any

from aiogram.dispatcher.flags import extract_flags
from aiogram.types import CallbackQuery, Message, TelegramObject
from aiogram.utils.i18n import gettext as _
from prometheus_client import Counter

from app.backends.models import Identity
from app.bot.account_link import ask_for_contact
from app.bot.middlewares.timed import Handler, TimedMiddleware
from app.bot.reply import answer_callback, send_reply
from app.bot.roles import EVERYONE, role_label
from app.core import metrics
from app.delivery.context import require_update


class GuardMiddleware(TimedMiddleware):
    """Calls the handler, or replies with the reason why not."""

    name = "guard"

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Message | CallbackQuery):
            return await handler(event, data)
        flags = extract_flags(data)
        identity: Identity | None = data["identity"]
        if identity is None and not flags.get("guest", False):
            return await _ask_for_contact(event)
        if identity is not None and identity.role not in flags.get("roles", EVERYONE):
            return await send_reply(event, _("Your role cannot do this. /help shows what you can do."))
        if flags.get("fresh", False) and not data["identity_fresh"]:
            require_update().degraded = True
            return await send_reply(
                event, _("I cannot verify your permissions right now. Please try again in a few minutes.")
            )
        result = await handler(event, data)
        if "action" in flags:
            _actions(flags["action"], role_label(identity)).inc()
        return result


async def _ask_for_contact(event: Message | CallbackQuery) -> None:
    text = _("I do not know you yet. Please share your phone number so that I can find your account.")
    if isinstance(event, Message):
        await ask_for_contact(event, text)
    else:
        await answer_callback(event, text)


@cache
def _actions(action: str, role: str) -> Counter:
    return metrics.USER_ACTIONS_TOTAL.labels(action=action, user_role=role)
