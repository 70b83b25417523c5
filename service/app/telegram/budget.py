"""Keeps all replicas together under Telegram's limits on sending: 30 messages a second, one a second to a chat, 20 a
minute to a group.

The buckets are in Redis, but a reply must not cost a round trip of its own. So each replica takes permissions for the
bot as a whole in small advances, and asks about a private chat only from the second message within a second on.
A group is always asked about. Where Redis does not answer, nothing waits: Telegram itself still says 429.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files

from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.delivery.keys import KeySpace

ADVANCE = 5
ADVANCE_SECONDS = 1.0
_REMEMBERED_CHATS = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """`burst` at once, `per_second` for long."""

    burst: int
    per_second: float


CHAT = Bucket(3, 1.0)
GROUP = Bucket(20, 20 / 60)


class SendBudget:
    """`acquire` waits until a message may be sent."""

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
        self._script = Script("budget", files("app.telegram").joinpath("scripts", "take_tokens.lua").read_text("utf-8"))
        self._asking = asyncio.Lock()
        self._advance = 0
        self._advance_until = 0.0
        self._last_sent: dict[int | str, float] = {}

    async def acquire(self, chat_id: int | str) -> None:
        """Wait for the chat's turn, then for the bot's."""
        if isinstance(chat_id, int) and chat_id > 0:
            if self._sent_lately(chat_id):
                await self._take(CHAT, 1, "chat", chat_id)
        else:
            await self._take(GROUP, 1, "chat", chat_id)
        await self._take_of_the_bots()

    def _sent_lately(self, chat_id: int) -> bool:
        now = self._clock()
        # Insertion order is order of time, for each is taken out before it is put in again.
        last = self._last_sent.pop(chat_id, None)
        self._last_sent[chat_id] = now
        if len(self._last_sent) > _REMEMBERED_CHATS:
            del self._last_sent[next(iter(self._last_sent))]
        return last is not None and now - last < 1 / CHAT.per_second

    async def _take_of_the_bots(self) -> None:
        # One asks for all that wait: two asking at once would throw one advance away.
        async with self._asking:
            if self._advance < 1 or self._clock() > self._advance_until:
                self._advance = await self._take(self._bot, ADVANCE, "bot")
                self._advance_until = self._clock() + ADVANCE_SECONDS
            self._advance -= 1

    async def _take(self, bucket: Bucket, wanted: int, *name: str | int) -> int:
        key = self._keys.shared("send", *name)
        while True:
            try:
                granted, wait_ms = await self._redis.run(self._script, (key,), bucket.burst, bucket.per_second, wanted)
            except RedisUnavailableError:
                return wanted
            if granted:
                return int(granted)
            await self._sleep(max(0.001, wait_ms / 1000))
