"""The bot with a real Redis."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from sandbox.redis_server import RedisServer
from support.bot_conversation import backends, logged, moved, services, settings, user

__all__ = ["backends", "logged", "moved", "redis", "redis_server", "services", "settings", "user"]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_server.url)
    await client.flushall()
    yield client
    await client.aclose()
