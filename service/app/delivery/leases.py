"""Renews the chat locks of all updates in flight with one task."""

import asyncio

import structlog
from redis.exceptions import ResponseError

from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.core.tasks import cancel_and_wait
from app.delivery.keys import Token

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Leases:
    """Renews each chat lock three times per lease, so that two failed renewals in a row lose nothing.

    A lock that was lost is only dropped here; the commit script refuses its token.
    """

    def __init__(self, redis: ScriptRunner, script: Script, *, lease_seconds: float) -> None:
        self._redis = redis
        self._script = script
        self._lease_seconds = lease_seconds
        self._held: dict[Token, str] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, lock: str, token: Token) -> None:
        """Renew the chat lock with the key `lock` from now on."""
        self._held[token] = lock

    def drop(self, token: Token) -> None:
        """Stop renewing the lock of `token`."""
        self._held.pop(token, None)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="lease-renewer")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)
        self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            await self.renew()

    async def renew(self) -> None:
        """Renew every chat lock once."""
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
