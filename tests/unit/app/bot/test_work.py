"""Requests, shifts and administration: what each role sees and does, and the metrics that count it."""

from collections.abc import Callable
from typing import Any

import pytest

Moved = Callable[..., Callable[[], float]]

USER = {"id": 7, "telegram_id": 1001, "name": "Aziz Karimov", "role": "applicant", "language": "en", "phone": "+998"}
REQUEST = {
    "id": 5,
    "number": "R-000005",
    "category": "heating",
    "address": "Navoi 12",
    "description": "Cold",
    "urgency": "normal",
    "status": "assigned",
    "applicant_id": 7,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "comments": [{"author_id": 7, "text": "Soon please", "created_at": "2026-01-01T00:00:00Z"}],
}
SHIFT = {
    "id": 3,
    "specialization": "plumber",
    "address": "Navoi 12",
    "starts_at": "2026-01-01T08:00:00Z",
    "ends_at": "2026-01-01T16:00:00Z",
    "status": "open",
}


def page(*items: dict[str, Any], number: int = 1, pages: int = 1) -> tuple[int, dict[str, Any]]:
    return 200, {"items": list(items), "page": number, "pages": pages, "total": len(items) * pages}


async def test_the_request_list_is_paged(user: Any, moved: Moved) -> None:
    viewed = moved("requests_viewed_total", view="list")
    user.sign_in()
    user.backends.responses["GET /api/v1/users/7"] = (200, USER)
    user.backends.responses["GET /api/v1/requests"] = page(REQUEST, pages=2)
    await user.send("/requests")
    assert user.said()[-1] == "Aziz Karimov, your requests: 2. Page 1 of 2."
    assert viewed() == 1
    user.backends.responses["GET /api/v1/requests"] = page(REQUEST, number=2, pages=2)
    await user.press_labelled("Next")
    assert user.said()[-1] == "Aziz, your requests: 2. Page 2 of 2."


async def test_an_empty_list_says_what_to_do(user: Any) -> None:
    user.sign_in()
    user.backends.responses["GET /api/v1/users/7"] = (200, USER)
    user.backends.responses["GET /api/v1/requests"] = (200, {"items": [], "page": 1, "pages": 1, "total": 0})
    await user.send("/requests")
    assert "/newrequest" in user.said()[-1]


async def test_details_status_and_comment(user: Any, moved: Moved) -> None:
    details = moved("requests_viewed_total", view="details")
    updated = moved("requests_updated_total", status="in_progress")
    user.sign_in("executor")
    user.backends.responses["GET /api/v1/requests/5"] = (200, REQUEST)
    user.backends.responses["PATCH /api/v1/requests/5"] = (200, {**REQUEST, "status": "in_progress"})
    user.backends.responses["POST /api/v1/requests/5/comments"] = (201, {})
    await user.press("ro:5:1")
    assert "— Soon please" in user.said()[-1]
    await user.press_labelled("Start work")
    assert user.backends.named("PATCH /api/v1/requests/5") == [{"status": "in_progress"}]
    assert (details(), updated()) == (1, 1)
    await user.press_labelled("Comment")
    await user.send("On my way")
    assert user.backends.named("POST /api/v1/requests/5/comments") == [{"text": "On my way"}]
    assert user.said()[-1] == "Your comment has been added."


async def test_an_edit_corrects_the_input_of_a_dialogue(user: Any) -> None:
    user.sign_in()
    user.backends.responses["POST /api/v1/requests"] = (201, {**REQUEST, "category": "plumbing"})
    await user.send("/newrequest")
    await user.press_labelled("Plumbing")
    address = user.message(text="Navoi 1")
    await user.feed(message=address)
    await user.send("A pipe drips")
    await user.feed(edited_message={**address, "text": "Navoi 12", "edit_date": 1})
    assert user.said()[-1] == "Corrected."
    await user.press_labelled("Without photos")
    await user.press_labelled("File the request")
    assert user.backends.named("POST /api/v1/requests")[0]["address"] == "Navoi 12"


async def test_an_edit_elsewhere_is_ignored(user: Any) -> None:
    user.sign_in()
    await user.feed(edited_message=user.message(text="x", edit_date=1))
    assert user.said() == []


async def test_shifts_are_listed_taken_and_released(user: Any, moved: Moved) -> None:
    viewed = moved("shifts_viewed_total", specialization="plumber")
    taken = moved("shifts_taken_total", specialization="plumber")
    released = moved("shifts_released_total", specialization="plumber")
    user.sign_in("executor", specializations=["plumber"])
    user.backends.responses["GET /api/v1/shifts"] = page(SHIFT)
    user.backends.responses["POST /api/v1/shifts/3/take"] = (200, {**SHIFT, "status": "taken", "executor_id": 7})
    user.backends.responses["POST /api/v1/shifts/3/release"] = (200, SHIFT)
    await user.send("/shifts")
    assert user.backends.named("GET /api/v1/shifts") == [{"status": "open", "page": "1", "specialization": "plumber"}]
    await user.press_labelled("Take: Plumber, 01.01 08:00–16:00, Navoi 12")
    await user.press_labelled("Release")
    assert (viewed(), taken(), released()) == (1, 1, 1)


async def test_a_shift_taken_by_someone_else_gets_an_error_message(user: Any, moved: Moved) -> None:
    taken = moved("shifts_taken_total", specialization="plumber")
    user.sign_in("executor")
    user.backends.responses["POST /api/v1/shifts/3/take"] = (409, {"error": {"code": "taken", "message": ""}})
    await user.press("sa:3:take")
    assert user.said() == ["Someone else has already taken this shift. Please choose another one."]
    assert taken() == 0


@pytest.mark.parametrize("available", [True, False])
async def test_availability(user: Any, moved: Moved, available: bool) -> None:
    updates = moved("availability_updates_total", available=str(available).lower())
    user.sign_in("executor")
    user.backends.responses["PUT /api/v1/availability"] = (200, {"available": available})
    await user.send("/availability")
    await user.press_labelled("Yes" if available else "No")
    assert user.backends.named("PUT /api/v1/availability") == [{"available": available}]
    assert updates() == 1


async def test_a_manager_searches_requests(user: Any, moved: Moved) -> None:
    searches = moved("admin_searches_total", search_type="requests")
    user.sign_in("manager")
    user.backends.responses["GET /api/v1/requests/search"] = page(REQUEST)
    await user.send("/admin")
    await user.press_labelled("Find requests")
    await user.send("Navoi")
    assert user.backends.named("GET /api/v1/requests/search") == [{"q": "Navoi", "page": "1"}]
    assert user.said()[-1] == "Found: 1"
    assert searches() == 1


async def test_an_admin_finds_and_blocks_a_user(user: Any, moved: Moved) -> None:
    blocked = moved("admin_actions_total", action="block")
    user.sign_in("admin")
    user.backends.responses["GET /api/v1/users"] = page({**USER, "id": 9})
    user.backends.responses["GET /api/v1/users/9"] = (200, {**USER, "id": 9})
    user.backends.responses["PATCH /api/v1/users/9"] = (200, {**USER, "id": 9, "blocked": True})
    await user.send("/admin")
    await user.press_labelled("Find users")
    await user.send("Karimov")
    await user.press_labelled("Aziz Karimov")
    await user.press_labelled("Block")
    assert user.backends.named("PATCH /api/v1/users/9") == [{"blocked": True}]
    assert "Blocked" in user.said()[-1]
    assert blocked() == 1


async def test_statistics_of_all_backends(user: Any, moved: Moved) -> None:
    actions = moved("admin_actions_total", action="statistics")
    user.sign_in("manager", language="ru")
    for name, counts in (
        ("requests", {"total": 3, "by_status": {"new": 2, "done": 1}}),
        ("users", {"by_language": {"uz": 4}, "invented_later": 5}),
        ("shifts", {"open": 1, "by_specialization": {}}),
    ):
        user.backends.responses[f"GET /api/v1/{name}/statistics"] = (200, counts)
    await user.press("ad:statistics")
    assert user.said()[-1] == (
        "Заявки\nВсего: 3\nПо статусу: новая 2, выполнена 1\n\n"
        "Пользователи\nПо языку: uz 4\ninvented_later: 5\n\n"
        "Смены\nСвободные: 1\nПо специализации: —"
    )
    assert actions() == 1
