"""A master dies before it has replicated what it acknowledged: docs/decisions/0006-redis-replication-loss.md as a test.

The replica that takes its place is made by hand, so that it surely lags: the append-only file as it was a moment ago.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.redis_server import RedisServer
from support.exactly_once import (
    CHATS,
    ENVIRONMENT,
    UPDATES_PER_ROUND,
    act,
    assert_answered_once,
    assert_no_chat_lock_is_left,
    assert_order_kept,
    begin,
    sends_of,
)

ROUNDS = 8
LAG_SECONDS = 0.5
LEASE_SECONDS = 3


@pytest.mark.timeout(300)
async def test_lost_acknowledgements_cost_a_step_of_a_dialogue_at_most(
    make_world: Callable[..., Any], tmp_path: Path
) -> None:
    data, replica_data = tmp_path / "redis", tmp_path / "replica"
    redis = RedisServer(data_dir=data)
    world = await make_world(redis, flood_limits=False)
    await world.started(LEASE_SECONDS=str(LEASE_SECONDS), **ENVIRONMENT)
    await begin(world)
    load = asyncio.create_task(act(world, ROUNDS))
    await asyncio.sleep(LAG_SECONDS)
    shutil.copytree(data, replica_data)
    handled_then = world.sandbox.ledger.summary()["updates"]["handled"]
    await asyncio.sleep(LAG_SECONDS)
    await asyncio.to_thread(redis.kill)
    forgotten = world.sandbox.ledger.summary()["updates"]["handled"] - handled_then
    shutil.rmtree(data)
    shutil.move(replica_data, data)
    await asyncio.to_thread(redis.start)
    await load
    await world.all_handled(150)

    ledger = world.sandbox.ledger
    summary = ledger.summary()
    steps_lost = sends_of(ledger, "There is nothing to cancel.")
    print(f"{forgotten} acknowledged updates forgotten, {steps_lost} steps of dialogues lost: {summary}")
    assert forgotten > 0, "nothing was acknowledged in the lag: the test proved nothing"
    # Nothing is lost or done twice where others see it.
    assert summary["updates"]["handled"] == summary["updates"]["created"] == ROUNDS * UPDATES_PER_ROUND
    assert summary["backend"]["executed"] == ROUNDS * UPDATES_PER_ROUND / 2
    assert summary["backend"]["executed_twice"] == summary["backend"]["executed_without_key"] == 0
    assert_answered_once(ledger)
    assert_order_kept(ledger)
    # A chat is one step back, once; and nobody is locked out for longer than a lease.
    assert steps_lost <= CHATS
    await assert_no_chat_lock_is_left([redis.port], LEASE_SECONDS)
