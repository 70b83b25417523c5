from redis.asyncio import Redis

from app.core.election import Election


async def test_the_first_who_asks_leads(redis: Redis) -> None:
    candidates = [Election(redis, "elect", seconds=10) for _ in range(3)]
    assert [await candidate.leads() for candidate in candidates] == [True, False, False]
    assert [await candidate.leads() for candidate in candidates] == [True, False, False]


async def test_who_resigns_is_followed_at_once(redis: Redis) -> None:
    first, second = (Election(redis, "elect", seconds=10) for _ in range(2))
    assert await first.leads()
    await second.resign()
    assert not await second.leads()
    await first.resign()
    assert await second.leads()


async def test_who_falls_silent_is_followed_when_the_time_is_up(redis: Redis) -> None:
    first, second = (Election(redis, "elect", seconds=10) for _ in range(2))
    assert await first.leads()
    assert 9_000 < await redis.pttl("elect") <= 10_000
    await redis.delete("elect")
    assert await second.leads()
    assert not await first.leads()
