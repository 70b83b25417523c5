"""`bot-gateway dead-letters` with a real Redis and a stub of the webhook."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
import pytest
from aiohttp import web
from redis.asyncio import Redis

from app import dead_letters_cli
from app.core.settings import Settings
from app.delivery.dead_letters import DeadLetterReason, DeadLetters
from app.delivery.keys import KeySpace
from app.webhook import SECRET_HEADER
from support.stub_server import serving
from support.updates import written

Make = Callable[..., Settings]


@pytest.fixture
async def letters(redis: Redis) -> DeadLetters:
    return DeadLetters(redis, KeySpace("bg", 42).shared("dead-letters"), limit=100)


async def test_letters_are_listed_and_shown(
    letters: DeadLetters, make_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    await letters.add(b'{"update_id": 7}', DeadLetterReason.INVALID_UPDATE)
    [letter] = await letters.list(1)
    assert await dead_letters_cli.list_letters(make_settings(), 10) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split()[0] == letter.letter_id
    assert "invalid_update" in line
    assert '{"update_id": 7}' in line
    assert await dead_letters_cli.show_letter(make_settings(), letter.letter_id) == 0
    assert '{"update_id": 7}' in capsys.readouterr().out
    assert await dead_letters_cli.show_letter(make_settings(), "1-1") == 1


async def test_a_letter_that_cannot_be_replayed_stays(letters: DeadLetters, make_settings: Make) -> None:
    await letters.add(b"{}", DeadLetterReason.INVALID_UPDATE)
    [letter] = await letters.list(1)
    assert await dead_letters_cli.replay_letter(make_settings(), letter.letter_id, "http://127.0.0.1:1/webhook") == 1
    assert await letters.count_or_nan() == 1


UPDATE = written("/help", update_id=7)
DONE = "bg:{42:1001}:done"


class WebhookStub:
    """Takes what is replayed; `marks` is whether the update counted as done when it arrived."""

    def __init__(self, redis: Redis, status: int) -> None:
        self._redis = redis
        self._status = status
        self.posts: list[tuple[bytes, str | None]] = []
        self.marks: list[bool] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.posts.append((await request.read(), request.headers.get(SECRET_HEADER)))
        self.marks.append(await self._redis.zscore(DONE, 7) is not None)
        return web.Response(status=self._status)


@asynccontextmanager
async def listening(redis: Redis, status: int) -> AsyncIterator[tuple[WebhookStub, str]]:
    stub = WebhookStub(redis, status)
    async with serving(stub.handle) as url:
        yield stub, f"{url}/webhook"


async def test_a_replayed_letter_is_handled_anew_and_gone(
    letters: DeadLetters, redis: Redis, make_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    await letters.add(orjson.dumps(UPDATE), DeadLetterReason.HANDLER_FAILED)
    await redis.zadd(DONE, {"7": 1, "8": 2})
    [letter] = await letters.list(1)
    async with listening(redis, 200) as (webhook, url):
        assert await dead_letters_cli.replay_letter(make_settings(webhook_secret="right"), letter.letter_id, url) == 0
    assert webhook.posts == [(orjson.dumps(UPDATE), "right")]
    # It was remembered as done, which would have made it a duplicate; its neighbour still is.
    assert webhook.marks == [False]
    assert await redis.zrange(DONE, 0, -1) == [b"8"]
    assert await letters.count_or_nan() == 0
    assert capsys.readouterr().out == f"{letter.letter_id} replayed\n"


async def test_an_invalid_letter_is_replayed_as_it_came(
    letters: DeadLetters, redis: Redis, make_settings: Make
) -> None:
    await letters.add(b"\xff not an update", DeadLetterReason.INVALID_JSON)
    [letter] = await letters.list(1)
    async with listening(redis, 200) as (webhook, url):
        assert await dead_letters_cli.replay_letter(make_settings(), letter.letter_id, url) == 0
    assert webhook.posts == [(b"\xff not an update", None)]
    assert await letters.count_or_nan() == 0


async def test_a_letter_that_the_gateway_does_not_take_stays(
    letters: DeadLetters, redis: Redis, make_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    await letters.add(orjson.dumps(UPDATE), DeadLetterReason.HANDLER_FAILED)
    [letter] = await letters.list(1)
    async with listening(redis, 503) as (_webhook, url):
        assert await dead_letters_cli.replay_letter(make_settings(), letter.letter_id, url) == 1
    assert await letters.count_or_nan() == 1
    assert capsys.readouterr().err == f"bot-gateway: {url} responded 503; the dead letter is kept\n"


async def test_an_unknown_letter_is_one_line(make_settings: Make, capsys: pytest.CaptureFixture[str]) -> None:
    assert await dead_letters_cli.replay_letter(make_settings(), "1-1", "http://127.0.0.1:1/webhook") == 1
    assert capsys.readouterr().err == "bot-gateway: no dead letter 1-1\n"
