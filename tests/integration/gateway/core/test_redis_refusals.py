"""A Redis that answers, but with an error: the update must be redelivered, whatever the error is called."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.exceptions import ResponseError

from app.core.redis_batch import BatchedRedis, RedisUnavailableError, Script
from sandbox.redis_server import RedisServer
from support.ports import free_ports

WRITE = Script("commit", "return redis.call('SET', KEYS[1], ARGV[1])")


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with RedisServer() as own:
        yield own


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    redis: Redis = Redis.from_url(server.url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def batched(server: RedisServer) -> AsyncIterator[BatchedRedis]:
    batched = BatchedRedis(lambda: Connection(host="127.0.0.1", port=server.port), timeout=5)
    yield batched
    await batched.close()


async def write(batched: BatchedRedis) -> object:
    return await batched.run(WRITE, ("key",), "value")


async def test_full_memory_is_a_redelivery(client: Redis, batched: BatchedRedis) -> None:
    await client.config_set("maxmemory", 1)
    with pytest.raises(RedisUnavailableError, match="OutOfMemoryError"):
        await write(batched)
    await client.config_set("maxmemory", 0)
    assert await write(batched) == b"OK"


async def test_a_replica_is_a_redelivery(client: Redis, batched: BatchedRedis) -> None:
    [nowhere] = free_ports(1)
    await client.replicaof("127.0.0.1", nowhere)
    with pytest.raises(RedisUnavailableError, match="ReadOnlyError"):
        await write(batched)
    await client.config_set("replica-serve-stale-data", "no")
    with pytest.raises(RedisUnavailableError, match="MasterDownError"):
        await write(batched)
    await client.replicaof("NO", "ONE")
    assert await write(batched) == b"OK"


async def test_a_script_that_keeps_redis_busy_is_a_redelivery(
    server: RedisServer, client: Redis, batched: BatchedRedis
) -> None:
    await client.config_set("busy-reply-threshold", 10)
    await write(batched)
    watcher: Redis = Redis.from_url(server.url)
    await watcher.ping()
    endless = asyncio.create_task(client.eval("while true do end", 0))
    async with asyncio.timeout(30):
        while await says_pong(watcher):
            pass
    with pytest.raises(RedisUnavailableError, match="ResponseError"):
        await write(batched)
    await watcher.script_kill()
    await watcher.aclose()
    with pytest.raises(ResponseError):
        await endless
    assert await write(batched) == b"OK"


async def says_pong(redis: Redis) -> bool:
    try:
        return bool(await redis.ping())
    except ResponseError:
        return False
