"""The gateway's connections on a real Cluster of three masters and three replicas."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError
from structlog.testing import capture_logs

from app.core.election import Election
from app.core.redis import RedisConnections
from app.core.redis_batch import RedisUnavailableError, Script
from sandbox.redis_server import RedisServer, free_port
from support.redis_sets import ClusterSet, ask

Sample = Callable[..., float]
COUNT = Script("claim", "return redis.call('INCR', KEYS[1])")
SUM = Script("commit", "redis.call('INCR', KEYS[1]) return redis.call('INCR', KEYS[2])")

# A cluster votes for seconds, and on a busy machine for many.
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def cluster() -> Iterator[ClusterSet]:
    with asyncio.Runner() as runner:
        cluster = ClusterSet()
        runner.run(cluster.__aenter__())
        yield cluster
        runner.run(cluster.__aexit__(None, None, None))


@pytest.fixture
async def connections(cluster: ClusterSet, make_settings: Callable[..., Any]) -> AsyncIterator[RedisConnections]:
    connections = RedisConnections(make_settings(redis_url=cluster.url, redis_timeout_seconds=1))
    yield connections
    await connections.close()


@pytest.fixture
async def patient(cluster: ClusterSet, make_settings: Callable[..., Any]) -> AsyncIterator[RedisConnections]:
    """Connections for which no machine is too slow."""
    connections = RedisConnections(make_settings(redis_url=cluster.url, redis_timeout_seconds=30))
    yield connections
    await connections.close()


@pytest.fixture
def chat() -> str:
    """A hash tag that no other test uses."""
    return f"{time.monotonic_ns()}"


async def test_scripts_of_many_chats_reach_the_nodes_that_have_them(
    cluster: ClusterSet, patient: RedisConnections, chat: str
) -> None:
    keys = [f"{{{chat}-{number}}}:a" for number in range(300)]
    replies = await asyncio.gather(*(patient.batched.run(COUNT, (key,)) for key in keys))
    assert replies == [1] * len(keys)
    assert await patient.client.get(keys[0]) == b"1"
    sizes = [await ask(server.port, "DBSIZE") for server in await cluster.masters()]
    assert min(sizes) > 50
    assert len({(await cluster.master_of(key)).port for key in keys}) == cluster.MASTERS


async def test_all_keys_of_a_chat_can_be_in_one_script(patient: RedisConnections, chat: str) -> None:
    assert await patient.batched.run(SUM, (f"a:{{{chat}}}", f"b:{{{chat}}}")) == 1


async def test_a_slot_is_followed_while_and_after_it_moves(
    cluster: ClusterSet, patient: RedisConnections, chat: str
) -> None:
    here, split = (f"a:{{{chat}}}",), (f"a:{{{chat}}}", f"b:{{{chat}}}")
    async with cluster.without_failover():
        await patient.batched.run(COUNT, here)
        slot, source = key_slot(here[0].encode()), await cluster.master_of(here[0])
        target = next(server for server in await cluster.masters() if server is not source)
        source_id, target_id = [await ask(server.port, "CLUSTER", "MYID") for server in (source, target)]
        await ask(target.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        await ask(source.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        # What is still there is answered there, what is there in part has to wait, what is not is asked of the next.
        assert await patient.batched.run(COUNT, here) == 2
        with pytest.raises(RedisUnavailableError, match="TryAgainError"):
            await patient.batched.run(SUM, split)
        assert await patient.batched.run(COUNT, (f"c:{{{chat}}}",)) == 1
        assert await ask(target.port, "CLUSTER", "COUNTKEYSINSLOT", slot) == 1
        await ask(source.port, "MIGRATE", "127.0.0.1", target.port, here[0], 0, 20_000)
        assert await patient.batched.run(COUNT, here) == 3
        for server in (target, source):
            await ask(server.port, "CLUSTER", "SETSLOT", slot, "NODE", target_id)
        assert await patient.batched.run(SUM, split) == 1
        assert await patient.client.get(here[0]) == b"4"


async def test_a_failover_refuses_for_seconds_and_loses_nothing(
    cluster: ClusterSet, connections: RedisConnections, chat: str
) -> None:
    key = f"{{{chat}}}:a"
    assert await connections.batched.run(COUNT, (key,)) == 1
    failing = asyncio.create_task(cluster.fail_over(key))
    refused = counted = 0
    while not failing.done():
        try:
            counted = await connections.batched.run(COUNT, (key,))
        except RedisUnavailableError:
            refused += 1
        await asyncio.sleep(0.02)
    assert refused > 0
    # A command whose reply was lost may have counted.
    assert await connections.batched.run(COUNT, (key,)) == counted + 1
    assert int(await connections.client.get(key) or 0) == counted + 1


async def test_an_election_goes_on_on_the_new_master(cluster: ClusterSet, connections: RedisConnections) -> None:
    election = Election(connections.client, "bg:42:elect:test", seconds=60)
    assert await election.leads()
    failing = asyncio.create_task(cluster.fail_over("bg:42:elect:test"))
    refused = 0
    while not failing.done():
        try:
            assert await election.leads()
        except RedisError:
            refused += 1
        await asyncio.sleep(0.02)
    assert refused > 0
    assert await election.leads()


async def test_it_says_when_no_node_can_be_reached(make_settings: Callable[..., Any]) -> None:
    gone = RedisConnections(make_settings(redis_url=f"redis+cluster://127.0.0.1:{free_port()}"))
    with pytest.raises(RedisUnavailableError):
        await gone.batched.run(COUNT, ("a",))
    with pytest.raises(RedisError):
        await gone.client.get("a")
    assert not await gone.ping()
    await gone.close()


async def test_a_reading_of_the_slots_that_fails_unexpectedly_is_logged_and_strands_nobody(
    cluster: ClusterSet, connections: RedisConnections, chat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"{{{chat}}}:a"
    assert await connections.batched.run(COUNT, (key,)) == 1

    async def fail(*_: Any) -> None:
        raise ValueError("the parser's")

    monkeypatch.setattr(connections.client, "refresh_slots", fail)
    monkeypatch.setattr(connections.batched, "_next_refresh", 0.0)
    with capture_logs() as logs:
        await connections.batched._refresh(None)
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("redis_slots_unknown", "error")]
    assert await connections.batched.run(COUNT, (key,)) == 2


async def test_a_server_that_is_no_cluster_is_no_cluster(
    make_settings: Callable[..., Any], redis_server: RedisServer
) -> None:
    single = RedisConnections(make_settings(redis_url=f"redis+cluster://127.0.0.1:{redis_server.port}"))
    assert not await single.ping()
    await single.close()


async def test_every_master_s_configuration_is_looked_at(cluster: ClusterSet, patient: RedisConnections) -> None:
    assert await patient.ping()
    master = await cluster.master_of("any")
    await ask(master.port, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with capture_logs() as logs:
        await patient.warn_about_lossy_configuration()
    await ask(master.port, "CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert [(entry["setting"], entry["found"]) for entry in logs] == [("maxmemory-policy", "allkeys-lru")]


async def test_who_finds_no_connection_waits_for_one(
    cluster: ClusterSet, make_settings: Callable[..., Any], sample: Sample
) -> None:
    few = RedisConnections(make_settings(redis_url=cluster.url, redis_max_connections=4))
    assert await few.ping()
    assert (sample("redis_connection_pool_size"), sample("redis_connection_pool_available")) == (4, 4)
    asking = [asyncio.create_task(few.client.get(f"key-{number}")) for number in range(100)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert sample("redis_connection_pool_available") == 0
    assert await asyncio.gather(*asking) == [None] * 100
    assert sample("redis_connection_pool_available") == 4
    await few.close()
