"""No update is lost and no effect happens twice, whoever dies meanwhile.

Three replicas; messages and callbacks of the same chats at once; every few seconds a replica is killed (SIGKILL) and
replaced, and once Redis itself. Each chat goes into a dialogue and leaves it again and again: `/cancel` finds the
dialogue that `/newrequest` left, or it would say that there is nothing to cancel; so its answers prove the state.
The callbacks write to a backend. `DELIVERY_TEST_UPDATES` sets how many updates there are.
"""

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages import pofile
from redis.asyncio import Redis

from app import bot
from sandbox.ledger import text_hash

UPDATES = int(os.environ.get("DELIVERY_TEST_UPDATES", "3000"))
CHATS = 30
USERS = range(1001, 1001 + CHATS)
KILL_EVERY_SECONDS = 2.0
LEASE_SECONDS = 3


async def act(world: Any, rounds: int) -> None:
    """Messages and callbacks of every chat, as fast as they are handled; a callback expires after 150 s."""
    buttons = {user: min(world.sandbox.telegram.chats.private(user).messages) + 1 for user in USERS}
    for _ in range(rounds):
        for user in USERS:
            world.users.say(user, "/newrequest")
            world.users.press(user, buttons[user], "lang:en")
            world.users.say(user, "/cancel")
            world.users.press(user, buttons[user], "lang:ru")
        while world.sandbox.ledger.summary()["updates"]["open"] > CHATS * 8:  # noqa: ASYNC110 - the ledger tells nobody
            await asyncio.sleep(0.02)
    await world.all_handled(600)


@pytest.mark.timeout(900)
async def test_effects_happen_exactly_once_while_replicas_are_killed(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    environment = {
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "RATE_LIMIT_BURST": "100000",
        "TELEGRAM_MESSAGES_PER_SECOND": "0",
    }
    replicas = [world.replica(**environment) for _ in range(3)]
    for replica in replicas:
        await replica.start()
    await asyncio.gather(*(replica.ready() for replica in replicas))
    for user in USERS:
        world.users.say(user, "/help")
    await world.all_handled(120)
    world.sandbox.ledger.clear()
    pairs = UPDATES // (CHATS * 4)
    done = asyncio.create_task(act(world, pairs))
    kills = 0
    while not done.done():
        await asyncio.wait({done}, timeout=KILL_EVERY_SECONDS)
        if done.done():
            break
        victim = random.choice(replicas)
        await victim.kill()
        kills += 1
        if kills == 2:
            await asyncio.to_thread(world.redis.kill)
            await asyncio.to_thread(world.redis.start)
        await victim.start()
        # Two always serve, however slowly a process starts on a busy machine.
        await victim.ready()
    await done

    ledger = world.sandbox.ledger
    summary = ledger.summary()
    total = pairs * CHATS * 4
    assert kills >= 2
    assert summary["updates"]["created"] == total
    assert summary["updates"]["expired"] == 0
    # Each callback wrote once, under its own key.
    writes = [effect for effect in ledger.effects() if effect["service"] == "user" and effect["method"] == "PATCH"]
    # A backend that answered 500 wrote nothing, which its user was told.
    refused = sum(replica.output.read_text().count('"event": "backend_unavailable"') for replica in replicas)
    assert total / 2 - refused <= len(writes) <= total / 2
    assert {effect["executed"] for effect in writes} == {1}
    assert summary["backend"]["executed_twice"] == 0
    assert summary["backend"]["executed_without_key"] == 0
    # Each update was answered, and only those were answered twice whose replica died.
    assert ledger.without_effect() == []
    assert [double for double in ledger.doubles()["sends"] if not double["redelivered"]] == []
    # The state: no /cancel found that its dialogue was lost, or left already.
    assert sends_of(ledger, "There is nothing to cancel.") == 0
    cancelled = sends_of(ledger, "Cancelled.")
    assert pairs * CHATS <= cancelled <= pairs * CHATS + summary["updates"]["redelivered"]
    assert_order_kept(ledger)
    await assert_no_lane_is_left(world)
    print(f"{total} updates, {kills} kills: {summary}")


def sends_of(ledger: Any, english: str) -> int:
    """How often a text was sent, in whichever language."""
    catalogues = (Path(bot.__file__).parent.parent / "locales").glob("*/LC_MESSAGES/bot.po")
    texts = {english, *(str(pofile.read_po(path.open("rb")).get(english).string) for path in catalogues)}
    hashes = {text_hash(repr([text, *markup])) for text in texts for markup in ([], [{"remove_keyboard": True}])}
    return sum(send["text_hash"] in hashes for send in ledger.sends())


def assert_order_kept(ledger: Any) -> None:
    queues: dict[str, list[tuple[int, float]]] = {}
    for record in ledger.updates():
        queues.setdefault(record["queue"], []).append((record["update_id"], record["handled"]))
    for handled in queues.values():
        times = [at for _, at in sorted(handled)]
        assert times == sorted(times)


async def assert_no_lane_is_left(world: Any) -> None:
    await asyncio.sleep(LEASE_SECONDS)
    redis: Redis = Redis.from_url(world.redis.url)
    lanes = [key async for key in redis.scan_iter("*:lane")]
    await redis.aclose()
    assert lanes == []
