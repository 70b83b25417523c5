"""`POST /internal/notify`: a backend notifies the bot of an event."""

import asyncio
import hmac

import structlog
from aiogram import Bot
from aiohttp import web
from redis.exceptions import RedisError

from app.bot.notify import Notifier, NotifyResult
from app.core import metrics
from app.core.settings import Settings
from app.core.tracing import create_span
from app.request_body import BodyBrokenError, BodyEncodedError, BodyTimeoutError, BodyTooLargeError, read_body

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MAX_BODY = 64 * 1024
_REFUSALS: dict[type[Exception], int] = {
    BodyEncodedError: 415,
    BodyTooLargeError: 413,
    BodyTimeoutError: 408,
    BodyBrokenError: 400,
}


class NotifyEndpoint:
    """Checks the service token and passes the event on. Without a configured service token it refuses every request.

    `idle` is set while no event is being sent.
    """

    def __init__(self, notifier: Notifier, bot: Bot, settings: Settings) -> None:
        self._notifier = notifier
        self._bot = bot
        self._token = settings.service_token.get_secret_value().encode()
        self._in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def handle(self, request: web.Request) -> web.Response:
        """Respond to a post: 2xx done, 401 wrong token, 413 too large, 422 invalid event, 503 retry."""
        if not self._is_authorized(request):
            metrics.NOTIFICATIONS_TOTAL.labels("unauthorized").inc()
            return web.Response(status=401)
        try:
            body = await read_body(request, MAX_BODY)
        except tuple(_REFUSALS) as error:
            metrics.NOTIFICATIONS_TOTAL.labels("invalid").inc()
            return web.Response(status=_REFUSALS[type(error)])
        self._in_flight += 1
        self.idle.clear()
        try:
            with create_span("/internal/notify"):
                return await self._take(body)
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self.idle.set()

    async def _take(self, body: bytes) -> web.Response:
        try:
            result = await self._notifier.handle(self._bot, body)
        except (RedisError, OSError):
            metrics.ERRORS_TOTAL.labels("redis_unavailable", "error").inc()
            result = NotifyResult.FAILED
        headers = {"Retry-After": "1"} if result.http_status == 503 else {}
        return web.json_response({"result": result}, status=result.http_status, headers=headers)

    def _is_authorized(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return bool(self._token) and hmac.compare_digest(given, b"Bearer " + self._token)
