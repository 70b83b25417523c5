"""Models of the Auth and User backends, and what all models share.

The OpenAPI documents are generated from these models.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from sandbox.people import Role, Specialization

Language = Literal["ru", "uz", "en"]
MAX_ID = 2**31 - 1
"""Ids are 32-bit columns."""
UserId = Annotated[int, Field(gt=0, le=MAX_ID)]
TelegramId = Annotated[int, Field(gt=0, le=2**63 - 1)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]


class Input(BaseModel):
    """A request's body or query; unknown fields are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Error(BaseModel):
    """Code and message of an error."""

    code: str
    message: str


class ErrorResponse(BaseModel):
    """The body of every 4xx and 5xx response."""

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
    """The Telegram account to identify."""

    telegram_id: TelegramId


class LinkInput(Input):
    """A Telegram account and the phone number that its owner shared."""

    telegram_id: TelegramId
    phone: ShortText
    language: Language = "en"


class Identity(BaseModel):
    """The user behind a Telegram account."""

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
    """Fields to change; omitted fields keep their value."""

    language: Language | None = None
    blocked: bool | None = None


class UserQuery(Paging):
    """Filters of a user search."""

    q: str = Field("", max_length=300, description="Part of the name or the phone number.")
    role: Role | None = None


class RecipientQuery(Input):
    """A page of broadcast recipients, in ascending order of Telegram id."""

    role: Role | None = None
    after: int = 0
    limit: int = Field(500, ge=1, le=1000)


class Recipient(BaseModel):
    """A recipient of a broadcast."""

    telegram_id: TelegramId
    language: Language


class RecipientPage(BaseModel):
    """``next`` is the ``after`` of the following page, null on the last."""

    items: list[Recipient]
    next: int | None


class UserStatistics(BaseModel):
    total: int
    blocked: int
    by_role: dict[str, int]
    by_language: dict[str, int]
