import asyncio
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramForbiddenError
from aiogram.types import Update
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from app.telegram.blocked import KEEP_SECONDS, BlockedUsers
from app.telegram.session import GatewaySession
from sandbox.redis_server import free_port
from support.bot_api import TOKEN


class Clock:
    """Wall-clock seconds that pass when they are told to."""

    seconds = 1_000_000_000.0

    def __call__(self) -> float:
        return self.seconds


async def test_who_blocked_the_bot_is_remembered_until_they_are_back(redis: Redis) -> None:
    blocked = BlockedUsers(redis, "blocked")
    for user in (1001, 1002):
        await blocked.add(user)
    assert await blocked.blocked_among([1000, 1001, 1002, 1003]) == {1001, 1002}
    await blocked.remove(1001)
    assert await blocked.blocked_among([1001, 1002]) == {1002}
    assert await blocked.blocked_among([]) == set()


async def test_groups_are_not_remembered(redis: Redis) -> None:
    blocked = BlockedUsers(redis, "blocked")
    await blocked.add(-1001)
    assert await redis.exists("blocked") == 0


async def test_it_is_forgotten_after_a_month(redis: Redis) -> None:
    clock = Clock()
    blocked = BlockedUsers(redis, "blocked", clock=clock)
    await blocked.add(1001)
    clock.seconds += KEEP_SECONDS
    assert await blocked.blocked_among([1001]) == set()
    await blocked.add(1002)
    assert await redis.zcard("blocked") == 1


async def test_without_redis_a_403_is_only_logged() -> None:
    unreachable: Redis = Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    with capture_logs() as logs:
        await BlockedUsers(unreachable, "blocked").add(1001)
    assert [entry["event"] for entry in logs] == ["blocked_user_not_noted"]
    await unreachable.aclose()


async def test_a_403_is_remembered(bot_api: Any, api: tuple[Any, str], redis: Redis) -> None:
    blocked = BlockedUsers(redis, "blocked")
    bot_api.responses = [
        (403, {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by the user"})
    ]
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=1, blocked=blocked))
    for chat_id in (1001, -5):
        with pytest.raises(TelegramForbiddenError):
            await bot.send_message(chat_id, "hello")
    await bot.session.close()
    assert await blocked.blocked_among([1001, 1002, -5]) == {1001}


@pytest.mark.parametrize("failure", [RedisConnectionError("away"), asyncio.CancelledError()])
async def test_who_is_back_is_told_to_redis_later_if_it_cannot_be_told_now(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """The flush is cancelled by a shutdown, which then flushes once more."""
    blocked = BlockedUsers(redis, "blocked")
    await blocked.add(1001)
    message = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}, "text": "a"}
    blocked.observe(Update.model_validate({"update_id": 1, "message": message}))

    async def fail(*_arguments: Any) -> Any:
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(redis, "zmscore", fail)
        with pytest.raises(type(failure)):
            await blocked.flush()
    await blocked.flush()
    assert await blocked.blocked_among([1001]) == set()
