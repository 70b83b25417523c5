"""Keeps the lanes of all updates in hand from expiring; one task for all of them."""

import asyncio

import structlog
from redis.exceptions import ResponseError

from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.core.tasks import end
from app.delivery.keys import Token

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Leases:
    """Renews each lane three times a lease. A lane that is lost is only forgotten: its commit will be refused."""

    def __init__(self, redis: ScriptRunner, script: Script, *, lease_seconds: float) -> None:
        self._redis = redis
        self._script = script
        self._lease_seconds = lease_seconds
        self._held: dict[Token, str] = {}
        self._task: asyncio.Task[None] | None = None

    def keep(self, lane: str, token: Token) -> None:
        """Renew `lane` from now on."""
        self._held[token] = lane

    def drop(self, token: Token) -> None:
        """Renew it no more."""
        self._held.pop(token, None)

    def start(self) -> None:
        """Begin to renew."""
        self._task = asyncio.create_task(self._run(), name="lease-renewer")

    async def stop(self) -> None:
        """Stop renewing."""
        await end(self._task)
        self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            await self.renew()

    async def renew(self) -> None:
        """Renew every lane once, those taken this moment too."""
        held = list(self._held.items())
        lease_ms = int(self._lease_seconds * 1000)
        answers = await asyncio.gather(
            *(self._redis.run(self._script, (lane,), token, lease_ms) for token, lane in held),
            return_exceptions=True,
        )
        for (token, _), answer in zip(held, answers, strict=True):
            if isinstance(answer, RedisUnavailableError | ResponseError):
                log.warning("lease_not_renewed", reason=type(answer).__name__)
            elif isinstance(answer, BaseException):
                raise answer
            elif not answer:
                self.drop(token)
