"""Delivers updates to the bot's webhook over HTTP, as Telegram does."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
import orjson

from sandbox.jsontypes import JsonObject
from sandbox.telegram.queues import Outcome

DELIVERY_TIMEOUT_SECONDS = 60.0
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name


GONE_SECONDS = 23 * 3600.0
"""WEBHOOK_DROP_TIMEOUT: a webhook that responds with nothing but 410 for longer than this is removed."""

NOT_IN_RESPONSES = frozenset({"deletewebhook", "setwebhook", "close", "logout"})

Perform = Callable[[str, JsonObject], Awaitable[None]]
Remove = Callable[[], None]


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Arguments of setWebhook."""

    url: str = ""
    secret: str = ""
    max_connections: int = 40
    allowed_updates: tuple[str, ...] = ()


class WebhookClient:
    """Posts updates over keep-alive connections, as Telegram does.

    After a response that is neither 2xx nor 503, the next request closes its connection: a connection that was routed
    to another server while the bot's Service had no endpoint would otherwise be kept for good.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        timeout_seconds: float = DELIVERY_TIMEOUT_SECONDS,
        perform: Perform | None = None,
        clock: Callable[[], float] = time.time,
        remove: Remove | None = None,
    ) -> None:
        self._settings = settings
        self._perform = perform
        self._clock = clock
        self._remove = remove
        self._gone_since: float | None = None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),  # the queues already bound the parallel deliveries
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            auto_decompress=False,
        )
        self._headers = {"Content-Type": "application/json"}
        if settings.secret:
            self._headers[SECRET_HEADER] = settings.secret
        self._is_gateway = True

    async def deliver(self, update: JsonObject) -> Outcome:
        """Post one update; a connection error is an outcome with status 0."""
        headers = self._headers if self._is_gateway else {**self._headers, "Connection": "close"}
        try:
            async with self._session.post(
                self._settings.url, data=orjson.dumps(update), headers=headers, allow_redirects=False
            ) as response:
                body = await response.read()
                if response.ok:
                    await self._perform_reply(body)
                self._note_gone(response.status)
                self._is_gateway = response.ok or response.status == HTTPStatus.SERVICE_UNAVAILABLE
                return Outcome(
                    response.status,
                    f"Wrong response from the webhook: {response.status} {response.reason}",
                    _retry_after(response.headers.get("Retry-After", "")),
                )
        except TimeoutError:
            return Outcome(0, "Read timeout expired")
        except aiohttp.ClientConnectorError:
            return Outcome(0, "Connection refused")
        except (aiohttp.ClientError, OSError):
            return Outcome(0, "Connection closed by the webhook")

    async def _perform_reply(self, body: bytes) -> None:
        """Perform the call in a webhook's response, if there is one; its result is lost (``WebhookActor::handle``)."""
        try:
            call = orjson.loads(body or b"null")
        except orjson.JSONDecodeError:
            return
        name = str(call.pop("method", "")) if isinstance(call, dict) else ""
        refused = name.lower().startswith("get") or name.lower() in NOT_IN_RESPONSES
        if name and not refused and self._perform is not None:
            await self._perform(name, call)

    def _note_gone(self, status: int) -> None:
        """Remove the webhook after 23 hours of 410; any other response starts them again (``WebhookActor::handle``)."""
        if status != HTTPStatus.GONE:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = self._clock()
        elif self._clock() > self._gone_since + GONE_SECONDS and self._remove is not None:
            self._remove()

    async def close(self) -> None:
        await self._session.close()


def _retry_after(header: str) -> float:
    return float(header) if header.isdigit() else 0.0
