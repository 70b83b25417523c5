"""Where the bot may write: the errors of Telegram's source for each state of a chat."""

import pytest

from sandbox.telegram.chats import Access
from sandbox.telegram.known_errors import KNOWN_ERRORS

USER, GROUP, SUPERGROUP = 1001, -5, -1_001_000_000_005


@pytest.mark.parametrize(
    ("chat_id", "access", "error"),
    [
        (USER, Access.BLOCKED, "blocked"),
        (USER, Access.NEVER_STARTED, "cannot_initiate"),
        (USER, Access.DEACTIVATED, "user_deactivated"),
        (GROUP, Access.KICKED, "kicked_from_group"),
        (GROUP, Access.LEFT, "not_in_group"),
        (GROUP, Access.DELETED, "group_deleted"),
        (SUPERGROUP, Access.KICKED, "kicked_from_supergroup"),
        (SUPERGROUP, Access.LEFT, "not_in_supergroup"),
        (SUPERGROUP, Access.NO_RIGHTS, "not_enough_rights"),
        (SUPERGROUP, Access.RESTRICTED, "chat_restricted"),
        (SUPERGROUP, Access.WRITE_FORBIDDEN, "write_forbidden"),
    ],
)
async def test_a_chat_without_access_refuses_messages(api, simulator, chat_id, access, error) -> None:
    chats = simulator.chats
    (chats.private(chat_id) if chat_id > 0 else chats.group(chat_id)).access = access
    refused = await api("sendMessage", chat_id=chat_id, text="hi")
    assert (refused["error_code"], refused["description"]) == (
        KNOWN_ERRORS[error].code,
        KNOWN_ERRORS[error].description,
    )
    assert (simulator.ledger.summary()["sends"]["total"], simulator.ledger.summary()["sends"]["refused"]) == (0, 1)


async def test_an_unknown_chat_and_a_migrated_group(api, simulator) -> None:
    assert (await api("sendMessage", chat_id=99, text="hi"))["description"] == "Bad Request: chat not found"
    new = simulator.chats.migrate(GROUP)
    refused = await api("sendMessage", chat_id=GROUP, text="hi")
    assert refused["description"] == KNOWN_ERRORS["migrated"].description
    assert refused["parameters"] == {"migrate_to_chat_id": new.id}
    assert (await api("sendMessage", chat_id=new.id, text="hi"))["chat"]["id"] == new.id


async def test_a_user_who_writes_has_started_the_bot(api, simulator, users) -> None:
    simulator.chats.private(USER).access = Access.NEVER_STARTED
    users.say(USER, "/start")
    assert (await api("sendMessage", chat_id=USER, text="hi"))["text"] == "hi"


async def test_topics_of_a_forum(api, simulator) -> None:
    simulator.chats.group(SUPERGROUP).topics |= {1: True, 7: True, 8: False}
    sent = await api("sendMessage", chat_id=SUPERGROUP, text="hi", message_thread_id=7)
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (7, True)
    for thread, error in ((8, "topic_closed"), (9, "thread_not_found"), (1, "thread_not_found")):
        refused = await api("sendMessage", chat_id=SUPERGROUP, text="hi", message_thread_id=thread)
        assert refused["description"] == KNOWN_ERRORS[error].description


async def test_outside_of_forums_a_thread_has_no_effect(api, simulator) -> None:
    simulator.chats.group(SUPERGROUP)
    sent = await api("sendMessage", chat_id=SUPERGROUP, text="hi", message_thread_id=7)
    assert (sent["text"], "message_thread_id" in sent) == ("hi", False)


async def test_a_contact_button_is_refused_in_a_group(api, simulator) -> None:
    simulator.chats.group(SUPERGROUP)
    markup = {"keyboard": [[{"text": "Share", "request_contact": True}]]}
    refused = await api("sendMessage", chat_id=SUPERGROUP, text="hi", reply_markup=markup)
    assert refused["description"] == KNOWN_ERRORS["contact_button_in_group"].description
    assert (await api("sendMessage", chat_id=USER, text="hi", reply_markup=markup))["text"] == "hi"


async def test_an_edit_with_a_reply_keyboard_is_refused(api) -> None:
    message_id = (await api("sendMessage", chat_id=USER, text="one"))["message_id"]
    keyboard = {"keyboard": [[{"text": "a"}]]}
    refused = await api("editMessageText", chat_id=USER, message_id=message_id, text="two", reply_markup=keyboard)
    assert refused["description"] == "Bad Request: inline keyboard expected"


async def test_a_reply_to_an_unknown_message(api) -> None:
    refused = await api("sendMessage", chat_id=USER, text="hi", reply_parameters={"message_id": 77})
    assert refused["description"] == KNOWN_ERRORS["reply_not_found"].description
    allowed = {"message_id": 77, "allow_sending_without_reply": True}
    sent = await api("sendMessage", chat_id=USER, text="hi", reply_parameters=allowed)
    again = await api("sendMessage", chat_id=USER, text="yes", reply_parameters={"message_id": sent["message_id"]})
    assert again["reply_to_message"]["text"] == "hi"


async def test_edits_share_the_limits_on_sending(api) -> None:
    message_id = (await api("sendMessage", chat_id=USER, text="0"))["message_id"]
    for number in range(1, 40):
        response = await api("editMessageText", chat_id=USER, message_id=message_id, text=str(number))
        if not response.get("ok", True):
            break
    assert response["error_code"] == 429
    assert response["parameters"]["retry_after"] >= 1


async def test_a_photo_has_no_text_to_edit(api, simulator) -> None:
    photo = simulator.files.new_photo().file_id
    message_id = (await api("sendPhoto", chat_id=USER, photo=photo))["message_id"]
    refused = await api("editMessageText", chat_id=USER, message_id=message_id, text="x")
    assert refused["description"] == "Bad Request: there is no text in the message to edit"
