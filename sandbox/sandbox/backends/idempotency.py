"""Idempotent writes: the response to a write is stored under its key, in the same transaction as the write."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from sandbox.backends.database import Database
from sandbox.backends.errors import ApiError
from sandbox.backends.tables import StoredResponseRow
from sandbox.jsontypes import JsonObject

RETENTION = timedelta(hours=48)
KEY_LIMIT = 255


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response to a write; ``replayed`` if it was stored by an earlier call."""

    status: int
    body: JsonObject | None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class WriteKey:
    """An idempotency key with a digest of its call, so that a key used for a different call is detected."""

    service: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, service: str, key: str, *call: str | bytes) -> "WriteKey":
        """Build the key of a call.

        Raises:
            ApiError: the key is too long.
        """
        if len(key) > KEY_LIMIT:
            raise ApiError(400, "invalid_idempotency_key", f"a key has at most {KEY_LIMIT} characters")
        parts = b"\x00".join(part if isinstance(part, bytes) else part.encode() for part in call)
        return cls(service, key, hashlib.sha256(parts).hexdigest())


Write = Callable[[AsyncSession], Awaitable[StoredResponse]]


async def write_once(database: Database, key: WriteKey, now: datetime, write: Write) -> StoredResponse:
    """Perform the write and store its response, or return the stored response.

    The key is inserted before the write: of two concurrent calls the second waits for the first's transaction and then
    finds its response. A refused write stores nothing, so it can be retried.

    Raises:
        ApiError: the write is refused, or the key was used for another call (422).
    """
    try:
        async with database.write() as session:
            row = StoredResponseRow(
                service=key.service, key=key.key, fingerprint=key.fingerprint, status=0, body=None, created_at=now
            )
            session.add(row)
            await _claim(session)
            response = await write(session)
            row.status, row.body = response.status, response.body
    except _KeyTakenError:
        return await _stored(database, key)
    return response


async def delete_expired(database: Database, now: datetime) -> None:
    """Delete stored responses older than 48 hours."""
    async with database.write() as session:
        await session.execute(delete(StoredResponseRow).where(StoredResponseRow.created_at < now - RETENTION))


class _KeyTakenError(Exception):
    """Another call has stored this key."""


async def _claim(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        raise _KeyTakenError from error


async def _stored(database: Database, key: WriteKey) -> StoredResponse:
    async with database.read() as session:
        row = await session.get_one(StoredResponseRow, (key.service, key.key))
    if row.fingerprint != key.fingerprint:
        raise ApiError(422, "idempotency_key_reused", "this Idempotency-Key was used for a different call")
    return StoredResponse(row.status, row.body, replayed=True)
