"""How the bot talks to the Bot API: JSON out, lazily decoded answers in, every call counted, timed and traced."""

import time
from typing import Any, cast

import orjson
import structlog
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import Message
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from app.core import metrics
from app.core.tracing import SpanKind, create_span
from app.telegram.encoding import HasFileError, encode
from app.telegram.lazy_message import LazyMessage

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class GatewaySession(AiohttpSession):
    """One pool to one Bot API server. `timeout` in seconds bounds one call."""

    def __init__(self, api_base: str, *, connections: int, timeout: float = 20.0) -> None:
        super().__init__(api=TelegramAPIServer.from_base(api_base), limit=connections, timeout=timeout)
        self._connections = connections
        self._client: ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def create_session(self) -> ClientSession:
        """The pool, opened at its first use."""
        if self._client is None:
            self._client = ClientSession(
                connector=TCPConnector(limit=self._connections, keepalive_timeout=60),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=self.timeout),
            )
            self._session = self._client
        return self._client

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's signature
    ) -> TelegramType:
        """Call the Bot API once; raises aiogram's exceptions."""
        name = method.__api_method__
        started = time.perf_counter()
        status = "error"
        try:
            with create_span(f"Telegram: {name}", kind=SpanKind.CLIENT) as span:
                http_status, body = await self._exchange(bot, method, self.timeout if timeout is None else timeout)
                status = str(http_status)
                span.set_attribute("http.response.status_code", http_status)
                return self._decode(bot, method, http_status, body)
        except TelegramRetryAfter as error:
            metrics.TELEGRAM_RETRY_AFTER_SECONDS_TOTAL.inc(error.retry_after)
            raise
        finally:
            metrics.TELEGRAM_REQUESTS_TOTAL.labels(name, status).inc()
            metrics.TELEGRAM_REQUEST_DURATION_SECONDS.labels(name).observe(time.perf_counter() - started)

    async def _exchange(self, bot: Bot, method: TelegramMethod[Any], seconds: float) -> tuple[int, bytes]:
        client = await self.create_session()
        try:
            body: Any = encode(method, bot)
            headers = {"Content-Type": "application/json"}
        except HasFileError:
            body, headers = self.build_form_data(bot, method), {}
        limit = ClientTimeout(total=seconds)
        try:
            async with client.post(self._url(bot, method), data=body, headers=headers, timeout=limit) as response:
                return response.status, await response.read()
        except TimeoutError:
            raise TelegramNetworkError(method=method, message="timeout") from None
        except (ClientError, OSError) as error:
            # Only the type: the message of some of these holds the address, and with it the token.
            raise TelegramNetworkError(method=method, message=type(error).__name__) from None

    def _url(self, bot: Bot, method: TelegramMethod[Any]) -> URL:
        name = method.__api_method__
        url = self._urls.get(name)
        if url is None:
            url = self._urls[name] = URL(self.api.api_url(token=bot.token, method=name))
        return url

    def _decode(self, bot: Bot, method: TelegramMethod[TelegramType], status: int, body: bytes) -> TelegramType:
        if status == 200:
            try:
                result = orjson.loads(body)["result"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                raise TelegramServerError(method=method, message="the answer is not the Bot API's") from None
            if result is True:
                return cast("TelegramType", True)
            if method.__returning__ is Message and isinstance(result, dict) and "message_id" in result:
                return cast("TelegramType", LazyMessage.of(result, bot))
        elif not body.lstrip().startswith(b"{"):
            # A proxy's page, not Telegram's.
            raise TelegramServerError(method=method, message=f"HTTP {status}")
        answer = self.check_response(bot, method, status, body.decode("utf-8", "replace"))
        return cast("TelegramType", answer.result)
