import asyncio
from collections.abc import Callable

import pytest
from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.exceptions import ResponseError

from app.core.redis_batch import BatchedRedis, RedisUnavailableError, Script
from sandbox.redis_server import RedisServer, free_port

Sample = Callable[..., float]
ECHO = Script("claim", "return ARGV[1]")
COUNT = Script("claim", "return redis.call('INCR', KEYS[1])")
BROKEN = Script("claim", "return redis.call('NO-SUCH-COMMAND')")


async def test_each_caller_gets_its_own_reply(batched: BatchedRedis) -> None:
    replies = await asyncio.gather(*(batched.run(ECHO, (), str(number)) for number in range(500)))
    assert replies == [str(number).encode() for number in range(500)]


async def test_commands_of_one_turn_go_out_together(redis_server: RedisServer, redis: Redis) -> None:
    writes: list[int] = []

    class Watched(Connection):
        async def send_packed_command(self, command: list[bytes], check_health: bool = True) -> None:  # type: ignore[override]  # as it is called here
            if self.is_connected:
                writes.append(b"".join(command).count(b"EVALSHA"))
            await super().send_packed_command(command, check_health)

    batched = BatchedRedis(lambda: Watched(host="127.0.0.1", port=redis_server.port), timeout=30)
    await batched.run(ECHO, (), "the script is loaded")
    writes.clear()
    await asyncio.gather(*(batched.run(ECHO, (), str(number)) for number in range(50)))
    await batched.close()
    assert writes == [50]


async def test_a_script_is_sent_in_full_where_the_server_has_forgotten_it(batched: BatchedRedis, redis: Redis) -> None:
    assert await batched.run(COUNT, ("counter",)) == 1
    await redis.script_flush()
    assert await batched.run(COUNT, ("counter",)) == 2


async def test_a_refused_command_harms_no_other(batched: BatchedRedis) -> None:
    replies = await asyncio.gather(
        batched.run(ECHO, (), "a"), batched.run(BROKEN, ()), batched.run(ECHO, (), "b"), return_exceptions=True
    )
    assert (replies[0], replies[2]) == (b"a", b"b")
    assert isinstance(replies[1], ResponseError)


async def test_a_cancelled_caller_does_not_shift_the_replies(batched: BatchedRedis) -> None:
    await batched.run(ECHO, (), "the script is loaded")
    cancelled = asyncio.create_task(batched.run(ECHO, (), "gone"))
    kept = asyncio.create_task(batched.run(ECHO, (), "kept"))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert await kept == b"kept"
    assert await batched.run(ECHO, (), "next") == b"next"


async def test_it_says_when_redis_is_unreachable(sample: Sample) -> None:
    before = sample("redis_operations_total", operation="claim", status="error")
    batched = BatchedRedis(lambda: Connection(host="127.0.0.1", port=free_port()), timeout=1)
    with pytest.raises(RedisUnavailableError):
        await batched.run(ECHO, (), "a")
    assert sample("redis_operations_total", operation="claim", status="error") == before + 1


async def test_it_says_when_redis_does_not_reply_in_time(redis_server: RedisServer, redis: Redis) -> None:
    batched = BatchedRedis(lambda: Connection(host="127.0.0.1", port=redis_server.port), timeout=2)
    await batched.run(ECHO, (), "connected")
    await redis.client_pause(600_000, all=False)  # scripts wait, the command that lifts it does not
    with pytest.raises(RedisUnavailableError):
        await batched.run(ECHO, (), "a")
    await redis.client_unpause()
    assert await batched.run(ECHO, (), "b") == b"b"
    await batched.close()


async def test_it_finds_its_way_back_after_a_restart_of_redis() -> None:
    async with RedisServer() as server:
        batched = BatchedRedis(lambda: Connection(host="127.0.0.1", port=server.port), timeout=1)
        await batched.run(COUNT, ("counter",))
        await asyncio.to_thread(server.kill)
        with pytest.raises(RedisUnavailableError):
            await batched.run(COUNT, ("counter",))
        await asyncio.to_thread(server.start)
        assert await batched.run(COUNT, ("counter",)) == 2
        await batched.close()


@pytest.mark.parametrize(
    ("refusing", "again"),
    [
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0")),
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    ],
    ids=["a replica", "too few replicas", "full"],
)
async def test_a_server_that_takes_no_writes_is_unavailable(
    batched: BatchedRedis, redis: Redis, refusing: tuple[str, ...], again: tuple[str, ...]
) -> None:
    await batched.run(COUNT, ("counter",))
    await redis.execute_command(*refusing)
    with pytest.raises(RedisUnavailableError):
        await batched.run(COUNT, ("counter",))
    await redis.execute_command(*again)
    assert await batched.run(COUNT, ("counter",)) == 2


async def test_who_has_become_a_replica_is_left(redis_server: RedisServer, redis: Redis) -> None:
    made: list[Connection] = []

    def connect() -> Connection:
        made.append(Connection(host="127.0.0.1", port=redis_server.port))
        return made[-1]

    batched = BatchedRedis(connect, timeout=2, connections=1)
    await batched.run(COUNT, ("counter",))
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(RedisUnavailableError):
        await batched.run(COUNT, ("counter",))
    await redis.execute_command("REPLICAOF", "NO", "ONE")
    await batched.run(COUNT, ("counter",))
    await batched.close()
    assert len(made) == 2
