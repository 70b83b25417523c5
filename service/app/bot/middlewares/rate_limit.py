"""Drops the updates of a user who sends too many. The user is warned once per window, not once per message.

The claim made the decision, in the same round trip to Redis.
"""

from typing import Any

from aiogram.types import TelegramObject, Update
from aiogram.utils.i18n import gettext as _

from app.bot.middlewares.timed import Handler, TimedMiddleware
from app.bot.reply import replyable_event, send_reply
from app.bot.roles import cached_role
from app.core import metrics
from app.delivery.context import require_update


class RateLimitMiddleware(TimedMiddleware):
    """Handles an update only if the `rate` of its context allows it."""

    name = "rate_limit"

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        rate = require_update().rate
        if rate.allowed:
            return await handler(event, data)
        role = cached_role()
        metrics.RATE_LIMIT_BLOCKS_TOTAL.labels(user_role=role).inc()
        if rate.warn:
            metrics.RATE_LIMIT_HITS_TOTAL.labels(user_role=role).inc()
            asked = replyable_event(event) if isinstance(event, Update) else None
            if asked is not None:
                await send_reply(
                    asked, _("You are sending messages too fast. Please wait a few seconds and try again.")
                )
        return None
