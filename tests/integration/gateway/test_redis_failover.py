"""The master of a Cluster's shard, or of a Sentinel set, dies amid updates: nothing is lost, nothing happens twice.

`FAILOVER_TEST_UPDATES` sets how many updates there are (20,000 for a thorough run); a master dies every 4,000, at least
once. What the gateway replies meanwhile is 503 with Retry-After, and Telegram redelivers the update.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.exactly_once import (
    ENVIRONMENT,
    UPDATES_PER_ROUND,
    act,
    assert_exactly_once,
    assert_no_chat_lock_is_left,
    begin,
)
from support.redis_sets import ClusterSet, RedisSet, SentinelSet

UPDATES = int(os.environ.get("FAILOVER_TEST_UPDATES", "2000"))
FAILOVERS = max(1, UPDATES // 4000)
ROUNDS = -(-UPDATES // (UPDATES_PER_ROUND * FAILOVERS))
LEASE_SECONDS = 10
"""Longer than a failover takes, as it is to be."""
KEY = "bg:{42:1001}:lane"


@pytest.mark.timeout(240 + 120 * FAILOVERS)
@pytest.mark.parametrize("kind", [ClusterSet, SentinelSet])
async def test_a_master_fails_over_amid_updates(make_world: Callable[..., Any], kind: type[RedisSet]) -> None:
    redis = kind()
    world = await make_world(redis, flood_limits=False)
    replicas = [world.replica(LEASE_SECONDS=str(LEASE_SECONDS), **ENVIRONMENT) for _ in range(2)]
    for replica in replicas:
        await replica.start()
    await asyncio.gather(*(replica.ready() for replica in replicas))
    await begin(world)
    for _ in range(FAILOVERS):
        load = asyncio.create_task(act(world, ROUNDS))
        await asyncio.wait({load}, timeout=1)
        assert not load.done(), "the updates were over before the master died: the test proved nothing"
        await redis.fail_over(KEY)
        await load
    await world.all_handled(150)

    statuses = Counter(attempt["status"] for update in world.sandbox.ledger.updates() for attempt in update["attempts"])
    outcomes = await outcomes_of(replicas)
    print(f"{kind.__name__}: {FAILOVERS} failovers, {statuses}, {outcomes}, {world.sandbox.ledger.summary()}")
    assert set(statuses) == {200, 503}
    assert set(outcomes) <= {"handled", "duplicate", "unavailable", "busy"}
    assert outcomes["unavailable"] > 0
    assert_exactly_once(world.sandbox.ledger, ROUNDS * FAILOVERS)
    await assert_no_chat_lock_is_left([server.port for server in await redis.masters()], LEASE_SECONDS)


async def outcomes_of(replicas: list[Any]) -> Counter[str]:
    """What the replicas say that came of the updates."""
    counts: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        for replica in replicas:
            async with session.get(f"{replica.url}/metrics") as reply:
                for family in text_string_to_metric_families(await reply.text()):
                    for sample in family.samples:
                        if sample.name == "bot_gateway_webhook_requests_total" and sample.value:
                            counts[sample.labels["outcome"]] += int(sample.value)
    return counts
