"""One operation of a backend as a value: its route, its input and output models, and the function that performs it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from sandbox.backends.errors import ApiError, forbidden
from sandbox.backends.tables import UserRow
from sandbox.people import Role

Verb = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]


@dataclass(slots=True)
class Call:
    """A validated call of an operation.

    ``query`` and ``body`` are instances of the operation's models. ``after_commit`` runs once the write
    is committed, and not if it was rolled back or replayed.
    """

    session: AsyncSession
    now: datetime
    actor: UserRow | None
    path: dict[str, int]
    query: Any
    body: Any
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def require(self, *roles: Role) -> UserRow:
        """Return the acting user if they have one of the roles (any role where none is named).

        Raises:
            ApiError: no acting user (400), or the role is not allowed (403).
        """
        if self.actor is None:
            raise ApiError(400, "actor_required", "the header X-User-Id names the acting user")
        if roles and self.actor.role not in roles:
            raise forbidden(f"a {self.actor.role} may not do that")
        return self.actor


Execute = Callable[[Call], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; everything but GET writes unless ``changes`` is False, as for a POST that only reads."""

    name: str
    verb: Verb
    path: str
    summary: str
    execute: Execute
    response: type[BaseModel]
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    changes: bool = True

    @property
    def writes(self) -> bool:
        """Whether it runs in a write transaction."""
        return self.verb != "GET" and self.changes
