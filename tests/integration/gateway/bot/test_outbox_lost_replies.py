"""Redis performs a command and its reply is lost: no deferred message is sent twice, none is lost; one leader at most.

`OUTBOX_TEST_MESSAGES` sets the size (`make proof`: 500).
"""

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import SendMessage
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.bot.outbox import CLAIM_SCRIPT, REPLACE_SCRIPT, Outbox
from app.core.election import LEAD_SCRIPT, RESIGN_SCRIPT, Election
from app.core.redis_batch import Script
from sandbox.redis_server import RedisServer
from support.lossy_proxy import LossyProxy

MESSAGES = int(os.environ.get("OUTBOX_TEST_MESSAGES", "20"))
REPLICAS = 3
NOT_SENT = TelegramNetworkError(SendMessage(chat_id=5, text="x"), "connection refused")


def sha(text: str) -> bytes:
    return Script("test", text).sha.encode()


COMMANDS = {"claim": sha(CLAIM_SCRIPT), "replace": sha(REPLACE_SCRIPT), "remove": b"ZREM", "put": b"ZADD"}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[LossyProxy]:
    proxy = LossyProxy("127.0.0.1", redis_server.port)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture(params=[1, 0], ids=["redis-py repeats", "the outbox repeats"])
async def lossy(request: pytest.FixtureRequest, proxy: LossyProxy, redis: Redis) -> AsyncIterator[list[Redis]]:
    """Clients of three replicas through the proxy, with the product's retry of redis-py and without it."""
    for text in (CLAIM_SCRIPT, REPLACE_SCRIPT, LEAD_SCRIPT, RESIGN_SCRIPT):
        # Known to the server, so that each is sent by its hash from the first time on.
        await redis.script_load(text)
    async with AsyncExitStack() as stack:
        clients: list[Redis] = []
        for _ in range(REPLICAS):
            pool = BlockingConnectionPool(host="127.0.0.1", port=proxy.port, retry=Retry(NoBackoff(), request.param))
            stack.push_async_callback(pool.disconnect)
            clients.append(await stack.enter_async_context(Redis(connection_pool=pool)))
        yield clients


@pytest.mark.timeout(600)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("times", [1, 3])
async def test_every_message_is_sent_once_although_replies_are_lost(
    user: Any, lossy: list[Redis], redis: Redis, proxy: LossyProxy, command: str, times: int
) -> None:
    clock = Clock()
    outboxes = [Outbox(client, key_prefix="bg", clock=clock, sleep=clock.sleep) for client in lossy]
    proxy.lose = [COMMANDS[command]] * times
    for number in range(MESSAGES):
        # A put whose reply is lost fails in its update, which tells the user; the message is there.
        try:
            await outboxes[0].put(SendMessage(chat_id=5, text=str(number)), 0)
        except RedisError:
            assert await redis.zcard("bg:outbox") == number + 1
    user.telegram.failures = [NOT_SENT for _ in range(3)]  # these are replaced by their next attempt
    while await redis.zcard("bg:outbox"):
        for outbox in outboxes:
            try:
                await outbox.send_due(user.bot)
            except RedisError:
                continue
        clock.now += 20
    assert proxy.lost == times
    sent = Counter(call.text for call in user.telegram.calls)
    assert sent == Counter(str(number) for number in range(MESSAGES))


@pytest.mark.parametrize("script", [LEAD_SCRIPT, RESIGN_SCRIPT], ids=["lead", "resign"])
@pytest.mark.parametrize("times", [1, 3])
async def test_one_leads_at_most_and_is_followed_although_replies_are_lost(
    lossy: list[Redis], proxy: LossyProxy, script: str, times: int
) -> None:
    elections = [Election(client, "elect", seconds=60) for client in lossy]
    proxy.lose = [sha(script)] * times
    for _ in range(2 * times + 2):
        leading = []
        for election in elections:
            try:
                if await election.leads():
                    leading.append(election)
            except RedisError:
                # It does not know whether it leads, so it does nothing as leader.
                continue
        assert len(leading) <= 1
        for leader in leading:
            try:
                await leader.resign()
            except RedisError:
                continue
            elections = [*(election for election in elections if election is not leader), leader]
    assert proxy.lost == times
    assert await elections[0].leads()
