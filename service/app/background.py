"""A replica's background work."""

import asyncio
from collections.abc import Callable

import structlog
from aiogram import Bot
from redis.exceptions import RedisError

from app.backends.replica_views import ReplicaViews
from app.core import metrics
from app.core.activity import Activity
from app.core.background import Periodic
from app.core.clock_offset import ClockOffset
from app.core.election import Election
from app.core.redis import RedisConnections
from app.core.redis_memory import RedisMemory
from app.core.resources import EventLoopLag, ProcessUsage
from app.core.settings import Settings
from app.core.watchdog import Watchdog
from app.delivery.dead_letters import DeadLetters
from app.delivery.intake import Intake
from app.delivery.keys import KeySpace
from app.telegram.blocked import BlockedUsers
from app.telegram.polling import ELECTION_SECONDS, Polling
from app.telegram.refusals import RefusingChats
from app.telegram.registration import (
    ELECTION_SECONDS as WEBHOOK_ELECTION_SECONDS,
    INTERVAL_SECONDS,
    WebhookRegistration,
)

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_SWEEP_SECONDS = 5.0
_REACHABLE_SECONDS = 5.0
_GAUGES_SECONDS = 5.0
"""Often enough for a scrape every 15 s; not more often, because each read calls all 16 shards."""


class BackgroundWork:
    """Gauges of the process and of the whole cluster, and the jobs of an elected replica.

    `set_obstacle` is told why this replica cannot receive updates, an empty text if it can.
    """

    def __init__(
        self,
        settings: Settings,
        connections: RedisConnections,
        keys: KeySpace,
        *,
        bot: Bot,
        intake: Intake,
        activity: Activity,
        dead_letters: DeadLetters,
        blocked: BlockedUsers,
        refusing: RefusingChats,
        replica_views: ReplicaViews,
        allowed_updates: list[str],
        set_obstacle: Callable[[str], None],
    ) -> None:
        redis = connections.client
        self._activity = activity
        self._dead_letters = dead_letters
        self._sweeper = Election(redis, keys.shared("elect", "sweeper"), seconds=_SWEEP_SECONDS * 3)
        self._lag = EventLoopLag()
        self._watchdog = Watchdog(settings.watchdog_seconds)
        self._views = replica_views
        self._refusing = refusing
        self._flushing = Periodic("activity", self._flush_and_exchange, 1)
        self._reachable = Periodic("reachable-users", blocked.flush, _REACHABLE_SECONDS)
        self._periodic = [
            Periodic("process-usage", ProcessUsage().sample, 5),
            Periodic("watchdog-heartbeat", self._watchdog.heartbeat, settings.watchdog_seconds / 4),
            self._flushing,
            self._reachable,
            Periodic("cluster-gauges", self._update_gauges, _GAUGES_SECONDS),
            Periodic("clock-offset", ClockOffset(connections.batched, keys.shared("data")).measure, _GAUGES_SECONDS),
            Periodic("redis-memory", RedisMemory(connections, keys.shared("data")).look, _GAUGES_SECONDS),
        ]
        self._sweeping = Periodic("session-sweeper", self._sweep, _SWEEP_SECONDS)
        self._polling: Polling | None = None
        if settings.update_mode == "polling":
            election = Election(redis, keys.shared("elect", "polling"), seconds=ELECTION_SECONDS)
            polling = Polling(
                bot,
                intake,
                election,
                allowed_updates=allowed_updates,
                report=set_obstacle,
            )
            self._polling = polling
            receiving = Periodic("polling", polling.poll_once, 0.05)
        else:
            election = Election(redis, keys.shared("elect", "webhook"), seconds=INTERVAL_SECONDS * 3)
            registration = WebhookRegistration(
                bot,
                election,
                settings,
                redis=redis,
                registered_by=keys.shared("webhook", "registered_by"),
                allowed_updates=allowed_updates,
            )
            receiving = Periodic("webhook-registration", registration.run_once, WEBHOOK_ELECTION_SECONDS)
        self._elected = [(self._sweeping, self._sweeper), (receiving, election)]
        self._periodic += [work for work, _ in self._elected]

    def start(self) -> None:
        self._lag.start()
        self._watchdog.start()
        for work in self._periodic:
            work.start()

    async def hand_over(self) -> None:
        """Finish the polled updates in flight, confirm them, and let other replicas be elected at once.

        The rest continues: requests are still served. Cancelled, it leaves the remaining steps to `stop`.
        """
        if self._polling is not None:
            await self._polling.drain()
        for work, _ in self._elected:
            # First: it would become leader again.
            await work.stop()
        if self._polling is not None:
            await self._polling.confirm()
            self._polling = None
        for _, election in self._elected:
            await _resign(election)

    async def stop(self) -> None:
        """Stop everything; the activity of the last second is still written, and other replicas are elected at once."""
        for work in self._periodic:
            await work.stop()
        await self._lag.stop()
        await self._watchdog.stop()
        await self._flushing.once()
        await self._reachable.once()
        await self.hand_over()

    async def _flush_and_exchange(self) -> None:
        # In one turn of the event loop, so that all share a round trip to Redis.
        exchanges = (self._activity.flush(), self._views.exchange(), self._refusing.refresh())
        results = await asyncio.gather(*exchanges, return_exceptions=True)
        for failure in results:
            if failure is not None:
                raise failure

    async def _update_gauges(self) -> None:
        metrics.DEAD_LETTERS_QUEUED.set(await self._dead_letters.count_or_nan())
        await self._activity.read()

    async def _sweep(self) -> None:
        if await self._sweeper.leads():
            await self._activity.sweep()


async def _resign(election: Election) -> None:
    """Resign; a failure must not keep this replica from resigning the next one. The key then expires by itself."""
    try:
        await election.resign()
    except (RedisError, OSError) as error:
        log.warning("election_not_resigned", reason=type(error).__name__)
