"""Claim and commit, which make an update's writes to Redis happen exactly once.

A claim takes the chat lock with a random lock token for the length of a lease. The commit writes only while the token
still holds the lock. The lock of a replica that died expires; a replica that was only slow finds another token and
writes nothing. A claim whose reply is lost is sent again with another token; a late copy of the first one can lock the
chat for one lease, but gives nobody a token that could commit.

Not a mutual exclusion for effects outside Redis: when a lease expires, two replicas may work on one update at the same
time. Idempotency keys protect the backends from that.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.resources import files
from typing import Any

import orjson
import structlog

from app.core import metrics
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner
from app.core.settings import Settings
from app.core.tracing import SpanKind, create_span
from app.delivery.context import CachedIdentity, RateDecision, UpdateContext
from app.delivery.keys import KeySpace, Token, UpdateOrigin
from app.delivery.leases import Leases
from app.delivery.limits import encode_limits
from app.delivery.signed_identity import IdentitySigner

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

DONE_TTL_MS = 25 * 3600 * 1000
"""How long a handled update is remembered: Telegram redelivers for up to 24 hours."""

_FIRST_WAIT, _LONGEST_WAIT = 0.01, 0.1
"""Seconds between attempts at a chat lock that is held; an update usually takes some 10 ms."""


def load_script(name: str) -> Script:
    """Load a script of this package."""
    return Script(name, files("app.delivery").joinpath("scripts", f"{name}.lua").read_text("utf-8"))


class Refusal(Enum):
    """Why an update was not claimed."""

    DUPLICATE = "duplicate"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to handle one update and to commit it."""

    origin: UpdateOrigin
    keys: tuple[str, str, str, str, str]
    token: Token
    context: UpdateContext


class Claims:
    """Takes chat locks, commits updates, releases locks. `monotonic` returns seconds of a monotonic clock."""

    def __init__(
        self,
        redis: ScriptRunner,
        keys: KeySpace,
        leases: Leases,
        settings: Settings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._redis = redis
        self._keys = keys
        self._leases = leases
        self._lease_ms = int(settings.lease_seconds * 1000)
        self._lease_seconds = settings.lease_seconds
        self._lock_wait = settings.chat_lock_wait_seconds
        self._limits = encode_limits(settings)
        self._signer = IdentitySigner(settings.bot_token.get_secret_value())
        self._warn_ms = int(settings.rate_limit_window_seconds * 1000)
        self._fsm_ttl_ms = int(settings.fsm_ttl_seconds * 1000)
        self._identity_ttl_ms = int(settings.identity_stale_seconds * 1000)
        self._claim_script = load_script("claim")
        self._commit_script = load_script("commit")
        self._release_script = load_script("release")
        self._limit_script = load_script("limit")

    async def claim(self, origin: UpdateOrigin, deadline: float) -> Claim | Refusal:
        """Claim an update; wait up to CHAT_LOCK_WAIT_SECONDS while another one of the same chat is handled.

        Raises:
            RedisUnavailableError: Redis did not reply, twice.
        """
        keys = self._keys.of_update(origin)
        unknown: list[Token] = []
        give_up_at = self._monotonic() + self._lock_wait
        wait = _FIRST_WAIT
        with create_span("Redis: claim", kind=SpanKind.CLIENT):
            while True:
                # Before the sending: the lease starts when the script runs, so it expires here first.
                sent_at = self._monotonic()
                token, reply = await self._claim_once(keys, origin, unknown)
                if reply[0] == b"ok":
                    self._leases.add(keys[0], token, since=sent_at)
                    context = self._context(origin, deadline, reply)
                    context.holds_lock = partial(self._leases.holds, token)
                    claim = Claim(origin, keys, token, context)
                    if origin.lock_id != origin.user_id:
                        try:
                            await self._limit_over_all_chats(claim)
                        except BaseException:
                            # The caller never gets the claim, so nobody else would stop renewing its lock.
                            self._leases.drop(token)
                            raise
                    return claim
                if reply[0] == b"duplicate":
                    return Refusal.DUPLICATE
                if self._monotonic() + wait > give_up_at:
                    return Refusal.BUSY
                await asyncio.sleep(wait)
                wait = min(_LONGEST_WAIT, wait * 2)

    async def commit(self, claim: Claim) -> bool:
        """Write what the update changed; False if another replica holds the chat lock by now.

        Raises:
            RedisUnavailableError: Redis did not reply for the length of a lease, after which the token cannot hold.
        """
        try:
            with create_span("Redis: commit", kind=SpanKind.CLIENT):
                return await self._commit(claim, self._commit_arguments(claim))
        finally:
            # Also after a cancellation. Not released then: that could overtake the commit on another connection.
            self._leases.drop(claim.token)

    async def release(self, claim: Claim) -> None:
        """Release the chat lock without a commit, so that a redelivery need not wait for the lease to expire.

        Raises:
            RedisUnavailableError: the lock stays until the lease expires.
        """
        self._leases.drop(claim.token)
        await self._redis.run(self._release_script, claim.keys[:1], claim.token)

    async def _commit(self, claim: Claim, arguments: tuple[str | int, ...]) -> bool:
        give_up_at = self._monotonic() + self._lease_seconds
        wait = _FIRST_WAIT
        # Retried: the handler's effects outside Redis have happened, so giving up early would repeat them.
        while True:
            try:
                return bool(await self._redis.run(self._commit_script, claim.keys, *arguments))
            except RedisUnavailableError:
                if self._monotonic() + wait > give_up_at:
                    raise
            await asyncio.sleep(wait)
            wait = min(1.0, wait * 2)

    async def _claim_once(
        self, keys: tuple[str, ...], origin: UpdateOrigin, unknown: list[Token]
    ) -> tuple[Token, list[Any]]:
        """Send a claim, twice if the first gets no reply; `unknown` gains the tokens whose outcome is unknown."""
        try:
            return await self._send_claim(keys, origin, unknown)
        except RedisUnavailableError:
            # A connection that the server closed while idle fails at its next use.
            return await self._send_claim(keys, origin, unknown)

    async def _send_claim(
        self, keys: tuple[str, ...], origin: UpdateOrigin, unknown: list[Token]
    ) -> tuple[Token, list[Any]]:
        token = Token(secrets.token_hex(8))
        arguments: tuple[str | int, ...] = (
            *(origin.update_id, token, self._lease_ms, self._limits, self._warn_ms),
            *unknown,
        )
        try:
            reply: list[Any] = await self._redis.run(self._claim_script, keys, *arguments)
        except RedisUnavailableError:
            unknown.append(token)
            raise
        return token, reply

    async def _limit_over_all_chats(self, claim: Claim) -> None:
        """Take from the user's own bucket too: in 20 groups, a user would otherwise have 20 limits.

        That bucket is in another hash slot, so it costs a round trip, which updates in private chats do not have.
        """
        context = claim.context
        if not context.rate.allowed:
            return
        role = str(context.identity.value.get("role")) if context.identity else "unknown"
        key = self._keys.of_user(claim.origin.user_id)
        arguments = (role if role in metrics.USER_ROLES else "unknown", self._limits, self._warn_ms)
        try:
            allowed, warn = await self._redis.run(self._limit_script, (key,), *arguments)
        except RedisUnavailableError:
            # Too many updates are better than none; the commit will say whether Redis is there.
            return
        context.rate = RateDecision(allowed=bool(allowed), warn=bool(warn))

    def _commit_arguments(self, claim: Claim) -> tuple[str | int, ...]:
        context = claim.context
        fsm: tuple[str | int, ...] = (0, "", "", 0)
        if context.fsm_changed and not context.forget:
            data = orjson.dumps(context.data).decode() if context.data else ""
            fsm = (1, context.state or "", data, self._fsm_ttl_ms)
        identity: tuple[str | int, ...] = (0, "", "", 0)
        if context.new_identity is not None and not context.forget:
            role = str(context.new_identity.get("role", "unknown"))
            signed = self._signer.sign(context.new_identity, context.user_id).decode()
            identity = (1, signed, role, self._identity_ttl_ms)
        return (claim.origin.update_id, claim.token, DONE_TTL_MS, int(context.forget), *fsm, *identity)

    def _context(self, origin: UpdateOrigin, deadline: float, reply: list[Any]) -> UpdateContext:
        _, allowed, warn, state, data, stored, stored_at = reply
        identity = self._signer.check(stored, origin.user_id) if stored and stored_at else None
        known_state, known_data = _dialogue(state, data)
        return UpdateContext(
            update_id=origin.update_id,
            chat_id=origin.lock_id,
            chat_type=origin.chat_type,
            user_id=origin.user_id,
            deadline=deadline,
            rate=RateDecision(allowed=bool(allowed), warn=bool(warn)),
            state=known_state,
            data=known_data,
            identity=CachedIdentity(identity, float(stored_at) / 1000) if identity else None,
        )


def _dialogue(state: bytes | None, data: bytes | None) -> tuple[str | None, dict[str, Any]]:
    """Decode a dialogue. One that cannot be read counts as none: it would fail every update of the chat."""
    try:
        fields = orjson.loads(data) if data else {}
        if isinstance(fields, dict):
            return (state.decode() if state else None), fields
    except ValueError:
        pass
    log.warning("dialogue_unreadable")
    return None, {}
