"""The dialogue that files a request."""

from collections.abc import Callable
from typing import Any

FILED = {
    "id": 5,
    "number": "R-000005",
    "category": "plumbing",
    "address": "Navoi 12",
    "description": "A pipe drips",
    "urgency": "normal",
    "status": "new",
    "applicant_id": 7,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


def photo(file_id: str) -> list[dict[str, Any]]:
    return [{"file_id": file_id, "file_unique_id": file_id, "width": 1, "height": 1}]


async def test_a_whole_dialogue_files_one_request(user: Any, moved: Callable[..., Callable[[], float]]) -> None:
    created = moved("requests_created_total", category="plumbing")
    user.sign_in()
    user.backends.responses["POST /api/v1/requests"] = (201, FILED)
    await user.send("/newrequest")
    await user.press_labelled("Plumbing")
    await user.send("Navoi 12")
    await user.send("A pipe drips")
    await user.press_labelled("Without photos")
    assert created() == 0
    await user.press_labelled("File the request")
    assert user.backends.named("POST /api/v1/requests") == [
        {
            "category": "plumbing",
            "address": "Navoi 12",
            "description": "A pipe drips",
            "urgency": "normal",
            "photos": [],
            "location": None,
        }
    ]
    assert created() == 1
    assert "R-000005" in user.said()[-1]


async def test_an_album_is_one_request_and_one_reply(user: Any) -> None:
    user.sign_in()
    user.backends.responses["POST /api/v1/requests"] = (201, FILED)
    await user.send("/newrequest")
    await user.press_labelled("Plumbing")
    await user.send(location={"latitude": 41.3, "longitude": 69.2})
    await user.send("A pipe drips")
    before = len(user.said())
    for number in range(5):
        await user.send(photo=photo(f"p{number}"), media_group_id="album")
    assert len(user.said()) == before + 1
    await user.press_labelled("No more photos")
    await user.press_labelled("File the request")
    (filed,) = user.backends.named("POST /api/v1/requests")
    assert filed["photos"] == ["p0", "p1", "p2", "p3", "p4"]
    assert filed["location"] == {"latitude": 41.3, "longitude": 69.2}


async def test_a_failed_call_keeps_the_state_of_the_dialogue(user: Any) -> None:
    user.sign_in()
    user.backends.responses["POST /api/v1/requests"] = (500, {})
    await user.send("/newrequest")
    await user.press_labelled("Plumbing")
    await user.send("Navoi 12")
    await user.send("A pipe drips")
    await user.press_labelled("Without photos")
    await user.press_labelled("File the request")
    assert user.said()[-1].startswith("This part of the service is not available")
    user.backends.responses["POST /api/v1/requests"] = (201, FILED)
    await user.press_labelled("File the request")
    assert "R-000005" in user.said()[-1]


async def test_a_command_is_never_stored_as_an_address(user: Any) -> None:
    user.sign_in()
    await user.send("/newrequest")
    await user.press_labelled("Plumbing")
    await user.send("/nonsense")
    assert "I do not know this command" in user.said()[-1]
    await user.send("Navoi 12")
    assert user.said()[-1] == "What happened?"
