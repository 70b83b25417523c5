import asyncio

import pytest
from aiogram import Bot
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from app.bot.broadcast import Broadcaster
from app.bot.i18n import CatalogueI18n


async def test_an_outage_of_redis_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis does not respond five times, does once, and is away again."""
    available = [False] * 5 + [True] + [False] * 3
    tries = iter(available)
    ended = asyncio.Event()

    async def hold_lease() -> bool:
        is_available = next(tries, None)
        if is_available is None:
            ended.set()
            await asyncio.Event().wait()
        if not is_available:
            raise RedisConnectionError
        return False

    async def waiting() -> int:
        return 0

    async def sleep(_seconds: float) -> None:
        await asyncio.sleep(0)

    async def released() -> None:
        return None

    broadcaster = Broadcaster(
        Redis(),
        None,  # type: ignore[arg-type]  # no broadcast is sent
        CatalogueI18n(),
        blocked=None,  # type: ignore[arg-type]
        key_prefix="bg",
        sleep=sleep,
    )
    monkeypatch.setattr(broadcaster.store, "hold_lease", hold_lease)
    monkeypatch.setattr(broadcaster.store, "waiting", waiting)
    monkeypatch.setattr(broadcaster.store, "release_lease", released)
    with capture_logs() as logs:
        await broadcaster.start(Bot("42:token"))
        async with asyncio.timeout(10):
            await ended.wait()
        await broadcaster.close()
    assert [line["event"] for line in logs] == ["broadcast_queue_unavailable"] * 2
