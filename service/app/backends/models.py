"""What the backends send and take, as they agreed to it.

Unknown fields are ignored, so that a backend may add some; an unknown value of a closed set is a broken contract.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from pydantic import BaseModel, ConfigDict

UserId = NewType("UserId", int)
"""A user of the company, not of Telegram."""
TelegramId = NewType("TelegramId", int)
RequestId = NewType("RequestId", int)
ShiftId = NewType("ShiftId", int)


class Role(StrEnum):
    """What a user is in the company; each role may do what the ones before it may not."""

    APPLICANT = "applicant"
    EXECUTOR = "executor"
    MANAGER = "manager"
    ADMIN = "admin"


class Category(StrEnum):
    """What a request is about."""

    PLUMBING = "plumbing"
    ELECTRICITY = "electricity"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANING = "cleaning"
    OTHER = "other"


class Urgency(StrEnum):
    """How soon a request must be seen to."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class RequestStatus(StrEnum):
    """Where a request is on its way."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


class Specialization(StrEnum):
    """What an executor can do, and what a shift asks for."""

    PLUMBER = "plumber"
    ELECTRICIAN = "electrician"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANER = "cleaner"
    UNIVERSAL = "universal"


class ShiftStatus(StrEnum):
    """Whether a shift has someone."""

    OPEN = "open"
    TAKEN = "taken"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Identity(_Model):
    """Who a Telegram user is in the company."""

    user_id: UserId
    telegram_id: TelegramId
    role: Role
    language: str
    name: str
    blocked: bool = False
    specializations: tuple[Specialization, ...] = ()


class Location(_Model):
    """A place on the map, in degrees."""

    latitude: float
    longitude: float


class Comment(_Model):
    """What someone said about a request."""

    author_id: UserId
    text: str
    created_at: datetime


class Request(_Model):
    """A maintenance request. `photos` are Telegram's file ids."""

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
    """What a user filled in to make a request."""

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
    """A user as the User Service knows them."""

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
    """Someone a broadcast goes to."""

    telegram_id: TelegramId
    language: str


class RecipientPage(_Model):
    """Some recipients in a fixed order; `next` is the `after` of the following page, None at the end."""

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
    """Named counts, as nested as the backend likes; they are shown, not interpreted."""

    model_config = ConfigDict(frozen=True, extra="allow")
