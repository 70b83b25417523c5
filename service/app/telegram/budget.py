"""Keeps all replicas together under Telegram's limits on sending: 30 messages a second, one a second to a chat, 20 a
minute to a group.

The buckets are in Redis, but a reply must not cost a round trip of its own. So each replica takes permissions for the
bot as a whole in small advances, and asks about a private chat only from the second message within a second on.
A group is always asked about. Where Redis does not answer, nothing waits: Telegram itself still says 429.

When it does, the chat is put in debt by as much as it has to wait, for all that is sent to it, and so are broadcasts,
which must not take what people wait for.
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
BROADCASTS = Bucket(1, 1.0)
"""Not their pace, which is the broadcaster's: only whether they pause."""


class NoTurnInTimeError(Exception):
    """A message's turn comes later than it can wait for, in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the next turn is in {seconds:.1f} s")
        self.seconds = seconds


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
        self._take_script, self._pause_script = _script("take_tokens"), _script("pause")
        self._asking = asyncio.Lock()
        self._advance = 0
        self._advance_until = 0.0
        self._last_sent: dict[int | str, float] = {}

    async def acquire(self, chat_id: int | str, *, patience: float = math.inf) -> None:
        """Wait for the chat's turn, then for the bot's.

        Raises:
            NoTurnInTimeError: that would take longer than `patience` seconds.
        """
        give_up_at = self._clock() + patience
        bucket = _bucket_of(chat_id)
        if bucket is GROUP or self._sent_lately(chat_id):
            await self._take(bucket, 1, give_up_at, "chat", chat_id)
        await self._take_of_the_bots(give_up_at)

    async def pause(self, chat_id: int | str, seconds: float) -> None:
        """Telegram takes nothing for that chat for so long (429); broadcasts pause too, on every replica."""
        if chat_id in self._last_sent:
            # So that this replica asks before it sends there the next time.
            self._last_sent[chat_id] = self._clock() + seconds
        for bucket, name in ((_bucket_of(chat_id), ("chat", chat_id)), (BROADCASTS, ("broadcasts",))):
            key = self._keys.shared("send", *name)
            with contextlib.suppress(RedisUnavailableError):
                await self._redis.run(self._pause_script, (key,), bucket.burst, bucket.per_second, seconds)

    async def broadcast_pause(self) -> float:
        """Seconds for which broadcasts are to pause; 0 for none."""
        key = self._keys.shared("send", "broadcasts")
        try:
            _, wait_ms = await self._redis.run(self._take_script, (key,), BROADCASTS.burst, BROADCASTS.per_second, 0)
        except RedisUnavailableError:
            return 0.0
        return float(wait_ms) / 1000

    def _sent_lately(self, chat_id: int | str) -> bool:
        now = self._clock()
        # Insertion order is order of time, for each is taken out before it is put in again.
        last = self._last_sent.pop(chat_id, None)
        # In the future while the chat is paused, which must not be forgotten.
        self._last_sent[chat_id] = now if last is None else max(now, last)
        if len(self._last_sent) > _REMEMBERED_CHATS:
            del self._last_sent[next(iter(self._last_sent))]
        return last is not None and now - last < 1 / CHAT.per_second

    async def _take_of_the_bots(self, give_up_at: float) -> None:
        # One asks for all that wait: two asking at once would throw one advance away.
        async with self._asking:
            if self._advance < 1 or self._clock() > self._advance_until:
                self._advance = await self._take(self._bot, ADVANCE, give_up_at, "bot")
                self._advance_until = self._clock() + ADVANCE_SECONDS
            self._advance -= 1

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
                raise NoTurnInTimeError(wait)
            await self._sleep(wait)


def _bucket_of(chat_id: int | str) -> Bucket:
    return CHAT if isinstance(chat_id, int) and chat_id > 0 else GROUP


def _script(name: str) -> Script:
    return Script("budget", files("app.telegram").joinpath("scripts", f"{name}.lua").read_text("utf-8"))
