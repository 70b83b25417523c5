import math
from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from structlog.testing import capture_logs

from app.delivery.dead_letters import PER_CHAT, PER_CHAT_BYTES, PER_CHAT_SECONDS, DeadLetterReason, DeadLetters
from sandbox.redis_server import free_port

Sample = Callable[..., float]


async def test_it_keeps_the_bytes_and_the_reason(redis: Redis, sample: Sample) -> None:
    letters = DeadLetters(redis, "dead", limit=100)
    before = sample("dead_letters_total", reason="invalid_json")
    await letters.add(b"\xff not json", DeadLetterReason.INVALID_JSON)
    await letters.add(b"{}", DeadLetterReason.INVALID_UPDATE)
    newest, oldest = await letters.list(10)
    assert (newest.reason, oldest.reason, oldest.body) == ("invalid_update", "invalid_json", b"\xff not json")
    assert await letters.get(oldest.letter_id) == oldest
    assert sample("dead_letters_total", reason="invalid_json") == before + 1
    await letters.remove(oldest.letter_id)
    assert await letters.get(oldest.letter_id) is None
    assert await letters.count_or_nan() == 1


async def test_the_stream_is_capped(redis: Redis) -> None:
    letters = DeadLetters(redis, "dead", limit=100)
    for _ in range(500):
        await letters.add(b"{}", DeadLetterReason.INVALID_UPDATE)
    # Redis trims by whole nodes of the stream, of about 100 entries.
    assert await letters.count_or_nan() <= 200


async def test_without_redis_it_is_not_kept_and_said() -> None:
    unreachable: Redis = Redis(port=free_port(), retry=Retry(NoBackoff(), 0))
    letters = DeadLetters(unreachable, "dead", limit=100)
    with capture_logs() as logs:
        assert not await letters.add(b"{}", DeadLetterReason.INVALID_UPDATE)
    assert [entry["event"] for entry in logs] == ["dead_letter_not_kept"]
    assert math.isnan(await letters.count_or_nan())
    await unreachable.aclose()


async def test_the_limit_of_a_chat_ends_even_if_its_counter_was_left_without_an_expiry(redis: Redis) -> None:
    """redis-py repeats an INCR whose reply was lost, so the first reply may be 2; or the process dies after it."""
    letters = DeadLetters(redis, "dead", limit=100)
    await redis.set("dead:of:1001", PER_CHAT)
    await letters.add(b"{}", DeadLetterReason.HANDLER_FAILED, chat_id=1001)
    assert 0 < await redis.ttl("dead:of:1001") <= PER_CHAT_SECONDS


async def test_large_letters_of_one_chat_leave_room_for_the_others(redis: Redis) -> None:
    letters = DeadLetters(redis, "dead", limit=1000)
    body = b"x" * 200_000
    for _ in range(PER_CHAT):
        assert await letters.add(body, DeadLetterReason.HANDLER_FAILED, chat_id=1001)
    stored = await letters.count_or_nan()
    assert PER_CHAT_BYTES - len(body) < stored * len(body) < PER_CHAT_BYTES + len(body)
    await letters.add(body, DeadLetterReason.HANDLER_FAILED, chat_id=1002)
    assert await letters.count_or_nan() == stored + 1


async def test_fifty_small_letters_of_a_chat_are_kept(redis: Redis) -> None:
    letters = DeadLetters(redis, "dead", limit=1000)
    for _ in range(PER_CHAT + 5):
        await letters.add(b"{}", DeadLetterReason.HANDLER_FAILED, chat_id=1001)
    assert await letters.count_or_nan() == PER_CHAT


async def test_all_letters_together_stay_within_their_bytes(redis: Redis) -> None:
    letters = DeadLetters(redis, "dead", limit=1000, max_bytes=2**20)
    for number in range(60):
        await letters.add(b"%02d" % number + b"x" * 50_000, DeadLetterReason.HANDLER_FAILED, chat_id=number)
        assert await redis.memory_usage("dead") <= 2**20
    kept = [letter.body[:2] for letter in await letters.list(100)]
    assert len(kept) >= 10
    assert kept == [b"%02d" % number for number in range(59, 59 - len(kept), -1)]  # the newest
