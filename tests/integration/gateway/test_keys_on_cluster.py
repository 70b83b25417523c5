"""Everything that the gateway keeps, on a real Cluster: each command and script stays within one hash slot.

A server on its own would not tell; a cluster refuses what does not (CROSSSLOT).
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError
from aiogram.methods import SendMessage
from pydantic import SecretStr

from app.backends.models import Role, TelegramId, UserId
from app.bot.broadcast_store import Broadcast, BroadcastStore
from app.bot.outbox import Outbox
from app.core import metrics
from app.core.activity import SHARDS, Activity
from app.core.election import Election
from app.core.redis import RedisConnections
from app.core.settings import Settings
from app.delivery.claims import Claim, Claims, Refusal, load_script
from app.delivery.dead_letters import DeadLetterReason, DeadLetters
from app.delivery.keys import KeySpace, UpdateOrigin
from app.delivery.leases import Leases
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget
from app.telegram.refusals import RefusingChats
from support.redis_sets import ClusterSet

KEYS = KeySpace("bg", 42)
PREFIX = KEYS.shared()
MANY = 200
"""Chats enough to lie on every node."""


@pytest.fixture
async def connections() -> AsyncIterator[tuple[RedisConnections, Settings]]:
    async with ClusterSet() as cluster:
        settings = Settings(bot_token=SecretStr("42:AAF-token-of-the-tests"), redis_url=cluster.url)
        connections = RedisConnections(settings)
        yield connections, settings
        await connections.close()


async def test_all_that_is_kept_lies_in_slots(connections: tuple[RedisConnections, Settings]) -> None:
    redis, settings = connections
    await updates(redis, settings)
    await gauges(redis)
    await sending(redis, settings)
    await broadcasts(redis.client)
    letters = DeadLetters.of(redis.client, KEYS, settings)
    await letters.add(b"{", DeadLetterReason.INVALID_JSON)
    (letter,) = await letters.list(10)
    assert await letters.get(letter.letter_id) == letter
    await letters.remove(letter.letter_id)
    assert await letters.count_or_nan() == 0
    election = Election(redis.client, KEYS.shared("elect", "test"), seconds=60)
    assert await election.leads()
    await election.resign()


async def updates(redis: RedisConnections, settings: Settings) -> None:
    """Claimed, renewed, committed with a dialogue and an identity, given back, refused where repeated."""
    leases = Leases(redis.batched, load_script("renew"), lease_seconds=15, longest_seconds=120)
    claims = Claims(redis.batched, KEYS, leases, settings)
    origins = [UpdateOrigin(chat, chat, "private", chat) for chat in range(1, MANY)]
    deadline = asyncio.get_running_loop().time() + 60
    for claim in await asyncio.gather(*(claims.claim(origin, deadline) for origin in origins)):
        assert isinstance(claim, Claim)
        claim.context.state, claim.context.fsm_changed = "Dialog:one", True
        claim.context.new_identity = {"role": "applicant"}
        await leases.renew()
        assert await claims.commit(claim)
    assert await claims.claim(origins[0], deadline) is Refusal.DUPLICATE
    other = await claims.claim(replace(origins[0], update_id=MANY), deadline)
    assert isinstance(other, Claim)
    assert (other.context.state, other.context.identity is not None) == ("Dialog:one", True)
    await claims.release(other)


async def gauges(redis: RedisConnections) -> None:
    """All shards are written, counted and swept."""
    activity = Activity(redis.batched, PREFIX, states=["Dialog:one"], session_ttl=1800, fsm_ttl=86_400)
    for user in range(SHARDS * 2):
        activity.record(user, "applicant", None, "Dialog:one")
    await activity.flush()
    await activity.read()
    await activity.sweep()
    sessions = {sample.value for family in metrics.ACTIVE_SESSIONS.collect() for sample in family.samples}
    assert max(sessions) == SHARDS * 2


async def sending(redis: RedisConnections, settings: Settings) -> None:
    """The budget, its pauses, who has blocked the bot, what is sent later."""
    budget = SendBudget(redis.batched, KEYS)
    for chat in (1001, 1001, -1001):
        await budget.acquire(chat, max_wait=math.inf)
    await budget.pause(1001, 0.01)
    blocked = BlockedUsers.of(redis.client, settings)
    await blocked.add(1001)
    assert await blocked.blocked_among([1001, 1002]) == {1001}
    await blocked.remove(1001)
    refusing = RefusingChats(redis.batched, PREFIX)
    await refusing.add(-1001, None, TelegramForbiddenError(SendMessage(chat_id=-1001, text="x"), "kicked"))
    await refusing.refresh()
    assert refusing.refuses(-1001, None)
    await refusing.remove(-1001)
    outbox = Outbox(redis.client, key_prefix=PREFIX, clock=lambda: time.time() - 3600)
    await outbox.put(SendMessage(chat_id=1001, text="later"), 0)
    sent = Bot()
    assert await Outbox(redis.client, key_prefix=PREFIX).send_due(sent) == 1  # type: ignore[arg-type]  # all that it is asked for
    assert sent.texts == ["later"]


async def broadcasts(client: Any) -> None:
    """From the queue to the end, with someone in doubt."""
    store = BroadcastStore(client, key_prefix=PREFIX, token="one")
    queued = Broadcast("b1", "text", Role.ADMIN, UserId(1), TelegramId(1), 2, "en")
    assert await store.add(queued)
    assert await store.hold_lease()
    assert await store.head() == queued
    await store.load(queued, [TelegramId(1001), TelegramId(1002)], None)
    assert await store.waiting() == 2
    first = await store.take("b1", store.next_take())
    assert first is not None
    await store.settle("b1", first, "sent")
    await store.take("b1", store.next_take())
    assert await store.recover("b1") == 1
    assert len(await store.with_unknown_outcome("b1")) == 1
    assert await store.conclude("b1")
    await store.remove("b1")
    await store.release_lease()


class Bot:
    """Takes messages."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def send_message(self, _chat: int, text: str, **_more: Any) -> None:
        self.texts.append(text)

    async def __call__(self, method: SendMessage) -> None:
        self.texts.append(method.text)
