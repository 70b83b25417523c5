"""The update being handled: filled by the claim, changed by handlers, written by the commit."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RateDecision:
    """Whether the user is within the rate limit; if not, whether to warn them (once per window)."""

    allowed: bool
    warn: bool


@dataclass(frozen=True, slots=True)
class CachedIdentity:
    """A response of the Auth Service, cached in Redis. `stored_at` is Unix time in seconds."""

    value: dict[str, Any]
    stored_at: float


class LeaseExpiredError(Exception):
    """The chat lock of the current update may be another replica's by now: nothing may be sent for it."""


def _always() -> bool:
    return True


@dataclass(slots=True)
class UpdateContext:
    """One update. Everything that runs for it gets it by `require_update`, or `current_update` outside of updates too.

    `state` and `data` are the dialogue; the FSM storage changes them. The commit stores `new_identity`; with `forget`
    it deletes everything stored about the user. `deadline` is in the event loop's time. `holds_lock` returns whether
    the lease of the chat lock has not expired, without asking Redis. `degraded` is set when the user gets an error
    message because a backend is unavailable.
    """

    update_id: int
    chat_id: int
    chat_type: str
    user_id: int
    deadline: float
    rate: RateDecision = RateDecision(allowed=True, warn=False)
    state: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    identity: CachedIdentity | None = None
    new_identity: dict[str, Any] | None = None
    forget: bool = False
    fsm_changed: bool = False
    holds_lock: Callable[[], bool] = _always
    degraded: bool = False


current_update: ContextVar[UpdateContext | None] = ContextVar("current_update", default=None)


def require_update() -> UpdateContext:
    """Return the update being handled; RuntimeError outside of one."""
    context = current_update.get()
    if context is None:
        raise RuntimeError("no update is being handled")
    return context
