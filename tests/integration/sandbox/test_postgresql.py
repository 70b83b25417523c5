"""The backends on a real PostgreSQL: the same promises, and traces that name it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from aiohttp.test_utils import TestClient, TestServer
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from sandbox.company import Company
from sandbox.faults import FaultRegistry
from sandbox.ledger import Ledger
from sandbox.people import Role, seed_people
from sandbox.redis_server import free_port
from sandbox.settings import Settings
from sandbox.traces.receiver import Span, SpanReceiver, SpanStore
from support.tools import missing

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        shutil.which("initdb") is None or shutil.which("postgres") is None,
        reason=missing("postgres"),
    ),
]

NEW = {"category": "other", "address": "Navoi 1", "description": "Something"}
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]  # PostgreSQL refuses to run as root


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base = tmp_path_factory.mktemp("pg")
    data, port = base / "data", free_port()
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = AS_NOBODY
        for folder in (base, *list(base.parents)[:2]):
            folder.chmod(0o755)
        os.chown(base, 65534, 65534)
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": base}
    subprocess.run([*prefix, "initdb", "-D", data, "-U", "sandbox", "-A", "trust", "-N"], **run)
    server = subprocess.Popen(
        [*prefix, "postgres", "-D", data, "-p", str(port), "-k", base, "-c", "listen_addresses=127.0.0.1", "-F"],
        stdout=subprocess.DEVNULL, stderr=(base / "log").open("wb"), cwd=base,
    )  # fmt: skip
    try:
        yield f"postgresql+asyncpg://sandbox@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
async def clients(database_url: str) -> AsyncIterator[tuple[dict[str, TestClient], SpanStore, Ledger]]:
    store, ledger = SpanStore(), Ledger(lambda: 0.0, 1000)
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(SpanReceiver(store))
        settings = Settings(otlp_endpoint=f"http://127.0.0.1:{receiver.port}")
        company = Company(settings, database_url, ledger)
        stack.push_async_callback(company.close)
        await company.open(seed_people(5))
        apps = company.applications(FaultRegistry())
        opened = {name: await stack.enter_async_context(TestClient(TestServer(app))) for name, app in apps.items()}
        yield opened, store, ledger


def headers(user_id: int, **more: str) -> dict[str, str]:
    return {"Authorization": "Bearer sandbox-service-token", "X-User-Id": str(user_id), **more}


def user_ids(role: Role) -> list[int]:
    return [person.user_id for person in seed_people(5) if person.role is role and person.linked]


async def arrived(store: SpanStore, trace_id: str) -> list[Span]:
    async with asyncio.timeout(20):
        while True:
            for spans in store.traces():
                if spans[0].trace_id == trace_id:
                    return spans
            await asyncio.sleep(0.05)


async def test_ten_concurrent_writes_with_one_key_execute_once(clients) -> None:
    backends, _store, ledger = clients
    sent = headers(user_ids(Role.APPLICANT)[0], **{"Idempotency-Key": "k1"})

    async def create() -> tuple[int, int]:
        async with backends["request"].post("/api/v1/requests", json=NEW, headers=sent) as response:
            return response.status, (await response.json())["id"]

    answers = await asyncio.gather(*(create() for _ in range(10)))
    assert len(set(answers)) == 1
    assert answers[0][0] == 201
    assert (ledger.summary()["backend"]["executed"], ledger.summary()["backend"]["replayed"]) == (1, 9)


async def test_one_of_many_gets_the_shift(clients) -> None:
    backends, _store, _ledger = clients
    universal = {"specialization": "universal"}
    executors = user_ids(Role.EXECUTOR)
    async with backends["shift"].get("/api/v1/shifts", params=universal, headers=headers(executors[0])) as response:
        shift_id = (await response.json())["items"][0]["id"]

    async def take(user_id: int) -> int:
        path = f"/api/v1/shifts/{shift_id}/take"
        async with backends["shift"].post(path, headers=headers(user_id)) as response:
            return response.status

    assert sorted(await asyncio.gather(*map(take, executors))) == [200] + [409] * (len(executors) - 1)


async def test_status_changes_search_and_statistics(clients) -> None:
    backends, _store, _ledger = clients
    admin = headers(user_ids(Role.ADMIN)[0])
    async with backends["request"].get("/api/v1/requests/search", params={"q": "STREET"}, headers=admin) as response:
        page = await response.json()
    assert page["total"] > 0
    open_request = next(item for item in page["items"] if item["status"] != "done")
    change = {"status": "cancelled"}
    async with backends["request"].patch(
        f"/api/v1/requests/{open_request['id']}", json=change, headers=admin
    ) as response:
        assert (await response.json())["status"] == "cancelled"
    for service, path in (("request", "requests"), ("user", "users"), ("shift", "shifts")):
        async with backends[service].get(f"/api/v1/{path}/statistics", headers=admin) as response:
            assert (await response.json())["total"] > 0


async def test_a_restart_keeps_the_data(clients, database_url: str) -> None:
    backends, _store, _ledger = clients
    manager = headers(user_ids(Role.MANAGER)[0])

    async def total() -> int:
        async with backends["request"].get("/api/v1/requests/statistics", headers=manager) as response:
            return int((await response.json())["total"])

    before = await total()
    again = Company(Settings(), database_url, Ledger(lambda: 0.0, 10))
    try:
        await again.open(seed_people(5))
    finally:
        await again.close()
    assert before > 0
    assert await total() == before


async def test_the_trace_names_postgresql(clients) -> None:
    backends, store, _ledger = clients
    tracer = TracerProvider().get_tracer("caller")
    with tracer.start_as_current_span("caller") as span:
        context = span.get_span_context()
        parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-01"
        sent = headers(user_ids(Role.APPLICANT)[0], traceparent=parent)
        async with backends["request"].get("/api/v1/requests", headers=sent) as response:
            assert response.status == 200
    spans = await arrived(store, trace.format_trace_id(context.trace_id))
    server = next(span for span in spans if span.is_server)
    assert (server.service, server.name) == ("Request Service", "GET /api/v1/requests")
    selects = [span for span in spans if span.attributes.get("db.system") == "postgresql"]
    assert {span.name.split()[0] for span in selects} == {"SELECT"}
    assert any("FROM requests" in span.attributes["db.statement"] for span in selects)
    assert all(span.parent_id == server.span_id for span in selects)
