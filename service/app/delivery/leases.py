"""Renews the chat locks of all updates in flight with one task."""

import asyncio
import time
from collections.abc import Callable

import structlog
from redis.exceptions import ResponseError

from app.core.background import count_failure
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.core.tasks import BackgroundTask
from app.delivery.keys import Token

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Leases:
    """Renews each chat lock three times per lease, so that two failed renewals in a row lose nothing.

    A lock that was lost is only dropped here; the commit script refuses its token. `monotonic` returns seconds of a
    monotonic clock, by which `holds` knows without asking Redis that a lease has expired.

    No lock is renewed for longer than `longest_seconds`: a defect that forgets to drop a token must not block a chat.
    """

    def __init__(
        self,
        redis: ScriptRunner,
        script: Script,
        *,
        lease_seconds: float,
        longest_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._redis = redis
        self._script = script
        self._lease_seconds = lease_seconds
        self._longest_seconds = longest_seconds
        self._held: dict[Token, str] = {}
        self._added_at: dict[Token, float] = {}
        self._expires_at: dict[Token, float] = {}
        self._task = BackgroundTask("lease-renewer")

    def add(self, lock: str, token: Token, *, since: float) -> None:
        """Renew the chat lock with the key `lock` from now on; its claim was sent at `since` of the monotonic clock."""
        self._held[token] = lock
        self._added_at[token] = since
        self._expires_at[token] = since + self._lease_seconds

    def drop(self, token: Token) -> None:
        """Stop renewing the lock of `token`."""
        self._held.pop(token, None)
        self._added_at.pop(token, None)
        self._expires_at.pop(token, None)

    def holds(self, token: Token) -> bool:
        """Whether the lease of `token` has not expired. A process that was paused finds here that it was."""
        return self._monotonic() < self._expires_at.get(token, 0.0)

    def start(self) -> None:
        self._task.start(self._run())

    async def stop(self) -> None:
        await self._task.stop()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                await self.renew()
            except Exception as error:
                # If this task ended, every update that takes longer than a lease would be handled twice.
                count_failure(error)
                log.exception("background_work_failed", work="lease-renewer")

    async def renew(self) -> None:
        """Renew every chat lock once."""
        sent_at = self._monotonic()
        for token in [token for token, added in self._added_at.items() if sent_at - added > self._longest_seconds]:
            log.error("lease_never_dropped", seconds=self._longest_seconds)
            self.drop(token)
        held = list(self._held.items())
        lease_ms = int(self._lease_seconds * 1000)
        results = await asyncio.gather(
            *(self._redis.run(self._script, (lock,), token, lease_ms) for token, lock in held),
            return_exceptions=True,
        )
        for (token, _), result in zip(held, results, strict=True):
            if isinstance(result, RedisUnavailableError | ResponseError):
                log.warning("lease_not_renewed", reason=type(result).__name__)
            elif isinstance(result, BaseException):
                raise result
            elif not result:
                self.drop(token)
            elif token in self._held:
                self._expires_at[token] = sent_at + self._lease_seconds
