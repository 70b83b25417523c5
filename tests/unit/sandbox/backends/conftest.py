"""The four backends on a database of their own, called over HTTP."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.backends.database import sqlite_url
from sandbox.backends.notifier import Notifier
from sandbox.backends.requests import StatusChanged
from sandbox.company import Company
from sandbox.faults import FaultRegistry
from sandbox.people import Person, Role, seed_people
from sandbox.settings import Settings

TOKEN = "sandbox-service-token"


class Backends:
    """Calls a backend and returns status and body."""

    def __init__(self, clients: dict[str, TestClient], people: list[Person], faults: FaultRegistry) -> None:
        self.clients = clients
        self.people = people
        self.faults = faults

    def person(self, role: Role, number: int = 0) -> Person:
        return [person for person in self.people if person.role is role][number]

    async def __call__(
        self,
        service: str,
        method: str,
        path: str,
        body: object = None,
        *,
        actor: Person | None = None,
        key: str = "",
        token: str = TOKEN,
        **query: Any,
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        headers |= {"X-User-Id": str(actor.user_id)} if actor else {}
        headers |= {"Idempotency-Key": key} if key else {}
        async with self.clients[service].request(
            method, f"/api/v1{path}", json=body, headers=headers, params=query
        ) as response:
            return response.status, await response.json()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path / "company.sqlite")


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[StatusChanged]:
    """What the bot is told, instead of telling it."""
    told: list[StatusChanged] = []
    monkeypatch.setattr(Notifier, "publish", lambda _self, event: told.append(event))
    return told


@pytest.fixture
async def backends(database_url: str, ledger, virtual_time, published) -> AsyncIterator[Backends]:
    people = seed_people(5)
    company = Company(Settings(), database_url, ledger, now=lambda: datetime.fromtimestamp(virtual_time.now, UTC))
    faults = FaultRegistry()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(company.close)
        await company.open(people)
        clients = {
            name: await stack.enter_async_context(TestClient(TestServer(app)))
            for name, app in company.applications(faults).items()
        }
        yield Backends(clients, people, faults)
