"""After any error the user gets an error message in their language, and the error is counted."""

from collections.abc import Callable
from typing import Any

import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.methods import SendMessage

from app.delivery.context import RateDecision

Moved = Callable[..., Callable[[], float]]
SEND = SendMessage(chat_id=1001, text="x")


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "You do not have permission to do this. If you need it, please contact the administration."),
        (404, "I could not find that. It may have been deleted. Please open the list again."),
        (409, "This has changed in the meantime. Please open it again."),
        (422, "This was not accepted. Please check it and send it again."),
    ],
)
async def test_a_refusal_of_the_backend_is_no_error(user: Any, moved: Moved, status: int, text: str) -> None:
    exceptions = moved("exceptions_total", exception_type="BackendRefusedError")
    user.sign_in()
    user.backends.responses["GET /api/v1/requests/5"] = (status, {"error": {"code": "no", "message": ""}})
    await user.press("ro:5:1")
    assert user.said() == [text]
    assert exceptions() == 0
    assert not user.last.degraded, "the backend works, it only refuses"


async def test_a_refused_service_token_is_an_error_of_the_gateway(user: Any, moved: Moved) -> None:
    critical = moved("errors_total", error_type="service_token", severity="critical")
    user.sign_in()
    user.backends.responses["GET /api/v1/requests/5"] = (401, {})
    await user.press("ro:5:1")
    assert user.said()[0].startswith("Something went wrong on our side,")
    assert critical() == 1


async def test_an_outage_is_reported_and_counted_without_an_exception(user: Any, moved: Moved) -> None:
    errors = moved("errors_total", error_type="backend_unavailable", severity="warning")
    user.sign_in(language="ru")
    user.backends.responses["GET /api/v1/requests/5"] = (500, {})
    await user.press("ro:5:1")
    assert user.said() == ["Эта часть сервиса сейчас недоступна. Пожалуйста, попробуйте через несколько минут."]
    assert user.last.degraded
    assert errors() == 1


async def test_an_error_of_the_gateway_is_reported_counted_and_raised(user: Any, moved: Moved) -> None:
    errors = moved("errors_total", error_type="handler_failed", severity="error")
    exceptions = moved("exceptions_total", exception_type="AttributeError")
    user.sign_in(language="uz")
    user.dispatcher["services"] = None
    with pytest.raises(AttributeError):
        await user.press("ro:5:1")
    assert user.said()[0].startswith("Bizda nosozlik yuz berdi.")
    assert (errors(), exceptions()) == (1, 1)


async def test_a_user_who_blocked_the_bot_is_no_error(user: Any) -> None:
    user.sign_in()
    user.telegram.failures = [TelegramForbiddenError(SEND, "Forbidden: bot was blocked by the user")]
    await user.send("/help")
    assert user.said() == []


@pytest.mark.parametrize(
    "description", ["chat not found", "message thread not found", "message to be replied not found"]
)
async def test_a_refusal_of_telegram_is_counted_and_raised(user: Any, moved: Moved, description: str) -> None:
    errors = moved("errors_total", error_type="telegram_failed", severity="error")
    user.sign_in()
    user.telegram.failures = [TelegramBadRequest(SEND, f"Bad Request: {description}")]
    with pytest.raises(TelegramBadRequest):
        await user.send("/help")
    assert errors() == 1


async def test_an_edit_that_changes_nothing_is_success(user: Any) -> None:
    user.sign_in()
    user.telegram.failures = [TelegramBadRequest(SEND, "Bad Request: message is not modified")]
    await user.press("nr:cancel")
    assert [type(call).__name__ for call in user.telegram.calls] == ["AnswerCallbackQuery"]


@pytest.mark.parametrize(
    "description", ["message to edit not found", "message can't be edited", "there is no text in the message to edit"]
)
async def test_a_message_that_cannot_be_edited_is_sent_as_a_new_one(user: Any, description: str) -> None:
    user.sign_in()
    user.telegram.failures = [TelegramBadRequest(SEND, f"Bad Request: {description}")]
    await user.press("nr:cancel")
    assert [type(call).__name__ for call in user.telegram.calls] == ["SendMessage", "AnswerCallbackQuery"]


LATE = "Bad Request: query is too old and response timeout expired or query ID is invalid"


async def test_a_callback_query_answered_too_late_is_no_error(user: Any, moved: Moved) -> None:
    errors = moved("errors_total", error_type="telegram_failed", severity="error")
    user.sign_in()
    unchanged = TelegramBadRequest(SEND, "Bad Request: message is not modified")
    user.telegram.failures = [unchanged, TelegramBadRequest(SEND, LATE)]
    await user.press("nr:cancel")
    assert (user.said(), errors()) == ([], 0)


async def test_the_alert_of_an_expired_callback_query_becomes_a_message(user: Any) -> None:
    user.sign_in()
    user.telegram.failures = [TelegramBadRequest(SEND, LATE)]
    await user.press("forged")
    (call,) = user.telegram.calls
    assert type(call).__name__ == "SendMessage"
    assert user.said() == ["This button is no longer valid. /help shows what I can do."]


async def test_any_other_refusal_of_a_callback_answer_is_an_error(user: Any) -> None:
    user.sign_in()
    user.telegram.failures = [TelegramBadRequest(SEND, "Bad Request: MESSAGE_TOO_LONG")]
    with pytest.raises(TelegramBadRequest):
        await user.press("forged")


async def test_a_user_over_the_limit_is_warned_once(user: Any, moved: Moved) -> None:
    hits = moved("rate_limit_hits_total", user_role="applicant")
    blocks = moved("rate_limit_blocks_total", user_role="applicant")
    user.sign_in()
    user.rate = RateDecision(allowed=False, warn=True)
    await user.send("/help")
    user.rate = RateDecision(allowed=False, warn=False)
    await user.send("/help")
    assert user.said() == ["You are sending messages too fast. Please wait a few seconds and try again."]
    assert (hits(), blocks()) == (1, 2)


@pytest.mark.parametrize("data", ["", "x", "ro", "ro:99999999999999999999:1", "nr:confirm", "nrc:plumbing", "💥:1"])
async def test_old_and_forged_buttons_get_an_error_message(user: Any, data: str) -> None:
    user.sign_in()
    await user.press(data)
    assert user.said() == ["This button is no longer valid. /help shows what I can do."]


@pytest.mark.parametrize(
    ("message", "answered"),
    [
        ({"text": "hello all"}, False),
        ({"text": "/help"}, True),
        ({"text": "/help@other_bot"}, False),
        ({"text": "/help@test_bot"}, True),
        ({"text": "hey @test_bot"}, True),
    ],
)
async def test_in_groups_only_messages_to_the_bot_are_handled(
    user: Any, message: dict[str, Any], answered: bool
) -> None:
    user.sign_in()
    user.chat = {"id": -100, "type": "supergroup", "title": "House"}
    await user.send(**message)
    assert bool(user.said()) is answered


async def test_every_update_is_counted_with_role_and_language(user: Any, moved: Moved) -> None:
    messages = moved("messages_total", message_type="command", user_role="manager", language="uz")
    commands = moved("commands_total", command="help", user_role="manager")
    other = moved("commands_total", command="other", user_role="manager")
    callbacks = moved("callbacks_total", callback_type="request_dialog", user_role="manager")
    user.sign_in("manager", language="uz")
    await user.send("/help")
    await user.send("/zzz")
    await user.press("nr:cancel")
    assert (messages(), commands(), other(), callbacks()) == (2, 1, 1, 1)


async def test_every_middleware_is_timed(user: Any, moved: Moved) -> None:
    names = ("metrics", "addressed", "i18n", "rate_limit", "auth", "guard")
    counts = [moved("middleware_duration_seconds_count", middleware=name) for name in names]
    user.sign_in()
    await user.send("/help")
    assert [count() for count in counts] == [1] * len(names)


async def test_a_dialogue_of_another_release_is_left_with_a_message(user: Any) -> None:
    user.sign_in()
    context = user.dispatcher.fsm.get_context(user.bot, 1001, 1001)
    await context.set_state("NewRequestDialog:confirm")
    await context.set_data({"category": "gone"})
    await user.press("nr:confirm")
    assert user.said() == ["This conversation has expired. Please start it again."]
    assert await context.get_state() is None


async def test_a_button_of_a_message_too_old_to_edit_gets_a_new_message(user: Any) -> None:
    user.sign_in()
    old = {"chat": user.chat, "message_id": 3, "date": 0}
    person = {"id": 1001, "is_bot": False, "first_name": "A"}
    query = {"id": "1", "from": person, "chat_instance": "1", "data": "nr:cancel", "message": old}
    await user.feed(callback_query=query)
    assert [type(call).__name__ for call in user.telegram.calls] == ["SendMessage", "AnswerCallbackQuery"]
