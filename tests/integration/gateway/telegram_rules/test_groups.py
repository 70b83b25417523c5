"""The bot in groups: who is addressed, who may press, and what becomes of people without an account."""

import re
from typing import Any

import pytest

from sandbox.telegram.chats import Access

GROUP, PERSON, OTHER, STRANGER = -1_001_000_000_777, 1001, 1002, 5001
BOT = {"id": 42, "is_bot": True, "first_name": "Sandbox Bot", "username": "sandbox_bot"}


def group_message(text: str | None, user_id: int = PERSON, **content: Any) -> dict[str, Any]:
    person = {"id": user_id, "is_bot": False, "first_name": "A", "language_code": "en"}
    chat = {"id": GROUP, "type": "supergroup", "title": "Yard"}
    message = {"message_id": 900, "date": 1, "chat": chat, "from": person, "text": text, **content}
    return {"update_id": 0, "message": {name: value for name, value in message.items() if value is not None}}


async def raw(town: Any, update: dict[str, Any]) -> None:
    town.users.raw(update)
    await town.settle()


@pytest.mark.parametrize("command", ["/start", "/requests"])
async def test_a_stranger_in_a_group_is_asked_to_write_privately(town, command: str) -> None:
    await town.say(STRANGER, command, chat_id=GROUP)
    (message,) = town.messages(GROUP)
    assert "private chat" in message["text"] or "shaxsiy chatda" in message["text"] or "личном чате" in message["text"]
    ((button,),) = message["reply_markup"]["inline_keyboard"]
    assert button["url"] == "https://t.me/sandbox_bot?start=link"


@pytest.mark.parametrize(
    "text",
    ["/help", "/help@sandbox_bot", "/help@sandbox_bot\nplease", "/HELP", "hi @sandbox_bot!", "@Sandbox_Bot, help"],
)
async def test_what_is_addressed_to_the_bot_gets_a_reply(town, text: str) -> None:
    await raw(town, group_message(text))
    assert len(town.messages(GROUP)) == 1


@pytest.mark.parametrize(
    "text", ["hello", "/help@other_bot", "mail me: a@sandbox_bot", "@sandbox_bots", "/help@sandbox_botx"]
)
async def test_what_is_not_addressed_to_the_bot_gets_none(town, text: str) -> None:
    await raw(town, group_message(text))
    assert town.messages(GROUP) == []


async def test_a_text_mention_is_addressed(town) -> None:
    entity = {"type": "text_mention", "offset": 0, "length": 6, "user": BOT}
    await raw(town, group_message("Helper, hi", entities=[entity]))
    assert len(town.messages(GROUP)) == 1


async def test_a_reply_to_a_message_of_the_bot_is_addressed_and_one_to_its_service_message_is_not(town) -> None:
    chat = {"id": GROUP, "type": "supergroup", "title": "Yard"}
    created = {"forum_topic_created": {"name": "Water", "icon_color": 7322096}}
    for number, (content, replies) in enumerate((({"text": "Hello"}, 1), (created, 1))):
        replied = {"message_id": 800 + number, "date": 1, "chat": chat, "from": BOT, **content}
        await raw(town, group_message("and this?", reply_to_message=replied))
        assert len(town.messages(GROUP)) == replies


@pytest.mark.parametrize(("sender", "forwarded"), [(777000, True), (777000, None), (PERSON, True)])
async def test_posts_of_a_linked_channel_are_ignored(town, sender: int, forwarded: bool | None) -> None:
    channel = {"id": -1_001_000_000_888, "type": "channel", "title": "News"}
    post = group_message("/help", sender_chat=channel, is_automatic_forward=forwarded)
    post["message"]["from"] = {"id": sender, "is_bot": False, "first_name": "Telegram"}
    await raw(town, post)
    assert town.messages(GROUP) == []


async def test_another_member_cannot_press_my_buttons(town) -> None:
    await town.say(PERSON, "/newrequest", chat_id=GROUP)
    before = town.texts(GROUP)
    await town.press(OTHER, GROUP, town.messages(GROUP)[0]["reply_markup"]["inline_keyboard"][0][0]["text"])
    assert town.texts(GROUP) == before
    owner = town.sandbox.telegram.chats.user(PERSON).first_name
    assert owner in town.toasts()[-1]
    await town.press(PERSON, GROUP, town.messages(GROUP)[0]["reply_markup"]["inline_keyboard"][0][0]["text"])
    assert town.texts(GROUP) != before


async def test_the_toast_names_the_owner_in_a_sane_length(town) -> None:
    await town.say(PERSON, "/newrequest", chat_id=GROUP)
    button = town.messages(GROUP)[0]["reply_markup"]["inline_keyboard"][0][0]["text"]
    town.sandbox.telegram.chats.user(PERSON).first_name = "Anna\n\u202e" + "x" * 100
    await town.press(OTHER, GROUP, button)
    (name,) = re.findall(r"Anna[^.]*?…", town.toasts()[-1])
    assert name == "Anna " + "x" * 26 + "…"


async def test_where_telegram_does_not_tell_the_name_the_toast_has_none(town) -> None:
    await town.say(PERSON, "/newrequest", chat_id=GROUP)
    town.fail("chat_not_found", method="getChatMember")
    await town.press(OTHER, GROUP, town.messages(GROUP)[0]["reply_markup"]["inline_keyboard"][0][0]["text"])
    toast = town.toasts()[-1]
    assert "another person" in toast or "boshqa odam" in toast or "другому человеку" in toast
    assert await town.gateway.dead_letters.count_or_nan() == 0


@pytest.mark.parametrize(
    ("sender", "chat"),
    [
        ({"id": 1087968824, "is_bot": True, "first_name": "Group"}, GROUP),
        ({"id": 136817688, "is_bot": True, "first_name": "Channel"}, -1_001_000_000_888),
    ],
)
async def test_who_writes_as_a_group_or_channel_is_told_why_it_does_not_work(town, sender, chat: int) -> None:
    update = group_message("/requests", sender_chat={"id": chat, "type": "supergroup", "title": "Yard"})
    update["message"]["from"] = sender
    await raw(town, update)
    (text,) = town.texts(GROUP)
    assert "от имени группы" in text or "as a group or channel" in text


@pytest.mark.parametrize(
    "access",
    [
        *(Access.NO_RIGHTS, Access.RESTRICTED, Access.WRITE_FORBIDDEN),
        *(Access.KICKED, Access.LEFT, Access.DELETED),
    ],
)
async def test_a_group_that_refuses_messages_makes_no_dead_letters(town, access: Access) -> None:
    town.chat(GROUP).access = access
    for _number in range(5):
        await town.say(PERSON, "/help", chat_id=GROUP)
    assert await town.gateway.dead_letters.count_or_nan() == 0
    assert len(town.sends()) == 1  # then it is remembered


async def test_a_group_that_allows_messages_again_gets_replies(town) -> None:
    town.chat(GROUP).access = Access.NO_RIGHTS
    await town.say(PERSON, "/help", chat_id=GROUP)
    town.chat(GROUP).access = Access.ALLOWED
    member = {"user": BOT, "status": "member"}
    change = {
        "chat": {"id": GROUP, "type": "supergroup", "title": "Yard"},
        "date": 1,
        "from": {"id": PERSON, "is_bot": False, "first_name": "A"},
    }
    await raw(
        town, {"update_id": 0, "my_chat_member": {**change, "old_chat_member": member, "new_chat_member": member}}
    )
    await town.say(PERSON, "/help", chat_id=GROUP)
    assert len(town.messages(GROUP)) == 1


async def test_a_dialogue_follows_a_group_that_becomes_a_supergroup(town) -> None:
    old = -777
    await town.say(PERSON, "/newrequest", chat_id=old)
    category = town.messages(old)[0]["reply_markup"]["inline_keyboard"][0][0]["text"]
    await town.press(PERSON, old, category)
    new = town.sandbox.telegram.chats.migrate(old)
    service = {"message_id": 950, "date": 1, "chat": {"id": old, "type": "group", "title": "Yard"}}
    person = {"id": PERSON, "is_bot": False, "first_name": "A", "language_code": "en"}
    await raw(town, {"update_id": 0, "message": {**service, "from": person, "migrate_to_chat_id": new.id}})
    hello = {"message_id": 951, "date": 1, "chat": new.as_json(), "from": BOT, "text": "x"}
    address = {"message_id": 952, "date": 1, "chat": new.as_json(), "from": person, "text": "Navoi street 12"}
    await raw(town, {"update_id": 0, "message": {**address, "reply_to_message": hello}})
    assert len(town.messages(new.id)) == 1  # it asks for the description
