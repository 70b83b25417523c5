import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from aiogram import Bot
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from app.core.settings import Settings
from app.delivery.intake import Intake
from app.delivery.pipeline import Outcome
from app.request_body import HEAD
from app.webhook import MAX_BODY, SECRET_HEADER, Webhook
from support.dead_letters import StoredLetters

Sample = Callable[..., float]
USER = {"id": 1001, "is_bot": False, "first_name": "A"}
MESSAGE = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}, "from": USER, "text": "a"}
UPDATE = orjson.dumps({"update_id": 1, "message": MESSAGE})


class PipelineStub:
    """Answers as it is told; `hold` keeps it from answering."""

    def __init__(self) -> None:
        self.outcome = Outcome.HANDLED
        self.hold: asyncio.Event | None = None
        self.seen: list[tuple[int, str]] = []

    async def handle(self, update: Any, message_type: str, store_dead_letter: Any) -> Outcome:
        self.seen.append((update.update_id, message_type))
        if self.hold is not None:
            await self.hold.wait()
        if self.outcome is Outcome.FAILED:
            await store_dead_letter()
        return self.outcome


class Served:
    """A webhook behind a real server."""

    def __init__(
        self, client: TestClient[web.Request, web.Application], webhook: Webhook, letters: StoredLetters
    ) -> None:
        self.client = client
        self.webhook = webhook
        self.letters = letters

    async def post(self, body: Any, secret: str | None = None) -> tuple[int, dict[str, str]]:
        headers = {} if secret is None else {SECRET_HEADER: secret}
        async with self.client.post("/webhook", data=body, headers=headers) as response:
            return response.status, dict(response.headers)


@pytest.fixture
def pipeline() -> PipelineStub:
    return PipelineStub()


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def serve(
    pipeline: PipelineStub, clock: Clock, make_settings: Callable[..., Settings]
) -> AsyncIterator[Callable[..., Any]]:
    clients: list[TestClient[web.Request, web.Application]] = []

    async def start(body_seconds: float = 10, **changes: Any) -> Served:
        settings = make_settings(**changes)
        letters = StoredLetters()
        bot = Bot(settings.bot_token.get_secret_value())
        intake = Intake(pipeline, bot, letters, message_type=lambda _update: "text")  # type: ignore[arg-type]  # a stub
        webhook = Webhook(intake, settings, clock, body_seconds=body_seconds)
        application = web.Application()
        application.router.add_post("/webhook", webhook.handle)
        server = TestServer(application)
        # As `HttpServer` serves it.
        await server.start_server(auto_decompress=False)
        client = TestClient(server)
        clients.append(client)
        return Served(client, webhook, letters)

    yield start
    for client in clients:
        await client.close()


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.HANDLED, 200),
        (Outcome.DUPLICATE, 200),
        (Outcome.FAILED, 200),
        (Outcome.UNAVAILABLE, 503),
        (Outcome.BUSY, 503),
    ],
)
async def test_the_status_follows_the_outcome(
    serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample, outcome: Outcome, status: int
) -> None:
    served = await serve()
    pipeline.outcome = outcome
    before = sample("webhook_requests_total", outcome=outcome)
    responded, headers = await served.post(UPDATE)
    assert responded == status
    assert headers.get("Retry-After") == ("1" if status == 503 else None)
    assert headers["Content-Length"] == "0"  # a call of the Bot API in the response would lose its result
    assert sample("webhook_requests_total", outcome=outcome) == before + 1
    assert await served.letters.count_or_nan() == (outcome is Outcome.FAILED)


@pytest.mark.parametrize("secret", [None, "", "wrong", "right-and-more", "r\u00e9"])
async def test_a_wrong_secret_is_unauthorized_and_no_error(
    serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample, secret: str | None
) -> None:
    served = await serve(webhook_secret="right")
    before = sample("errors_total", error_type="invalid_update", severity="warning")
    unauthorized = sample("webhook_requests_total", outcome="unauthorized")
    assert (await served.post(b"not json", secret))[0] == 401
    assert (await served.post(UPDATE, secret))[0] == 401
    assert pipeline.seen == []
    assert sample("webhook_requests_total", outcome="unauthorized") == unauthorized + 2
    assert sample("errors_total", error_type="invalid_update", severity="warning") == before


async def test_the_former_secret_is_accepted_too(serve: Callable[..., Any]) -> None:
    served = await serve(webhook_secret="new", webhook_secret_previous="old")
    assert [(await served.post(UPDATE, secret))[0] for secret in ("new", "old", "older")] == [200, 200, 401]


INVALID = [
    b"",
    b"not json",
    b"[]",
    b"1",
    b'{"invalid": "data"}',
    b'{"update_id": "x"}',
    b'{"update_id": 1}',
    b'{"update_id": 1, "from_the_future": {"a": 1}}',
    orjson.dumps({"update_id": 1, "message": {**MESSAGE, "date": "x"}}),
    orjson.dumps({"update_id": 1, "chat_member": {"chat": MESSAGE["chat"], "from": USER, "date": 0,
                  "old_chat_member": {"status": "from_the_future", "user": USER}, "new_chat_member": {}}}),
    b"[" * 100_000,
    b'{"update_id": 1, "message": ' + b'{"reply_to_message": ' * 900 + b"{}" + b"}" * 901,
]  # fmt: skip


@pytest.mark.parametrize("body", INVALID)
async def test_what_will_never_succeed_is_stored_as_a_dead_letter(
    serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample, body: bytes
) -> None:
    served = await serve(webhook_secret="right")
    before = sample("errors_total", error_type="invalid_update", severity="warning")
    assert (await served.post(body, "right"))[0] == 200
    assert pipeline.seen == []
    [letter] = await served.letters.list(10)
    assert letter.body == body
    assert sample("errors_total", error_type="invalid_update", severity="warning") == before + 1


async def test_a_hundred_invalid_posts(serve: Callable[..., Any], sample: Sample) -> None:
    """The demo has no secret: the loop of the README prints nothing, stores nothing and counts errors."""
    served = await serve()
    before = sample("errors_total", error_type="invalid_update", severity="warning")
    responses = [await served.post(b'{"invalid": "data"}') for _ in range(100)]
    assert {(status, headers["Content-Length"]) for status, headers in responses} == {(400, "0")}
    assert sample("errors_total", error_type="invalid_update", severity="warning") == before + 100
    assert await served.letters.count_or_nan() == 0


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b"x" * 65536


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_huge_body_is_not_read(serve: Callable[..., Any], chunked: bool) -> None:
    def body() -> Any:
        return chunks(MAX_BODY) if chunked else b"x" * (MAX_BODY + 1)

    served = await serve(webhook_secret="right")
    assert (await served.post(body(), "right"))[0] == 200
    [letter] = await served.letters.list(10)
    assert (letter.reason, letter.body) == ("too_large", b"x" * HEAD)
    assert (await served.post(body(), "wrong"))[0] == 401
    without_secret = await serve()
    assert (await without_secret.post(body()))[0] == 413


async def test_no_more_than_the_bound_are_in_flight(
    serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample
) -> None:
    served = await serve(max_in_flight=2)
    pipeline.hold = asyncio.Event()
    held = [asyncio.create_task(served.post(UPDATE)) for _ in range(2)]
    while len(pipeline.seen) < 2:  # noqa: ASYNC110 - two requests on their way through sockets
        await asyncio.sleep(0.01)
    assert sample("webhook_in_flight") == 2
    status, headers = await served.post(UPDATE)
    assert (status, headers["Retry-After"]) == (503, "1")
    pipeline.hold.set()
    assert [(await task)[0] for task in held] == [200, 200]
    assert sample("webhook_in_flight") == 0


async def test_draining_refuses_and_closing_ends_the_connection(serve: Callable[..., Any]) -> None:
    served = await serve()
    served.webhook.closing = True
    status, headers = await served.post(UPDATE)
    assert (status, headers["Connection"]) == (200, "close")
    served.webhook.draining = True
    status, headers = await served.post(UPDATE)
    assert (status, headers["Retry-After"], headers["Connection"]) == (503, "1", "close")


async def test_an_inbound_traceparent_is_ignored(serve: Callable[..., Any], pipeline: PipelineStub) -> None:
    served = await serve()
    forced = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    async with served.client.post("/webhook", data=UPDATE, headers={"traceparent": forced}) as response:
        assert response.status == 200
    assert pipeline.seen == [(1, "text")]


async def test_one_connection_a_second_is_closed_so_that_new_replicas_get_traffic(
    serve: Callable[..., Any], clock: Clock
) -> None:
    served = await serve()

    async def closes() -> bool:
        _, headers = await served.post(UPDATE)
        return headers.get("Connection") == "close"

    assert [await closes() for _ in range(3)] == [False, False, False]
    clock.seconds += 1
    assert [await closes() for _ in range(3)] == [True, False, False]
    clock.seconds += 0.9
    assert not await closes()
    clock.seconds += 0.1
    assert await closes()


@pytest.mark.parametrize("head", [b"POST /webhook HTTP/1.0\r\n", b"POST /webhook HTTP/1.1\r\nConnection: close\r\n"])
async def test_a_connection_ends_where_the_client_says_so(serve: Callable[..., Any], head: bytes) -> None:
    served = await serve()
    reader, writer = await asyncio.open_connection(served.client.host, served.client.port)
    writer.write(head + b"Host: gateway\r\nContent-Length: %d\r\n\r\n" % len(UPDATE) + UPDATE)
    response = await reader.read()
    # A client of HTTP/1.0 expects the end without the header.
    assert response.split(b"\r\n")[0] in (b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK")
    assert response.startswith(b"HTTP/1.0") or b"Connection: close\r\n" in response
    writer.close()


async def test_nothing_is_decompressed(serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample) -> None:
    """1 MB of gzip may unpack to 1,000 MB; Telegram sends plain JSON."""
    served = await serve(webhook_secret="right")
    bomb = gzip.compress(b"x" * 1024 * 1024)
    for body, encoding in ((bomb, "gzip"), (UPDATE, "gzip"), (UPDATE, "br"), (UPDATE, "identity")):
        headers = {"Content-Encoding": encoding, SECRET_HEADER: "right"}
        async with served.client.post("/webhook", data=body, headers=headers) as response:
            assert response.status == 415, encoding
        async with served.client.post("/webhook", data=body, headers={"Content-Encoding": encoding}) as response:
            assert response.status == 401, encoding
    assert pipeline.seen == []
    assert sample("webhook_requests_total", outcome="unsupported") >= 4
    assert await served.letters.count_or_nan() == 0


async def connect(served: Any, secret: str, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has sent a head and no body."""
    reader, writer = await asyncio.open_connection(served.client.host, served.client.port)
    head = f"POST /webhook HTTP/1.1\r\nHost: a\r\n{SECRET_HEADER}: {secret}\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    return reader, writer


async def test_a_stranger_is_refused_before_their_body_has_arrived(serve: Callable[..., Any]) -> None:
    served = await serve(webhook_secret="right")
    reader, writer = await connect(served, "wrong", MAX_BODY)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"Connection: close\r\n" in head
    writer.close()


async def test_a_body_has_a_limited_time_to_arrive(
    serve: Callable[..., Any], pipeline: PipelineStub, sample: Sample
) -> None:
    served = await serve(body_seconds=0.2, webhook_secret="right")
    unfinished = [await connect(served, "right", 100) for _ in range(20)]
    for _, writer in unfinished:
        writer.write(b"{")
    for reader, writer in unfinished:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert b"Connection: close\r\n" in head
        writer.close()
    assert served.webhook.in_flight == 0
    assert pipeline.seen == []
    assert sample("webhook_requests_total", outcome="timed_out") >= 20


async def test_a_body_that_becomes_malformed_is_refused(serve: Callable[..., Any], pipeline: PipelineStub) -> None:
    """aiohttp's parser stops there, so the rest of the body never arrives."""
    served = await serve(body_seconds=0.2)
    reader, writer = await asyncio.open_connection(served.client.host, served.client.port)
    writer.write(b"POST /webhook HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
    while not served.webhook.in_flight:  # noqa: ASYNC110 - a request on its way through a socket
        await asyncio.sleep(0.01)
    writer.write(b"nonsense\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408 ")
    assert pipeline.seen == []
    writer.close()


@pytest.mark.parametrize("body", [b"not json", b"x" * (MAX_BODY + 1), orjson.dumps({"update_id": 1, "new": {}})])
async def test_what_cannot_be_stored_must_be_redelivered(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    served = await serve(webhook_secret="right")

    async def unreachable(*_arguments: Any) -> bool:
        return False

    monkeypatch.setattr(served.letters, "add", unreachable)
    status, headers = await served.post(body, "right")
    assert (status, headers["Retry-After"]) == (503, "1")
