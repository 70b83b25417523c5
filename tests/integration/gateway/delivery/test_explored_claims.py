"""Every interleaving of a few deliveries, within bounds, keeps the promises of claim and commit; broken scripts do not.

`EXPLORER_DEPTH=deep` explores what `make proof` does: three faults and two expiries instead of two and one.
"""

import os
from collections.abc import Iterator

import pytest
import redis

from sandbox.redis_server import RedisServer
from support.claim_explorer import Bounds, ClaimMutant as Mutant, Explorer
from support.explorer import BrokenPromiseError

DEEP = os.environ.get("EXPLORER_DEPTH") == "deep"
BOUNDS = Bounds((2, 1), faults=3, expiries=2) if DEEP else Bounds((2, 1), faults=2, expiries=1)
FENCE = "if redis.call('GET', KEYS[1]) ~= ARGV[2] then"
MUTANTS = (
    Mutant(
        "each sending of a claim has the same token",
        *("claim", "  for i = 6, #ARGV do own = own or holder == ARGV[i] end", "  own = holder == ARGV[2]"),
        same_token=True,
    ),
    Mutant("a claim takes a lock that is held", "claim", "  if not own then", "  if false then"),
    Mutant("a claim knows no duplicates", "claim", "if redis.call('ZSCORE', KEYS[2], ARGV[1])", "if false"),
    Mutant("a claim has no lease", "claim", "ARGV[2], 'PX', ARGV[3])", "ARGV[2])"),
    Mutant("a claim forgets its earlier sendings", "claim", "for i = 6, #ARGV do", "for i = 6, 5 do"),
    Mutant("a commit needs no lock", "commit", FENCE, "if false then"),
    Mutant("a commit remembers nothing", "commit", "redis.call('ZADD', KEYS[2], at, ARGV[1])", ""),
    Mutant("a commit remembers only the last update", "commit", "local surplus = redis.call('ZCARD', KEYS[2]) - 32",
           "local surplus = redis.call('ZCARD', KEYS[2]) - 1"),
    Mutant("a commit keeps the lock", "commit", "redis.call('DEL', KEYS[1])\nreturn 1", "return 1"),
    Mutant("a refused commit is told as written", "commit", "  return 0\n", "  return 1\n"),
    Mutant("a release frees anyone's lock", "release", "if redis.call('GET', KEYS[1]) == ARGV[1] then", "if true then"),
    Mutant("a release frees nothing", "release", "redis.call('DEL', KEYS[1])", "0"),
    Mutant("a renewal takes the lock again", "renew", "then return 0 end",
           "then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end"),
    Mutant("a renewal has no end", "renew", "redis.call('PEXPIRE', KEYS[1], ARGV[2])",
           "redis.call('PERSIST', KEYS[1])"),
)  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    with RedisServer() as server:
        made = redis.Redis(port=server.port)
        yield made
        made.close()


@pytest.mark.timeout(1200)
def test_no_interleaving_breaks_a_promise(client: redis.Redis) -> None:
    states = Explorer(client).explore(BOUNDS)
    print(f"{states} states within {BOUNDS}")
    assert states > 1000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_broken_script_is_noticed(client: redis.Redis, mutant: Mutant) -> None:
    with pytest.raises(BrokenPromiseError):
        Explorer(client, mutant).explore(Bounds((2, 1), faults=2, expiries=1))
