"""The Shift Service: of two who take a shift at once one gets it."""

import asyncio

import pytest

from sandbox.people import Role


@pytest.fixture
def executors(backends):
    return [person for person in backends.people if person.role is Role.EXECUTOR]


async def open_shift(backends, specialization: str) -> int:
    _status, page = await backends("shift", "GET", "/shifts", specialization=specialization, status="open")
    return page["items"][0]["id"]


async def test_taking_and_releasing(backends, executors) -> None:
    executor = executors[0]
    shift_id = await open_shift(backends, executor.specializations[0])
    status, shift = await backends("shift", "POST", f"/shifts/{shift_id}/take", actor=executor)
    assert (status, shift["status"], shift["executor_id"]) == (200, "taken", executor.user_id)
    _status, mine = await backends("shift", "GET", "/shifts", status="mine", actor=executor)
    assert [item["id"] for item in mine["items"]] == [shift_id]
    assert (await backends("shift", "POST", f"/shifts/{shift_id}/release", actor=executors[1]))[0] == 409
    status, shift = await backends("shift", "POST", f"/shifts/{shift_id}/release", actor=executor)
    assert (status, shift["status"]) == (200, "open")


async def test_one_of_many_concurrent_takers_gets_the_shift(backends, executors) -> None:
    shift_id = await open_shift(backends, "universal")
    answers = await asyncio.gather(
        *(backends("shift", "POST", f"/shifts/{shift_id}/take", actor=executor) for executor in executors)
    )
    assert sorted(status for status, _body in answers) == [200] + [409] * (len(executors) - 1)


async def test_only_shifts_of_ones_specialisation(backends, executors) -> None:
    plumber = next(person for person in executors if person.specializations == ("plumber",))
    shift_id = await open_shift(backends, "elevator")
    status, body = await backends("shift", "POST", f"/shifts/{shift_id}/take", actor=plumber)
    assert (status, body["error"]["code"]) == (409, "wrong_specialization")


async def test_availability(backends, executors) -> None:
    answer = await backends("shift", "PUT", "/availability", {"available": False}, actor=executors[0])
    assert answer == (200, {"available": False})
    applicant = backends.person(Role.APPLICANT)
    assert (await backends("shift", "PUT", "/availability", {"available": True}, actor=applicant))[0] == 403


async def test_statistics(backends, executors) -> None:
    _status, counts = await backends("shift", "GET", "/shifts/statistics", actor=backends.person(Role.ADMIN))
    assert counts["total"] == counts["open"] + counts["taken"] == sum(counts["by_specialization"].values())
