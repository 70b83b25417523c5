import math
from collections.abc import Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from app.core.redis import RedisConnections
from app.core.redis_memory import RedisMemory
from app.core.settings import Settings
from sandbox.redis_server import free_port

Make = Callable[..., Settings]
Sample = Callable[..., float]
KEY = "bg:42:data"


async def test_memory_limit_and_policy_are_those_of_redis(make_settings: Make, redis: Redis, sample: Sample) -> None:
    connections = RedisConnections(make_settings())
    memory = RedisMemory(connections, KEY)
    await redis.config_set("maxmemory", 300 * 2**20)
    await redis.config_set("maxmemory-policy", "volatile-ttl")
    await memory.look()
    assert sample("redis_memory_max_bytes") == 300 * 2**20
    assert 0 < sample("redis_memory_used_bytes") < 300 * 2**20
    assert sample("redis_evicts_keys") == 1
    await redis.config_set("maxmemory", 0)
    await redis.config_set("maxmemory-policy", "noeviction")
    await memory.look()
    assert (sample("redis_memory_max_bytes"), sample("redis_evicts_keys")) == (0, 0)
    await connections.close()


async def test_of_a_redis_that_cannot_be_read_nothing_is_known(make_settings: Make, sample: Sample) -> None:
    connections = RedisConnections(make_settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with pytest.raises(RedisError):
        await RedisMemory(connections, KEY).look()
    names = ("redis_memory_used_bytes", "redis_memory_max_bytes", "redis_evicts_keys")
    assert all(math.isnan(sample(name)) for name in names)
    await connections.close()


async def test_every_replica_notices_that_redis_lost_its_data(make_settings: Make, redis: Redis) -> None:
    connections = RedisConnections(make_settings())
    first, second = RedisMemory(connections, KEY), RedisMemory(connections, KEY)
    with capture_logs() as logs:
        for replica in (first, second, first, second):
            await replica.look()
    assert [entry["event"] for entry in logs] == ["redis_has_no_data"]
    await redis.flushall()
    with capture_logs() as logs:
        for replica in (first, second, first, second):
            await replica.look()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("redis_data_lost", "error")] * 2
    assert all("ids of handled updates" in entry["lost"] for entry in logs)
    with capture_logs() as logs:
        await RedisMemory(connections, KEY).look()
    assert logs == []
    await connections.close()
