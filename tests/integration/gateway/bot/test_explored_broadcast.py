"""Every interleaving of two senders of one broadcast, within bounds, keeps its promises; broken scripts do not.

Nobody gets a message twice, and everybody is counted or named. `EXPLORER_DEPTH=deep` explores what `make proof` does.
"""

import os
from collections.abc import Iterator

import pytest
import redis

from sandbox.redis_server import RedisServer
from support.broadcast_explorer import Bounds, BroadcastExplorer
from support.explorer import BrokenPromiseError, Mutant

DEEP = os.environ.get("EXPLORER_DEPTH") == "deep"
SHALLOW = Bounds(faults=1, expiries=1, unsent=1)
BOUNDS = Bounds(faults=2, expiries=1, unsent=1) if DEEP else SHALLOW
LEASE = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end"
MUTANTS = (
    Mutant("a page is stored twice", "load", "if record[1] ~= ARGV[2] or record[2] == '1' then return 0 end", ""),
    Mutant("the last page is stored twice", "load", " or record[2] == '1'", ""),
    Mutant("a load does not move the cursor", "load", "'after', ARGV[3], ", ""),
    Mutant("a repeated take takes another recipient", "take", "if last[2] == ARGV[2] then", "if false then"),
    Mutant("a take needs no lease", "take", LEASE, ""),
    Mutant("a take leaves the recipient", "take", "redis.call('LPOP', KEYS[3])", "redis.call('LINDEX', KEYS[3], 0)"),
    Mutant("a take notes nobody as being sent to", "take", "redis.call('SADD', KEYS[4], recipient)", ""),
    Mutant(
        "an outcome belongs to any take",
        *("settle", "if redis.call('HGET', KEYS[5], ARGV[1]) ~= ARGV[3] then return 0 end", ""),
    ),
    Mutant("an unsent recipient is lost", "settle", "redis.call('LPUSH', KEYS[3], ARGV[1])", ""),
    Mutant("an outcome is not counted", "settle", "redis.call('HINCRBY', KEYS[1], ARGV[2], 1)", ""),
    Mutant("a recovery loses recipients", "recover", "redis.call('SMOVE', KEYS[2], KEYS[3], recipient)",
           "redis.call('SREM', KEYS[2], recipient)"),
    Mutant("a recovery keeps recipients", "recover", "redis.call('SMOVE', KEYS[2], KEYS[3], recipient)", "0"),
    Mutant("it ends while recipients are left", "conclude",
           "if redis.call('LLEN', KEYS[3]) > 0 then return -1 end", ""),
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with RedisServer() as server:
        made = redis.Redis(port=server.port)
        yield made
        made.close()


@pytest.mark.timeout(1800)
def test_no_interleaving_breaks_a_promise(client: redis.Redis) -> None:
    states = BroadcastExplorer(client).explore(BOUNDS)
    print(f"{states} states within {BOUNDS}")
    assert states > 1000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_script_is_noticed(client: redis.Redis, mutant: Mutant) -> None:
    with pytest.raises(BrokenPromiseError):
        BroadcastExplorer(client, mutant).explore(SHALLOW)
