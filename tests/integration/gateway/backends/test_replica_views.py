"""Replicas exchange their views through a real Redis: who is live, what is bounded, and what other releases wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection

from app.backends.breaker import BreakerState
from app.backends.outlier import OutlierPolicy, View
from app.backends.replica_views import ReplicaViews
from app.core.metric_family import REGISTRY
from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from sandbox.redis_server import RedisServer

KEY = "bg:42:views"
HEALTHY = View(30, 0, 0, 0, success_age=0.0, failure_age=None, breaker=BreakerState.CLOSED)
CUT_OFF = replace(HEALTHY, failures=2, failed_probes=2, success_age=3.0, failure_age=1.0)


@pytest.fixture
async def batched() -> AsyncIterator[BatchedRedis]:
    with RedisServer() as server:
        redis = BatchedRedis(lambda: Connection(host="127.0.0.1", port=server.port), timeout=2)
        yield redis
        await redis.close()


@pytest.fixture
async def client(batched: BatchedRedis) -> AsyncIterator[Redis]:
    connection = batched._connect()
    redis: Redis = Redis(host=connection.host, port=connection.port)  # type: ignore[attr-defined]  # a TCP connection
    yield redis
    await redis.aclose()


def replica(redis: BatchedRedis, view: View, clock: Callable[[], float] = lambda: 0.0) -> ReplicaViews:
    return ReplicaViews(
        redis, "bg:42", lambda: {"request": view}, address="10.0.0.1:8000", policy=OutlierPolicy(), clock=clock
    )


def outlier() -> float:
    return REGISTRY.get_sample_value("bot_gateway_service_outlier", {"service_name": "request"}) or 0.0


async def test_the_one_that_is_cut_off_is_the_outlier(batched: BatchedRedis) -> None:
    affected, *healthy = (replica(batched, view) for view in (CUT_OFF, HEALTHY, HEALTHY))
    for views in (*healthy, affected):
        await views.exchange()
    assert outlier() == 1
    await healthy[0].exchange()
    assert outlier() == 0


async def test_two_of_three_are_a_shared_failure(batched: BatchedRedis) -> None:
    replicas = [replica(batched, view) for view in (HEALTHY, CUT_OFF, CUT_OFF)]
    for _ in range(2):
        for views in replicas:
            await views.exchange()
            assert outlier() == 0


async def test_an_age_grows_while_an_entry_waits(batched: BatchedRedis, client: Redis) -> None:
    """The peers' successes were before the failure, however late their entries are read."""
    affected, *healthy = (replica(batched, view) for view in (replace(CUT_OFF, failure_age=0.0), HEALTHY, HEALTHY))
    for views in healthy:
        await views.exchange()
    for field, value in (await client.hgetall(KEY)).items():
        at, _, view = value.partition(b" ")
        await client.hset(KEY, field, b"%d %b" % (int(at) - 1000, view))
    await affected.exchange()
    assert outlier() == 0


async def test_a_replica_that_stopped_publishing_is_not_live_and_is_removed(
    batched: BatchedRedis, client: Redis
) -> None:
    gone = [replica(batched, HEALTHY) for _ in range(2)]
    for views in gone:
        await views.exchange()
    for field, value in (await client.hgetall(KEY)).items():
        at, _, view = value.partition(b" ")
        await client.hset(KEY, field, b"%d %b" % (int(at) - 5001, view))
    await replica(batched, CUT_OFF).exchange()
    assert outlier() == 0
    assert await client.hlen(KEY) == 1
    assert 0 < await client.pttl(KEY) <= 10_000


@pytest.mark.parametrize("entry", ["", "x", "1 {}", "{now} {}", '{now} {"backends": {"request": [1]}}', "{now} [1]"])
async def test_entries_that_cannot_be_read_are_ignored(batched: BatchedRedis, client: Redis, entry: str) -> None:
    seconds, _ = await client.time()
    await client.hset(KEY, "other", entry.replace("{now}", str(seconds * 1000)))
    await replica(batched, CUT_OFF).exchange()
    assert outlier() == 0


async def test_what_is_read_is_bounded(batched: BatchedRedis, client: Redis) -> None:
    seconds, _ = await client.time()
    await client.hset(KEY, mapping={f"r{number}": f"{seconds * 1000} {{}}" for number in range(1000)})
    script = replica(batched, HEALTHY)._script
    entries = await batched.run(script, (KEY,), "me", "{}", 5000, 200)
    assert len(entries) == 3 * 200


async def test_without_redis_the_metric_is_unknown(batched: BatchedRedis, client: Redis) -> None:
    views = replica(batched, HEALTHY)
    await views.exchange()
    await client.shutdown(nosave=True)
    with pytest.raises(RedisUnavailableError):
        await views.exchange()
    assert outlier() != outlier()
