"""The generator keeps its rate, keeps everybody to one conversation at a time, and tells how they ended."""

import asyncio

from sandbox.people import seed_people
from sandbox.traffic.generator import TrafficGenerator


async def test_conversations_start_at_the_rate(simulator, virtual_time) -> None:
    generator = TrafficGenerator(simulator, seed_people(900), seed=1, sleep=virtual_time.sleep)
    running = asyncio.create_task(generator.run())
    await virtual_time.run_until(lambda: virtual_time.now > 1_750_000_010)
    assert generator.report()["started"] == 0
    generator.rate = 10
    began = virtual_time.now
    await virtual_time.run_until(lambda: virtual_time.now > began + 20)
    assert 150 < generator.report()["started"] < 250
    running.cancel()
    await virtual_time.settle()
    assert generator.report()["active"] == 0


async def test_the_first_three_of_each_role_are_reserved(simulator, virtual_time, ledger) -> None:
    generator = TrafficGenerator(simulator, seed_people(6), rate=100, seed=1, sleep=virtual_time.sleep)
    running = asyncio.create_task(generator.run())
    await virtual_time.run_until(lambda: generator.report()["nobody_idle"] > 0)
    running.cancel()
    await virtual_time.settle()
    users = [update["user_id"] for update in ledger.updates()]
    assert users
    assert all(user_id % 1000 > 3 for user_id in users)
    assert len(users) == len(set(users))
