"""A flood of bad posts cannot fill a disk: what it writes into the log is bounded, and every line stays of use.

`FLOOD_POSTS` sets how many there are of each kind.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest

from app.core.log_rate_limit import BURST, MAX_TEXT_LENGTH, PER_SECOND
from sandbox.faults import FaultSpec
from support.metric_failures import SECRET, update_body

POSTS = int(os.environ.get("FLOOD_POSTS", "600"))
AT_ONCE = 20


def bodies(number: int) -> Iterator[bytes]:
    """Not JSON, no update, and one whose response Telegram refuses, which is logged with its traceback."""
    yield b"{"
    yield b'{"invalid": "data"}'
    user = 10_000 + number
    person = {"id": user, "is_bot": False, "first_name": "A", "language_code": "en"}
    yield update_body(5 * 10**9 + number, chat={"id": user, "type": "private"}, **{"from": person})


@pytest.mark.timeout(900)
async def test_a_flood_of_bad_posts_writes_little(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    replica = await world.started(TELEGRAM_MESSAGES_PER_SECOND="0", MAX_IN_FLIGHT="100", WATCHDOG_SECONDS="3600")
    world.sandbox.faults.add(FaultSpec(service="telegram", kind="error", status=400))
    statuses: dict[int, int] = {}
    began = time.monotonic()
    async with aiohttp.ClientSession(headers=SECRET) as session:

        async def post_every(first: int) -> None:
            for number in range(first, POSTS, AT_ONCE):
                for body in bodies(number):
                    async with session.post(f"{replica.url}/webhook", data=body) as response:
                        statuses[response.status] = statuses.get(response.status, 0) + 1

        async with asyncio.timeout(800):
            await asyncio.gather(*(post_every(first) for first in range(AT_ONCE)))
    assert statuses == {200: 3 * POSTS}
    log = replica.output.read_bytes()
    lines = [json.loads(line) for line in log.splitlines()]
    by_event = Counter(line["event"] for line in lines)
    most = BURST + PER_SECOND * (time.monotonic() - began) + 1
    assert [event for event, count in by_event.items() if count > most] == []
    assert max(map(len, log.splitlines())) < 2 * MAX_TEXT_LENGTH
    refused = [line for line in lines if line["event"] == "telegram_failed"]
    assert len(refused) >= BURST
    for line in refused:
        assert len(line["trace_id"]) == 32
        assert len(line["span_id"]) == 16
        assert line["update_id"] >= 5 * 10**9
        assert "Traceback" in line["exception"]
