"""A span around the handler, named after its router: `Request Handler`, `Shift Handler`."""

from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import TelegramObject

from app.bot.middlewares.timed import Handler
from app.core.tracing import create_span


class HandlerSpanMiddleware(BaseMiddleware):
    """Not a `TimedMiddleware`: it does nothing but create the span."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        with create_span(f"{data['event_router'].name} Handler"):
            return await handler(event, data)
