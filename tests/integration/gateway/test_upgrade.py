"""Gateways of an earlier commit and present ones serve one bot at the same time, as during a rolling upgrade.

They share one Redis: its keys and scripts are a protocol between releases. `UPGRADE_FROM` names the earlier commit.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from support.earlier_commit import module_file, unpack
from support.exactly_once import (
    ENVIRONMENT,
    UPDATES_PER_ROUND,
    act,
    assert_exactly_once,
    assert_no_chat_lock_is_left,
    begin,
)
from support.updates import written

REPLICAS = 3
ROUNDS_PER_STEP = 2
STEPS_PER_REPLICA = 3
ROUNDS = REPLICAS * STEPS_PER_REPLICA * ROUNDS_PER_STEP
STRIKE_WITHIN_SECONDS = 0.7
LEASE_SECONDS = 3
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes `python -m app` run the earlier commit's gateway."""
    folder = unpack(tmp_path_factory.mktemp("earlier"), "service/app") / "service"
    environment = {"PYTHONPATH": str(folder)}
    assert folder in module_file(environment, "app").parents, "the present gateway would run in the earlier one's place"
    return environment


@pytest.mark.timeout(900)
async def test_effects_happen_exactly_once_during_an_upgrade(
    make_world: Callable[..., Any], earlier: dict[str, str]
) -> None:
    world = await make_world(flood_limits=False)
    settings = {"LEASE_SECONDS": str(LEASE_SECONDS), **ENVIRONMENT}
    old = [world.replica(**settings, **earlier) for _ in range(REPLICAS)]
    new: list[Any] = []
    by_old = by_new = 0.0
    for replica in old:
        await replica.start()
    await asyncio.gather(*(replica.ready() for replica in old))
    await begin(world)
    while old:
        arriving = world.replica(**settings)
        new.append(arriving)
        await arriving.start()
        await arriving.ready()
        for victim in (random.choice(old), random.choice(new)):
            load = await under_load(world)
            # A process that is killed takes its counters with it.
            by_old, by_new = by_old + await handled(old), by_new + await handled(new)
            await victim.kill()
            await victim.start()
            await victim.ready()
            await load
        leaving = old.pop(0)
        load = await under_load(world)
        assert await leaving.stop() == 0, leaving.output.read_text()
        world.balancer.replicas.remove(leaving)
        await load
    await world.all_handled(150)

    summary = world.sandbox.ledger.summary()
    print(f"{ROUNDS * UPDATES_PER_ROUND} updates, {REPLICAS} gateways replaced: {summary}")
    assert by_old, "no earlier gateway handled an update during the upgrade"
    assert by_new, "no present gateway handled an update beside an earlier one"
    assert summary["updates"]["redelivered"] > 0, "no kill struck an update in flight: the test proved nothing"
    assert_exactly_once(world.sandbox.ledger, ROUNDS)
    await assert_no_chat_lock_is_left([world.redis.port], LEASE_SECONDS)


async def under_load(world: Any) -> asyncio.Task[None]:
    """Start one step's updates and return at a moment when some are in flight."""
    load = asyncio.create_task(act(world, ROUNDS_PER_STEP))
    await asyncio.wait({load}, timeout=random.uniform(0.1, STRIKE_WITHIN_SECONDS))
    return load


async def handled(replicas: list[Any]) -> float:
    """How many updates these replicas have handled since their processes started."""
    total = 0.0
    async with aiohttp.ClientSession() as session:
        for replica in replicas:
            async with session.get(f"{replica.url}/metrics") as response:
                lines = (await response.text()).splitlines()
            name = 'bot_gateway_webhook_requests_total{outcome="handled"} '
            total += sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))
    return total


@pytest.mark.parametrize("first", ["old", "new"])
async def test_one_release_respects_the_locks_and_the_memory_of_the_other(
    make_world: Callable[..., Any], earlier: dict[str, str], first: str
) -> None:
    """The one handles an update of a chat; meanwhile and afterwards the other one gets it and the chat's next."""
    world = await make_world(flood_limits=False)
    settings = {
        "LANE_WAIT_SECONDS": "0.2",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "BACKEND_TIMEOUT_SECONDS": "600",
        "UPDATE_DEADLINE_SECONDS": str(LEASE_SECONDS * 2),
        "TELEGRAM_MESSAGES_PER_SECOND": "0",
    }
    replicas = {"old": world.replica(**settings, **earlier), "new": world.replica(**settings)}
    for replica in replicas.values():
        await replica.start()
    await asyncio.gather(*(replica.ready() for replica in replicas.values()))
    holder = replicas.pop(first)
    (other,) = replicas.values()
    await world.all_handled(60)
    async with aiohttp.ClientSession() as session:

        async def post(replica: Any, text: str, update_id: int) -> int:
            headers = {SECRET_HEADER: world.environment["WEBHOOK_SECRET"]}
            update = written(text, update_id=update_id)
            async with session.post(f"{replica.url}/webhook", json=update, headers=headers) as response:
                return response.status

        control = f"http://127.0.0.1:{world.sandbox.settings.control_port}/faults"
        hang = {"service": "request", "kind": "latency", "latency_seconds": LEASE_SECONDS * 3}
        async with session.post(control, json=hang) as response:
            assert response.status < 300
        # It waits for the backend until its deadline, longer than a lease would last if it were not renewed.
        handling = asyncio.create_task(post(holder, "/requests", 900_001))
        await lock_is_held(world.redis.port)
        assert await post(other, "/help", 900_002) == 503
        assert await post(other, "/requests", 900_001) == 503
        assert not handling.done()
        assert await handling == 200
        assert await post(other, "/requests", 900_001) == 200
        assert await duplicates(session, other) == 1
        assert await post(other, "/help", 900_002) == 200
        assert await post(holder, "/help", 900_002) == 200
        assert await duplicates(session, holder) == 1


async def lock_is_held(port: int) -> None:
    """Wait until some replica holds a chat's lock."""
    redis: Redis = Redis(port=port)
    async with asyncio.timeout(30):
        while not await redis.keys("*:lane"):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
    await redis.aclose()


async def duplicates(session: aiohttp.ClientSession, replica: Any) -> float:
    """How many updates that replica recognised as handled already."""
    async with session.get(f"{replica.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    name = "bot_gateway_duplicate_updates_total "
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))
