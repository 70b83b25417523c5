"""The Request Service: who sees what, who moves what, and what the applicant is told."""

import pytest

from sandbox.people import Role

NEW = {"category": "plumbing", "address": "Navoi 1", "description": "The tap drips"}


@pytest.fixture
def applicant(backends):
    return backends.person(Role.APPLICANT, 1)


@pytest.fixture
async def filed(backends, applicant):
    status, request = await backends("request", "POST", "/requests", NEW, actor=applicant)
    assert status == 201
    return request


async def test_creating_a_request(filed, applicant) -> None:
    assert (filed["status"], filed["urgency"], filed["applicant_id"]) == ("new", "normal", applicant.user_id)
    assert filed["number"] == f"R-{filed['id']:06d}"
    assert filed["created_at"].endswith("Z")


async def test_the_list_is_paged_newest_first(backends, filed, applicant) -> None:
    status, page = await backends("request", "GET", "/requests", actor=applicant, page_size="2")
    assert status == 200
    assert page["items"][0]["id"] == filed["id"]
    assert (len(page["items"]), page["page"], page["pages"]) == (2, 1, -(-page["total"] // 2))
    _status, last = await backends("request", "GET", "/requests", actor=applicant, page_size="2", page=page["pages"])
    assert {item["id"] for item in last["items"]}.isdisjoint(item["id"] for item in page["items"])


async def test_other_users_cannot_read_it(backends, filed, applicant) -> None:
    other = backends.person(Role.APPLICANT, 2)
    assert (await backends("request", "GET", f"/requests/{filed['id']}", actor=other))[0] == 403
    assert (await backends("request", "GET", "/requests", actor=other, user_id=applicant.user_id))[0] == 403
    assert (await backends("request", "GET", f"/requests/{filed['id']}", actor=backends.person(Role.MANAGER)))[0] == 200


async def test_an_executor_completes_a_request(backends, filed) -> None:
    executor, path = backends.person(Role.EXECUTOR), f"/requests/{filed['id']}"
    for status in ("assigned", "in_progress", "done"):
        code, request = await backends("request", "PATCH", path, {"status": status}, actor=executor)
        assert (code, request["status"], request["executor_id"]) == (200, status, executor.user_id)
    code, body = await backends("request", "PATCH", path, {"status": "cancelled"}, actor=executor)
    assert (code, body["error"]["code"]) == (409, "wrong_status")
    _code, page = await backends("request", "GET", "/requests", actor=executor, user_id=executor.user_id)
    assert filed["id"] in [item["id"] for item in page["items"]]


async def test_an_applicant_can_only_cancel(backends, filed, applicant) -> None:
    path = f"/requests/{filed['id']}"
    assert (await backends("request", "PATCH", path, {"status": "done"}, actor=applicant))[0] == 403
    assert (await backends("request", "PATCH", path, {"status": "cancelled"}, actor=applicant))[0] == 200


async def test_assignment_picks_a_qualified_executor(backends, filed) -> None:
    manager = backends.person(Role.MANAGER)
    _code, request = await backends(
        "request", "PATCH", f"/requests/{filed['id']}", {"status": "assigned"}, actor=manager
    )
    chosen = next(person for person in backends.people if person.user_id == request["executor_id"])
    assert "plumber" in chosen.specializations


async def test_every_status_change_is_published_once(backends, filed, applicant, published) -> None:
    executor, path = backends.person(Role.EXECUTOR), f"/requests/{filed['id']}"
    for _repeated in range(2):
        await backends("request", "PATCH", path, {"status": "in_progress"}, actor=executor, key="k1")
    await backends("request", "PATCH", path, {"status": "new"}, actor=executor)  # refused: nobody is told
    assert [(event.telegram_id, event.language, event.status) for event in published] == [
        (applicant.telegram_id, applicant.language, "in_progress")
    ]


async def test_comments(backends, filed, applicant) -> None:
    path = f"/requests/{filed['id']}/comments"
    assert (await backends("request", "POST", path, {"text": "hurry"}, actor=applicant))[0] == 201
    status, body = await backends("request", "POST", path, {"text": "  "}, actor=applicant)
    assert (status, body["error"]["code"]) == (422, "invalid_input")
    _status, request = await backends("request", "GET", f"/requests/{filed['id']}", actor=applicant)
    assert [comment["text"] for comment in request["comments"]] == ["hurry"]


@pytest.mark.parametrize("words", ["TAP", "navoi 1"])
async def test_search_by_words(backends, filed, words: str) -> None:
    _status, page = await backends("request", "GET", "/requests/search", actor=backends.person(Role.ADMIN), q=words)
    assert filed["id"] in [item["id"] for item in page["items"]]


async def test_search_by_number_and_without_wildcards(backends, filed) -> None:
    admin = backends.person(Role.ADMIN)
    _status, page = await backends("request", "GET", "/requests/search", actor=admin, q=filed["number"])
    assert [item["id"] for item in page["items"]] == [filed["id"]]
    _status, page = await backends("request", "GET", "/requests/search", actor=admin, q="%")
    assert page["total"] == 0


async def test_statistics_are_for_staff(backends, filed, applicant) -> None:
    assert (await backends("request", "GET", "/requests/statistics", actor=applicant))[0] == 403
    _status, counts = await backends("request", "GET", "/requests/statistics", actor=backends.person(Role.ADMIN))
    assert counts["total"] == sum(counts["by_status"].values()) == sum(counts["by_category"].values())


@pytest.mark.parametrize(
    "change",
    [{"category": "cats"}, {"address": ""}, {"location": {"latitude": 91, "longitude": 0}}, {"photos": ["x"] * 11}],
)
async def test_an_invalid_request_is_refused(backends, applicant, change) -> None:
    status, body = await backends("request", "POST", "/requests", NEW | change, actor=applicant)
    assert (status, body["error"]["code"]) == (422, "invalid_input")


async def test_an_unknown_request(backends, applicant) -> None:
    for path, code in (("/requests/999999", "unknown_request"), ("/requests/abc", "not_found")):
        status, body = await backends("request", "GET", path, actor=applicant)
        assert (status, body["error"]["code"]) == (404, code)
