"""Keeps all replicas together below Telegram's sending limits: 30 messages per second, one per second to a chat, 20
per minute to a group (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this).

The token buckets are in Redis, but a reply must not cost a round trip of its own. So each replica prefetches tokens of
the bot's bucket, and uses a private chat's bucket only from the second message within a second on. A group's bucket is
always used. If Redis cannot be reached, nothing waits: Telegram itself still responds 429.

After a 429 the chat's bucket gets negative tokens for as long as Telegram demands, and so does the bucket of
broadcasts, because replies to people go first.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.delivery.keys import KeySpace

PREFETCHED_TOKENS = 5
PREFETCH_TTL_SECONDS = 1.0
_REMEMBERED_CHATS = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: `burst` tokens at most, refilled `per_second`."""

    burst: int
    per_second: float


CHAT = Bucket(3, 1.0)
GROUP = Bucket(20, 20 / 60)
BROADCASTS = Bucket(1, 1.0)
"""Only says whether broadcasts pause; the broadcaster sets their rate."""


class SendBudgetExhaustedError(Exception):
    """No token will be available within the message's longest wait; the next one is in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the next message can be sent in {seconds:.1f} s")
        self.seconds = seconds


class SendBudget:
    """Limits messages; `acquire` waits until one may be sent."""

    def __init__(
        self,
        redis: ScriptRunner,
        keys: KeySpace,
        *,
        messages_per_second: int = 30,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._bot = Bucket(messages_per_second, messages_per_second)
        self._clock = clock
        self._sleep = sleep
        self._take_script, self._pause_script = _script("take_tokens"), _script("pause")
        self._refill_lock = asyncio.Lock()
        self._prefetched = 0
        self._prefetched_until = 0.0
        self._last_sent: dict[int | str, float] = {}

    async def acquire(self, chat_id: int | str, *, max_wait: float = math.inf) -> None:
        """Take a token of the chat, then one of the bot, waiting for each.

        Raises:
            SendBudgetExhaustedError: that would take longer than `max_wait` seconds.
        """
        give_up_at = self._clock() + max_wait
        bucket = _bucket_of(chat_id)
        if bucket is GROUP or self._sent_recently(chat_id):
            await self._take(bucket, 1, give_up_at, "chat", chat_id)
        await self._take_from_bot_bucket(give_up_at)

    async def pause(self, chat_id: int | str, seconds: float) -> None:
        """Stop sending to a chat for `seconds` after a 429; broadcasts pause too, on every replica."""
        if chat_id in self._last_sent:
            # So that this replica uses the chat's bucket before it sends there the next time.
            self._last_sent[chat_id] = self._clock() + seconds
        for bucket, name in ((_bucket_of(chat_id), ("chat", chat_id)), (BROADCASTS, ("broadcasts",))):
            key = self._keys.shared("send", *name)
            with contextlib.suppress(RedisUnavailableError):
                await self._redis.run(self._pause_script, (key,), bucket.burst, bucket.per_second, seconds)

    async def broadcast_pause(self) -> float:
        """Seconds until broadcasts may continue; 0 if they are not paused."""
        key = self._keys.shared("send", "broadcasts")
        try:
            _, wait_ms = await self._redis.run(self._take_script, (key,), BROADCASTS.burst, BROADCASTS.per_second, 0)
        except RedisUnavailableError:
            return 0.0
        return float(wait_ms) / 1000

    def _sent_recently(self, chat_id: int | str) -> bool:
        now = self._clock()
        # Popped and inserted again, so that the dictionary's order is that of time and the oldest is evicted first.
        last = self._last_sent.pop(chat_id, None)
        # A paused chat has a time in the future, which must not be overwritten.
        self._last_sent[chat_id] = now if last is None else max(now, last)
        if len(self._last_sent) > _REMEMBERED_CHATS:
            del self._last_sent[next(iter(self._last_sent))]
        return last is not None and now - last < 1 / CHAT.per_second

    async def _take_from_bot_bucket(self, give_up_at: float) -> None:
        # One task prefetches for all that wait: of two prefetches at once, one would be lost.
        async with self._refill_lock:
            if self._prefetched < 1 or self._clock() > self._prefetched_until:
                self._prefetched = await self._take(self._bot, PREFETCHED_TOKENS, give_up_at, "bot")
                self._prefetched_until = self._clock() + PREFETCH_TTL_SECONDS
            self._prefetched -= 1

    async def _take(self, bucket: Bucket, wanted: int, give_up_at: float, *name: str | int) -> int:
        key = self._keys.shared("send", *name)
        while True:
            try:
                granted, wait_ms = await self._redis.run(
                    self._take_script, (key,), bucket.burst, bucket.per_second, wanted
                )
            except RedisUnavailableError:
                return wanted
            if granted:
                return int(granted)
            wait = max(0.001, wait_ms / 1000)
            if self._clock() + wait > give_up_at:
                raise SendBudgetExhaustedError(wait)
            await self._sleep(wait)


def _bucket_of(chat_id: int | str) -> Bucket:
    return CHAT if isinstance(chat_id, int) and chat_id > 0 else GROUP


def _script(name: str) -> Script:
    return Script("budget", files("app.telegram").joinpath("scripts", f"{name}.lua").read_text("utf-8"))
