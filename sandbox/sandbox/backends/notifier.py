"""The Request backend's notifications: posts status changes to the gateway's ``/internal/notify`` until accepted."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import aiohttp
import structlog

from sandbox.backends.requests import StatusChanged
from sandbox.backends.telemetry import BackendMetrics

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

ATTEMPTS = 10
MAX_WAIT_SECONDS = 30.0
TIMEOUT_SECONDS = 10.0


class Notifier:
    """Posts events in the background; drops an event after ten failed attempts."""

    def __init__(
        self,
        url: str,
        token: str,
        metrics: BackendMetrics,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = url
        self._token = token
        self._metrics = metrics
        self._sleep = sleep
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, event: StatusChanged) -> None:
        """Schedule an event for delivery; a no-op without a URL."""
        if not self._url:
            return
        task = asyncio.create_task(self._push(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Wait until every event is delivered or dropped."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Cancel pending deliveries and close the connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _push(self, event: StatusChanged) -> None:
        body = {"type": "request_status_changed"} | asdict(event)
        for attempt in range(ATTEMPTS):
            status = await self._post(body)
            if 200 <= status < 300:
                self._metrics.notifications.labels("delivered").inc()
                return
            if 400 <= status < 500 and status not in (408, 425, 429):
                break
            await self._sleep(min(2.0**attempt, MAX_WAIT_SECONDS) * random.uniform(0.5, 1))  # noqa: S311 - jitter
        self._metrics.notifications.labels("given_up").inc()
        log.warning("notification_given_up", event_id=event.event_id)

    async def _post(self, body: dict[str, object]) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
            )
        try:
            async with self._session.post(self._url, json=body) as response:
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0
