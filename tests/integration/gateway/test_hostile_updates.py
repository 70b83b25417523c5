"""Whatever is posted: only the documented responses, no unhandled exception, no new series without bound, flat memory.

A part is drawn by Hypothesis, the rest is made from true updates by changing things inside.
`HOSTILE_TEST_UPDATES` sets how many posts there are: 3,000, or 100,000 for the proof in docs/guarantees.md.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import orjson
import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

from app.bot import callbacks

POSTS = int(os.environ.get("HOSTILE_TEST_UPDATES", "3000"))
SECRET = "known-webhook-secret"
ALLOWED = {200, 503}
GROWTH_BYTES = 24 * 1024 * 1024
"""What the process may grow by in the second half, whatever the number of posts."""

MOST_DRAWN = 2000
"""Of Hypothesis, which takes some ms for each."""

KINDS = ("message", "edited_message", "callback_query", "inline_query", "my_chat_member", "poll", "from_the_future")
WORDS = [
    "",
    "a",
    "\u0000",
    "\U0001f600" * 50,
    "‮‭",
    "﷽" * 100,
    "/" + "x" * 500,
    "x" * 5000,
    "'; DROP TABLE--",
    "%s%n{}",
]
SERIES = re.compile(r"^bot_gateway_[a-z_]+(?:_total|_count)?\{?", re.MULTILINE)


odd_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
odd_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | odd_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(odd_text, inner, max_size=4),
    max_leaves=12,
)
people = st.builds(
    lambda number: {"id": number, "is_bot": False, "first_name": "A"}, st.integers(1, 2**52) | st.integers(1001, 1041)
)
# True messages but for what is optional, and the unions that aiogram takes apart by a tag.
odd_messages = st.fixed_dictionaries(
    {
        "message_id": st.integers(1, 2**31),
        "date": st.integers(0, 2**31),
        "chat": st.builds(lambda number: {"id": number, "type": "private"}, st.integers(1001, 1041)),
        "from": people,
    },
    optional={
        "text": odd_text | odd_json,
        "caption": odd_text,
        "entities": odd_json,
        "reply_markup": odd_json,
        "contact": odd_json,
        "forward_origin": st.fixed_dictionaries({"type": odd_text, "date": st.integers()}),
        "paid_media": st.fixed_dictionaries({"paid_media": st.lists(st.fixed_dictionaries({"type": odd_text}))}),
        "media_group_id": odd_json,
    },
)
odd_updates = st.one_of(
    st.builds(
        lambda number, kind, event: {"update_id": number, kind: event}, st.integers(), st.sampled_from(KINDS), odd_json
    ),
    st.builds(lambda number, event: {"update_id": number, "message": event}, st.integers(1, 2**31), odd_messages),
    st.builds(
        lambda number, user, message, data: {
            "update_id": number,
            "callback_query": {"id": "1", "from": user, "chat_instance": "1", "message": message, "data": data},
        },
        st.integers(1, 2**31),
        people,
        odd_messages,
        odd_text,
    ),
    odd_json,
)


def drawn(count: int) -> list[bytes]:
    """Bodies that Hypothesis makes; some are no JSON, for it has numbers that JSON lacks."""
    found: list[bytes] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(odd_updates)
    def collect(update: Any) -> None:
        found.append(json.dumps(update, ensure_ascii=False).encode())

    collect()
    return found


def hostile_values(rng: random.Random) -> Any:
    return rng.choice(
        [
            None, True, False, 0, -1, 2**31, 2**63, -(2**63), 1e308, "", [], {}, [[[]]], {"a": {"b": {}}},
            rng.choice(WORDS), [None] * 50, {"id": "x"}, {"id": None, "type": "from_the_future"},
        ]
    )  # fmt: skip


def valid_update(rng: random.Random, update_id: int) -> dict[str, Any]:
    user_id = rng.choice([rng.randrange(1001, 1041), rng.randrange(1, 2**52), -rng.randrange(1, 2**40)])
    user = {"id": user_id, "is_bot": rng.random() < 0.02, "first_name": rng.choice(WORDS) or "A"}
    if rng.random() < 0.5:
        user["language_code"] = rng.choice(["ru", "uz", "en-GB", "xx", rng.choice(WORDS)])
    chat = {"id": user_id, "type": rng.choice(["private", "private", "private", "group", "supergroup", "channel"])}
    message: dict[str, Any] = {"message_id": rng.randrange(1, 2**31), "date": 1, "chat": chat, "from": user}
    content = rng.choice(["text", "photo", "location", "contact", "sticker", "caption", "new_chat_title"])
    command = rng.choice(["/start", "/requests", "/newrequest", "/cancel", "/admin", "/forget", "/nope", "/start@x"])
    message[content] = {
        "text": rng.choice([command, command, rng.choice(WORDS)]),
        "photo": [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}],
        "location": {"latitude": rng.choice([0, 90.5, -1e9]), "longitude": 1},
        "contact": {"phone_number": rng.choice(WORDS), "first_name": "A", "user_id": user_id},
        "caption": rng.choice(WORDS),
        "new_chat_title": rng.choice(WORDS),
    }.get(content, {"file_id": "f"})
    if rng.random() < 0.4:
        prefix = rng.choice([*sorted(callbacks.TYPES), "zz"])
        data = f"{prefix}:{rng.choice(['1', '-1', '999999999999999999999', 'x', '', 'ru', '1:2', '1:2:3', '1:done'])}"
        query = {"id": "1", "from": user, "chat_instance": "1", "message": message, "data": data}
        return {"update_id": update_id, "callback_query": query}
    kind = rng.choice(["message", "message", "message", "edited_message", "inline_query", "my_chat_member", "poll"])
    return {"update_id": update_id, kind: message}


def mutate(value: Any, rng: random.Random) -> Any:
    """Replace one thing somewhere inside."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        return {**value, key: mutate(value[key], rng)}
    return hostile_values(rng)


def bodies(count: int) -> Iterator[bytes]:
    rng = random.Random(20)
    special = [
        *(b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"update_id": 1}', b"[" * 5000, b'"' + b"x" * 100_000 + b'"'),
        b"x" * (1024 * 1024 + 1),
        b'{"update_id": 1, "message": {"text": "\\ud83d"}}',
        b'{"update_id":1,"message":' + b'{"reply_to_message":' * 400 + b"{}" + b"}" * 401,
        orjson.dumps(valid_update(rng, 2) | {"padding": "\u202e" * 300_000}),
        orjson.dumps({"update_id": 3, "message": {"text": [[None] * 1000] * 100}}),
    ]
    yield from special
    by_hypothesis = drawn(min(count // 10, MOST_DRAWN))
    yield from by_hypothesis
    for number in range(count - len(special) - len(by_hypothesis)):
        update: Any = valid_update(rng, 1_000_000 + number)
        for _ in range(rng.choice([0, 0, 1, 1, 2])):
            update = mutate(update, rng)
        yield orjson.dumps(update)


def series(text: str) -> int:
    return sum(1 for line in text.splitlines() if line.startswith("bot_gateway_"))


def value(text: str, name: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.timeout(300 + POSTS // 20)
async def test_hostile_updates_do_no_harm(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    replica = await world.started(
        TELEGRAM_MESSAGES_PER_SECOND="0", CHAT_LOCK_WAIT_SECONDS="30", RATE_LIMIT_BURST="1000000", MAX_IN_FLIGHT="100"
    )
    statuses: dict[int, int] = {}
    async with aiohttp.ClientSession() as session:

        async def metrics() -> str:
            async with session.get(f"{replica.url}/metrics") as response:
                return await response.text()

        async def post_all(posts: Iterator[bytes]) -> None:
            for body in posts:
                headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
                async with session.post(f"{replica.url}/webhook", data=body, headers=headers) as response:
                    statuses[response.status] = statuses.get(response.status, 0) + 1

        everything = list(bodies(POSTS))
        random.Random(21).shuffle(everything)
        assert replica.process is not None
        process = psutil.Process(replica.process.pid)
        half = len(everything) // 2
        await asyncio.gather(*(post_all(iter(everything[start:half:20])) for start in range(20)))
        middle, middle_bytes = await metrics(), process.memory_info().rss
        await asyncio.gather(*(post_all(iter(everything[half + start :: 20])) for start in range(20)))
        end, end_bytes = await metrics(), process.memory_info().rss

    print(f"{POSTS} posts: {statuses}, RSS {middle_bytes >> 20} MiB after half, {end_bytes >> 20} MiB at the end")
    assert set(statuses) <= ALLOWED, statuses
    assert statuses[200] > POSTS * 0.95, statuses
    log = replica.output.read_text()
    assert [line for line in log.splitlines() if '"event": "handler_failed"' in line] == []
    # The simulator refuses responses to buttons that nobody pressed; that is logged as what it is.
    others = [line for line in log.splitlines() if '"event": "telegram_failed"' not in line and "Traceback" in line]
    assert others == []
    assert value(end, "bot_gateway_exceptions_total") == 0
    assert value(end, 'bot_gateway_errors_total{error_type="invalid_update"') > 100
    # What was new in the first half was all that there is.
    assert series(end) - series(middle) < 60
    assert series(end) < 4000
    assert end_bytes - middle_bytes < GROWTH_BYTES
    assert value(end, "bot_gateway_webhook_in_flight") == 0
