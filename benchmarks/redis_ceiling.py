"""How many updates a second one Redis can claim and commit: the gateway's own commands, recorded and sent flat out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import hiredis
from redis.asyncio.connection import Connection

from app.core.redis_batch import BatchedRedis, Script, ScriptRunner
from app.core.settings import Settings
from app.delivery.claims import Claim, Claims, load_script
from app.delivery.keys import Address, KeySpace
from app.delivery.leases import Leases
from sandbox.redis_server import RedisServer

_USER, _UPDATE = 3_000_000, 700_000_000
"""Their numbers are replaced in the recorded commands by others of the same length."""
_CHATS = 100_000
_AT_ONCE = 200


class _Recorder:
    """Passes scripts on and keeps the commands as they go over the wire."""

    def __init__(self, redis: BatchedRedis) -> None:
        self._redis = redis
        self._packer = Connection()
        self.commands: list[bytes] = []

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        packed = self._packer.pack_command("EVALSHA", script.sha, len(keys), *keys, *args)
        self.commands.append(b"".join(packed))
        return await self._redis.run(script, keys, *args)

    async def close(self) -> None:
        await self._redis.close()


async def updates_a_second(server: RedisServer, settings: Settings, seconds: float) -> float:
    """Claims and commits of updates of many chats, as one connection's pipeline can bring them."""
    pair = await _record(server, settings)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
    answers = hiredis.Reader()
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        writer.write(b"".join(_pair_of(pair, done + number) for number in range(_AT_ONCE)))
        for _ in range(2 * _AT_ONCE):
            while (answer := answers.gets()) is False:
                answers.feed(await reader.read(2**20))
            if isinstance(answer, hiredis.ReplyError) or answer == [b"busy"] or answer == 0:
                raise RuntimeError(f"Redis refused: {answer}")
        done += _AT_ONCE
    writer.close()
    return done / elapsed


async def _record(server: RedisServer, settings: Settings) -> bytes:
    recorder = _Recorder(BatchedRedis(lambda: Connection(host="127.0.0.1", port=server.port), timeout=2))
    redis: ScriptRunner = recorder
    leases = Leases(redis, load_script("renew"), lease_seconds=settings.lease_seconds)
    claims = Claims(redis, KeySpace("ceiling", 42), leases, settings)
    claim = await claims.claim(Address(_UPDATE, _USER, "private", _USER), asyncio.get_running_loop().time() + 60)
    if not isinstance(claim, Claim):
        raise TypeError(f"not claimed: {claim}")
    await claims.commit(claim)
    await redis.close()
    return b"".join(recorder.commands)


def _pair_of(pair: bytes, number: int) -> bytes:
    user, update = _USER + number % _CHATS, _UPDATE + number
    return pair.replace(b"%d" % _USER, b"%d" % user).replace(b"%d" % _UPDATE, b"%d" % update)
