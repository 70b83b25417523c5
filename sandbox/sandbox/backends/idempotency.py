"""Writes that happen once: the answer to a write is kept under its key, in the write's own transaction."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from sandbox.backends.database import Database
from sandbox.backends.errors import ApiError
from sandbox.backends.tables import AnswerRow
from sandbox.jsontypes import JsonObject

KEPT = timedelta(hours=48)
KEY_LIMIT = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and whether it was given before."""

    status: int
    body: JsonObject | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A key with a digest of the call it came with: a key means one call, not two different ones."""

    service: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, service: str, key: str, *call: str | bytes) -> "WriteKey":
        """Return the key of a call.

        Raises:
            ApiError: the key is too long.
        """
        if len(key) > KEY_LIMIT:
            raise ApiError(400, "invalid_idempotency_key", f"a key has at most {KEY_LIMIT} characters")
        parts = b"\x00".join(part if isinstance(part, bytes) else part.encode() for part in call)
        return cls(service, key, hashlib.sha256(parts).hexdigest())


Write = Callable[[AsyncSession], Awaitable[Answer]]


async def write_once(database: Database, key: WriteKey, now: datetime, write: Write) -> Answer:
    """Do the write and keep its answer, or return the kept answer.

    The key is inserted before the write: of two calls at once the second waits for the first's transaction and then
    finds its answer. A refused write keeps nothing, so it can be tried again.

    Raises:
        ApiError: the write is refused, or the key was used for another call (422).
    """
    try:
        async with database.write() as session:
            row = AnswerRow(
                service=key.service, key=key.key, fingerprint=key.fingerprint, status=0, body=None, created_at=now
            )
            session.add(row)
            await _claim(session)
            answer = await write(session)
            row.status, row.body = answer.status, answer.body
    except _KeyTakenError:
        return await _kept(database, key)
    return answer


async def forget_old(database: Database, now: datetime) -> None:
    """Forget the answers that are older than 48 hours."""
    async with database.write() as session:
        await session.execute(delete(AnswerRow).where(AnswerRow.created_at < now - KEPT))


class _KeyTakenError(Exception):
    """The key is there already."""


async def _claim(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise _KeyTakenError from error


async def _kept(database: Database, key: WriteKey) -> Answer:
    async with database.read() as session:
        row = await session.get_one(AnswerRow, (key.service, key.key))
    if row.fingerprint != key.fingerprint:
        raise ApiError(422, "idempotency_key_reused", "this Idempotency-Key came with another call before")
    return Answer(row.status, row.body, replayed=True)
