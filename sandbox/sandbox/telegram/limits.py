"""Telegram's flood limits: 30 messages per second per bot, one per second per chat, 20 per minute per group.

Telegram allows short bursts over the limit of one message per second, so a chat's bucket holds several messages.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.telegram.errors import too_many_requests

CHAT_BURST = 20
BUCKETS_KEPT = 10_000


@dataclass(slots=True)
class _Bucket:
    capacity: float
    per_second: float
    level: float
    updated: float

    def refill(self, now: float) -> None:
        self.level = min(self.capacity, self.level + (now - self.updated) * self.per_second)
        self.updated = now

    def wait_seconds(self) -> int:
        """Whole seconds until a message is allowed; 0 if one is allowed now."""
        return 0 if self.level >= 1 else max(1, math.ceil((1 - self.level) / self.per_second))


class FloodLimits:
    """Token buckets for the bot and for each chat."""

    def __init__(self, clock: Callable[[], float], *, enabled: bool = True) -> None:
        self._clock = clock
        self.enabled = enabled
        self._token = self._bucket(30, 30)
        self._chats: dict[int, _Bucket] = {}

    def take(self, chat_id: int) -> None:
        """Count one message to a chat.

        Raises:
            BotApiError: 429 with ``retry_after``; the message does not count then.
        """
        if not self.enabled:
            return
        now = self._clock()
        buckets = (self._token, self._chat(chat_id))
        for bucket in buckets:
            bucket.refill(now)
        wait = max(bucket.wait_seconds() for bucket in buckets)
        if wait:
            raise too_many_requests(wait)
        for bucket in buckets:
            bucket.level -= 1

    def _chat(self, chat_id: int) -> _Bucket:
        bucket = self._chats.pop(chat_id, None)
        if bucket is None:
            bucket = self._bucket(20, 20 / 60) if chat_id < 0 else self._bucket(CHAT_BURST, 1)
        self._chats[chat_id] = bucket  # the most recently used comes last
        if len(self._chats) > BUCKETS_KEPT:
            del self._chats[next(iter(self._chats))]
        return bucket

    def _bucket(self, capacity: float, per_second: float) -> _Bucket:
        return _Bucket(capacity, per_second, capacity, self._clock())
