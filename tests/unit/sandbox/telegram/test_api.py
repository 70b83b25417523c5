"""The Bot API over HTTP: bodies of every kind, refusals in Telegram's words, each send in the ledger."""

from typing import Any

import pytest
from aiohttp import FormData

from sandbox.faults import FaultSpec
from sandbox.telegram.users import UnknownTargetError

TOKEN = "42:TOKEN"
CHAT = 1001


async def test_wrong_token_and_unknown_method(api) -> None:
    async with api.client.post("/bot42:WRONG/getMe") as response:
        assert (response.status, (await response.json())["description"]) == (401, "Unauthorized")
    assert (await api("doMagic"))["error_code"] == 404


async def test_method_names_are_case_insensitive(api) -> None:
    assert (await api("GETME"))["id"] == 42


@pytest.mark.parametrize("kind", ["json", "form", "multipart", "query"])
async def test_arguments_in_every_encoding(api, kind: str) -> None:
    markup = '{"inline_keyboard":[[{"text":"a","callback_data":"b"}]]}'
    fields = {"chat_id": str(CHAT), "text": "hi", "reply_markup": markup}
    sent: dict[str, Any] = {"json": fields}
    if kind == "form":
        sent = {"data": fields}
    elif kind == "multipart":
        form = FormData(default_to_multipart=True)
        for name, value in fields.items():
            form.add_field(name, value)
        sent = {"data": form}
    elif kind == "query":
        sent = {"params": fields}
    async with api.client.post(f"/bot{TOKEN}/sendMessage", **sent) as response:
        result = (await response.json())["result"]
    assert result["text"] == "hi"
    assert result["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "b"


async def test_an_uploaded_photo_can_be_downloaded(api) -> None:
    form = FormData({"chat_id": str(CHAT)})
    form.add_field("photo", b"picture", filename="p.png")
    async with api.client.post(f"/bot{TOKEN}/sendPhoto", data=form) as response:
        photo = (await response.json())["result"]["photo"][-1]
    path = (await api("getFile", file_id=photo["file_id"]))["file_path"]
    async with api.client.get(f"/file/bot{TOKEN}/{path}") as response:
        assert await response.read() == b"picture"
    async with api.client.get(f"/file/bot{TOKEN}/nothing") as response:
        assert response.status == 404


async def test_edits_follow_telegrams_rules(api, users) -> None:
    message_id = (await api("sendMessage", chat_id=CHAT, text="one"))["message_id"]
    same = await api("editMessageText", chat_id=CHAT, message_id=message_id, text="one")
    assert "message is not modified" in same["description"]
    assert (await api("editMessageText", chat_id=CHAT, message_id=message_id, text="two"))["text"] == "two"
    missing = await api("editMessageText", chat_id=CHAT, message_id=999, text="x")
    assert missing["description"] == "Bad Request: message to edit not found"


async def test_a_message_of_the_user_cannot_be_edited(api, users, simulator) -> None:
    users.say(CHAT, "mine")
    (message,) = simulator.chats.private(CHAT).newer(0)
    refused = await api("editMessageText", chat_id=CHAT, message_id=message.message_id, text="yours")
    assert refused["description"] == "Bad Request: message can't be edited"


async def test_unknown_chat_blocked_user_and_migrated_group(api, users, simulator) -> None:
    assert (await api("sendMessage", chat_id=12345, text="x"))["description"] == "Bad Request: chat not found"
    users.set_blocked(CHAT, blocked=True)
    assert (await api("sendMessage", chat_id=CHAT, text="x"))["error_code"] == 403
    new_id = simulator.chats.migrate(-100).id
    refused = await api("sendMessage", chat_id=-100, text="x")
    assert refused["parameters"] == {"migrate_to_chat_id": new_id}
    assert (await api("sendMessage", chat_id=new_id, text="x"))["text"] == "x"


async def test_flood_is_429_with_retry_after(api) -> None:
    answers = [await api("sendMessage", chat_id=CHAT, text=f"{number}") for number in range(21)]
    assert answers[-1]["error_code"] == 429
    assert answers[-1]["parameters"] == {"retry_after": 1}


async def test_callback_answers_expire(api, users, virtual_time, simulator) -> None:
    message = await api("sendMessage", chat_id=CHAT, text="x")
    users.press(CHAT, message["message_id"], "data")
    query = (await api("getUpdates"))[-1]["callback_query"]
    assert query["data"] == "data"
    assert await api("answerCallbackQuery", callback_query_id=query["id"], text="done") is True
    assert simulator.callbacks.find(query["id"]).answer_text == "done"
    virtual_time.now += 151
    late = await api("answerCallbackQuery", callback_query_id=query["id"])
    assert "query is too old" in late["description"]


async def test_a_callback_answer_has_at_most_200_characters(api, users) -> None:
    message = await api("sendMessage", chat_id=CHAT, text="x")
    users.press(CHAT, message["message_id"], "data")
    query_id = (await api("getUpdates"))[-1]["callback_query"]["id"]
    refused = await api("answerCallbackQuery", callback_query_id=query_id, text="я" * 201)
    assert refused["description"] == "Bad Request: MESSAGE_TOO_LONG"
    assert await api("answerCallbackQuery", callback_query_id=query_id, text="я" * 200) is True


async def test_a_pressed_message_comes_back_without_its_reply_keyboard(api, users) -> None:
    message = await api("sendMessage", chat_id=CHAT, text="x", reply_markup={"remove_keyboard": True})
    users.press(CHAT, message["message_id"], "data")
    query = (await api("getUpdates"))[-1]["callback_query"]
    assert query["message"] == message


async def test_pressing_a_button_of_an_unknown_message(users) -> None:
    with pytest.raises(UnknownTargetError):
        users.press(CHAT, 77, "data")


async def test_polling_conflicts_with_a_webhook(api) -> None:
    await api("setWebhook", url="http://127.0.0.1:9/webhook", max_connections=7, allowed_updates=["message"])
    assert (await api("getUpdates"))["error_code"] == 409
    info = await api("getWebhookInfo")
    assert (info["url"], info["max_connections"], info["allowed_updates"]) == (
        "http://127.0.0.1:9/webhook",
        7,
        ["message"],
    )
    await api("deleteWebhook")
    assert await api("getUpdates") == []


async def test_an_invalid_webhook_is_refused(api) -> None:
    assert (await api("setWebhook", url="ftp://x"))["error_code"] == 400
    assert (await api("setWebhook", url="http://x", secret_token="no spaces"))["error_code"] == 400


async def test_set_webhook_works_once_per_second(api, virtual_time) -> None:
    url = "http://127.0.0.1:9/webhook"
    assert await api("setWebhook", url=url) is True
    refused = await api("setWebhook", url=url)
    assert (refused["error_code"], refused["parameters"]) == (429, {"retry_after": 1})
    assert await api("deleteWebhook") is True
    virtual_time.now += 1
    assert await api("setWebhook", url=url) is True


async def test_allowed_updates_filters_kinds(api, users) -> None:
    await api("setWebhook", url="", allowed_updates=["callback_query"])
    assert users.say(CHAT, "hello") is None
    await api("setWebhook", url="", allowed_updates=["message"])
    assert users.say(CHAT, "hello") is not None


async def test_sends_are_recorded_with_their_update(api, users, ledger) -> None:
    update_id = users.say(CHAT, "/start")
    await api("getUpdates")
    await api("sendMessage", chat_id=CHAT, text="same")
    await api("sendMessage", chat_id=CHAT, text="same")
    await api("sendMessage", chat_id=12345, text="to nobody")
    await api("getUpdates", offset=update_id + 1)
    sends = ledger.sends()
    assert [(send["method"], send["status"], send["updates"]) for send in sends] == [
        ("sendMessage", 200, [update_id]),
        ("sendMessage", 200, [update_id]),
        ("sendMessage", 400, []),
    ]
    double = ledger.duplicates()["sends"]
    assert [(entry["update_id"], len(entry["times"])) for entry in double] == [(update_id, 2)]


async def test_an_album_is_one_update_per_photo(users, simulator) -> None:
    assert len(users.send_photos(CHAT, 3, "see")) == 3
    messages = [message.content for message in simulator.chats.private(CHAT).newer(0)]
    assert len({message["media_group_id"] for message in messages}) == 1
    assert [message.get("caption") for message in messages] == ["see", None, None]


async def test_the_id_of_a_file_cannot_be_sent_as_a_photo(api, users) -> None:
    users.send_image_file(CHAT)
    users.send_photos(CHAT)
    document, photo = (update["message"] for update in await api("getUpdates"))
    file_id, photo_id = document["document"]["file_id"], photo["photo"][-1]["file_id"]
    assert (file_id[:2], photo_id[:2]) == ("BQ", "Ag")
    refused = await api("sendPhoto", chat_id=CHAT, photo=file_id)
    assert refused["description"] == "Bad Request: can't use file of type Document as Photo"
    refused = await api("sendDocument", chat_id=CHAT, document=photo_id)
    assert refused["description"] == "Bad Request: can't use file of type Photo as Document"
    album = [{"type": "photo", "media": file_id}, {"type": "photo", "media": photo_id}]
    assert "can't use file" in (await api("sendMediaGroup", chat_id=CHAT, media=album))["description"]
    mixed = [{"type": "document", "media": file_id}, {"type": "photo", "media": photo_id}]
    assert "can't be mixed" in (await api("sendMediaGroup", chat_id=CHAT, media=mixed))["description"]
    files = [{"type": "document", "media": file_id}] * 2
    assert [sent["document"]["file_id"] for sent in await api("sendMediaGroup", chat_id=CHAT, media=files)] == [
        file_id,
        file_id,
    ]


async def test_any_member_can_press_a_button(api, users, simulator) -> None:
    group = simulator.chats.group(-100)
    message = await api("sendMessage", chat_id=group.id, text="x")
    users.press(1002, message["message_id"], "data", chat_id=group.id)
    query = (await api("getUpdates"))[-1]["callback_query"]
    assert (query["from"]["id"], query["message"]["chat"]["id"]) == (1002, group.id)


async def test_a_pressed_button_does_not_wait_for_a_message_of_its_chat(api, users, simulator) -> None:
    """Messages queue by chat, callback queries by user."""
    message = await api("sendMessage", chat_id=CHAT, text="x")
    users.say(CHAT, "hi")
    users.press(CHAT, message["message_id"], "data")
    users.say(CHAT, "again")
    assert sorted(map(len, simulator.queues._queues.values())) == [1, 2]


async def test_a_fault_has_telegrams_error_format(api, faults) -> None:
    faults.add(FaultSpec(service="telegram", kind="error", status=429, retry_after=9))
    refused = await api("getMe")
    assert (refused["error_code"], refused["parameters"]) == (429, {"retry_after": 9})


async def test_commands_are_stored_per_language(api) -> None:
    await api("setMyCommands", commands=[{"command": "start", "description": "begin"}], language_code="ru")
    assert (await api("getMyCommands", language_code="ru"))[0]["command"] == "start"
    assert await api("getMyCommands") == []


async def test_invalid_json_is_a_400(api) -> None:
    async with api.client.post(
        f"/bot{TOKEN}/sendMessage", data=b"{", headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("/help", [(0, 5)]),
        ("/help@sandbox_bot, please", [(0, 17)]),
        ("😀 /help", [(3, 5)]),  # the emoji is two UTF-16 units
        ("/start /help", [(0, 6), (7, 5)]),
        ("a/help <b/help //help /помощь /help@ab", []),
    ],
)
async def test_commands_in_a_text_are_marked_in_utf16_units(api, users, text: str, commands: list[Any]) -> None:
    users.say(CHAT, text)
    message = (await api("getUpdates"))[-1]["message"]
    assert [(entity["offset"], entity["length"]) for entity in message.get("entities", [])] == commands
