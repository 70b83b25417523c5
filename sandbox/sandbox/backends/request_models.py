"""What the Request backend takes and gives."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from sandbox.backends.models import Input, Paging, ShortText, Text, UserId


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


class Location(Input):
    """A place in degrees."""

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
    """Where a request goes; an executor is picked where ``assigned`` names none."""

    status: RequestStatus
    executor_id: UserId | None = None


class CommentInput(Input):
    """What someone says about a request."""

    text: Text


class Comment(BaseModel):
    """What someone said about a request."""

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
    """Whose requests; an executor's are those assigned to them."""

    user_id: UserId | None = None
    status: RequestStatus | None = None


class RequestSearch(Paging):
    """What a request's number, address or description holds."""

    q: str = Field("", max_length=300)


class RequestStatistics(BaseModel):
    """Counts of requests."""

    total: int
    by_status: dict[str, int]
    by_category: dict[str, int]
