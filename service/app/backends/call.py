"""One backend call as a value: the request, the user it is made for, and the time that is left for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid5

from app.delivery.context import current_update

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

# The namespace of the idempotency keys. Any UUID does, but it must never change: a redelivered update that meets a new
# release would get another key, and its write would happen twice.
_NAMESPACE = UUID("5b1f7f0e-3f0a-4c0e-9b0e-6d2b8a1c7e54")


@dataclass(frozen=True)
class Call:
    """A request to a backend.

    `route` is the path with its parameters in braces, `path` fills them in. `operation` names a write: together
    with the update id it makes the Idempotency-Key, so that the backend performs a retry or a redelivered update once.
    `actor` is the company user on whose behalf the call is made; the backend authorises that user.
    """

    method: Method
    route: str
    path: Mapping[str, int] = field(default_factory=dict)
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    operation: str | None = None
    actor: int | None = None

    @property
    def url_path(self) -> str:
        """The route with its parameters filled in. They are integers, so nothing needs quoting."""
        return self.route.format_map(self.path)


def idempotency_key(bot_id: int, operation: str) -> str | None:
    """Return the key of `operation` in the current update; None outside an update."""
    update = current_update.get()
    return None if update is None else str(uuid5(_NAMESPACE, f"{bot_id}:{update.update_id}:{operation}"))


def seconds_left(now: float) -> float | None:
    """Return the seconds until the deadline of the current update, negative after it; None outside an update."""
    update = current_update.get()
    return None if update is None else update.deadline - now
