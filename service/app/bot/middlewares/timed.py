"""A middleware that measures its own duration, without that of the layers inside it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from aiogram import BaseMiddleware
from aiogram.types import TelegramObject

from app.core import metrics

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class TimedMiddleware(BaseMiddleware, ABC):
    """Records the duration of `run` in `middleware_duration_seconds{middleware}`; `name` is the label."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self._duration = metrics.MIDDLEWARE_DURATION_SECONDS.labels(middleware=self.name)

    @abstractmethod
    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """Do the work of the middleware; await `handler` to continue with the update."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        inside = 0.0

        async def timed(inner_event: TelegramObject, inner_data: dict[str, Any]) -> Any:
            nonlocal inside
            entered = time.perf_counter()
            try:
                return await handler(inner_event, inner_data)
            finally:
                inside += time.perf_counter() - entered

        started = time.perf_counter()
        try:
            return await self.run(timed, event, data)
        finally:
            self._duration.observe(time.perf_counter() - started - inside)
