"""No update is lost and no effect happens twice, whoever dies meanwhile.

Three replicas; again and again one is killed (SIGKILL) amid the updates and replaced, and once Redis itself.
`DELIVERY_TEST_UPDATES` sets how many updates there are at least: 2,880, or 20,000 for the proof in docs/guarantees.md;
a kill comes every 480.
"""

import asyncio
import math
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from support.exactly_once import (
    ENVIRONMENT,
    UPDATES_PER_ROUND,
    act,
    assert_exactly_once,
    assert_no_chat_lock_is_left,
    begin,
)

ROUNDS_PER_KILL = 4
UPDATES_PER_KILL = UPDATES_PER_ROUND * ROUNDS_PER_KILL
KILLS = max(2, math.ceil(int(os.environ.get("DELIVERY_TEST_UPDATES", "2880")) / UPDATES_PER_KILL))
ROUNDS = KILLS * ROUNDS_PER_KILL
KILL_WITHIN_SECONDS = 1.0
LEASE_SECONDS = 3


@pytest.mark.timeout(600 + 60 * KILLS)
async def test_effects_happen_exactly_once_while_replicas_are_killed(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    replicas = [world.replica(LEASE_SECONDS=str(LEASE_SECONDS), **ENVIRONMENT) for _ in range(3)]
    for replica in replicas:
        await replica.start()
    await asyncio.gather(*(replica.ready() for replica in replicas))
    await begin(world)
    for kill in range(KILLS):
        load = asyncio.create_task(act(world, ROUNDS_PER_KILL))
        await asyncio.wait({load}, timeout=random.uniform(0, KILL_WITHIN_SECONDS))
        victim = random.choice(replicas)
        await victim.kill()
        if kill == 1:
            await asyncio.to_thread(world.redis.kill)
            await asyncio.to_thread(world.redis.start)
        await victim.start()
        # Two always serve, however slowly a process starts on a busy machine.
        await victim.ready()
        await load
    await world.all_handled(600)

    summary = world.sandbox.ledger.summary()
    print(f"{ROUNDS * UPDATES_PER_ROUND} updates, {KILLS} kills: {summary}")
    assert summary["updates"]["redelivered"] > 0, "no kill struck an update in flight: the test proved nothing"
    assert_exactly_once(world.sandbox.ledger, ROUNDS)
    await assert_no_chat_lock_is_left([world.redis.port], LEASE_SECONDS)
