"""One reading for all who ask at once, and never one that is older than the question."""

import asyncio

import pytest

from remediator.single_flight import SingleFlight


class Source:
    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def read(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.go.wait()
        if self.error is not None:
            raise self.error
        return mine


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_all_who_ask_at_once_share_a_reading_and_who_comes_later_has_the_next() -> None:
    source = Source()
    shared = SingleFlight(source.read)
    first = [asyncio.create_task(shared.get()) for _ in range(5)]
    await settle()
    late = [asyncio.create_task(shared.get()) for _ in range(100)]
    await settle()
    assert source.begun == 1
    source.go.set()
    assert set(await asyncio.gather(*first)) == {1}
    assert set(await asyncio.gather(*late)) == {2}
    assert await shared.get() == 3


async def test_error_reaches_all_who_asked_and_the_next_reading_begins_anew() -> None:
    source = Source()
    source.error = ValueError("away")
    source.go.set()
    shared = SingleFlight(source.read)
    answers = await asyncio.gather(shared.get(), shared.get(), return_exceptions=True)
    assert answers == [source.error, source.error]
    source.error = None
    assert await shared.get() == 2


async def test_who_gives_up_leaves_the_reading_to_the_others() -> None:
    source = Source()
    shared = SingleFlight(source.read)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await shared.get()
    other = asyncio.create_task(shared.get())
    await settle()
    source.go.set()
    assert await other == 2
