"""Deliveries follow Telegram's rules: one in flight a queue, queues in parallel, back-off, Retry-After, expiry."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from sandbox.jsontypes import JsonObject
from sandbox.ledger import Ledger
from sandbox.telegram.queues import Outcome, UpdateQueues

OK, UNAVAILABLE = Outcome(200), Outcome(503, "Wrong response from the webhook: 503")


class Bot:
    """Answers by script; without one it is fine with everything. ``gate`` holds deliveries back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.script: dict[int, list[Outcome]] = {}
        self.log: list[tuple[int, float]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, update: JsonObject) -> Outcome:
        update_id = update["update_id"]
        self.log.append((update_id, self._clock()))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.gate.wait()
            outcomes = self.script.get(update_id)
            return outcomes.pop(0) if outcomes else OK
        finally:
            self.in_flight -= 1

    @property
    def order(self) -> list[int]:
        return [update_id for update_id, _at in self.log]

    def waits(self, update_id: int) -> list[float]:
        times = [at for delivered, at in self.log if delivered == update_id]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


@pytest.fixture
def bot(virtual_time) -> Bot:
    return Bot(virtual_time.clock)


@pytest.fixture
def queues(virtual_time, ledger: Ledger) -> UpdateQueues:
    return UpdateQueues(ledger, virtual_time.clock, virtual_time.sleep, backoff_cap=lambda: 60.0)


def put(queues: UpdateQueues, ledger: Ledger, update_id: int, queue: str, kind: str = "message") -> None:
    ledger.update_created(update_id, kind, queue, 1, 1)
    queues.put(queue, kind, {"update_id": update_id})


async def test_a_queue_keeps_its_order(queues, ledger, bot, virtual_time) -> None:
    for update_id in range(1, 6):
        put(queues, ledger, update_id, "chat:1")
    await queues.deliver_to(bot.deliver, 10)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.order == [1, 2, 3, 4, 5]
    assert bot.most_in_flight == 1


async def test_queues_are_delivered_in_parallel_up_to_max_connections(queues, ledger, bot, virtual_time) -> None:
    bot.gate.clear()
    await queues.deliver_to(bot.deliver, 3)
    for update_id in range(1, 11):
        put(queues, ledger, update_id, f"chat:{update_id}")
    await virtual_time.settle()
    assert bot.in_flight == 3
    bot.gate.set()
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.most_in_flight == 3


async def test_message_and_callback_of_a_chat_are_delivered_in_parallel(queues, ledger, bot, virtual_time) -> None:
    bot.gate.clear()
    await queues.deliver_to(bot.deliver, 10)
    put(queues, ledger, 1, "chat:7")
    put(queues, ledger, 2, "user:7", "callback_query")
    await virtual_time.settle()
    assert bot.in_flight == 2


async def test_back_off_is_0_2_4_8_up_to_60(queues, ledger, bot, virtual_time) -> None:
    bot.script[1] = [UNAVAILABLE] * 8
    put(queues, ledger, 1, "chat:1")
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.waits(1) == [0, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize("status", [400, 401, 413, 404, 500, 302, 0])
async def test_every_response_but_2xx_is_retried(queues, ledger, bot, virtual_time, status: int) -> None:
    bot.script[1] = [Outcome(status, "no")]
    put(queues, ledger, 1, "chat:1")
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.order == [1, 1]
    assert queues.last_error == "no"


async def test_retry_after_is_obeyed_exactly(queues, ledger, bot, virtual_time) -> None:
    bot.script[1] = [Outcome(503, "busy", retry_after=1), Outcome(503, "busy", retry_after=17)]
    put(queues, ledger, 1, "chat:1")
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.waits(1) == [1, 17]


async def test_retry_after_is_obeyed_for_an_hour_at_most(queues, ledger, bot, virtual_time) -> None:
    bot.script[1] = [Outcome(503, "busy", retry_after=7200)]
    put(queues, ledger, 1, "chat:1")
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.waits(1) == [3600]


async def test_a_failing_update_blocks_only_its_own_queue(queues, ledger, bot, virtual_time) -> None:
    bot.script[1] = [UNAVAILABLE] * 3
    for update_id, queue in ((1, "chat:1"), (2, "chat:1"), (3, "chat:2")):
        put(queues, ledger, update_id, queue)
    await queues.deliver_to(bot.deliver, 2)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.order.index(3) < bot.order.index(2)
    assert bot.order[-1] == 2


async def test_enough_failing_queues_block_all_others(queues, ledger, bot, virtual_time) -> None:
    """Twice max_connections poisoned chats stop a bot: why the gateway must not refuse what can never succeed."""
    await queues.deliver_to(bot.deliver, 2)
    for update_id in range(1, 5):
        bot.script[update_id] = [UNAVAILABLE] * 6
        put(queues, ledger, update_id, f"chat:{update_id}")
    put(queues, ledger, 99, "chat:99")
    await virtual_time.run_until(lambda: len(bot.log) >= 20)
    assert 99 not in bot.order
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert bot.order[-1] == 99 or 99 in bot.order


@pytest.mark.parametrize(("kind", "seconds"), [("callback_query", 150), ("inline_query", 30), ("message", 86_400)])
async def test_an_expired_update_is_dropped(queues, ledger, bot, virtual_time, kind: str, seconds: int) -> None:
    bot.script[1] = [UNAVAILABLE] * 10_000
    put(queues, ledger, 1, "queue", kind)
    started = virtual_time.now
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    # It is dropped after the attempt whose successor would be too late.
    assert seconds - 121 <= virtual_time.now - started <= seconds
    assert ledger.summary()["updates"]["expired"] == 1


async def test_a_new_webhook_gets_unhandled_updates(queues, ledger, bot, virtual_time) -> None:
    bot.gate.clear()
    put(queues, ledger, 1, "chat:1")
    await queues.deliver_to(bot.deliver, 1)
    await virtual_time.settle()
    other = Bot(virtual_time.clock)
    await queues.deliver_to(other.deliver, 1)
    await virtual_time.run_until(lambda: queues.pending == 0)
    assert other.order == [1]


async def test_polling_confirms_by_offset(queues, ledger) -> None:
    put(queues, ledger, 1, "chat:1")
    put(queues, ledger, 2, "chat:2")
    assert [u["update_id"] for u in queues.polled(100)] == [1, 2]
    queues.confirm(2)
    assert [u["update_id"] for u in queues.polled(100)] == [2]
    queues.confirm(3)
    assert queues.polled(100) == []
    assert ledger.summary()["updates"]["handled"] == 2


async def test_a_polled_batch_has_at_most_4_mib(queues, ledger) -> None:
    for update_id in range(1, 6):
        ledger.update_created(update_id, "message", "chat:1", 1, 1)
        queues.put("chat:1", "message", {"update_id": update_id, "message": {"text": "x" * 2**20}})
    assert [update["update_id"] for update in queues.polled(100)] == [1, 2, 3]
    queues.confirm(4)
    assert [update["update_id"] for update in queues.polled(100)] == [4, 5]


async def test_dropped_updates_are_recorded(queues, ledger) -> None:
    put(queues, ledger, 1, "chat:1")
    queues.drop_all()
    assert queues.pending == 0
    assert ledger.summary()["updates"]["dropped"] == 1
