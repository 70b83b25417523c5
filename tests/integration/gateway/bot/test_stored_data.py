"""What handlers keep in Redis: deferred replies, cached profiles, and their deletion by /forget."""

from typing import Any

from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendMessage
from aiogram.types import InlineKeyboardMarkup

from app.bot.callbacks import RequestOpen
from app.bot.keyboard_owner import current_owner, split_owner
from app.bot.keyboards import inline
from app.bot.outbox import Outbox, OutboxMessage
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


async def test_forget_deletes_what_waits_to_be_sent_to_the_user(user: Any, redis: Any) -> None:
    user.sign_in()
    outbox = Outbox(redis, key_prefix="bg:42")
    group, others = -1_001_000_000_777, 1002

    def keyboard(owner: int | None) -> InlineKeyboardMarkup:
        token = current_owner.set(owner)
        markup = inline([("Open", RequestOpen(id=1001, page=1))])
        current_owner.reset(token)
        return markup

    for chat_id, owner in ((1001, None), (group, 1001), (others, None), (group, others), (group, None)):
        await outbox.put(SendMessage(chat_id=chat_id, text="Flat 1001", reply_markup=keyboard(owner)), 60)
    await redis.zadd("bg:42:outbox", {b"of another release": 1e12})
    user.backends.responses["DELETE /api/v1/users/7/telegram-link"] = (200, {})
    await user.send("/forget")
    await user.press_labelled("Delete")
    left = [OutboxMessage.model_validate_json(raw) for raw in (await redis.zrange("bg:42:outbox", 0, -1))[:-1]]
    owners = {
        split_owner(message.options["reply_markup"]["inline_keyboard"][0][0]["callback_data"])[1] for message in left
    }
    assert sorted(message.chat_id for message in left) == [group, group, others]
    assert owners == {None, others}


async def test_a_message_that_is_being_sent_while_its_user_is_forgotten_is_not_kept(user: Any, redis: Any) -> None:
    outbox = Outbox(redis, key_prefix="bg:42", clock=lambda: 1000.0)
    send = SendMessage(chat_id=1001, text="x")
    await outbox.put(send, 0)
    make_request = user.telegram.make_request

    async def forget_meanwhile(bot: Any, method: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - aiogram's signature
        assert await outbox.forget(1001) == 1
        raise TelegramRetryAfter(send, "Too Many Requests", retry_after=30)

    user.telegram.make_request = forget_meanwhile
    assert await outbox.send_due(user.bot) == 1
    user.telegram.make_request = make_request
    assert await redis.zcard("bg:42:outbox") == 0
