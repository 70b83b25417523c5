"""200 chats whose updates never succeed, while the others go on as if they were not there.

A third is refused by Telegram itself whatever the bot says, a third sends what aiogram cannot parse, a third waits for
a backend that does not response. Nothing here measures time: the hanging ones hang for longer than the test lasts, so
that the others were handled beside them, or not at all.
"""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

HEALTHY = range(1001, 1041)
HANGING = range(1101, 1168)
UNPARSABLE = range(1201, 1268)
REFUSED = range(1301, 1367)
ROUNDS = 5
BULKHEAD = 30
HANG = {"service": "request", "kind": "latency", "latency_seconds": 3600}


def poison(world: Any) -> None:
    for user in HANGING:
        world.users.say(user, "/requests")
    for user in UNPARSABLE:
        world.users.raw({"message": {"chat": {"id": user, "type": "private"}, "from_the_future": True}})
    for user in REFUSED:
        person = {"id": user, "is_bot": False, "first_name": "A"}
        # A chat that Telegram does not know takes no response.
        unknown = {"id": user + 900_000, "type": "private"}
        world.users.raw({"message": {"message_id": 1, "date": 1, "chat": unknown, "from": person, "text": "/help"}})


def handled(world: Any, users: range) -> list[bool]:
    return [update["handled"] is not None for update in world.sandbox.ledger.updates() if update["user_id"] in users]


@pytest.mark.timeout(600)
async def test_poisoned_chats_hold_nobody_up(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False, traffic_users=400, webhook_max_connections=100)
    replica = await world.started(
        TELEGRAM_MESSAGES_PER_SECOND="0",
        RATE_LIMIT_BURST="1000",
        BACKEND_TIMEOUT_SECONDS="600",
        UPDATE_DEADLINE_SECONDS="600",
    )
    known = [*HEALTHY, *HANGING]
    for start in range(0, len(known), BULKHEAD // 2):
        for user in known[start : start + BULKHEAD // 2]:
            world.users.say(user, "/requests")
        # In parts, so that no backend turns anyone away: from now on everybody's profile is cached.
        await world.all_handled(120)
    world.sandbox.ledger.clear()
    async with aiohttp.ClientSession() as session:
        control = f"http://127.0.0.1:{world.sandbox.settings.control_port}"
        async with session.post(f"{control}/faults", json=HANG) as response:
            assert response.status < 300
        for _ in range(ROUNDS):
            poison(world)
            for user in HEALTHY:
                world.users.say(user, "/help")
        # Only those stay that the bulkhead let through, one a chat, with what their chats sent after that.
        await world.all_handled(300, but=BULKHEAD * ROUNDS)
        async with session.get(f"{replica.url}/metrics") as response:
            metrics = await response.text()
    assert all(handled(world, HEALTHY))
    assert all(handled(world, UNPARSABLE))
    assert all(handled(world, REFUSED))
    assert handled(world, HANGING).count(False) == BULKHEAD * ROUNDS
    # What never succeeds was taken from Telegram at once and stored as a dead letter.
    assert value(metrics, 'dead_letters_total{reason="invalid_update"}') >= ROUNDS * len(UNPARSABLE)
    assert value(metrics, 'dead_letters_total{reason="handler_failed"}') >= ROUNDS * len(REFUSED)
    # The others of the hanging ones were turned away at once; more than once where Telegram sent them again.
    assert value(metrics, "service_bulkhead_rejections_total") >= ROUNDS * (len(HANGING) - BULKHEAD)


def value(text: str, name: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(f"bot_gateway_{name}")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
