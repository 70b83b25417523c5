"""Redis performs a script and its reply is lost: nobody gets a broadcast twice, and nobody is left out unnamed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram.methods import EditMessageText, SendMessage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.backends.models import TelegramId, UserId
from app.bot.broadcast import Broadcaster
from app.bot.broadcast_store import Broadcast, BroadcastStore, script_text
from app.bot.i18n import CatalogueI18n
from app.bot.services import Services
from app.core.redis_batch import Script
from app.telegram.blocked import BlockedUsers
from sandbox.redis_server import RedisServer
from support.lossy_proxy import LossyProxy

NEWS = Broadcast("77", "Water is off", None, UserId(9), TelegramId(4001), 12, "en")
SCRIPTS = ("queue", "load", "take", "settle", "recover", "conclude")
PAGES = [list(range(1, 11)), list(range(11, 21))]


def sha(name: str) -> bytes:
    return Script(name, script_text(name)).sha.encode()


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[LossyProxy]:
    proxy = LossyProxy("127.0.0.1", redis_server.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture(params=[1, 0], ids=["redis-py repeats", "the sender repeats"])
async def lossy(request: pytest.FixtureRequest, proxy: LossyProxy, redis: Redis) -> AsyncIterator[Redis]:
    """A client through the proxy, with the product's retry of redis-py and without it."""
    pool = BlockingConnectionPool(host="127.0.0.1", port=proxy.port, retry=Retry(NoBackoff(), request.param))
    client: Redis = Redis(connection_pool=pool)
    for name in SCRIPTS:
        # Known to the server, so that each is sent by its hash from the first time on.
        await redis.script_load(script_text(name))
    yield client
    await client.aclose()
    await pool.disconnect()


@pytest.fixture
def broadcaster(lossy: Redis, redis: Redis, services: Services) -> Broadcaster:
    clock = Clock()
    return Broadcaster(
        lossy,
        services.users,
        CatalogueI18n(),
        blocked=BlockedUsers(redis, "bg:42:blocked"),
        key_prefix="bg",
        clock=clock,
        sleep=clock.sleep,
    )


class Clock:
    """Advances by sleeping only."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize("script", ["queue", "load", "take", "settle", "recover", "conclude"])
@pytest.mark.parametrize("times", [1, 3])
async def test_everyone_gets_it_once_although_replies_are_lost(
    user: Any, broadcaster: Broadcaster, proxy: LossyProxy, script: str, times: int
) -> None:
    pages = list(PAGES)
    user.backends.responses["GET /api/v1/users/telegram-ids"] = lambda query: page(pages, query)
    proxy.lose = [sha(script)] * times
    await until_done(lambda: broadcaster.store.add(NEWS))
    await until_done(lambda: broadcaster.send_next(user.bot))
    # A script that runs once per broadcast has fewer replies to lose.
    assert proxy.lost >= 1
    reached = [call.chat_id for call in user.telegram.calls if isinstance(call, SendMessage)]
    assert sorted(reached) == list(range(1, 21))
    edits = [call.text for call in user.telegram.calls if isinstance(call, EditMessageText)]
    assert edits[-1] == "Broadcast finished. Sent: 20, not reachable: 0, unknown: 0."


def page(_pages: list[list[int]], query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The page behind the cursor, as the User Service returns it each time it is asked."""
    after = int(query.get("after") or 0)
    ids = next(ids for ids in _pages if ids[0] > after)
    items = [{"telegram_id": number, "language": "en"} for number in ids]
    return 200, {"items": items, "next": ids[-1] if ids is not _pages[-1] else None}


async def until_done(call: Any) -> None:
    """Repeat a step as the background task does; the losses are bounded."""
    for _ in range(10):
        try:
            await call()
        except RedisError:
            continue
        return
    raise AssertionError("it did not end")


async def test_an_outcome_that_arrives_late_does_not_send_a_second_time(redis: Redis) -> None:
    store = BroadcastStore(redis, key_prefix="bg", token="one")
    await store.add(NEWS)
    await store.hold_lease()
    await store.load(NEWS, [TelegramId(1)], None)
    first = await store.take("77", store.next_take())
    assert first is not None
    await store.settle("77", first, "pending")
    second = await store.take("77", store.next_take())
    assert second is not None
    await store.settle("77", first, "pending")
    assert await store.waiting() == 0, "the recipient would be sent to twice"
    await store.settle("77", second, "sent")
    assert await store.conclude("77") is True


async def test_a_late_copy_of_an_earlier_take_takes_nobody(redis: Redis) -> None:
    store = BroadcastStore(redis, key_prefix="bg", token="one")
    await store.add(NEWS)
    await store.hold_lease()
    await store.load(NEWS, [TelegramId(1), TelegramId(2), TelegramId(3)], None)
    earlier, later = store.next_take(), store.next_take()
    assert await store.take("77", earlier) is not None
    assert await store.take("77", later) is not None
    assert await store.take("77", earlier) is None
    assert await store.waiting() == 1


async def test_it_is_not_concluded_while_recipients_are_left(redis: Redis) -> None:
    store = BroadcastStore(redis, key_prefix="bg", token="one")
    await store.add(NEWS)
    await store.hold_lease()
    await store.load(NEWS, [TelegramId(1)], None)
    assert await store.conclude("77") is None
