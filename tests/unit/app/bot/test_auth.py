"""Authentication: fresh, stale and unknown identities, the guard and account linking."""

from collections.abc import Callable
from typing import Any

import pytest

Moved = Callable[..., Callable[[], float]]

VERIFY = "POST /api/v1/auth/verify"
AZIZ = {"user_id": 7, "telegram_id": 1001, "role": "applicant", "language": "en", "name": "Aziz", "blocked": False}
UNKNOWN = (404, {"error": {"code": "unknown_user", "message": "..."}})
DAY = 86_400


async def test_a_fresh_identity_costs_no_call(user: Any) -> None:
    user.sign_in(age=299)
    await user.send("/start")
    assert user.backends.calls == []
    assert user.said()[-1].startswith("Hello, Aziz!")


async def test_an_expired_identity_is_verified_and_cached(user: Any, moved: Moved) -> None:
    attempts = moved("auth_attempts_total", result="success", user_role="applicant")
    user.backends.responses[VERIFY] = (200, AZIZ)
    user.sign_in(age=301)
    await user.send("/start")
    await user.send("/help")
    assert user.backends.named(VERIFY) == [{"telegram_id": 1001}]
    assert attempts() == 1


async def test_a_stale_identity_is_used_while_auth_is_down(user: Any, moved: Moved) -> None:
    stale = moved("auth_attempts_total", result="stale", user_role="applicant")
    user.backends.responses[VERIFY] = (500, {})
    user.sign_in(age=DAY - 60)
    await user.send("/start")
    assert user.said()[-1].startswith("Hello, Aziz!")
    assert stale() == 1


@pytest.mark.parametrize("age", [DAY + 60, None])
async def test_without_a_usable_identity_there_is_an_error_message(user: Any, moved: Moved, age: float | None) -> None:
    failure = moved("auth_attempts_total", result="failure", user_role="unknown")
    errors = moved("errors_total", error_type="backend_unavailable", severity="warning")
    user.backends.responses[VERIFY] = (500, {})
    if age is not None:
        user.sign_in(age=age)
    await user.send("/requests")
    assert user.said() == ["I cannot verify your account right now. Please try again in a few minutes."]
    assert user.last.degraded
    assert (failure(), errors()) == (1, 1)


async def test_a_stale_identity_cannot_administer(user: Any) -> None:
    user.backends.responses[VERIFY] = (500, {})
    user.sign_in("admin", age=600)
    await user.press("ub:9:1")
    assert user.said() == ["I cannot verify your permissions right now. Please try again in a few minutes."]
    assert user.last.degraded
    assert user.backends.named("PATCH /api/v1/users/9") == []


async def test_a_blocked_user_is_refused(user: Any) -> None:
    user.sign_in(blocked=True)
    await user.send("/requests")
    assert user.said() == ["Your account is blocked. Please contact the administration."]


async def test_an_unknown_user_is_asked_for_their_contact_in_their_language(user: Any) -> None:
    user.backends.responses[VERIFY] = UNKNOWN
    user.language_code = "uz"
    await user.send("/requests")
    assert user.said()[-1].startswith("Sizni hali tanimayman.")
    assert user.telegram.calls[-1].reply_markup.keyboard[0][0].request_contact


async def test_the_identity_of_an_unlinked_account_is_deleted(user: Any) -> None:
    user.backends.responses[VERIFY] = UNKNOWN
    user.sign_in(age=600)
    await user.send("/requests")
    assert user.cached is None


async def test_linking_with_the_own_contact(user: Any) -> None:
    user.backends.responses[VERIFY] = UNKNOWN
    user.backends.responses["POST /api/v1/auth/link"] = (200, AZIZ)
    contact = {"phone_number": "+998901234567", "first_name": "A", "user_id": 1001}
    await user.send(contact=contact)
    assert user.backends.named("POST /api/v1/auth/link") == [
        {"telegram_id": 1001, "phone": "+998901234567", "language": "en"}
    ]
    assert user.said()[-1].startswith("Hello, Aziz!")
    await user.send("/start")
    assert len(user.backends.named(VERIFY)) == 1, "the identity that linking returned is used"


@pytest.mark.parametrize("phone", ["998901234567", "998 90 123 45 67", "+998 90 123-45-67", "+998 (90) 1234567"])
async def test_the_phone_number_of_a_contact_is_normalised(user: Any, phone: str) -> None:
    """Telegram's clients send it with or without the plus sign."""
    user.backends.responses[VERIFY] = UNKNOWN
    user.backends.responses["POST /api/v1/auth/link"] = (200, AZIZ)
    await user.send(contact={"phone_number": phone, "first_name": "A", "user_id": 1001})
    assert [body["phone"] for body in user.backends.named("POST /api/v1/auth/link")] == ["+998901234567"]


async def test_linking_with_the_contact_of_someone_else_is_refused(user: Any) -> None:
    user.backends.responses[VERIFY] = UNKNOWN
    await user.send(contact={"phone_number": "+998901234567", "first_name": "B", "user_id": 555})
    assert user.said()[-1].startswith("Please share your own phone number")
    assert user.backends.named("POST /api/v1/auth/link") == []


@pytest.mark.parametrize(
    ("status", "text"), [(404, "I could not find this phone number."), (409, "This account is linked to someone else.")]
)
async def test_linking_refused_by_the_auth_service(user: Any, status: int, text: str) -> None:
    user.backends.responses[VERIFY] = UNKNOWN
    user.backends.responses["POST /api/v1/auth/link"] = (status, {"error": {"code": "no", "message": ""}})
    await user.send(contact={"phone_number": "+1", "first_name": "A", "user_id": 1001})
    assert user.said()[-1].startswith(text)


@pytest.mark.parametrize(
    ("role", "text"),
    [("applicant", "/shifts"), ("applicant", "/admin"), ("executor", "/admin"), ("applicant", "/availability")],
)
async def test_a_role_cannot_use_the_commands_of_another(user: Any, role: str, text: str) -> None:
    user.sign_in(role)
    await user.send(text)
    assert user.said() == ["Your role cannot do this. /help shows what you can do."]


@pytest.mark.parametrize("data", ["sl:open::1", "sa:1:take", "ub:1:1", "ad:statistics", "ba:", "uo:1"])
async def test_forged_buttons_of_other_roles_get_an_error_message(user: Any, data: str) -> None:
    user.sign_in("applicant")
    await user.press(data)
    assert user.said() == ["Your role cannot do this. /help shows what you can do."]
    assert user.backends.calls == []


async def test_a_language_choice_is_stored_and_used_at_once(user: Any) -> None:
    user.sign_in(language="en")
    answer = {"id": 7, "name": "Aziz", "role": "applicant", "language": "uz"}
    user.backends.responses["PATCH /api/v1/users/7"] = (200, answer)
    user.backends.responses[VERIFY] = (200, AZIZ)
    await user.send("/language")
    await user.press_labelled("O‘zbekcha")
    assert user.said()[-1] == "Endi sizga o‘zbekcha yozaman."
    await user.send("/cancel")
    assert user.said()[-1] == "Bekor qiladigan narsa yo‘q."


async def test_choosing_a_language_does_not_extend_a_revoked_role(user: Any) -> None:
    user.backends.responses[VERIFY] = (500, {})
    user.sign_in("admin", age=600)
    await user.press("lang:uz")
    assert user.last.new_identity is None
    assert user.backends.named("PATCH /api/v1/users/7") == []


@pytest.mark.parametrize(
    ("role", "commands"),
    [
        ("applicant", "/newrequest /requests /language /cancel /forget"),
        ("executor", "/newrequest /requests /shifts /myshifts /availability /language /cancel /forget"),
        ("manager", "/newrequest /requests /shifts /myshifts /availability /admin /language /cancel /forget"),
    ],
)
async def test_help_lists_the_commands_of_the_role(user: Any, role: str, commands: str) -> None:
    user.sign_in(role=role)
    await user.send("/help")
    assert [line.partition(" ")[0] for line in user.said()[-1].splitlines()[1:]] == commands.split()
