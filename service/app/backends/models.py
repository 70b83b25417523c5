"""The requests and responses of the backends' HTTP contract.

Unknown fields are ignored, so that a backend may add some; an unknown value of a closed set breaks the contract.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from pydantic import BaseModel, ConfigDict

from app.core.closed_sets import (
    Category as Category,
    RequestStatus as RequestStatus,
    Role as Role,
    Specialization as Specialization,
)

UserId = NewType("UserId", int)
"""The id of a company user, not of a Telegram user."""
TelegramId = NewType("TelegramId", int)
RequestId = NewType("RequestId", int)
ShiftId = NewType("ShiftId", int)


class Urgency(StrEnum):
    """How soon someone must look at a request."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class ShiftStatus(StrEnum):
    """Whether an executor has taken the shift."""

    OPEN = "open"
    TAKEN = "taken"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Identity(_Model):
    """The company user that a Telegram user is linked to."""

    user_id: UserId
    telegram_id: TelegramId
    role: Role
    language: str
    name: str
    blocked: bool = False
    specializations: tuple[Specialization, ...] = ()


class Location(_Model):
    """Coordinates in degrees (WGS 84)."""

    latitude: float
    longitude: float


class Comment(_Model):
    author_id: UserId
    text: str
    created_at: datetime


class Request(_Model):
    """A maintenance request. `photos` are file ids of Telegram."""

    id: RequestId
    number: str
    category: Category
    address: str
    description: str
    urgency: Urgency
    status: RequestStatus
    applicant_id: UserId
    executor_id: UserId | None = None
    created_at: datetime
    updated_at: datetime
    comments: tuple[Comment, ...] = ()
    photos: tuple[str, ...] = ()
    location: Location | None = None


class NewRequest(_Model):
    """The fields of a request that the user filled in."""

    category: Category
    address: str
    description: str
    urgency: Urgency = Urgency.NORMAL
    photos: tuple[str, ...] = ()
    location: Location | None = None


class RequestPage(_Model):
    """One page of requests; pages count from 1."""

    items: tuple[Request, ...]
    page: int
    pages: int
    total: int


class User(_Model):
    id: UserId
    telegram_id: TelegramId | None = None
    name: str
    role: Role
    language: str
    phone: str | None = None
    blocked: bool = False


class UserPage(_Model):
    """One page of users; pages count from 1."""

    items: tuple[User, ...]
    page: int
    pages: int
    total: int


class Recipient(_Model):
    """A user that a broadcast is sent to."""

    telegram_id: TelegramId
    language: str


class RecipientPage(_Model):
    """One page of recipients in a fixed order; `next` is the `after` of the next page, None on the last page."""

    items: tuple[Recipient, ...]
    next: int | None = None


class Shift(_Model):
    """A shift that an executor can take."""

    id: ShiftId
    specialization: Specialization
    address: str
    starts_at: datetime
    ends_at: datetime
    status: ShiftStatus
    executor_id: UserId | None = None


class ShiftPage(_Model):
    """One page of shifts; pages count from 1."""

    items: tuple[Shift, ...]
    page: int = 1
    pages: int = 1
    total: int = 0


class Statistics(BaseModel):
    """Named counts, possibly nested. They are shown to the user, not interpreted."""

    model_config = ConfigDict(frozen=True, extra="allow")
