"""One backend call as a value: what is asked, for whom, and until when an answer is of use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid5

from app.delivery.context import current_update

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]

# The name space of our idempotency keys: any fixed UUID does, this one must never change.
_NAMESPACE = UUID("5b1f7f0e-3f0a-4c0e-9b0e-6d2b8a1c7e54")


@dataclass(frozen=True)
class Call:
    """A request to a backend.

    `route` is the path with its parameters in braces, `path` fills them in. `operation` names a write: together
    with the update it makes the Idempotency-Key, so that a retry or a redelivered update acts once.
    `actor` is the company user on whose behalf it is made; the backend authorises by it.
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
        """The route with its parameters filled in; they are integers, so nothing needs quoting."""
        return self.route.format_map(self.path)


def idempotency_key(bot_id: int, operation: str) -> str | None:
    """The key of `operation` in the update being handled; None outside of one."""
    update = current_update.get()
    return None if update is None else str(uuid5(_NAMESPACE, f"{bot_id}:{update.update_id}:{operation}"))


def seconds_left(now: float) -> float | None:
    """Seconds until the deadline of the update being handled (None outside of one); may be negative."""
    update = current_update.get()
    return None if update is None else update.deadline - now
