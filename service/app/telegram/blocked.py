"""Users who have blocked the bot, known from a 403 or from a membership update; broadcasts skip them.

Not the company's own block of an account, which only the User Service knows.
"""

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Self

import structlog
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import CallbackQuery, ChatMemberUpdated, Update
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core.redis_metrics import measured
from app.core.settings import Settings
from app.delivery.keys import KeySpace

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

KEEP_SECONDS = 30 * 24 * 3600
"""After this time broadcasts try a user again: the update that they unblocked the bot may have been lost."""


_BATCH = 1000
_MAX_KEPT = 100_000
"""Users kept while Redis is away; some 10 MB."""


class BlockedUsers:
    """Two sorted sets of user ids, scored by the time of the last refusal: of users who blocked the bot, and of users
    who never started it. Any update from a private chat ends both. `clock` is the wall clock.
    """

    def __init__(self, redis: Redis, key: str, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._key = key
        self._not_started_key = f"{key}:not-started"
        self._clock = clock
        self._seen: dict[int, float] = {}

    @classmethod
    def of(cls, redis: Redis, settings: Settings) -> Self:
        """Make the set of the bot that the settings name."""
        return cls(redis, KeySpace(settings.redis_key_prefix, settings.bot_id).shared("blocked"))

    async def add(self, chat_id: int, *, not_started: bool = False) -> None:
        """Remember a private chat that Telegram refuses with 403; groups are ignored.

        `not_started`: the user never started the bot ("bot can't initiate conversation with a user").

        A failure of Redis is only logged: the next message gets a 403 again.
        """
        if chat_id <= 0:
            return
        now = self._clock()
        key = self._not_started_key if not_started else self._key
        try:
            with measured("blocked"):
                await self._redis.zadd(key, {str(chat_id): now})
                await self._redis.zremrangebyscore(key, "-inf", now - KEEP_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("blocked_user_not_noted", reason=type(error).__name__)

    async def remove(self, user_id: int) -> None:
        """Remove a user whom the bot can write to. Raises RedisError."""
        with measured("blocked"):
            for key in (self._key, self._not_started_key):
                await self._redis.zrem(key, str(user_id))

    def observe(self, update: Update) -> None:
        """Note who wrote in their private chat, whatever becomes of the update: they can be reached again.

        It costs no round trip; `flush` tells Redis.
        """
        event: Any = update.event
        if isinstance(event, ChatMemberUpdated) and event.new_chat_member.status != ChatMemberStatus.MEMBER:
            return
        if isinstance(event, CallbackQuery):
            event = event.message
        chat = getattr(event, "chat", None)
        if chat is not None and chat.type == ChatType.PRIVATE:
            self._seen[chat.id] = self._clock()

    async def flush(self) -> None:
        """Remove the users noted since the last call, unless they were refused after that.

        Raises:
            RedisError: not all could be removed; they stay for the next call.
        """
        seen, self._seen = self._seen, {}
        try:
            await self._remove_seen(seen)
        except BaseException:
            # Also if the flush is cancelled: a shutdown flushes once more.
            self._seen = {**dict(islice(seen.items(), _MAX_KEPT)), **self._seen}
            raise

    async def _remove_seen(self, seen: dict[int, float]) -> None:
        ids = list(seen)
        for first in range(0, len(ids), _BATCH):
            batch = ids[first : first + _BATCH]
            for key in (self._key, self._not_started_key):
                with measured("blocked"):
                    scores = await self._redis.zmscore(key, [str(user_id) for user_id in batch])
                back = [
                    str(user_id)
                    for user_id, score in zip(batch, scores, strict=True)
                    if score is not None and float(score) <= seen[user_id]
                ]
                if back:
                    with measured("blocked"):
                        await self._redis.zrem(key, *back)

    async def blocked_among(self, user_ids: Sequence[int]) -> set[int]:
        """Return those of `user_ids` who have blocked the bot, or never started it. Raises RedisError."""
        if not user_ids:
            return set()
        names = [str(user_id) for user_id in user_ids]
        oldest = self._clock() - KEEP_SECONDS
        found: set[int] = set()
        for key in (self._key, self._not_started_key):
            with measured("blocked"):
                scores = await self._redis.zmscore(key, names)
            found |= {
                user_id
                for user_id, score in zip(user_ids, scores, strict=True)
                if score is not None and float(score) > oldest
            }
        return found
