"""Claim and commit: what makes an update's effects on Redis happen exactly once.

An update is claimed by taking its chat's lane with a random token, for the length of a lease. The commit writes only
while the token still holds the lane. A replica that died leaves a lane that frees itself; one that was merely slow
finds its token replaced and writes nothing.

Not for mutual exclusion of effects elsewhere: two replicas may work on one update at the same moment when a lease
runs out. Backends are guarded against that by idempotency keys.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any

import orjson

from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.core.settings import Settings
from app.core.tracing import SpanKind, create_span
from app.delivery.context import CachedIdentity, RateDecision, UpdateContext
from app.delivery.keys import Address, KeySpace, Token
from app.delivery.leases import Leases
from app.delivery.limits import encode_limits

DONE_TTL_MS = 25 * 3600 * 1000
"""How long a handled update is remembered: longer than Telegram goes on delivering it."""

_FIRST_WAIT, _LONGEST_WAIT = 0.01, 0.1


def load_script(name: str) -> Script:
    """One of the scripts beside this module."""
    return Script(name, files("app.delivery").joinpath("scripts", f"{name}.lua").read_text("utf-8"))


class Refusal(Enum):
    """Why an update was not claimed."""

    DUPLICATE = "duplicate"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to handle one update and to commit it."""

    address: Address
    keys: tuple[str, str, str, str, str]
    token: Token
    context: UpdateContext


class Claims:
    """Claims, commits and gives back."""

    def __init__(self, redis: ScriptRunner, keys: KeySpace, leases: Leases, settings: Settings) -> None:
        self._redis = redis
        self._keys = keys
        self._leases = leases
        self._lease_ms = int(settings.lease_seconds * 1000)
        self._lease_seconds = settings.lease_seconds
        self._lane_wait = settings.lane_wait_seconds
        self._limits = encode_limits(settings)
        self._warn_ms = int(settings.rate_limit_window_seconds * 1000)
        self._fsm_ttl_ms = int(settings.fsm_ttl_seconds * 1000)
        self._identity_ttl_ms = int(settings.identity_stale_seconds * 1000)
        self._claim_script = load_script("claim")
        self._commit_script = load_script("commit")
        self._release_script = load_script("release")

    async def claim(self, address: Address, deadline: float) -> Claim | Refusal:
        """Claim an update, waiting a little while another one of the same chat is handled.

        Raises:
            RedisUnavailableError: Redis did not answer, twice.
        """
        keys = self._keys.of_update(address)
        token = Token(secrets.token_hex(8))
        give_up_at = asyncio.get_running_loop().time() + self._lane_wait
        wait = _FIRST_WAIT
        with create_span("Redis: claim", kind=SpanKind.CLIENT):
            while True:
                answer = await self._claim_once(keys, address, token)
                if answer[0] == b"ok":
                    self._leases.keep(keys[0], token)
                    return Claim(address, keys, token, _context(address, deadline, answer))
                if answer[0] == b"duplicate":
                    return Refusal.DUPLICATE
                if asyncio.get_running_loop().time() + wait > give_up_at:
                    return Refusal.BUSY
                await asyncio.sleep(wait)
                wait = min(_LONGEST_WAIT, wait * 2)

    async def commit(self, claim: Claim) -> bool:
        """Write what the update changed; False where another replica holds the lane by now.

        Raises:
            RedisUnavailableError: Redis did not answer until the lease was over.
        """
        arguments = self._commit_arguments(claim)
        give_up_at = time.monotonic() + self._lease_seconds
        wait = _FIRST_WAIT
        with create_span("Redis: commit", kind=SpanKind.CLIENT):
            while True:
                try:
                    written = await self._redis.run(self._commit_script, claim.keys, *arguments)
                except RedisUnavailableError:
                    if time.monotonic() + wait > give_up_at:
                        self._leases.drop(claim.token)
                        raise
                    await asyncio.sleep(wait)
                    wait = min(1.0, wait * 2)
                else:
                    self._leases.drop(claim.token)
                    return bool(written)

    async def release(self, claim: Claim) -> None:
        """Give an update back unhandled, so that another replica need not wait for the lease to run out.

        Raises:
            RedisUnavailableError: the lease will have to run out.
        """
        self._leases.drop(claim.token)
        await self._redis.run(self._release_script, claim.keys[:1], claim.token)

    async def _claim_once(self, keys: tuple[str, ...], address: Address, token: Token) -> list[Any]:
        arguments = (address.update_id, token, self._lease_ms, self._limits, self._warn_ms)
        try:
            answer: list[Any] = await self._redis.run(self._claim_script, keys, *arguments)
        except RedisUnavailableError:
            # A connection that the server closed while idle shows only when it is used.
            answer = await self._redis.run(self._claim_script, keys, *arguments)
        return answer

    def _commit_arguments(self, claim: Claim) -> tuple[str | int, ...]:
        context = claim.context
        fsm: tuple[str | int, ...] = (0, "", "", 0)
        if context.fsm_changed and not context.forget:
            data = orjson.dumps(context.data).decode() if context.data else ""
            fsm = (1, context.state or "", data, self._fsm_ttl_ms)
        identity: tuple[str | int, ...] = (0, "", "", 0)
        if context.new_identity is not None and not context.forget:
            role = str(context.new_identity.get("role", "unknown"))
            identity = (1, orjson.dumps(context.new_identity).decode(), role, self._identity_ttl_ms)
        return (claim.address.update_id, claim.token, DONE_TTL_MS, int(context.forget), *fsm, *identity)


def _context(address: Address, deadline: float, answer: list[Any]) -> UpdateContext:
    _, allowed, warn, state, data, identity, stored_at = answer
    return UpdateContext(
        update_id=address.update_id,
        chat_id=address.lane_id,
        chat_type=address.chat_type,
        user_id=address.user_id,
        deadline=deadline,
        rate=RateDecision(allowed=bool(allowed), warn=bool(warn)),
        state=state.decode() if state else None,
        data=orjson.loads(data) if data else {},
        identity=CachedIdentity(orjson.loads(identity), float(stored_at) / 1000) if identity else None,
    )
