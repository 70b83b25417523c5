"""The bot's Bot API session: JSON requests, lazily decoded responses, every call counted, timed and traced."""

import asyncio
import json
import math
import time
from itertools import count
from typing import Any, cast

import orjson
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import (
    CopyMessage,
    EditMessageCaption,
    EditMessageReplyMarkup,
    EditMessageText,
    ForwardMessage,
    SendDocument,
    SendLocation,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    TelegramMethod,
)
from aiogram.methods.base import TelegramType
from aiogram.types import Message
from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
)
from yarl import URL

from app.compat.lazy_message import LazyMessage
from app.core import metrics
from app.core.tracing import SpanKind, create_span
from app.delivery.context import LeaseExpiredError, current_update
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget, SendBudgetExhaustedError
from app.telegram.encoding import HasFileError, encode
from app.telegram.http_pool import HttpPool, NoResponseError, NotConnectedError
from app.telegram.proxy import PROXY_ERRORS, connector, reason_of
from app.telegram.refusals import RefusingChats
from app.telegram.retries import OutcomeUnknownError, may_repeat, remaining_wait, retry_delay

# Telegram's sending limits count these, edits too; `answerCallbackQuery` is free.
_SENDING = (
    *(SendMessage, SendPhoto, SendMediaGroup, SendDocument, SendLocation, ForwardMessage, CopyMessage),
    *(EditMessageText, EditMessageCaption, EditMessageReplyMarkup),
)
_CONNECT_SECONDS = 5.0
_IDLE_SECONDS = 30.0
"""A connection is not used again after this time, well before the server closes it: it is
unknown whether a message written to a closing connection arrived."""


class GatewaySession(AiohttpSession):
    """A session for one Bot API server. `timeout` in seconds limits one call.

    `budget` limits the sending rate and learns of each 429; `blocked` learns of each 403, `refusing` of each group that
    refuses messages. `lazy_messages` decodes sent messages at their first use. `proxy` is the address of a proxy.
    """

    def __init__(
        self,
        api_base: str,
        *,
        connections: int,
        budget: SendBudget | None = None,
        blocked: BlockedUsers | None = None,
        refusing: RefusingChats | None = None,
        timeout: float = 20.0,
        lazy_messages: bool = True,
        proxy: str | None = None,
    ) -> None:
        super().__init__(api=TelegramAPIServer.from_base(api_base), limit=connections, timeout=timeout)
        self._connections = connections
        self._budget = budget
        self._blocked = blocked
        self._refusing = refusing
        self._lazy_messages = lazy_messages
        self._proxy_url = proxy
        self._pool = HttpPool(
            URL(api_base), limit=connections, connect_seconds=_CONNECT_SECONDS, idle_seconds=_IDLE_SECONDS, proxy=proxy
        )
        self._heads: dict[str, bytes] = {}
        self._client: ClientSession | None = None

    async def create_session(self) -> ClientSession:
        """Return aiohttp's client, which is for files; made at its first use."""
        if self._client is None:
            self._client = ClientSession(
                connector=connector(
                    self._proxy_url, limit=self._connections, idle_seconds=_IDLE_SECONDS, tls=self._pool.tls
                ),
                cookie_jar=DummyCookieJar(),
                timeout=ClientTimeout(total=self.timeout),
            )
        return self._client

    async def close(self) -> None:
        self._pool.close()
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's signature
    ) -> TelegramType:
        """Call the Bot API; retry within the update's deadline where that can help. Raises aiogram's exceptions."""
        seconds = self.timeout if timeout is None else float(timeout)
        for attempt in count():
            await self._acquire_budget(method)
            _check_lease()
            try:
                return await self._call(bot, method, seconds)
            except TelegramMigrateToChat as error:
                # The group became a supergroup; its old id is invalid for ever, so this happens once.
                method = method.model_copy(update={"chat_id": error.migrate_to_chat_id})
            except (TelegramForbiddenError, TelegramBadRequest) as error:
                await self._note_refusal(method, error)
                raise
            except (TelegramRetryAfter, TelegramNetworkError, TelegramServerError) as error:
                if isinstance(error, TelegramRetryAfter):
                    await self._pause(method, error.retry_after)
                wait = retry_delay(error, attempt) if may_repeat(method, error) else None
                if wait is None:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("unreachable: the loop has no end")

    async def _note_refusal(self, method: TelegramMethod[Any], error: TelegramAPIError) -> None:
        chat_id = getattr(method, "chat_id", None)
        if not isinstance(chat_id, int):
            return
        if self._refusing is not None:
            await self._refusing.add(chat_id, getattr(method, "message_thread_id", None), error)
        if self._blocked is not None and isinstance(error, TelegramForbiddenError):
            await self._blocked.add(chat_id, not_started="can't initiate conversation" in error.message)

    async def _acquire_budget(self, method: TelegramMethod[Any]) -> None:
        if self._budget is None or not isinstance(method, _SENDING) or method.chat_id is None:
            return
        try:
            await self._budget.acquire(method.chat_id, max_wait=remaining_wait())
        except SendBudgetExhaustedError as error:
            raise _rate_limited(method, error.seconds) from None

    async def _pause(self, method: TelegramMethod[Any], seconds: float) -> None:
        chat_id = getattr(method, "chat_id", None)
        if self._budget is not None and chat_id is not None:
            await self._budget.pause(chat_id, seconds)

    async def _call(self, bot: Bot, method: TelegramMethod[TelegramType], seconds: float) -> TelegramType:
        name = method.__api_method__
        started = time.perf_counter()
        status = "error"
        try:
            with create_span(f"Telegram: {name}", kind=SpanKind.CLIENT) as span:
                http_status, body = await self._exchange(bot, method, seconds)
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
        try:
            body = encode(method, bot)
        except HasFileError:
            return await self._upload(bot, method, seconds)
        name = method.__api_method__
        head = self._heads.get(name)
        if head is None:
            head = self._heads[name] = self._pool.head(self._url(bot, name))
        try:
            return await self._pool.post(head, body, seconds)
        except NotConnectedError as error:
            raise TelegramNetworkError(method=method, message=str(error)) from None
        except NoResponseError as error:
            raise OutcomeUnknownError(method=method, message=str(error)) from None

    async def _upload(self, bot: Bot, method: TelegramMethod[Any], seconds: float) -> tuple[int, bytes]:
        client = await self.create_session()
        limit = ClientTimeout(total=seconds, connect=min(seconds, _CONNECT_SECONDS))
        form = self.build_form_data(bot, method)
        try:
            async with client.post(self._url(bot, method.__api_method__), data=form, timeout=limit) as response:
                return response.status, await response.read()
        # Only the type: the message of some of these holds the URL, and with it the bot token.
        except (ClientConnectorError, ConnectionTimeoutError, *PROXY_ERRORS) as error:
            raise TelegramNetworkError(method=method, message=reason_of(error)) from None
        except (ClientError, OSError) as error:
            raise OutcomeUnknownError(method=method, message=type(error).__name__) from None

    def _url(self, bot: Bot, name: str) -> URL:
        return URL(self.api.api_url(token=bot.token, method=name))

    def _decode(self, bot: Bot, method: TelegramMethod[TelegramType], status: int, body: bytes) -> TelegramType:
        if status == 200:
            try:
                result = _loads(body)["result"]
            except (ValueError, KeyError, TypeError):
                raise OutcomeUnknownError(method=method, message="the response is not the Bot API's") from None
            if getattr(method, "raw_result", False):
                return cast("TelegramType", result)
            if result is True:
                return cast("TelegramType", True)
            is_message = method.__returning__ is Message and isinstance(result, dict) and "message_id" in result
            if is_message and self._lazy_messages:
                return cast("TelegramType", LazyMessage.of(result, bot))
        elif not body.lstrip().startswith(b"{"):
            # A proxy's page, not Telegram's JSON.
            raise OutcomeUnknownError(method=method, message=f"HTTP {status}")
        try:
            response = self.check_response(bot, method, status, body.decode("utf-8", "replace"))
        except ClientDecodeError as error:
            # It is no TelegramAPIError, and holds the response, which must not get into a log.
            raise OutcomeUnknownError(method=method, message=type(error).__name__) from None
        return cast("TelegramType", response.result)


def _check_lease() -> None:
    """Send nothing for an update whose chat lock may be another replica's by now. No round trip: a local clock says it.

    A process that is paused between this and the sending still sends: Telegram knows no lock tokens.
    """
    context = current_update.get()
    if context is not None and not context.holds_lock():
        raise LeaseExpiredError


def _loads(body: bytes) -> Any:
    """Decode JSON. One string that is no valid Unicode must not make a whole batch of updates unreadable: it gets
    lone surrogates, by which `Intake` recognizes the one update that has it.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body.decode("utf-8", "surrogateescape"))


def _rate_limited(method: TelegramMethod[Any], seconds: float) -> TelegramRetryAfter:
    """The error that Telegram would respond with, had the message been sent."""
    return TelegramRetryAfter(method=method, message="over our own limit", retry_after=math.ceil(seconds))
