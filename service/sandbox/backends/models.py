"""What the backends take and give, as pydantic models; their OpenAPI documents are made from these."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sandbox.people import Role, Specialization

Language = Literal["ru", "uz", "en"]
UserId = Annotated[int, Field(gt=0)]
TelegramId = Annotated[int, Field(gt=0)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


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


class ShiftStatus(StrEnum):
    """Whether a shift has someone."""

    OPEN = "open"
    TAKEN = "taken"


class Input(BaseModel):
    """A call's body or query; a field that does not exist is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Error(BaseModel):
    """The inside of a refusal."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    """A refusal."""

    error: Error


class Paging(Input):
    """Which page of a list; pages count from 1."""

    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(5, ge=1, le=100)

    @property
    def offset(self) -> int:
        """How many items come before the page."""
        return (self.page - 1) * self.page_size

    def pages(self, total: int) -> int:
        """Return the number of pages, at least 1."""
        return max(1, -(-total // self.page_size))


class VerifyInput(Input):
    """Whose identity is asked for."""

    telegram_id: TelegramId


class LinkInput(Input):
    """A Telegram account and the phone that its owner shared."""

    telegram_id: TelegramId
    phone: ShortText
    language: Language = "en"


class Identity(BaseModel):
    """Who a Telegram account is to the company."""

    user_id: UserId
    telegram_id: TelegramId
    role: Role
    language: Language
    name: str
    blocked: bool
    specializations: list[Specialization]


class User(BaseModel):
    """A user of the company."""

    id: UserId
    telegram_id: TelegramId | None
    name: str
    role: Role
    language: Language
    phone: str
    blocked: bool
    specializations: list[Specialization]


class UserPage(BaseModel):
    """One page of users."""

    items: list[User]
    page: int
    pages: int
    total: int


class UserChange(Input):
    """What of a user is changed; what is not named stays."""

    language: Language | None = None
    blocked: bool | None = None


class UserQuery(Paging):
    """Which users."""

    q: str = Field("", max_length=300, description="A part of the name or the phone.")
    role: Role | None = None


class RecipientQuery(Input):
    """Which recipients of a broadcast, in ascending order of their Telegram ids."""

    role: Role | None = None
    after: int = 0
    limit: int = Field(500, ge=1, le=1000)


class Recipient(BaseModel):
    """Someone a broadcast goes to."""

    telegram_id: TelegramId
    language: Language


class RecipientPage(BaseModel):
    """Some recipients; ``next`` is the ``after`` of the following page, null at the end."""

    items: list[Recipient]
    next: int | None


class UserStatistics(BaseModel):
    """Counts of users."""

    total: int
    blocked: int
    by_role: dict[str, int]
    by_language: dict[str, int]


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
