import asyncio
import math
import time
from collections.abc import Callable

import pytest
from redis.asyncio.connection import Connection

from app.core.activity import Activity
from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from sandbox.redis_server import free_port

Sample = Callable[..., float]
STATES = ("Dialog:one", "Dialog:two")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def replica(redis: BatchedRedis, clock: Clock) -> Activity:
    return Activity(redis, "bg:42", states=STATES, session_ttl=1800, fsm_ttl=86_400, clock=clock)


async def test_every_replica_tells_the_same_of_the_whole_cluster(batched: BatchedRedis, sample: Sample) -> None:
    clock = Clock()
    one, two, reader = (replica(batched, clock) for _ in range(3))
    for user in range(40):
        (one if user % 2 else two).record(user, "applicant", None, None)
    one.record(1001, "manager", None, "Dialog:one")
    await one.flush()
    await two.flush()
    await reader.read()
    assert sample("active_sessions", user_role="applicant") == 40
    assert sample("active_sessions", user_role="manager") == 1
    assert sample("active_users", window="5m", user_role="applicant") == 40
    assert sample("active_fsm_sessions", state="Dialog:one") == 1


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_replica_with_a_wrong_clock_ends_no_session(
    batched: BatchedRedis, sample: Sample, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    right, wrong = (
        Activity(batched, "bg:42", states=STATES, session_ttl=1800, fsm_ttl=3600, clock=None) for _ in range(2)
    )
    for user in range(40):
        right.record(user, "applicant", None, "Dialog:one")
    await right.flush()
    correct = time.time
    monkeypatch.setattr(time, "time", lambda: correct() + hours * 3600)
    wrong.record(40, "applicant", None, None)
    await wrong.flush()
    await wrong.sweep()
    for reader in (wrong, right):
        await reader.read()
        assert sample("active_sessions", user_role="applicant") == 41
        assert sample("active_fsm_sessions", state="Dialog:one") == 40
        assert sample("active_users", window="5m", user_role="applicant") == 41


async def test_users_leave_the_windows_one_after_the_other(batched: BatchedRedis, sample: Sample) -> None:
    clock = Clock()
    activity = replica(batched, clock)
    activity.record(7, "executor", None, None)
    await activity.flush()
    seen = []
    for passed in (0, 301, 3601, 86_401):
        clock.now = 1_000_000.0 + passed
        await activity.read()
        seen.append([sample("active_users", window=window, user_role="executor") for window in ("5m", "1h", "24h")])
    assert seen == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]


async def test_a_dialogue_is_counted_where_it_stands(batched: BatchedRedis, sample: Sample) -> None:
    activity = replica(batched, Clock())
    counts = []
    for before, after in ((None, "Dialog:one"), ("Dialog:one", "Dialog:two"), ("Dialog:two", None)):
        activity.record(7, "applicant", before, after)
        await activity.flush()
        await activity.read()
        counts.append([sample("active_fsm_sessions", state=state) for state in STATES])
    assert counts == [[1, 0], [0, 1], [0, 0]]


async def test_two_steps_within_a_second_leave_nothing_behind(batched: BatchedRedis, sample: Sample) -> None:
    activity = replica(batched, Clock())
    activity.record(7, "applicant", None, "Dialog:one")
    await activity.flush()
    activity.record(7, "applicant", "Dialog:one", "Dialog:two")
    activity.record(7, "applicant", "Dialog:two", None)
    await activity.flush()
    await activity.read()
    assert [sample("active_fsm_sessions", state=state) for state in STATES] == [0, 0]


async def test_a_session_ends_by_silence_and_is_observed_once(batched: BatchedRedis, sample: Sample) -> None:
    clock = Clock()
    activity = replica(batched, clock)
    count, total = "session_duration_seconds_count", "session_duration_seconds_sum"
    before = sample(count, user_role="admin"), sample(total, user_role="admin")
    activity.record(7, "admin", None, None)
    await activity.flush()
    clock.now += 600
    activity.record(7, "admin", None, None)
    await activity.flush()
    await activity.sweep()
    assert sample(count, user_role="admin") == before[0]
    clock.now += 1801
    await activity.sweep()
    await activity.sweep()
    assert sample(count, user_role="admin") == before[0] + 1
    assert sample(total, user_role="admin") == pytest.approx(before[1] + 600)
    await activity.read()
    assert sample("active_sessions", user_role="admin") == 0


async def test_a_user_who_comes_back_before_the_sweep_begins_a_new_session(
    batched: BatchedRedis, sample: Sample
) -> None:
    clock = Clock()
    activity = replica(batched, clock)
    before = sample("session_duration_seconds_count", user_role="executor")
    activity.record(7, "executor", None, None)
    await activity.flush()
    clock.now += 2000
    activity.record(7, "executor", None, None)
    await activity.flush()
    assert sample("session_duration_seconds_count", user_role="executor") == before + 1
    await activity.read()
    assert sample("active_sessions", user_role="executor") == 1


async def test_a_changed_role_is_counted_once(batched: BatchedRedis, sample: Sample) -> None:
    activity = replica(batched, Clock())
    for role in ("unknown", "applicant"):
        activity.record(7, role, None, None)
        await activity.flush()
    await activity.read()
    assert sample("active_sessions", user_role="unknown") == 0
    assert sample("active_sessions", user_role="applicant") == 1


async def test_what_cannot_be_read_is_not_a_number(sample: Sample) -> None:
    unreachable = BatchedRedis(lambda: Connection(host="127.0.0.1", port=free_port()), timeout=1)
    activity = replica(unreachable, Clock())
    with pytest.raises(RedisUnavailableError):
        await activity.read()
    assert math.isnan(sample("active_sessions", user_role="applicant"))


async def test_what_cannot_be_written_is_written_later(batched: BatchedRedis, sample: Sample) -> None:
    port = free_port()
    broken = BatchedRedis(lambda: Connection(host="127.0.0.1", port=port), timeout=1)
    activity = replica(broken, Clock())
    activity.record(7, "applicant", None, "Dialog:one")
    with pytest.raises(RedisUnavailableError):
        await activity.flush()
    activity.record(7, "applicant", "Dialog:one", "Dialog:two")
    activity._redis = batched
    await activity.flush()
    await activity.read()
    assert [sample("active_fsm_sessions", state=state) for state in STATES] == [0, 1]


async def test_what_was_being_written_when_it_was_stopped_is_written_later(
    batched: BatchedRedis, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity = replica(batched, Clock())
    activity.record(7, "applicant", None, "Dialog:one")
    begun = asyncio.Event()

    async def hang(*_: object) -> None:
        begun.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as hanging:
        hanging.setattr(activity, "_record", hang)
        writing = asyncio.create_task(activity.flush())
        await begun.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await activity.flush()
    await activity.read()
    assert sample("active_fsm_sessions", state="Dialog:one") == 1
