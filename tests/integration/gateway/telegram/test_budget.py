import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from app.core.redis_batch import BatchedRedis, Script, ScriptRunner
from app.delivery.keys import KeySpace
from app.telegram.budget import SendBudget, SendBudgetExhaustedError
from sandbox.redis_server import free_port

KEYS = KeySpace("bg", 42)
EXACTLY = 0.01
"""Seconds by which a wait may differ, for it is told in whole milliseconds."""


class Waits:
    """Takes the place of sleeping: what is waited for is noted, and is the only time that passes."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class StoppedClock:
    """Runs scripts in the real Redis, but by a clock that only `waits` move: Redis's own goes on between two calls, and
    on a busy machine for seconds.
    """

    def __init__(self, redis: ScriptRunner, waits: Waits) -> None:
        self._redis = redis
        self._waits = waits

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        microseconds = int(sum(self._waits.seconds) * 1_000_000)
        seconds, rest = divmod(microseconds, 1_000_000)
        text = script.text.replace("redis.call('TIME')", f"{{'{seconds}', '{rest}'}}")
        # Nor must a bucket be forgotten by Redis's clock.
        text = text.replace("redis.call('PEXPIRE', KEYS[1], ", "redis.call('PEXPIRE', KEYS[1], 3600000 + ")
        assert "TIME" not in text
        return await self._redis.run(Script(script.name, text), keys, *args)

    async def close(self) -> None:
        await self._redis.close()


def budget(redis: ScriptRunner, waits: Waits, per_second: int = 30) -> SendBudget:
    return SendBudget(StoppedClock(redis, waits), KEYS, messages_per_second=per_second, clock=lambda: 0.0, sleep=waits)


async def test_replicas_share_the_bot_s_limit(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    replicas = [budget(batched, waits) for _ in range(3)]
    for number in range(30):
        await replicas[number % 3].acquire(1000 + number)
    assert waits.seconds == []
    for number in range(30):
        await replicas[number % 3].acquire(2000 + number)
    # 30 more at 30 a second, in advances of whole messages.
    assert 0.5 < sum(waits.seconds) < 1.1


async def test_a_private_chat_gets_one_a_second_after_a_few(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    sender = budget(batched, waits)
    for _ in range(4):
        await sender.acquire(1001)
    assert waits.seconds == []
    for _ in range(3):
        await sender.acquire(1001)
    assert sum(waits.seconds) == pytest.approx(3, abs=EXACTLY)


async def test_a_group_gets_twenty_a_minute(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    one, two = budget(batched, waits), budget(batched, waits)
    for number in range(20):
        await (one if number % 2 else two).acquire(-5)
    assert waits.seconds == []
    await one.acquire(-5)
    assert sum(waits.seconds) == pytest.approx(3, abs=EXACTLY)


async def test_a_reply_costs_no_round_trip_of_its_own(batched: BatchedRedis, redis: Redis) -> None:
    sender = budget(batched, Waits())
    await sender.acquire(1001)
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    for chat in range(2001, 2005):
        await sender.acquire(chat)
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before


async def test_messages_at_once_ask_once(batched: BatchedRedis, redis: Redis) -> None:
    await budget(batched, Waits()).acquire(1)  # now Redis knows the script
    before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
    sender = budget(batched, Waits())
    await asyncio.gather(*(sender.acquire(chat) for chat in range(1001, 1006)))
    assert (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] == before + 1


async def test_without_redis_nobody_waits(redis: Redis) -> None:
    waits = Waits()
    unreachable = BatchedRedis(lambda: Connection(host="127.0.0.1", port=free_port()), timeout=1)
    for _ in range(5):
        await budget(unreachable, waits).acquire(-5)
    assert waits.seconds == []


async def test_what_is_remembered_of_chats_is_bounded(batched: BatchedRedis, redis: Redis) -> None:
    sender = budget(batched, Waits(), per_second=100_000)
    for chat in range(1, 10_100):
        sender._sent_recently(chat)
    assert len(sender._last_sent) == 10_000


async def test_a_429_holds_the_chat_and_the_broadcasts_but_nobody_else(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    one, two = budget(batched, waits), budget(batched, waits)
    await one.acquire(1001)
    assert await two.broadcast_pause() == 0
    await one.pause(1001, 30)
    assert await two.broadcast_pause() == pytest.approx(30, abs=EXACTLY)
    await one.acquire(1002)
    assert waits.seconds == []
    await one.acquire(1001)
    assert sum(waits.seconds) == pytest.approx(30, abs=EXACTLY)
    # One a second from there on.
    await one.acquire(1001)
    assert sum(waits.seconds) == pytest.approx(31, abs=EXACTLY)


async def test_a_429_of_a_group_holds_it_on_every_replica(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    one, two = budget(batched, waits), budget(batched, waits)
    await one.pause(-5, 12)
    await two.acquire(-5)
    assert sum(waits.seconds) == pytest.approx(12, abs=EXACTLY)


async def test_a_longer_pause_is_not_cut_short_by_a_shorter_one(batched: BatchedRedis, redis: Redis) -> None:
    sender = budget(batched, Waits())
    await sender.pause(1001, 30)
    await sender.pause(1002, 5)
    assert await sender.broadcast_pause() == pytest.approx(30, abs=EXACTLY)


async def test_a_paused_chat_stays_so_for_the_second_message_too(batched: BatchedRedis, redis: Redis) -> None:
    clock = [0.0]
    waits = Waits()
    sender = SendBudget(StoppedClock(batched, waits), KEYS, clock=lambda: clock[0], sleep=waits)
    await sender.acquire(1001)
    await sender.pause(1001, 30)
    with pytest.raises(SendBudgetExhaustedError):
        await sender.acquire(1001, max_wait=5)
    clock[0] = 2.0
    with pytest.raises(SendBudgetExhaustedError) as raised:
        await sender.acquire(1001, max_wait=5)
    assert raised.value.seconds == pytest.approx(30, abs=EXACTLY)
    assert waits.seconds == []


async def test_without_redis_there_is_no_pause(redis: Redis) -> None:
    unreachable = BatchedRedis(lambda: Connection(host="127.0.0.1", port=free_port()), timeout=1)
    sender = budget(unreachable, Waits())
    await sender.pause(1001, 30)
    assert await sender.broadcast_pause() == 0


async def test_a_clock_set_back_makes_no_message_wait(batched: BatchedRedis, redis: Redis) -> None:
    waits = Waits()
    budget_now = budget(batched, waits)
    two_minutes_ahead = 120_000
    for bucket in ("bg:42:send:bot", "bg:42:send:chat:-7"):
        await redis.hset(bucket, mapping={"tokens": 20, "at": two_minutes_ahead})
    await budget_now.acquire(-7)
    assert waits.seconds == []
