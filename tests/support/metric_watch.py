"""Watches a gateway's /metrics: what moved by how much, compared in full, and which families have moved at all."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp

from app.core.metrics import FAMILIES

PREFIX = "bot_gateway_"
Moves = dict[str, float]
"""Samples as /metrics writes them, without the prefix, with a change or a value."""

_GAUGES = frozenset(family.name.removeprefix(PREFIX) for family in FAMILIES if family.kind == "gauge")
_KINDS = {family.name.removeprefix(PREFIX): family.kind for family in FAMILIES}
# What a replica does by itself, at times of its own.
_BY_ITSELF = re.compile(
    r"event_loop_lag_seconds|spans_exported_total|spans_dropped_total|traces_kept_total|session_duration_seconds"
    r'|redis_\w+\{operation="(gauges|sweep|views|blocked|elect|outbox|broadcast|renew)"'
    r'|telegram_\w+\{method="getWebhookInfo"'
)


def samples(text: str) -> Moves:
    """Every sample of the gateway's own families."""
    lines = (line.removeprefix(PREFIX).rpartition(" ") for line in text.splitlines() if line.startswith(PREFIX))
    return {name: float(value) for name, _, value in lines}


def family_of(sample: str) -> str:
    """The family that a sample belongs to."""
    name = sample.partition("{")[0]
    return name if name in _KINDS else re.sub(r"_(bucket|count|sum)$", "", name)


def differences(before: Moves, after: Moves) -> Moves:
    """By how much counters and counts of histograms have grown by what was done to the replica."""
    return {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if value != before.get(name, 0)
        and family_of(name) not in _GAUGES
        and not re.match(r"\w+_(bucket|sum)\b", name)
        and not _BY_ITSELF.match(name)
    }


def total(*parts: Moves) -> Moves:
    """The sum of several moves."""
    counted: Counter[str] = Counter()
    for part in parts:
        for name, value in part.items():
            counted[name] += value  # type: ignore[assignment]  # a Counter counts fractions as well
    return dict(counted)


@dataclass
class MetricWatch:
    """`settle` is awaited after each act, until what it set off is over. `moved` gathers the families."""

    url: str
    settle: Callable[[], Awaitable[None]]
    moved: set[str] = field(default_factory=set)

    async def text(self, accept: str = "text/plain") -> str:
        """The page as a scraper gets it."""
        headers = {"Accept": accept}
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics", headers=headers) as response:
            return await response.text()

    async def samples(self) -> Moves:
        """Every sample now."""
        return samples(await self.text())

    async def exactly(self, act: Callable[[], object], *moves: Moves) -> None:
        """Do it; these moves and no others must come of it."""
        before = await self.samples()
        act()
        await self.settle()
        found = differences(before, await self.samples())
        wanted = total(*moves)
        assert found == wanted, {
            "missing": {name: value for name, value in wanted.items() if found.get(name) != value},
            "found instead": {name: value for name, value in found.items() if wanted.get(name) != value},
        }
        self.moved |= {family_of(name) for name in found}

    async def shows(self, wanted: Callable[[Moves], bool], *names: str, seconds: float = 300) -> Moves:
        """Wait until the samples are as wanted; `names` are the families that this shows to move."""
        assert set(names) <= _KINDS.keys()
        found: Moves = {}
        try:
            async with asyncio.timeout(seconds):
                while not wanted(found := await self.samples()):  # noqa: ASYNC110 - a page tells nobody
                    await asyncio.sleep(0.1)
        except TimeoutError:
            shown = {name: value for name, value in found.items() if family_of(name) in names and "_bucket" not in name}
            raise AssertionError(f"not as wanted within {seconds} s: {shown}") from None
        self.moved |= set(names)
        return found
