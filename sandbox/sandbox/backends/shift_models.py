"""Models of the Shift backend."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from sandbox.backends.models import Input, Paging, UserId
from sandbox.people import Specialization


class ShiftStatus(StrEnum):
    OPEN = "open"
    TAKEN = "taken"


class Shift(BaseModel):
    """A shift that an executor can take."""

    id: int
    specialization: Specialization
    address: str
    starts_at: datetime
    ends_at: datetime
    status: ShiftStatus
    executor_id: UserId | None


class ShiftPage(BaseModel):
    """One page of shifts, the earliest first."""

    items: list[Shift]
    page: int
    pages: int
    total: int


class ShiftQuery(Paging):
    """Filters of a list; ``mine`` are the shifts that the acting user took."""

    specialization: Specialization | None = None
    status: Literal["open", "taken", "mine"] = "open"


class Availability(Input):
    """Whether an executor is available for shifts."""

    available: bool


class ShiftStatistics(BaseModel):
    total: int
    open: int
    taken: int
    by_specialization: dict[str, int]
