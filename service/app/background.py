"""A replica's background work."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from aiogram import Bot
from redis.exceptions import RedisError

from app.backends.replica_views import ReplicaViews
from app.core import metrics
from app.core.activity import Activity
from app.core.background import Periodic
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
from app.telegram.registration import INTERVAL_SECONDS, WebhookRegistration

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
            Periodic("redis-memory", RedisMemory(connections, keys.shared("data")).look, _GAUGES_SECONDS),
            Periodic("session-sweeper", self._sweep, _SWEEP_SECONDS),
        ]
        self._elections = [self._sweeper]
        self._confirm: Callable[[], Awaitable[None]] | None = None
        if settings.update_mode == "polling":
            election = Election(redis, keys.shared("elect", "polling"), seconds=ELECTION_SECONDS)
            polling = Polling(
                bot,
                intake,
                election,
                allowed_updates=allowed_updates,
                report=set_obstacle,
            )
            self._periodic.append(Periodic("polling", polling.poll_once, 0.05))
            self._confirm = polling.confirm
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
            self._periodic.append(Periodic("webhook-registration", registration.check, INTERVAL_SECONDS))
        self._elections.append(election)

    def start(self) -> None:
        self._lag.start()
        self._watchdog.start()
        for work in self._periodic:
            work.start()

    async def stop(self) -> None:
        """Stop everything; the activity of the last second is still written, and other replicas are elected at once."""
        for work in self._periodic:
            await work.stop()
        if self._confirm is not None:
            await self._confirm()
        await self._lag.stop()
        await self._watchdog.stop()
        await self._flushing.once()
        await self._reachable.once()
        # After the tasks: one of them would become leader again. Without this, nobody polls for up to 60 s.
        with contextlib.suppress(RedisError):
            for election in self._elections:
                await election.resign()

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
