"""The prober closes an open breaker without a call of a user."""

import asyncio
from collections.abc import Awaitable, Callable

from app.backends.breaker import BreakerPolicy, BreakerState, CircuitBreaker
from app.backends.breaker_prober import BreakerProber


async def drive(health: list[bool]) -> tuple[CircuitBreaker, list[float]]:
    """Open a breaker, let the prober get `health` one check after another, return its sleeps."""
    now = 0.0
    slept: list[float] = []
    closed = asyncio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds
        await asyncio.sleep(0)

    async def check() -> bool:
        return health.pop(0)

    def on_transition(state: BreakerState) -> None:
        if state is BreakerState.OPEN:
            prober.wake()
        if state is BreakerState.CLOSED:
            closed.set()

    breaker = CircuitBreaker(BreakerPolicy(minimum_calls=1), clock=lambda: now, on_transition=on_transition)
    checked: Callable[[], Awaitable[bool]] = check
    prober = BreakerProber(breaker, checked, sleep=sleep)
    prober.start()
    breaker.acquire().fail()
    async with asyncio.timeout(60):
        await closed.wait()
    await prober.close()
    return breaker, slept


async def test_closes_when_the_backend_is_healthy_again() -> None:
    breaker, slept = await drive([False, False, True])
    assert breaker.state is BreakerState.CLOSED
    assert slept == [30.0, 30.0, 30.0]
