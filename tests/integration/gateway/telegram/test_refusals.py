"""Groups in which the bot may not write: remembered by all replicas, counted once."""

from collections.abc import Callable
from typing import Any

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.methods import SendMessage
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from structlog.testing import capture_logs

from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from app.telegram.refusals import REMEMBERED_SECONDS, RefusingChats
from sandbox.redis_server import free_port
from support.bot_conversation import moved

__all__ = ["moved"]

GROUP, OTHER, PERSON, TOPIC = -1001, -1002, 1001, 7
NO_RIGHTS = TelegramBadRequest(SendMessage(chat_id=GROUP, text="x"), "Bad Request: not enough rights to send text")
CLOSED = TelegramBadRequest(SendMessage(chat_id=GROUP, text="x"), "Bad Request: TOPIC_CLOSED")
KICKED = TelegramForbiddenError(SendMessage(chat_id=OTHER, text="x"), "Forbidden: bot was kicked")

Counted = Callable[..., Callable[[], float]]


@pytest.fixture
def replicas(batched: BatchedRedis) -> list[RefusingChats]:
    return [RefusingChats(batched, "bg:42") for _ in range(3)]


async def test_what_one_replica_learns_all_know_and_it_is_counted_once(
    replicas: list[RefusingChats], moved: Counted
) -> None:
    counted = moved("errors_total", error_type="telegram_failed", severity="warning")
    first, second, third = replicas
    with capture_logs() as logs:
        await first.add(GROUP, None, NO_RIGHTS)
        await second.add(GROUP, None, NO_RIGHTS)  # it tried before it knew
        await third.refresh()
        await third.add(GROUP, None, NO_RIGHTS)
    assert [replica.refuses(GROUP, TOPIC) for replica in replicas] == [True] * 3
    assert not third.refuses(OTHER, None)
    assert counted() == 1
    assert [entry["event"] for entry in logs] == ["chat_refuses_messages"]


async def test_a_closed_topic_leaves_the_others(replicas: list[RefusingChats]) -> None:
    first, second, _ = replicas
    await first.add(GROUP, TOPIC, CLOSED)
    await second.refresh()
    assert (second.refuses(GROUP, TOPIC), second.refuses(GROUP, 8), second.refuses(GROUP, None)) == (True, False, False)


async def test_rights_that_come_back_are_known_to_all(replicas: list[RefusingChats]) -> None:
    first, second, _ = replicas
    for thread_id, error in ((None, NO_RIGHTS), (TOPIC, CLOSED)):
        await first.add(GROUP, thread_id, error)
    await first.add(OTHER, None, KICKED)
    await second.refresh()
    await second.remove(GROUP)
    await first.refresh()
    for replica in (first, second):
        assert not replica.refuses(GROUP, TOPIC)
        assert replica.refuses(OTHER, None)


async def test_it_is_forgotten_when_its_time_is_up(replicas: list[RefusingChats], redis: Redis, moved: Counted) -> None:
    counted = moved("errors_total", error_type="telegram_failed", severity="warning")
    now = 0.0
    early = RefusingChats(replicas[0]._redis, "bg:42", clock=lambda: now)
    await early.add(GROUP, None, NO_RIGHTS)
    assert 0 < await redis.ttl("{bg:42:refusing}") <= REMEMBERED_SECONDS
    assert 0 < await redis.ttl("{bg:42:refusing}:version") <= REMEMBERED_SECONDS
    now = REMEMBERED_SECONDS + 1
    assert not early.refuses(GROUP, None)
    # Redis' own clock cannot be set forward; what it would have done by now is done by hand.
    await redis.flushall()
    await early.refresh()
    await early.add(GROUP, None, NO_RIGHTS)
    assert early.refuses(GROUP, None)
    assert counted() == 2


async def test_nothing_is_read_while_nothing_has_changed(replicas: list[RefusingChats], redis: Redis) -> None:
    first, second, _ = replicas
    await first.add(GROUP, None, NO_RIGHTS)
    await second.refresh()
    await redis.delete("{bg:42:refusing}")
    await second.refresh()
    assert second.refuses(GROUP, None)


async def test_private_chats_and_other_errors_are_not_remembered(replicas: list[RefusingChats]) -> None:
    first = replicas[0]
    await first.add(PERSON, None, KICKED)
    await first.add(GROUP, None, TelegramBadRequest(SendMessage(chat_id=GROUP, text="x"), "message text is empty"))
    assert not first.refuses(PERSON, None)
    assert not first.refuses(GROUP, None)


async def test_without_redis_a_replica_remembers_it_alone(replicas: list[RefusingChats], moved: Counted) -> None:
    counted = moved("errors_total", error_type="telegram_failed", severity="warning")
    away = BatchedRedis(lambda: Connection(host="127.0.0.1", port=free_port()), timeout=1)
    alone: Any = RefusingChats(away, "bg:42")
    with capture_logs() as logs:
        await alone.add(GROUP, None, NO_RIGHTS)
        await alone.add(GROUP, None, NO_RIGHTS)
    assert alone.refuses(GROUP, None)
    assert counted() == 1
    assert [entry["event"] for entry in logs] == ["refusing_chat_not_shared", "chat_refuses_messages"]
    with pytest.raises(RedisUnavailableError):
        await alone.refresh()
    # Redis is back, and another replica has told of a group: what this one knows alone stays.
    await replicas[0].add(OTHER, None, KICKED)
    alone._redis = replicas[0]._redis
    await alone.refresh()
    assert (alone.refuses(GROUP, None), alone.refuses(OTHER, None)) == (True, True)
    await away.close()
