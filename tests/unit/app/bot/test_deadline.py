"""The error message after a deadline: in the user's language, and with a time limit of its own."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import SendMessage
from aiogram.types import Update

from app.bot.deadline import DeadlineNotice
from app.bot.i18n import CatalogueI18n
from app.delivery.context import CachedIdentity, LeaseExpiredError, UpdateContext, current_update

Moved = Callable[..., Callable[[], float]]
SEND = SendMessage(chat_id=1001, text="x")
LATE = {
    "ru": "Это заняло слишком много времени, поэтому я остановился. Пожалуйста, попробуйте через несколько минут.",
    "uz": ("Bu juda uzoq davom etdi, shuning uchun to‘xtatdim. Iltimos, bir necha daqiqadan so‘ng urinib ko‘ring."),
    "en": "This took too long, so I stopped. Please try again in a few minutes.",
}


def context(**changes: Any) -> UpdateContext:
    return UpdateContext(1, 1001, "private", 1001, deadline=0.0, **changes)


async def tell(notice: DeadlineNotice, late: Update, context: UpdateContext) -> None:
    token = current_update.set(context)
    try:
        await notice(late)
    finally:
        current_update.reset(token)


def update(user: Any, **event: Any) -> Update:
    return Update.model_validate({"update_id": 1, **event}, context={"bot": user.bot})


@pytest.fixture
def notice() -> DeadlineNotice:
    return DeadlineNotice(CatalogueI18n(), seconds=0.05)


@pytest.mark.parametrize("language", ["ru", "uz", "en"])
async def test_it_uses_the_users_own_language(user: Any, notice: DeadlineNotice, language: str) -> None:
    cached = CachedIdentity({"language": language}, time.time())
    await tell(notice, update(user, message=user.message(text="/requests")), context(identity=cached))
    assert user.said() == [LATE[language]]


async def test_a_language_chosen_in_this_very_update_counts(user: Any, notice: DeadlineNotice) -> None:
    cached = CachedIdentity({"language": "ru"}, time.time())
    late = context(identity=cached, new_identity={"language": "uz"})
    await tell(notice, update(user, message=user.message(text="/requests")), late)
    assert user.said() == [LATE["uz"]]


async def test_an_unknown_user_gets_the_language_of_their_telegram(user: Any, notice: DeadlineNotice) -> None:
    await tell(notice, update(user, message=user.message(text="/start")), context())
    assert user.said() == [LATE["en"]]


async def test_a_callback_query_gets_an_alert(user: Any, notice: DeadlineNotice) -> None:
    person = {"id": 1001, "is_bot": False, "first_name": "A", "language_code": "en"}
    query = {"id": "1", "from": person, "chat_instance": "1", "data": "x", "message": user.message(text="old")}
    await tell(notice, update(user, callback_query=query), context())
    (call,) = user.telegram.calls
    assert (type(call).__name__, call.text) == ("AnswerCallbackQuery", LATE["en"])


async def test_updates_without_a_sender_get_no_message(user: Any, notice: DeadlineNotice) -> None:
    person = {"id": 1001, "is_bot": False, "first_name": "A"}
    await tell(notice, update(user, inline_query={"id": "1", "from": person, "query": "", "offset": ""}), context())
    assert user.telegram.calls == []


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_failure_to_send_it_is_counted(
    user: Any, notice: DeadlineNotice, moved: Moved, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    async def hang(*_arguments: Any, **_options: Any) -> Any:
        await asyncio.Event().wait()

    failed = moved("errors_total", error_type="telegram_failed", severity="error")
    user.telegram.failures = [TelegramNetworkError(SEND, "down")]
    if hangs:
        monkeypatch.setattr(user.telegram, "make_request", hang)
    await tell(notice, update(user, message=user.message(text="/requests")), context())
    assert (user.said(), failed()) == ([], 1)


async def test_nothing_is_said_for_an_update_that_another_replica_has_by_now(
    user: Any, notice: DeadlineNotice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def expired(*_arguments: Any) -> None:
        raise LeaseExpiredError

    monkeypatch.setattr("app.bot.deadline.send_reply", expired)
    await tell(notice, update(user, message=user.message(text="/requests")), context())
