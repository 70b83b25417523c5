"""Telegram's update queues and their delivery to a webhook.

Rules from the source of Telegram's Bot API server (WebhookActor.cpp): messages queue by chat and callbacks by user; one
update per queue is in flight; queues are delivered in parallel over at most ``max_connections`` connections; at most
twice as many queues are loaded at a time; every response other than 2xx is retried, at once, then after 2, 4, 8 … up to
60–120 s; ``Retry-After`` is obeyed; an expired update is dropped.

Delivery itself is a function; HTTP is in :mod:`sandbox.telegram.webhook`.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import orjson

from sandbox.jsontypes import JsonObject
from sandbox.ledger import Ledger

MAX_BACKOFF_SECONDS = 60.0
MAX_RETRY_AFTER_SECONDS = 3600.0
LOADED_QUEUES_PER_CONNECTION = 2
MAX_POLLED_BYTES = 1 << 22

_DAY_SECONDS = 24 * 3600.0
EXPIRY_SECONDS = {"callback_query": 150.0, "inline_query": 30.0, "chosen_inline_result": 600.0}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one delivery: HTTP status (0: no response), error text, and Retry-After in seconds."""

    status: int
    error: str = ""
    retry_after: float = 0.0

    @property
    def handled(self) -> bool:
        """Whether Telegram removes the update from its queue."""
        return 200 <= self.status < 300


Deliver = Callable[[JsonObject], Awaitable[Outcome]]


@dataclass(slots=True)
class PendingUpdate:
    """A queued update."""

    content: JsonObject
    expires: float
    not_before: float = 0.0
    failures: int = 0
    delay_seconds: float = field(default=1.0)

    @property
    def update_id(self) -> int:
        return int(self.content["update_id"])

    def failed(self, now: float, retry_after: float, cap_seconds: float) -> bool:
        """Schedule the next attempt; False if it would come after the update's expiry, so that Telegram drops it now.

        Source: ``WebhookActor::on_update_error``.
        """
        wait = min(retry_after, MAX_RETRY_AFTER_SECONDS)
        if not retry_after and self.failures:
            self.delay_seconds = min(self.delay_seconds * 2, cap_seconds)
            wait = self.delay_seconds
        self.failures += 1
        self.not_before = now + wait
        return self.not_before <= self.expires


class UpdateQueues:
    """All pending updates, and the tasks that deliver them while a webhook is set."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        backoff_cap: Callable[[], float] = lambda: random.uniform(MAX_BACKOFF_SECONDS, 2 * MAX_BACKOFF_SECONDS),  # noqa: S311 - no secret
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._sleep = sleep
        self._backoff_cap = backoff_cap
        self._queues: dict[str, deque[PendingUpdate]] = {}
        self._waiting: deque[str] = deque()
        self._loaded: dict[str, asyncio.Task[None]] = {}
        self._deliver: Deliver | None = None
        self._max_connections = 0
        self._connections = asyncio.Semaphore(0)
        self._arrived = asyncio.Event()
        self.last_error = ""
        self.last_error_at: int | None = None

    @property
    def pending(self) -> int:
        """Number of updates that are not handled yet."""
        return sum(len(queue) for queue in self._queues.values())

    @property
    def loaded(self) -> int:
        """Number of queues being delivered."""
        return len(self._loaded)

    def put(self, queue: str, kind: str, content: JsonObject) -> None:
        """Append an update to its queue."""
        lifetime = EXPIRY_SECONDS.get(kind, _DAY_SECONDS)
        update = PendingUpdate(content, self._clock() + lifetime)
        if queue not in self._queues:
            self._queues[queue] = deque()
            self._waiting.append(queue)
        self._queues[queue].append(update)
        self._arrived.set()
        self._load()

    async def deliver_to(self, deliver: Deliver | None, max_connections: int) -> None:
        """Start delivering to a webhook, or stop (None). Deliveries in flight are cancelled and stay pending."""
        await self._unload()
        self._deliver = deliver
        self._max_connections = max_connections
        self._connections = asyncio.Semaphore(max_connections)
        self._load()

    def drop_all(self) -> None:
        """Drop all pending updates (``drop_pending_updates``); requires that no queue is loaded."""
        for queue in self._queues.values():
            for update in queue:
                self._ledger.update_dropped(update.update_id)
        self._queues.clear()
        self._waiting.clear()

    async def arrival(self) -> None:
        """Wait until an update is pending."""
        while not self.pending:
            self._arrived.clear()
            await self._arrived.wait()

    def polled(self, limit: int) -> list[JsonObject]:
        """Return pending updates for getUpdates, oldest first, as many as fit into a response."""
        self._drop_expired()
        pending = sorted((u for queue in self._queues.values() for u in queue), key=lambda u: u.update_id)[:limit]
        left = MAX_POLLED_BYTES
        updates = []
        for update in pending:
            left -= 50 + len(orjson.dumps(update.content))  # Client::JsonUpdates
            if left <= 0:
                break
            self._ledger.attempt_started(update.update_id)
            updates.append(update.content)
        return updates

    async def close(self) -> None:
        await self.deliver_to(None, 0)

    def confirm(self, offset: int) -> None:
        """Remove the updates below ``offset``; a negative one keeps only the last ``-offset`` updates."""
        if offset < 0:
            newest = sorted(u.update_id for queue in self._queues.values() for u in queue)[offset:]
            offset = newest[0] if newest else 0
        for name, queue in list(self._queues.items()):
            while queue and queue[0].update_id < offset:
                self._ledger.attempt_ended(queue.popleft().update_id, 200)
            if not queue:
                del self._queues[name]
                self._waiting.remove(name)

    def _drop_expired(self) -> None:
        now = self._clock()
        for name, queue in list(self._queues.items()):
            for update in [one for one in queue if one.expires <= now]:
                queue.remove(update)
                self._ledger.update_expired(update.update_id)
            if not queue:
                del self._queues[name]
                self._waiting.remove(name)

    def _load(self) -> None:
        if self._deliver is None:
            return
        while self._waiting and len(self._loaded) < LOADED_QUEUES_PER_CONNECTION * self._max_connections:
            name = self._waiting.popleft()
            self._loaded[name] = asyncio.create_task(self._drain(name, self._deliver))

    async def _unload(self) -> None:
        tasks = dict(self._loaded)
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        self._loaded.clear()
        self._waiting.extendleft(reversed([name for name in tasks if name in self._queues]))

    async def _drain(self, name: str, deliver: Deliver) -> None:
        queue = self._queues[name]
        while queue:
            update = queue[0]
            await self._wait_for(update)
            if update.expires <= self._clock():
                self._ledger.update_expired(queue.popleft().update_id)
                continue
            async with self._connections:
                outcome = await self._attempt(update, deliver)
            if outcome.handled:
                queue.popleft()
            else:
                self.last_error, self.last_error_at = outcome.error, int(self._clock())
                if not update.failed(self._clock(), outcome.retry_after, self._backoff_cap()):
                    self._ledger.update_expired(queue.popleft().update_id)
        del self._queues[name], self._loaded[name]
        self._load()

    async def _wait_for(self, update: PendingUpdate) -> None:
        wait = min(update.not_before, update.expires) - self._clock()
        if wait > 0:
            await self._sleep(wait)

    async def _attempt(self, update: PendingUpdate, deliver: Deliver) -> Outcome:
        self._ledger.attempt_started(update.update_id)
        status = 0
        try:
            outcome = await deliver(update.content)
            status = outcome.status
        finally:
            self._ledger.attempt_ended(update.update_id, status)
        return outcome
