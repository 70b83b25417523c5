import math
import time
from collections.abc import Callable

import pytest
from redis.asyncio.connection import Connection

from app.core.clock_offset import ClockOffset
from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from sandbox.redis_server import free_port


@pytest.mark.parametrize("ahead", [0.0, 7200.0, -7200.0])
async def test_tells_by_how_much_the_clock_is_ahead(
    batched: BatchedRedis, sample: Callable[..., float], ahead: float
) -> None:
    before = time.monotonic()
    await ClockOffset(batched, "bg:42:data", clock=lambda: time.time() + ahead).measure()
    # Redis runs on this machine, by the same clock; the call's own time bounds the error.
    assert abs(sample("clock_offset_seconds") - ahead) <= time.monotonic() - before + 0.01


async def test_tells_nothing_while_redis_is_unreachable(sample: Callable[..., float]) -> None:
    port = free_port()
    redis = BatchedRedis(lambda: Connection(host="127.0.0.1", port=port), timeout=0.2)
    with pytest.raises(RedisUnavailableError):
        await ClockOffset(redis, "bg:42:data").measure()
    assert math.isnan(sample("clock_offset_seconds"))
    await redis.close()
