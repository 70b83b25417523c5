"""Who is writing: fresh, stale and unknown identities, guards and account linking."""

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


async def test_an_identity_that_is_not_fresh_is_asked_for_and_kept(user: Any, moved: Moved) -> None:
    attempts = moved("auth_attempts_total", result="success", user_role="applicant")
    user.backends.answers[VERIFY] = (200, AZIZ)
    user.sign_in(age=301)
    await user.send("/start")
    await user.send("/help")
    assert user.backends.named(VERIFY) == [{"telegram_id": 1001}]
    assert attempts() == 1


async def test_a_stale_identity_serves_while_auth_is_down(user: Any, moved: Moved) -> None:
    stale = moved("auth_attempts_total", result="stale", user_role="applicant")
    user.backends.answers[VERIFY] = (500, {})
    user.sign_in(age=DAY - 60)
    await user.send("/start")
    assert user.said()[-1].startswith("Hello, Aziz!")
    assert stale() == 1


@pytest.mark.parametrize("age", [DAY + 60, None])
async def test_without_any_usable_identity_the_user_is_told(user: Any, moved: Moved, age: float | None) -> None:
    failure = moved("auth_attempts_total", result="failure", user_role="unknown")
    errors = moved("errors_total", error_type="backend_unavailable", severity="warning")
    user.backends.answers[VERIFY] = (500, {})
    if age is not None:
        user.sign_in(age=age)
    await user.send("/requests")
    assert user.said() == ["I cannot check who you are at the moment. Please try again soon."]
    assert (failure(), errors()) == (1, 1)


async def test_a_stale_identity_does_not_administer(user: Any) -> None:
    user.backends.answers[VERIFY] = (500, {})
    user.sign_in("admin", age=600)
    await user.press("ub:9:1")
    assert user.said() == ["Your rights cannot be checked at the moment. Please try again in a few minutes."]
    assert user.backends.named("PATCH /api/v1/users/9") == []


async def test_a_blocked_user_gets_no_further(user: Any) -> None:
    user.sign_in(blocked=True)
    await user.send("/requests")
    assert user.said() == ["Your account is blocked. Please contact the administration."]


async def test_a_stranger_is_asked_for_their_contact_in_their_language(user: Any) -> None:
    user.backends.answers[VERIFY] = UNKNOWN
    user.language_code = "uz"
    await user.send("/requests")
    assert user.said()[-1].startswith("Sizni hali tanimayman.")
    assert user.telegram.calls[-1].reply_markup.keyboard[0][0].request_contact


async def test_an_account_that_was_unlinked_is_forgotten(user: Any) -> None:
    user.backends.answers[VERIFY] = UNKNOWN
    user.sign_in(age=600)
    await user.send("/requests")
    assert user.cached is None


async def test_linking_by_ones_own_contact(user: Any) -> None:
    user.backends.answers[VERIFY] = UNKNOWN
    user.backends.answers["POST /api/v1/auth/link"] = (200, AZIZ)
    contact = {"phone_number": "+998901234567", "first_name": "A", "user_id": 1001}
    await user.send(contact=contact)
    assert user.backends.named("POST /api/v1/auth/link") == [
        {"telegram_id": 1001, "phone": "+998901234567", "language": "en"}
    ]
    assert user.said()[-1].startswith("Hello, Aziz!")
    await user.send("/start")
    assert len(user.backends.named(VERIFY)) == 1, "the identity that linking returned is used"


async def test_linking_by_anothers_contact_is_refused(user: Any) -> None:
    user.backends.answers[VERIFY] = UNKNOWN
    await user.send(contact={"phone_number": "+998901234567", "first_name": "B", "user_id": 555})
    assert user.said()[-1].startswith("Please share your own phone number")
    assert user.backends.named("POST /api/v1/auth/link") == []


@pytest.mark.parametrize(
    ("status", "text"), [(404, "I do not find this phone number."), (409, "This account is linked to someone else.")]
)
async def test_linking_that_the_auth_service_refuses(user: Any, status: int, text: str) -> None:
    user.backends.answers[VERIFY] = UNKNOWN
    user.backends.answers["POST /api/v1/auth/link"] = (status, {"error": {"code": "no", "message": ""}})
    await user.send(contact={"phone_number": "+1", "first_name": "A", "user_id": 1001})
    assert user.said()[-1].startswith(text)


@pytest.mark.parametrize(
    ("role", "text"),
    [("applicant", "/shifts"), ("applicant", "/admin"), ("executor", "/admin"), ("applicant", "/availability")],
)
async def test_roles_are_kept_apart(user: Any, role: str, text: str) -> None:
    user.sign_in(role)
    await user.send(text)
    assert user.said() == ["This is not for your role."]


@pytest.mark.parametrize("data", ["sl:open::1", "sa:1:take", "ub:1:1", "ad:statistics", "ba:", "uo:1"])
async def test_forged_buttons_of_other_roles_are_refused_in_words(user: Any, data: str) -> None:
    user.sign_in("applicant")
    await user.press(data)
    assert user.said() == ["This is not for your role."]
    assert user.backends.calls == []


async def test_the_language_choice_is_kept_and_spoken_at_once(user: Any) -> None:
    user.sign_in(language="en")
    answer = {"id": 7, "name": "Aziz", "role": "applicant", "language": "uz"}
    user.backends.answers["PATCH /api/v1/users/7"] = (200, answer)
    user.backends.answers[VERIFY] = (200, AZIZ)
    await user.send("/language")
    await user.press_labelled("O‘zbekcha")
    assert user.said()[-1] == "Endi siz bilan o‘zbekcha gaplashaman."
    await user.send("/cancel")
    assert user.said()[-1] == "Bekor qiladigan narsa yo‘q."


async def test_choosing_a_language_does_not_freshen_a_former_role(user: Any) -> None:
    user.backends.answers[VERIFY] = (500, {})
    user.sign_in("admin", age=600)
    await user.press("lang:uz")
    assert user.last.new_identity is None
    assert user.backends.named("PATCH /api/v1/users/7") == []


async def test_forget_unlinks_and_deletes(user: Any, redis: Any) -> None:
    user.sign_in()
    await redis.set("bg:42:user:7", "x")
    user.backends.answers["DELETE /api/v1/users/7/telegram-link"] = (200, {})
    await user.send("/forget")
    await user.press_labelled("Delete it")
    assert user.last.forget
    assert await redis.get("bg:42:user:7") is None
    assert len(user.backends.named("DELETE /api/v1/users/7/telegram-link")) == 1


@pytest.mark.parametrize(
    ("role", "commands"),
    [
        ("applicant", "/newrequest /requests /language /cancel /forget"),
        ("executor", "/newrequest /requests /shifts /myshifts /availability /language /cancel /forget"),
        ("manager", "/newrequest /requests /shifts /myshifts /availability /admin /language /cancel /forget"),
    ],
)
async def test_the_help_lists_what_the_role_may(user: Any, role: str, commands: str) -> None:
    user.sign_in(role=role)
    await user.send("/help")
    assert [line.partition(" ")[0] for line in user.said()[-1].splitlines()[1:]] == commands.split()
