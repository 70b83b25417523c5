"""Dead letters: updates that fail every time, kept in a capped Redis stream for people to inspect and replay."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core import metrics
from app.core.closed_sets import DeadLetterReason as DeadLetterReason
from app.core.redis_metrics import measured
from app.core.settings import Settings
from app.core.tracing import current_trace_id
from app.delivery.keys import KeySpace

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


_PAGE = 200
"""Dead letters read at once; one is rarely larger than some kB."""

PER_CHAT = 50
PER_CHAT_BYTES = 2**20
PER_CHAT_SECONDS = 3600
"""One chat that fails on every update must not push the letters of all others out, neither by number nor by size."""

_BYTES_PER_COUNT = PER_CHAT_BYTES // PER_CHAT
"""A larger letter counts as several."""

# ARGV: most letters, most bytes, reason, trace id, body. MEMORY USAGE is an estimate from samples, which is enough to
# keep the queue from filling Redis.
_ADD = """
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'reason', ARGV[3], 'trace_id', ARGV[4], 'body', ARGV[5])
local length = redis.call('XLEN', KEYS[1])
while length > 1 and redis.call('MEMORY', 'USAGE', KEYS[1]) > tonumber(ARGV[2]) do
  length = math.floor(length * 0.9)
  redis.call('XTRIM', KEYS[1], 'MAXLEN', length)
end
return length
"""

# ARGV: seconds until the count starts again, what the letter counts. One script: a counter that lost its expiry would
# refuse the chat's letters for ever.
_COUNT = """
local count = redis.call('INCRBY', KEYS[1], ARGV[2])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return count
"""


@dataclass(frozen=True)
class DeadLetter:
    """A stored update. `letter_id` is the stream's id, whose first part is Unix time in ms."""

    letter_id: str
    reason: str
    trace_id: str
    body: bytes


class DeadLetters:
    """The dead-letter queue; beyond `limit` letters or `max_bytes` the oldest are dropped."""

    def __init__(self, redis: Redis, key: str, *, limit: int, max_bytes: int = 32 * 2**20) -> None:
        self._redis = redis
        self._key = key
        self._limit = limit
        self._max_bytes = max_bytes
        self._add = redis.register_script(_ADD)
        self._count_script = redis.register_script(_COUNT)

    @classmethod
    def of(cls, redis: Redis, keys: KeySpace, settings: Settings) -> Self:
        """Make the queue of the bot that the settings name."""
        return cls(
            redis,
            keys.shared("dead-letters"),
            limit=settings.dead_letters_max,
            max_bytes=settings.dead_letters_max_bytes,
        )

    async def add(self, body: bytes, reason: DeadLetterReason, *, chat_id: int | None = None) -> bool:
        """Store an update; False if Redis cannot be reached, which is logged.

        Of one chat only `PER_CHAT` are stored in an hour, and none after `PER_CHAT_BYTES`; further ones are counted and
        logged.
        """
        try:
            if chat_id is not None and await self._counted_before(chat_id, len(body)) >= PER_CHAT:
                metrics.DEAD_LETTERS_TOTAL.labels(reason).inc()
                log.warning("dead_letter_over_limit_of_chat", chat_id=chat_id, reason=reason)
                return True
            args: Sequence[Any] = [self._limit, self._max_bytes, str(reason), current_trace_id() or "", body]
            with measured("dead_letters"):
                await self._add(keys=[self._key], args=args)
        except (RedisError, OSError):
            log.exception("dead_letter_not_kept", reason=reason)
            return False
        metrics.DEAD_LETTERS_TOTAL.labels(reason).inc()
        return True

    async def _counted_before(self, chat_id: int, size: int) -> int:
        """Count a letter, and return what its chat had counted before."""
        counts = 1 + size // _BYTES_PER_COUNT
        with measured("dead_letters"):
            total = await self._count_script(keys=[f"{self._key}:of:{chat_id}"], args=[PER_CHAT_SECONDS, counts])
        return int(total) - counts

    async def list(self, count: int) -> list[DeadLetter]:
        """Return the `count` newest, newest first. Raises RedisError."""
        entries: Any = await self._redis.xrevrange(self._key, count=count)
        return [_letter(*entry) for entry in entries]

    async def get(self, letter_id: str) -> DeadLetter | None:
        """Find one by its id. Raises RedisError."""
        found: Any = await self._redis.xrange(self._key, min=letter_id, max=letter_id)
        return _letter(*found[0]) if found else None

    async def remove(self, letter_id: str) -> None:
        """Delete one. Raises RedisError."""
        await self._redis.xdel(self._key, letter_id)

    async def forget(self, user_id: int) -> int:
        """Delete every dead letter in which the user's id stands, and return how many there were. Raises RedisError.

        Searched as bytes, because a dead letter need not be JSON. The id may stand in somebody else's message too, for
        example one that quotes the user's: that is the user's data as well.
        """
        contains_id = re.compile(rb"(?<!\d)%d(?!\d)" % user_id)
        found, start = 0, "-"
        while entries := await self._page(start):
            mentioned = [letter_id for letter_id, fields in entries if contains_id.search(fields[b"body"])]
            if mentioned:
                found += await self._redis.xdel(self._key, *mentioned)
            start = f"({entries[-1][0].decode()}"
        return found

    async def _page(self, start: str) -> Any:
        with measured("dead_letters"):
            return await self._redis.xrange(self._key, min=start, count=_PAGE)

    async def count_or_nan(self) -> float:
        """Return the length of the queue; NaN if Redis cannot be read."""
        try:
            with measured("gauges"):
                return float(await self._redis.xlen(self._key))
        except (RedisError, OSError):
            return float("nan")


def _letter(letter_id: bytes, fields: dict[bytes, bytes]) -> DeadLetter:
    return DeadLetter(
        letter_id.decode(),
        fields[b"reason"].decode(),
        fields[b"trace_id"].decode(),
        fields[b"body"],
    )
