"""Users who have blocked the bot, known from a 403 or from a membership update; broadcasts skip them.

Not the company's own block of an account, which only the User Service knows.
"""

import time
from collections.abc import Callable, Sequence
from typing import Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core.redis_metrics import measured
from app.core.settings import Settings
from app.delivery.keys import KeySpace

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

KEEP_SECONDS = 30 * 24 * 3600
"""After this time broadcasts try a user again: the update that they unblocked the bot may have been lost."""


class BlockedUsers:
    """A sorted set of user ids, scored by the time of the last refusal; `clock` is the wall clock."""

    def __init__(self, redis: Redis, key: str, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._key = key
        self._clock = clock

    @classmethod
    def of(cls, redis: Redis, settings: Settings) -> Self:
        """Make the set of the bot that the settings name."""
        return cls(redis, KeySpace(settings.redis_key_prefix, settings.bot_id).shared("blocked"))

    async def add(self, chat_id: int) -> None:
        """Remember a private chat that Telegram refuses with 403; groups are ignored.

        A failure of Redis is only logged: the next message gets a 403 again.
        """
        if chat_id <= 0:
            return
        now = self._clock()
        try:
            with measured("blocked"):
                await self._redis.zadd(self._key, {str(chat_id): now})
                await self._redis.zremrangebyscore(self._key, "-inf", now - KEEP_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("blocked_user_not_noted", reason=type(error).__name__)

    async def remove(self, user_id: int) -> None:
        """Remove a user who unblocked the bot. Raises RedisError."""
        with measured("blocked"):
            await self._redis.zrem(self._key, str(user_id))

    async def blocked_among(self, user_ids: Sequence[int]) -> set[int]:
        """Return those of `user_ids` who have blocked the bot. Raises RedisError."""
        if not user_ids:
            return set()
        with measured("blocked"):
            scores = await self._redis.zmscore(self._key, [str(user_id) for user_id in user_ids])
        oldest = self._clock() - KEEP_SECONDS
        return {
            user_id
            for user_id, score in zip(user_ids, scores, strict=True)
            if score is not None and float(score) > oldest
        }
