"""The file that the backends share takes one write at a time, however many come at once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from sandbox.backends import database as database_module
from sandbox.backends.database import Database, sqlite_url
from sandbox.backends.tables import UserRow
from sandbox.people import Role

NEW = {"category": "plumbing", "address": "Navoi 1", "description": "A pipe leaks", "urgency": "high"}
WRITES = 50


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite gives up at once where a write has to wait for another one."""
    monkeypatch.setattr(database_module, "SQLITE_BUSY_TIMEOUT_MS", 1)


@pytest.fixture
async def databases(tmp_path: Path) -> AsyncIterator[list[Database]]:
    """Two backends' connections to one file."""
    write_lock = asyncio.Lock()
    made = [Database(sqlite_url(tmp_path / "shared.sqlite"), write_lock=write_lock) for _ in range(2)]
    await made[0].create_tables()
    yield made
    for database in made:
        await database.close()


@pytest.mark.usefixtures("impatient")
async def test_concurrent_writes_of_two_backends_succeed(backends) -> None:
    people = [backends.person(Role.APPLICANT, number % 5) for number in range(WRITES // 2)]
    answers = await asyncio.gather(
        *(
            backends("user", "PATCH", f"/users/{person.user_id}", {"language": "en"}, actor=person, key=f"u{number}")
            for number, person in enumerate(people)
        ),
        *(
            backends("request", "POST", "/requests", NEW, actor=person, key=f"r{number}")
            for number, person in enumerate(people)
        ),
    )
    assert sorted({status for status, _body in answers}) == [200, 201]
    assert len({body["id"] for status, body in answers if status == 201}) == WRITES // 2


async def test_a_waiting_writer_does_not_block_readers(databases: list[Database]) -> None:
    order: list[int] = []

    async def write(number: int) -> None:
        async with databases[number % 2].write() as session:
            await session.execute(update(UserRow).values(language="en"))
            order.append(number)

    async with asyncio.TaskGroup() as writers, databases[0].write() as first:
        await first.execute(update(UserRow).values(language="ru"))
        for number in range(WRITES):
            writers.create_task(write(number))
        await asyncio.sleep(0)
        async with asyncio.timeout(60), databases[1].read() as session:
            assert await session.scalar(select(UserRow.id).limit(1)) is None
        assert order == []
    assert order == list(range(WRITES))
