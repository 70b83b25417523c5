"""Maximum updates per second that one Redis can claim and commit, with recorded commands of the gateway."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import hiredis
from redis.asyncio.connection import Connection

from app.core.redis_batch import BatchedRedis, Script, ScriptRunner
from app.core.settings import Settings
from app.delivery.claims import Claim, Claims, load_script
from app.delivery.keys import KeySpace, UpdateOrigin
from app.delivery.leases import Leases
from sandbox.redis_server import RedisServer

_USER, _UPDATE = 3_000_000, 700_000_000
"""Placeholders in the recorded commands, replaced by ids of the same length."""
_CHATS = 100_000
_PIPELINE = 200


class _Recorder:
    """Runs scripts and records the commands in wire format."""

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


async def updates_per_second(server: RedisServer, settings: Settings, seconds: float) -> float:
    """Send claims and commits for many chats through one pipelined connection."""
    pair = await _record(server, settings)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
    replies = hiredis.Reader()
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        writer.write(b"".join(_pair_of(pair, done + number) for number in range(_PIPELINE)))
        for _ in range(2 * _PIPELINE):
            while (reply := replies.gets()) is False:
                replies.feed(await reader.read(2**20))
            if isinstance(reply, hiredis.ReplyError) or reply == [b"busy"] or reply == 0:
                raise RuntimeError(f"Redis refused: {reply}")
        done += _PIPELINE
    writer.close()
    return done / elapsed


async def _record(server: RedisServer, settings: Settings) -> bytes:
    recorder = _Recorder(BatchedRedis(lambda: Connection(host="127.0.0.1", port=server.port), timeout=2))
    redis: ScriptRunner = recorder
    leases = Leases(redis, load_script("renew"), lease_seconds=settings.lease_seconds, longest_seconds=120)
    claims = Claims(redis, KeySpace("ceiling", 42), leases, settings)
    claim = await claims.claim(UpdateOrigin(_UPDATE, _USER, "private", _USER), asyncio.get_running_loop().time() + 60)
    if not isinstance(claim, Claim):
        raise TypeError(f"not claimed: {claim}")
    await claims.commit(claim)
    await redis.close()
    return b"".join(recorder.commands)


def _pair_of(pair: bytes, number: int) -> bytes:
    user, update = _USER + number % _CHATS, _UPDATE + number
    return pair.replace(b"%d" % _USER, b"%d" % user).replace(b"%d" % _UPDATE, b"%d" % update)
