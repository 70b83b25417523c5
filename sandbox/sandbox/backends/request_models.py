"""Models of the Request backend."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from sandbox.backends.models import Input, Paging, ShortText, Text, UserId


class Category(StrEnum):
    PLUMBING = "plumbing"
    ELECTRICITY = "electricity"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANING = "cleaning"
    OTHER = "other"


class Urgency(StrEnum):
    """How soon a request must be handled."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class RequestStatus(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


class Location(Input):
    """Coordinates in degrees."""

    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class RequestInput(Input):
    """A new request; photos are Telegram's file ids."""

    category: Category
    address: ShortText
    description: Text
    urgency: Urgency = Urgency.NORMAL
    photos: list[str] = Field(default_factory=list, max_length=10)
    location: Location | None = None


class RequestChange(Input):
    """A status change; the backend picks an executor if ``assigned`` names none."""

    status: RequestStatus
    executor_id: UserId | None = None


class CommentInput(Input):
    text: Text


class Comment(BaseModel):
    author_id: UserId
    text: str
    created_at: datetime


class Request(BaseModel):
    """A maintenance request."""

    id: int
    number: str
    category: Category
    address: str
    description: str
    urgency: Urgency
    status: RequestStatus
    applicant_id: UserId
    executor_id: UserId | None
    created_at: datetime
    updated_at: datetime
    comments: list[Comment]
    photos: list[str]
    location: Location | None


class RequestPage(BaseModel):
    """One page of requests, newest first."""

    items: list[Request]
    page: int
    pages: int
    total: int


class RequestQuery(Paging):
    """Filters of a list; an executor's requests are those assigned to them."""

    user_id: UserId | None = None
    status: RequestStatus | None = None


class RequestSearch(Paging):
    """Searches number, address and description."""

    q: str = Field("", max_length=300)


class RequestStatistics(BaseModel):
    total: int
    by_status: dict[str, int]
    by_category: dict[str, int]
