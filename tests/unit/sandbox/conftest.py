"""Time that moves when a test says so, and the parts of a sandbox on it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

import pytest

from sandbox.ledger import Ledger
from sandbox.people import seed_people
from sandbox.telegram.simulator import Simulator

START = 1_750_000_000.0


class VirtualTime:
    """A clock whose sleepers wake when :meth:`run_until` jumps to the next of them."""

    def __init__(self) -> None:
        self.now = START
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def settle(self) -> None:
        """Let everything run that does not wait for time."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def run_until(self, done: Callable[[], bool]) -> None:
        """Jump from sleeper to sleeper until the condition holds."""
        await self.settle()
        while not done():
            assert self._sleepers, "nothing is left to happen"
            due, _number, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, due)
            if not woken.done():
                woken.set_result(None)
            await self.settle()


@pytest.fixture
def virtual_time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def ledger(virtual_time: VirtualTime) -> Ledger:
    return Ledger(virtual_time.clock, size=1000)


@pytest.fixture
def simulator(virtual_time: VirtualTime, ledger: Ledger) -> Simulator:
    return Simulator(bot_id=42, people=seed_people(3), ledger=ledger, clock=virtual_time.clock)
