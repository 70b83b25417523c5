"""What all backends have in common: token, errors, idempotency, faults, metrics."""

import asyncio
from datetime import timedelta

import pytest

from sandbox.backends.database import Database
from sandbox.backends.idempotency import delete_expired
from sandbox.backends.tables import StoredResponseRow
from sandbox.faults import FaultSpec
from sandbox.people import Role

NEW = {"category": "other", "address": "Navoi 1", "description": "Something"}


async def test_the_token_is_required(backends) -> None:
    for token in ("wrong", ""):
        status, body = await backends("auth", "POST", "/auth/verify", {"telegram_id": 1001}, token=token)
        assert (status, body["error"]["code"]) == (401, "unauthorized")


async def test_unknown_paths_and_fields_have_the_same_error_format(backends) -> None:
    assert (await backends("auth", "GET", "/nothing"))[1]["error"]["code"] == "not_found"
    status, body = await backends("auth", "POST", "/auth/verify", {"telegram_id": 1001, "surprise": 1})
    assert (status, body["error"]["code"]) == (422, "invalid_input")


async def test_an_unknown_actor(backends) -> None:
    headers = {"Authorization": "Bearer sandbox-service-token", "X-User-Id": "9999"}
    async with backends.clients["request"].get("/api/v1/requests", headers=headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (403, "unknown_actor")


async def test_a_repeated_write_gets_the_stored_response(backends, ledger) -> None:
    actor = backends.person(Role.APPLICANT)
    first = await backends("request", "POST", "/requests", NEW, actor=actor, key="k1")
    again = await backends("request", "POST", "/requests", NEW, actor=actor, key="k1")
    assert first == again
    assert first[0] == 201
    (record,) = ledger.effects()
    assert (record["executed"], record["replayed"]) == (1, 1)


async def test_ten_concurrent_writes_with_one_key_execute_once(backends, ledger) -> None:
    actor = backends.person(Role.APPLICANT)
    answers = await asyncio.gather(
        *(backends("request", "POST", "/requests", NEW, actor=actor, key="k1") for _ in range(10))
    )
    assert len({body["id"] for _status, body in answers}) == 1
    assert ledger.summary()["backend"] == {
        "executed": 1,
        "executed_without_key": 0,
        "executed_twice": 0,
        "replayed": 9,
    }


async def test_a_key_for_a_different_call_is_refused(backends) -> None:
    actor = backends.person(Role.APPLICANT)
    await backends("request", "POST", "/requests", NEW, actor=actor, key="k1")
    other = NEW | {"description": "Something else"}
    status, body = await backends("request", "POST", "/requests", other, actor=actor, key="k1")
    assert (status, body["error"]["code"]) == (422, "idempotency_key_reused")


async def test_a_refused_write_stores_nothing(backends, ledger) -> None:
    executor = backends.person(Role.EXECUTOR)
    _status, page = await backends("shift", "GET", "/shifts", specialization="plumber")
    path = f"/shifts/{page['items'][0]['id']}"
    await backends("shift", "POST", f"{path}/take", actor=executor)
    other = backends.person(Role.EXECUTOR, 5)
    assert (await backends("shift", "POST", f"{path}/take", actor=other, key="k1"))[0] == 409
    await backends("shift", "POST", f"{path}/release", actor=executor)
    assert (await backends("shift", "POST", f"{path}/take", actor=other, key="k1"))[0] == 200


async def test_stored_responses_are_deleted_after_48_hours(backends, virtual_time, database_url) -> None:
    actor = backends.person(Role.APPLICANT)
    await backends("request", "POST", "/requests", NEW, actor=actor, key="k1")
    database = Database(database_url)
    try:
        async with database.read() as session:
            kept = await session.get_one(StoredResponseRow, ("request", "k1"))
        for hours, expected in ((47, True), (49, False)):
            await delete_expired(database, kept.created_at + timedelta(hours=hours))
            async with database.read() as session:
                assert (await session.get(StoredResponseRow, ("request", "k1")) is not None) is expected
    finally:
        await database.close()


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/requests"])
async def test_faults_affect_the_health_check(backends, path: str) -> None:
    backends.faults.add(FaultSpec(service="request", kind="error", status=503))
    async with backends.clients["request"].get(path) as response:
        assert response.status == 503
    async with backends.clients["auth"].get("/healthz") as response:
        assert response.status == 200


async def test_metrics_are_labelled_by_route(backends) -> None:
    actor = backends.person(Role.APPLICANT)
    await backends("request", "GET", "/requests/1", actor=actor)
    async with backends.clients["request"].get("/metrics") as response:
        text = await response.text()
    assert 'route="/api/v1/requests/{id}"' in text
    assert "backend_request_duration_seconds_bucket" in text
