"""A leader that gets SIGTERM hands over to another replica: two processes, a real Redis, the sandbox.

Nothing is timed here; each test prints how long the hand-over took. docs/guarantees.md has a measurement.
"""

import asyncio
import itertools
import math
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from support.metric_watch import Moves, samples

HAND_OVERS = 3
PEOPLE = range(1001, 1021)
POLLS = 'telegram_requests_total{method="getUpdates",status="200"}'
HANDLED = 'webhook_requests_total{outcome="handled"}'


async def shown(replica: Any) -> Moves:
    """What a replica exports; nothing once it has ended."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"{replica.url}/metrics") as response:
                return samples(await response.text())
        except aiohttp.ClientError:
            return {}


async def until(condition: Callable[[], Any], seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - other processes tell nobody
            await asyncio.sleep(0.005)


async def write(world: Any, stop: asyncio.Event) -> None:
    """One of the people writes every 30 ms."""
    people = itertools.cycle(PEOPLE)
    while not stop.is_set():
        world.users.say(next(people), "/help")
        await asyncio.sleep(0.03)


async def hand_over_polling(world: Any, leader: Any, other: Any) -> tuple[float, float]:
    """SIGTERM to the leader under load; return the seconds until the other's first poll and first handled update."""
    loop = asyncio.get_running_loop()
    before = await shown(other)

    async def polls() -> bool:
        # It counts a poll when it is over, and handles only what a poll has brought.
        return (await shown(other)).get(POLLS, 0) > before.get(POLLS, 0)

    async def handles() -> bool:
        return (await shown(other)).get(HANDLED, 0) > before.get(HANDLED, 0)

    began = loop.time()
    leader.process.send_signal(signal.SIGTERM)
    await until(polls)
    polled = loop.time() - began
    await until(handles)
    return polled, loop.time() - began


@pytest.mark.timeout(900)
async def test_a_polling_leader_hands_over_at_once_and_nothing_is_repeated(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    settings = {"UPDATE_MODE": "polling", "TELEGRAM_MESSAGES_PER_SECOND": "0", "RATE_LIMIT_BURST": "10000"}
    leader = await world.started(**settings)
    stop = asyncio.Event()
    writing = asyncio.create_task(write(world, stop))
    times = []
    for _ in range(HAND_OVERS):
        other = await world.started(**settings)

        async def leads(replica: Any = leader) -> bool:
            return (await shown(replica)).get(HANDLED, 0) > 20

        await until(leads)
        times.append(await hand_over_polling(world, leader, other))
        assert await leader.process.wait() == 0
        leader = other
    stop.set()
    await writing
    await world.all_handled(300)
    ledger = world.sandbox.ledger
    totals = ledger.summary()["updates"]
    replies = [send for send in ledger.sends() if send["method"] == "sendMessage" and send["status"] == 200]
    assert totals["created"] == totals["handled"] == len(replies)
    assert ledger.duplicates()["sends"] == []
    for polled, handled in times:
        print(
            f"polling: first poll of the next leader after {polled:.2f} s, first update handled after {handled:.2f} s"
        )


@pytest.mark.timeout(600)
async def test_the_replica_that_registers_the_webhook_is_followed_at_once(make_world: Callable[..., Any]) -> None:
    world = await make_world()
    leader = await world.started()
    loop = asyncio.get_running_loop()
    redis: Redis = Redis.from_url(world.redis.url)
    key = "bg:42:elect:webhook"
    for _ in range(HAND_OVERS):
        other = await world.started()

        async def checks(replica: Any = leader) -> bool:
            return not math.isnan((await shown(replica)).get("webhook_pending_updates", math.nan))

        await until(checks)
        token = await redis.get(key)

        async def followed(former: Any = token) -> bool:
            return await redis.get(key) not in (None, former)

        began = loop.time()
        leader.process.send_signal(signal.SIGTERM)
        await until(followed)
        print(f"webhook: the next leader is elected after {loop.time() - began:.2f} s")
        await until(partial(checks, other))
        assert await leader.process.wait() == 0
        leader = other
    await redis.aclose()
