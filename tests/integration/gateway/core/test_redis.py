import asyncio
from collections.abc import Callable

from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.core.redis import RedisConnections
from app.core.settings import Settings
from sandbox.redis_server import free_port

Make = Callable[..., Settings]
Sample = Callable[..., float]


async def test_a_configuration_that_loses_state_is_warned_of(make_settings: Make, redis: Redis) -> None:
    connections = RedisConnections(make_settings())
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    with capture_logs() as logs:
        await connections.warn_about_lossy_configuration()
    await redis.config_set("maxmemory-policy", "noeviction")
    await connections.close()
    assert [(entry["event"], entry["setting"]) for entry in logs] == [
        ("redis_configuration_loses_state", "maxmemory-policy")
    ]


async def test_the_pool_s_gauges_follow_its_use(make_settings: Make, sample: Sample) -> None:
    connections = RedisConnections(make_settings(redis_max_connections=5))
    waiting = asyncio.create_task(connections.client.blpop(["nothing-comes"], timeout=1))
    while sample("redis_connection_pool_available") == 5:  # noqa: ASYNC110 - nothing tells when a connection is taken
        await asyncio.sleep(0.01)
    assert sample("redis_connection_pool_size") == 5
    assert sample("redis_connection_pool_available") == 4
    waiting.cancel()
    await asyncio.wait({waiting})
    await connections.close()


async def test_ping_tells_whether_redis_is_there(make_settings: Make) -> None:
    there = RedisConnections(make_settings())
    gone = RedisConnections(make_settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert (await there.ping(), await gone.ping()) == (True, False)
    await there.close()
    await gone.close()
