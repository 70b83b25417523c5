"""Who is active in the whole cluster: sessions, dialogues, users by window.

Each replica collects the updates it handled and writes them once per second, off the request path, into 16 shards of
sorted sets whose scores are absolute times. Each replica reads the counts back every few seconds, so that all of them
export the same values and none scans keys. A session ends when no update arrives for its TTL; an elected replica looks
for ended sessions and observes how long they were.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files

from app.core import metrics
from app.core.metric_labels import OTHER
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner

SHARDS = 16
_WINDOW_SECONDS = {"5m": 300, "1h": 3600, "24h": 86_400}
_ROLES = metrics.USER_ROLES
_Arguments = tuple[str | int | float, ...]
_MAX_USERS_PER_CALL = 500
"""Four arguments per user: Lua's stack allows about 8,000, and a longer script would delay Redis' other clients."""


def _script(name: str, operation: str) -> Script:
    return Script(operation, files("app.core").joinpath("scripts", f"{name}.lua").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class StateTransition:
    """One update of a user, with the dialogue's state before and after it."""

    role: str
    before: str
    after: str


class Activity:
    """Activity metrics; `record` is called for each update, `flush`, `read` and `sweep` in the background.

    `states` are all states of dialogues; others are counted as `other`. Times are Redis' own, because all replicas
    compare them: one whose clock is ahead would end everybody's sessions. A `clock` in its place is for tests.
    """

    def __init__(
        self,
        redis: ScriptRunner,
        base_key: str,
        *,
        states: Sequence[str],
        session_ttl: float,
        fsm_ttl: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._redis = redis
        self._bases = [f"{{{base_key}:activity:{shard}}}" for shard in range(SHARDS)]
        self._states = (*states, OTHER)
        self._session_ttl = session_ttl
        self._fsm_ttl = fsm_ttl
        self._clock = clock
        self._pending: dict[int, StateTransition] = {}
        self._record_script = _script("record", "gauges")
        self._count_script = _script("count", "gauges")
        self._sweep_script = _script("sweep", "sweep")
        self._gauges = [
            *(metrics.ACTIVE_SESSIONS.labels(role) for role in _ROLES),
            *(metrics.ACTIVE_USERS.labels(window, role) for role in _ROLES for window in _WINDOW_SECONDS),
            *(metrics.ACTIVE_FSM_SESSIONS.labels(state) for state in self._states),
        ]
        self._set_unknown()

    def record(self, user_id: int, role: str, before: str | None, after: str | None) -> None:
        """Collect a committed update. `role` is one of `USER_ROLES`."""
        earlier = self._pending.get(user_id)
        first = self._label(before) if earlier is None else earlier.before
        self._pending[user_id] = StateTransition(role, first, self._label(after))

    async def flush(self) -> None:
        """Write what was collected; what could not be written stays for the next time.

        Raises:
            RedisUnavailableError: not all of it could be written.
        """
        pending, self._pending = self._pending, {}
        by_shard: dict[int, list[tuple[int, StateTransition]]] = {}
        for user_id, transition in pending.items():
            by_shard.setdefault(user_id % SHARDS, []).append((user_id, transition))
        now = self._now()
        try:
            for shard, transitions in by_shard.items():
                for start in range(0, len(transitions), _MAX_USERS_PER_CALL):
                    await self._record(shard, transitions[start : start + _MAX_USERS_PER_CALL], now)
        except (RedisUnavailableError, asyncio.CancelledError):
            for user_id, transition in pending.items():
                later = self._pending.get(user_id)
                self._pending[user_id] = (
                    transition if later is None else StateTransition(later.role, transition.before, later.after)
                )
            raise

    async def read(self) -> None:
        """Set the gauges, to NaN where Redis cannot be read. Raises RedisUnavailableError."""
        windows = [*_WINDOW_SECONDS.values()]
        roles: _Arguments = (len(_ROLES), *_ROLES)
        arguments: _Arguments = (
            self._now(),
            self._session_ttl,
            *roles,
            len(windows),
            *windows,
            *self._states,
        )
        totals = [0] * len(self._gauges)
        try:
            for base in self._bases:
                counts: list[int] = await self._redis.run(self._count_script, (base,), *arguments)
                totals = [total + count for total, count in zip(totals, counts, strict=True)]
        except RedisUnavailableError:
            self._set_unknown()
            raise
        for gauge, total in zip(self._gauges, totals, strict=True):
            gauge.set(total)

    async def sweep(self) -> None:
        """Observe and remove the sessions that have ended. Raises RedisUnavailableError."""
        longest = max(_WINDOW_SECONDS.values())
        arguments: _Arguments = (
            self._now(),
            self._session_ttl,
            longest,
            len(_ROLES),
            *_ROLES,
            *self._states,
        )
        for base in self._bases:
            _observe(await self._redis.run(self._sweep_script, (base,), *arguments))

    async def _record(self, shard: int, transitions: list[tuple[int, StateTransition]], now: float | str) -> None:
        users = [
            item
            for user_id, transition in transitions
            for item in (user_id, transition.role, transition.before, transition.after)
        ]
        arguments: _Arguments = (now, self._session_ttl, self._fsm_ttl, len(_ROLES), *_ROLES, *users)
        _observe(await self._redis.run(self._record_script, (self._bases[shard],), *arguments))

    def _now(self) -> float | str:
        # Empty: the scripts take Redis' time.
        return "" if self._clock is None else self._clock()

    def _label(self, state: str | None) -> str:
        return "" if state is None else metrics.label_value(state, self._states)

    def _set_unknown(self) -> None:
        for gauge in self._gauges:
            gauge.set(float("nan"))


def _observe(ended: list[bytes]) -> None:
    for role, seconds in zip(ended[::2], ended[1::2], strict=True):
        metrics.SESSION_DURATION_SECONDS.labels(role.decode()).observe(float(seconds))
