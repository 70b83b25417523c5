"""Three senders of one broadcast, killed, losing their lease and their replies at random: the counts stay true.

BROADCAST_TEST_RECIPIENTS sets the size (`make proof`: 2,000). A failure is repeated with BROADCAST_TEST_SEED.
"""

import asyncio
import os
import random
from collections import Counter
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import SendMessage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.backends.models import TelegramId, UserId
from app.bot.broadcast import Broadcaster
from app.bot.broadcast_store import Broadcast, BroadcastStore, LeaseLostError, script_text
from app.bot.i18n import CatalogueI18n
from app.bot.services import Services
from app.core.redis_batch import Script
from app.telegram.blocked import BlockedUsers
from sandbox.redis_server import RedisServer
from support.bot_conversation import TOKEN, TelegramStub
from support.lossy_proxy import LossyProxy

RECIPIENTS = int(os.environ.get("BROADCAST_TEST_RECIPIENTS", "150"))
SEED = int(os.environ.get("BROADCAST_TEST_SEED", "1"))
SENDERS = 3
PAGE = 40
NEWS = Broadcast("77", "Water is off", None, UserId(9), TelegramId(4001), 12, "en")
SCRIPTS = ("load", "take", "settle", "recover", "conclude")


class KilledError(Exception):
    """The process is gone: nothing after this happens."""


class World:
    """What all senders share, and the dice."""

    def __init__(self, redis: Redis, server: RedisServer, services: Services) -> None:
        self.redis = redis
        self.server = server
        self.services = services
        self.dice = random.Random(SEED)
        self.sent: Counter[int] = Counter()
        self.happened: Counter[str] = Counter()


class Sender(TelegramStub):
    """One replica's broadcaster; its Bot API session decides what happens to it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._proxy = LossyProxy("127.0.0.1", world.server.port)
        self._bot = Bot(TOKEN, session=self)
        self._now = 0.0
        self.dead = False

    async def run(self) -> None:
        """Send until the queue is empty or this sender is killed."""
        await self._proxy.start()
        pool = BlockingConnectionPool(host="127.0.0.1", port=self._proxy.port, retry=Retry(NoBackoff(), 1))
        client: Redis = Redis(connection_pool=pool)
        broadcaster = Broadcaster(
            client,
            self._world.services.users,
            CatalogueI18n(),
            blocked=BlockedUsers(self._world.redis, "bg:42:blocked"),
            key_prefix="bg",
            clock=lambda: self._now,
            sleep=self._sleep,
        )
        try:
            while not self.dead and await broadcaster.store.head() is not None:
                try:
                    if not await broadcaster.send_next(self._bot):
                        await asyncio.sleep(0.01)
                except (RedisError, LeaseLostError):
                    continue
                except KilledError:
                    # Its lease expires; nobody else could hold one meanwhile.
                    await self._world.redis.delete("{bg:broadcast}:lease")
        finally:
            await client.aclose()
            await pool.disconnect()
            await self._proxy.stop()

    async def _sleep(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(0)

    async def make_request(self, bot: Bot, method: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109 - aiogram's signature
        if self.dead:
            raise KilledError
        if not isinstance(method, SendMessage):
            return True
        event = self._world.dice.choices(
            ["nothing", "lost reply", "not connected", "lease expires", "killed before", "killed after"],
            [70, 12, 10, 4, 2, 2],
        )[0]
        self._world.happened[event] += 1
        if event == "lost reply":
            self._proxy.lose.append(sha(self._world.dice.choice(SCRIPTS)))
        elif event == "lease expires":
            await self._world.redis.delete("{bg:broadcast}:lease")
        elif event == "not connected":
            # Raised before anything was sent, so the recipient is taken again.
            raise TelegramNetworkError(method, "connection refused")
        elif event == "killed before":
            self.dead = True
            raise KilledError
        self._world.sent[int(method.chat_id)] += 1
        if event == "killed after":
            self.dead = True
            raise KilledError
        return await super().make_request(bot, method, timeout)


def sha(name: str) -> bytes:
    return Script(name, script_text(name)).sha.encode()


def page(query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The page behind the cursor, as the User Service returns it each time it is asked."""
    first = int(query["after"]) + 1
    last = min(first + PAGE - 1, RECIPIENTS)
    items = [{"telegram_id": number, "language": "en"} for number in range(first, last + 1)]
    return 200, {"items": items, "next": last if last < RECIPIENTS else None}


@pytest.mark.timeout(600)
async def test_nobody_gets_it_twice_and_nobody_stays_unnamed(
    user: Any, redis: Redis, redis_server: RedisServer, services: Services
) -> None:
    user.backends.responses["GET /api/v1/users/telegram-ids"] = page
    for name in SCRIPTS:
        await redis.script_load(script_text(name))
    store = BroadcastStore(redis, key_prefix="bg", token="observer")
    await store.add(NEWS)
    world = World(redis, redis_server, services)
    running: set[asyncio.Task[None]] = set()
    while await store.head() is not None:
        running |= {asyncio.create_task(Sender(world).run()) for _ in range(SENDERS - len(running))}
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    await asyncio.gather(*running)

    ended = await store.get("77")
    assert ended is not None
    in_doubt = await store.with_unknown_outcome("77")
    assert [recipient for recipient, times in world.sent.items() if times > 1] == []
    assert (ended.total, ended.failed) == (RECIPIENTS, 0)
    assert ended.sent + len(in_doubt) == RECIPIENTS
    assert set(range(1, RECIPIENTS + 1)) - set(world.sent) <= set(in_doubt)
    assert min(world.happened[event] for event in ("lost reply", "not connected", "lease expires")) > 0
    assert world.happened["killed before"] + world.happened["killed after"] > 0
