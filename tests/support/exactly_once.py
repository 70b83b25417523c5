"""Traffic whose effects can be counted, and the counting: nothing lost, nothing twice, order kept.

Messages and callbacks of the same chats at once. Each chat goes into a dialogue and leaves it again and again:
`/cancel` finds the dialogue that `/newrequest` left, or it would say that there is nothing to cancel; so its answers
prove the state. The callbacks write to a backend.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from babel.messages import pofile
from redis.asyncio import Redis

from app import bot
from sandbox.ledger import text_hash

CHATS = 30
USERS = range(1001, 1001 + CHATS)
UPDATES_PER_ROUND = CHATS * 4
# Which kind of update makes the bot call which method here. Of a kind, one update is open in a chat at a time.
CAUSES = {"sendMessage": "message", "editMessageText": "callback_query", "answerCallbackQuery": "callback_query"}
ENVIRONMENT = {
    "RATE_LIMIT_BURST": "100000",
    "TELEGRAM_MESSAGES_PER_SECOND": "0",
    # A machine that is busy with the tests is no backend that is down, for which a user would be told so.
    "BREAKER_MIN_CALLS": "1000000",
    "BACKEND_TIMEOUT_SECONDS": "100",
    "UPDATE_DEADLINE_SECONDS": "150",
}


async def begin(world: Any) -> None:
    """Give each chat a message whose buttons can be pressed, and begin to count."""
    for user in USERS:
        world.users.say(user, "/help")
    await world.all_handled(120)
    world.sandbox.ledger.clear()


async def act(world: Any, rounds: int) -> None:
    """Messages and callbacks of every chat, as fast as they are handled; a callback expires after 150 s."""
    for _ in range(rounds):
        for user in USERS:
            # The latest: a chat remembers only so many.
            messages = world.sandbox.telegram.chats.private(user).messages
            button = max(number for number, message in messages.items() if message.from_bot)
            world.users.say(user, "/newrequest")
            world.users.press(user, button, "lang:en")
            world.users.say(user, "/cancel")
            world.users.press(user, button, "lang:ru")
        while world.sandbox.ledger.summary()["updates"]["open"] > UPDATES_PER_ROUND * 2:  # noqa: ASYNC110 - the ledger tells nobody
            await asyncio.sleep(0.02)


def assert_exactly_once(ledger: Any, rounds: int) -> None:
    """All that `act` did in so many rounds was handled, in order, and each effect happened once."""
    summary = ledger.summary()
    total = rounds * UPDATES_PER_ROUND
    assert summary["updates"]["created"] == summary["updates"]["handled"] == total
    assert summary["updates"]["expired"] == 0
    # Each callback wrote once, under its own key.
    writes = [effect for effect in ledger.effects() if effect["service"] == "user" and effect["method"] == "PATCH"]
    assert len(writes) == total / 2
    assert {effect["executed"] for effect in writes} == {1}
    assert summary["backend"]["executed_twice"] == 0
    assert summary["backend"]["executed_without_key"] == 0
    assert_answered_once(ledger)
    # The state: no /cancel found that its dialogue was lost, or left already.
    assert sends_of(ledger, "There is nothing to cancel.") == 0
    cancelled = sends_of(ledger, "Cancelled.")
    assert rounds * CHATS <= cancelled <= rounds * CHATS + summary["updates"]["redelivered"]
    assert_order_kept(ledger)


def assert_answered_once(ledger: Any) -> None:
    """Each update had each of its effects in its chat, and only those had one twice that came twice."""
    updates = {record["update_id"]: record for record in ledger.updates()}
    effects: Counter[tuple[str, int]] = Counter()
    for send in ledger.sends():
        cause = CAUSES[send["method"]]
        (update_id,) = [number for number in send["updates"] if updates[number]["kind"] == cause]
        effects[send["method"], update_id] += send["status"] == 200
    expected = {
        (name, number) for number, update in updates.items() for name in CAUSES if CAUSES[name] == update["kind"]
    }
    assert [effect for effect in expected if not effects[effect]] == []
    twice = {number for (_, number), times in effects.items() if times > 1}
    assert [updates[number] for number in twice if updates[number]["delivered"] < 2] == []


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


async def assert_no_chat_lock_is_left(ports: list[int], lease_seconds: float) -> None:
    """Every chat lock on these servers was released or has expired."""
    await asyncio.sleep(lease_seconds)
    locks = []
    for port in ports:
        redis: Redis = Redis(port=port)
        locks += [key async for key in redis.scan_iter("*:lane")]
        await redis.aclose()
    assert locks == []
