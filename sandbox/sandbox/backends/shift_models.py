"""What the Shift backend takes and gives."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from sandbox.backends.models import Input, Paging, UserId
from sandbox.people import Specialization


class ShiftStatus(StrEnum):
    """Whether a shift has someone."""

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
    """Which shifts; ``mine`` are those the acting user took."""

    specialization: Specialization | None = None
    status: Literal["open", "taken", "mine"] = "open"


class Availability(Input):
    """Whether an executor takes shifts at all."""

    available: bool


class ShiftStatistics(BaseModel):
    """Counts of shifts."""

    total: int
    open: int
    taken: int
    by_specialization: dict[str, int]
