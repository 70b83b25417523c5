"""What handlers keep in Redis: deferred replies, cached profiles, and their deletion by /forget."""

from typing import Any

from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendMessage

from app.delivery.dead_letters import DeadLetterReason, DeadLetters

PROFILE = {"id": 7, "telegram_id": 1001, "name": "Aziz Karimov", "role": "applicant", "language": "en"}
NO_REQUESTS = {"items": [], "page": 1, "pages": 1, "total": 0}


async def test_the_request_list_reads_the_profile_once(user: Any) -> None:
    user.sign_in()
    user.backends.responses["GET /api/v1/users/7"] = (200, PROFILE)
    user.backends.responses["GET /api/v1/requests"] = (200, NO_REQUESTS)
    await user.send("/requests")
    await user.send("/requests")
    assert user.said()[-1].startswith("Aziz Karimov, you have no requests yet.")
    assert len(user.backends.named("GET /api/v1/users/7")) == 1


async def test_a_rate_limited_reply_is_deferred(user: Any, redis: Any) -> None:
    user.sign_in()
    limited = SendMessage(chat_id=1001, text="x")
    user.telegram.failures = [TelegramRetryAfter(limited, "Too Many Requests", retry_after=120)]
    await user.send("/help")
    assert await redis.zcard("bg:42:outbox") == 1


async def test_forget_unlinks_the_account_and_deletes_the_data(user: Any, redis: Any) -> None:
    user.sign_in()
    await redis.set("bg:42:user:7", "x")
    letters = DeadLetters(redis, "bg:42:dead-letters", limit=10_000)
    of_user, of_another = b'{"update_id": 1, "message": {"from": {"id": 1001}}}', b'{"from": {"id": 11001}}'
    for body in (of_user, of_another, b"not json, but of 1001", *[b"{}"] * 300, of_user):
        await letters.add(body, DeadLetterReason.HANDLER_FAILED)
    user.backends.responses["DELETE /api/v1/users/7/telegram-link"] = (200, {})
    await user.send("/forget")
    await user.press_labelled("Delete")
    assert user.last.forget
    assert await redis.get("bg:42:user:7") is None
    assert {letter.body for letter in await letters.list(1000)} == {of_another, b"{}"}
    assert len(user.backends.named("DELETE /api/v1/users/7/telegram-link")) == 1
