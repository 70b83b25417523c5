"""The gateway's connections to whichever server the sentinels call the master."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from app.core.redis import RedisConnections
from app.core.redis_batch import RedisUnavailableError, Script
from support.redis_sets import SentinelSet

Sample = Callable[..., float]
COUNT = Script("claim", "return redis.call('INCR', KEYS[1])")


@pytest.fixture
async def sentinels() -> AsyncIterator[SentinelSet]:
    async with SentinelSet() as sentinels:
        yield sentinels


async def test_the_master_is_followed_when_a_sentinel_hangs_with_it(
    sentinels: SentinelSet, make_settings: Callable[..., Any], sample: Sample
) -> None:
    connections = RedisConnections(make_settings(redis_url=sentinels.url, redis_timeout_seconds=1))
    assert await connections.ping()
    assert await connections.batched.run(COUNT, ("counter",)) == 1
    # The machine of both is lost: the first sentinel of the URL takes connections and never replies.
    sentinels.sentinels[0].pause()
    victim = await sentinels.master_of("counter")
    await asyncio.to_thread(victim.kill)
    refused = 0
    async with asyncio.timeout(30):
        while True:
            try:
                counted = await connections.batched.run(COUNT, ("counter",))
                break
            except RedisUnavailableError:
                refused += 1
                await asyncio.sleep(0.02)
    assert counted == 2
    assert refused > 0
    assert await connections.client.get("counter") == b"2"
    await connections.close()


async def test_who_finds_no_connection_waits_for_one(
    sentinels: SentinelSet, make_settings: Callable[..., Any], sample: Sample
) -> None:
    few = RedisConnections(make_settings(redis_url=sentinels.url, redis_max_connections=4))
    assert await asyncio.gather(*(few.client.get(f"key-{number}") for number in range(100))) == [None] * 100
    assert (sample("redis_connection_pool_size"), sample("redis_connection_pool_available")) == (4, 4)
    await few.close()
