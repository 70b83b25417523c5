"""The bot in private chats: who can be reached, service messages, contacts, deferred replies, long texts."""

import time
from typing import Any

import pytest

from sandbox.faults import FaultSpec
from sandbox.telegram.chats import Access

PERSON, STRANGER = 1003, 5001


async def raw(town: Any, update: dict[str, Any]) -> None:
    town.users.raw(update)
    await town.settle()


def message(user_id: int = PERSON, **content: Any) -> dict[str, Any]:
    person = {"id": user_id, "is_bot": False, "first_name": "A", "language_code": "en"}
    chat = {"id": user_id, "type": "private", "first_name": "A"}
    return {"update_id": 0, "message": {"message_id": 900, "date": 1, "chat": chat, "from": person, **content}}


@pytest.mark.parametrize(
    ("access", "key"),
    [
        (Access.BLOCKED, "blocked"),
        (Access.DEACTIVATED, "blocked"),
        (Access.NEVER_STARTED, "blocked:not-started"),
    ],
)
async def test_blocked_and_never_started_are_remembered_separately_until_the_user_writes(
    town, access: Access, key: str
) -> None:
    blocked = town.gateway.blocked
    town.chat(PERSON).access = access
    with pytest.raises(Exception, match="Forbidden"):
        await town.gateway.bot.send_message(PERSON, "news")
    assert await blocked.blocked_among([PERSON]) == {PERSON}
    assert await town.redis.zcard(f"bg:42:{key}") == 1
    town.chat(PERSON).access = Access.ALLOWED
    town.sandbox.faults.add(FaultSpec(service="auth", kind="down"))  # whatever authentication does
    await town.say(PERSON, "hello")
    await blocked.flush()
    assert await blocked.blocked_among([PERSON]) == set()


@pytest.mark.parametrize(
    "content",
    [
        {"message_auto_delete_timer_changed": {"message_auto_delete_time": 86400}},
        {"write_access_allowed": {"from_request": True}},
        {"chat_background_set": {"type": {"type": "chat_theme", "theme_name": "x"}}},
        {"something_telegram_added_yesterday": {"a": 1}},
    ],
)
async def test_service_messages_are_ignored(town, content: dict[str, Any]) -> None:
    await raw(town, message(**content))
    assert town.sends() == []
    assert await town.gateway.dead_letters.count_or_nan() == 0


async def test_a_deferred_reply_keeps_keyboard_and_topic(town) -> None:
    group = -1_001_000_000_555
    town.chat(group).topics[7] = True
    town.fail("too_many_requests", method="sendMessage", chat_id=group, retry_after=60, count=1)
    person = {"id": PERSON, "is_bot": False, "first_name": "A", "language_code": "en"}
    topic = {"message_thread_id": 7, "is_topic_message": True, "chat": town.chat(group).as_json()}
    await raw(town, {"update_id": 0, "message": message()["message"] | topic | {"from": person, "text": "/newrequest"}})
    assert town.messages(group) == []
    outbox = town.gateway.dispatcher["outbox"]
    outbox._clock = lambda: time.time() + 61
    # The send budget of the chat waits as well; its time is Redis' own.
    await town.redis.delete(*await town.redis.keys("*:send:*"))
    assert await outbox.send_due(town.gateway.bot) == 1
    (sent,) = town.messages(group)
    assert sent["message_thread_id"] == 7
    assert len(sent["reply_markup"]["inline_keyboard"]) > 1


async def test_a_contact_that_is_forwarded_or_comes_through_a_bot_is_refused(town) -> None:
    contact = {"phone_number": "998900005001", "first_name": "A", "user_id": STRANGER}
    other = {"id": 99, "is_bot": True, "first_name": "Inline", "username": "inline_bot"}
    origin = {"type": "user", "date": 1, "sender_user": {"id": STRANGER, "is_bot": False, "first_name": "A"}}
    for extra in ({"forward_origin": origin}, {"via_bot": other}):
        await raw(town, message(STRANGER, contact=contact, **extra))
        assert town.messages(STRANGER)[-1]["reply_markup"]["keyboard"][0][0]["request_contact"] is True
    await raw(town, message(STRANGER, contact=contact))
    assert "remove_keyboard" in town.messages(STRANGER)[-1]["reply_markup"]


async def test_a_request_with_long_comments_can_be_opened(town) -> None:
    await town.say(PERSON, "/requests")
    number = town.messages(PERSON)[-1]["reply_markup"]["inline_keyboard"][0][0]["text"]
    await town.press(PERSON, PERSON, number)
    for _comment in range(5):
        await town.press(PERSON, PERSON, "Comment")
        await town.say(PERSON, "я" * 900 + "😀" * 60)
        await town.say(PERSON, "/requests")
        await town.press(PERSON, PERSON, number)
    assert 3000 < len(town.texts(PERSON)[-1]) <= 4096
