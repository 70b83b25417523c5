"""Database tables of the backends."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """A UTC timestamp; SQLite stores no time zone, so it is added when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's form
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Declarative base of all tables."""


class UserRow(Base):
    """A user; ``telegram_id`` is empty until the account is linked."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    telegram_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(index=True)
    language: Mapped[str]
    phone: Mapped[str] = mapped_column(unique=True)
    blocked: Mapped[bool] = mapped_column(default=False)
    available: Mapped[bool] = mapped_column(default=True)
    specializations: Mapped[list[str]] = mapped_column(JSON, default=list)


class RequestRow(Base):
    """A maintenance request."""

    __tablename__ = "requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    category: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    urgency: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    applicant_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    executor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    photos: Mapped[list[str]] = mapped_column(JSON, default=list)
    location: Mapped[dict[str, float] | None] = mapped_column(JSON)
    comments: Mapped[list["CommentRow"]] = relationship(lazy="selectin", order_by="CommentRow.id")


class CommentRow(Base):
    """A comment on a request."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("requests.id"), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ShiftRow(Base):
    """A shift."""

    __tablename__ = "shifts"

    id: Mapped[int] = mapped_column(primary_key=True)
    specialization: Mapped[str]
    address: Mapped[str] = mapped_column(Text)
    starts_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)
    executor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)

    __table_args__ = (Index("ix_shifts_order", "starts_at", "id"),)


class StoredResponseRow(Base):
    """The response to a write under its idempotency key, stored in the same transaction."""

    __tablename__ = "idempotent_responses"

    service: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
