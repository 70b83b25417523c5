"""The ledger: a record of every update and of every effect the gateway had on the outside world.

Tests use it as ground truth for exactly-once handling: each update with its deliveries, each call of a Bot API method
whose effect a user sees, each backend write with its idempotency key. It records what the simulators saw, never what
the gateway reports. It keeps the latest ``size`` records of each kind; the totals also count older ones.
"""

import hashlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.jsontypes import JsonObject


@dataclass(slots=True)
class Attempt:
    """One delivery of an update; times are Unix seconds, ``status`` is 0 if no response came."""

    started: float
    ended: float | None = None
    status: int = 0


@dataclass(slots=True)
class UpdateRecord:
    """One update with its deliveries; ``handled`` is the time of the first 2xx."""

    update_id: int
    kind: str
    queue: str
    chat_id: int | None
    user_id: int | None
    created: float
    attempts: list[Attempt] = field(default_factory=list)
    handled: float | None = None
    expired: float | None = None


@dataclass(slots=True)
class SendRecord:
    """One call of a method whose effect a user sees.

    ``updates`` are the updates of that chat that were delivered but not yet handled at that moment. One of them caused
    the send, unless it was a notification or a broadcast (then the list is empty or coincidental).
    """

    number: int
    at: float
    method: str
    chat_id: int | None
    status: int
    text_hash: str
    target: str
    updates: list[int]


@dataclass(slots=True)
class EffectRecord:
    """One write of a backend: ``executed`` is 1 unless the key ran twice; ``replayed`` counts repeated calls."""

    number: int
    at: float
    service: str
    method: str
    path: str
    user_id: str
    key: str
    body_hash: str
    status: int
    executed: int = 0
    replayed: int = 0


def text_hash(*parts: object) -> str:
    """Return a short digest of a send's or a write's content."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]


class Ledger:
    """Records kept in memory, newest last."""

    def __init__(self, clock: Callable[[], float], size: int) -> None:
        self._clock = clock
        self._size = size
        self.clear()

    def clear(self) -> None:
        """Delete all records and reset the totals."""
        self._updates: OrderedDict[int, UpdateRecord] = OrderedDict()
        self._open: dict[int, dict[int, None]] = {}
        self._sends: deque[SendRecord] = deque(maxlen=self._size)
        self._effects: deque[EffectRecord] = deque(maxlen=self._size)
        self._effect_by_key: dict[tuple[str, str], EffectRecord] = {}
        self._update_totals: Counter[str] = Counter()
        self._send_totals: Counter[str] = Counter()
        self._effect_totals: Counter[str] = Counter()
        self._numbers = 0

    # Updates

    def update_created(self, update_id: int, kind: str, queue: str, chat_id: int | None, user_id: int | None) -> None:
        """Record that an update was queued."""
        self._updates[update_id] = UpdateRecord(update_id, kind, queue, chat_id, user_id, self._clock())
        self._update_totals["created"] += 1
        if len(self._updates) > self._size:
            self._updates.popitem(last=False)

    def attempt_started(self, update_id: int) -> None:
        """Record the start of a delivery."""
        self._update_totals["delivered"] += 1
        record = self._updates.get(update_id)
        if record is None:
            return
        record.attempts.append(Attempt(self._clock()))
        if len(record.attempts) > 1:
            self._update_totals["redelivered"] += 1
        if record.chat_id is not None:
            self._open.setdefault(record.chat_id, {})[update_id] = None

    def attempt_ended(self, update_id: int, status: int) -> None:
        """Record the end of a delivery with its HTTP status, 0 if no response came."""
        handled = 200 <= status < 300
        self._update_totals["handled" if handled else "failed_attempts"] += 1
        record = self._updates.get(update_id)
        if record is None or not record.attempts:
            return
        attempt = record.attempts[-1]
        attempt.ended, attempt.status = self._clock(), status
        if handled:
            record.handled = attempt.ended
            self._close(record)

    def update_expired(self, update_id: int) -> None:
        """Record that Telegram dropped an update because it expired."""
        self._update_totals["expired"] += 1
        record = self._updates.get(update_id)
        if record is not None:
            record.expired = self._clock()
            self._close(record)

    def update_dropped(self, update_id: int) -> None:
        """Record that an update was dropped by ``drop_pending_updates``."""
        self._update_totals["dropped"] += 1
        record = self._updates.pop(update_id, None)
        if record is not None:
            self._close(record)

    def _close(self, record: UpdateRecord) -> None:
        if record.chat_id is None:
            return
        in_chat = self._open.get(record.chat_id, {})
        in_chat.pop(record.update_id, None)
        if not in_chat:
            self._open.pop(record.chat_id, None)

    # Sends

    def sent(self, method: str, chat_id: int | None, status: int, content: str, target: str = "") -> None:
        """Record a Bot API call; ``target`` is the message or callback query it refers to."""
        self._numbers += 1
        self._send_totals["total" if status == 200 else "refused"] += 1
        self._send_totals[f"{method}:{status}"] += 1
        updates = list(self._open.get(chat_id, ())) if chat_id is not None else []
        self._sends.append(
            SendRecord(self._numbers, self._clock(), method, chat_id, status, text_hash(content), target, updates)
        )

    # Backend writes

    def effect_executed(
        self, service: str, method: str, path: str, user_id: str, key: str, body: bytes, status: int
    ) -> None:
        """Record a committed backend write."""
        self._numbers += 1
        record = EffectRecord(
            self._numbers, self._clock(), service, method, path, user_id, key, text_hash(body), status, executed=1
        )
        self._effect_totals["executed" if key else "executed_without_key"] += 1
        if len(self._effects) == self._size:
            oldest = self._effects[0]
            self._effect_by_key.pop((oldest.service, oldest.key), None)
        self._effects.append(record)
        known = self._effect_by_key.setdefault((service, key), record) if key else record
        if known is not record:  # the same key was executed twice, which idempotency must prevent
            known.executed += 1
            self._effect_totals["executed_twice"] += 1

    def effect_replayed(self, service: str, key: str) -> None:
        """Record that a backend answered a repeated write with a stored response."""
        self._effect_totals["replayed"] += 1
        record = self._effect_by_key.get((service, key))
        if record is not None:
            record.replayed += 1

    # Reading

    def summary(self) -> JsonObject:
        """Return the totals and the number of unhandled updates."""
        unhandled = sum(1 for record in self._updates.values() if record.handled is None and record.expired is None)
        updates = {"created": 0, "delivered": 0, "redelivered": 0, "handled": 0, "failed_attempts": 0, "expired": 0}
        sends = {"total": 0, "refused": 0}
        backend = {"executed": 0, "executed_without_key": 0, "executed_twice": 0, "replayed": 0}
        return {
            "updates": updates | dict(self._update_totals) | {"open": unhandled},
            "sends": sends | dict(self._send_totals),
            "backend": backend | dict(self._effect_totals),
        }

    def updates(self, since: int = 0) -> list[JsonObject]:
        """Return the updates with an id over ``since``, each with its sends."""
        sends: dict[int, list[JsonObject]] = {}
        for send in self._sends:
            for update_id in send.updates:
                sends.setdefault(update_id, []).append(asdict(send))
        return [
            asdict(record) | {"delivered": len(record.attempts), "sends": sends.get(record.update_id, [])}
            for record in self._updates.values()
            if record.update_id > since
        ]

    def sends(self, since: int = 0) -> list[JsonObject]:
        """Return the sends with a number over ``since``."""
        return [asdict(send) for send in self._sends if send.number > since]

    def effects(self, since: int = 0) -> list[JsonObject]:
        """Return the backend writes with a number over ``since``."""
        return [asdict(effect) for effect in self._effects if effect.number > since]

    def duplicates(self) -> JsonObject:
        """Return duplicate effects: sends while only one update was open in the chat, and backend writes.

        If several updates were open in the chat, two equal sends may belong to different updates and do not count.
        ``redelivered`` tells whether the update was delivered more than once, that is, whether the death of a replica
        can explain the duplicate send. A duplicate write is the same call with the same body under two keys.
        """
        return {"sends": self._duplicate_sends(), "backend": self._duplicate_effects()}

    def without_effect(self) -> list[int]:
        """Return the handled updates during which no send to their chat succeeded."""
        with_effect = {update_id for send in self._sends if send.status == 200 for update_id in send.updates}
        return [
            record.update_id
            for record in self._updates.values()
            if record.handled is not None and record.update_id not in with_effect
        ]

    def _duplicate_sends(self) -> list[JsonObject]:
        done = (send for send in self._sends if send.status == 200)
        groups = _group(
            ((update_id, send.method, send.chat_id, send.target, send.text_hash), send)
            for send in done
            if len(send.updates) == 1
            for update_id in send.updates
        )
        found = []
        for (update_id, method, chat_id, _target, digest), sends in groups.items():
            record = self._updates.get(update_id)
            found.append(
                {
                    "update_id": update_id,
                    "method": method,
                    "chat_id": chat_id,
                    "text_hash": digest,
                    "times": [send.at for send in sends],
                    "redelivered": record is not None and len(record.attempts) > 1,
                }
            )
        return found

    def _duplicate_effects(self) -> list[JsonObject]:
        groups = _group(
            ((effect.service, effect.method, effect.path, effect.user_id, effect.body_hash), effect)
            for effect in self._effects
        )
        return [
            {
                "service": service,
                "method": method,
                "path": path,
                "user_id": user_id,
                "keys": [effect.key for effect in effects],
                "times": [effect.at for effect in effects],
            }
            for (service, method, path, user_id, _digest), effects in groups.items()
        ]


def _group(pairs: Iterable[tuple[tuple[Any, ...], Any]]) -> dict[tuple[Any, ...], list[Any]]:
    """Group by key; return groups with more than one member."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: values for key, values in groups.items() if len(values) > 1}
