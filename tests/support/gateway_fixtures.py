"""Fixtures of the gateway's tests: settings without the environment, its metrics, and a real Redis.

A conftest imports those that its tests use. The unit tests have no server: their `make_settings` names a Redis that
refuses connections.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from app.core.metric_family import REGISTRY
from app.core.redis_batch import BatchedRedis
from app.core.settings import Settings
from sandbox.redis_server import RedisServer

TOKEN = "42:AAF-known-token-of-the-tests"
UNREACHABLE = "redis://127.0.0.1:1/0"
"""Nothing listens on port 1."""


def settings_with(redis_url: str) -> Callable[..., Settings]:
    """Return a factory of settings with the given changes."""

    def make(**changes: Any) -> Settings:
        return Settings(**{"bot_token": TOKEN, "redis_url": redis_url, **changes})

    return make


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


@pytest.fixture
async def batched(redis_server: RedisServer, redis: Redis) -> AsyncIterator[BatchedRedis]:
    batched = BatchedRedis(lambda: Connection(host="127.0.0.1", port=redis_server.port), timeout=30)
    yield batched
    await batched.close()


@pytest.fixture
def make_settings(redis_server: RedisServer) -> Callable[..., Settings]:
    return settings_with(redis_server.url)


@pytest.fixture
def sample() -> Callable[..., float]:
    """The value of a sample, 0 where it does not exist, by its name without the prefix."""

    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"bot_gateway_{name}", labels) or 0.0

    return value
