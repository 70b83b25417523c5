"""Two bots on one Redis, both with the default prefix: nothing of the one is in a key of the other."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from app.core.activity import SHARDS
from sandbox.redis_server import RedisServer

OTHER_TOKEN = "43:AAF-token-of-the-other-bot-in-these-tests"
USERS = (1001, 3001, 4001)
PARTS = (":done", ":fsm:", ":ident:", ":user:", ":notified:e1", ":elect:", ":activity:")
"""What each of them keeps, at least: updates' own things, profiles, pushes, elections, gauges."""


@pytest.mark.timeout(300)
async def test_two_bots_share_a_redis_and_no_key(make_world: Callable[..., Any]) -> None:
    redis = RedisServer()
    worlds = [await make_world(redis), await make_world(redis, OTHER_TOKEN)]
    await asyncio.gather(*(world.started() for world in worlds))
    for world in worlds:
        for user in USERS:
            world.users.say(user, "/requests")
            world.users.say(user, "/newrequest")
    for world in worlds:
        await world.all_handled(60)
        await notify(world)
        assert world.sandbox.ledger.summary()["sends"]["sendMessage:200"] >= len(USERS) * 2 + 1
    client: Redis = Redis.from_url(redis.url)
    async with asyncio.timeout(30):
        # The replicas write users' activity once per second.
        began = [f"{{bg:{bot}:activity:{USERS[0] % SHARDS}}}:began" for bot in (42, 43)]
        while not all([await client.exists(key) for key in began]):  # noqa: ASYNC110 - Redis notifies nobody
            await asyncio.sleep(0.1)
    keys = [key.decode() async for key in client.scan_iter()]
    await client.aclose()
    owners = [re.fullmatch(r"\{?bg:\{?(42|43)\b.*", key) for key in keys]
    assert [key for key, owner in zip(keys, owners, strict=True) if owner is None] == []
    for bot in ("42", "43"):
        kept = " ".join(key for key, owner in zip(keys, owners, strict=True) if owner is not None and owner[1] == bot)
        assert [part for part in PARTS if part not in kept] == []


async def notify(world: Any) -> None:
    """The same event for both bots, which have different users although they have the same ids."""
    event = {
        "event_id": "e1",
        "type": "request_status_changed",
        "telegram_id": 1001,
        "request_id": 1,
        "request_number": "R-1",
        "status": "done",
        "language": "en",
    }
    headers = {"Authorization": f"Bearer {world.environment['SERVICE_TOKEN']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.replicas[0].url}/internal/notify", json=event, headers=headers) as response,
    ):
        assert response.status == 200
        assert (await response.json())["result"] == "sent"
