"""Photos at every step of a new request: nothing that a person wrote or sent is dropped without a word."""

import time
from typing import Any

import pytest

PERSON = 1003


async def start_request(town: Any) -> None:
    await town.say(PERSON, "/newrequest")
    await town.press(PERSON, PERSON, town.messages(PERSON)[-1]["reply_markup"]["inline_keyboard"][0][0]["text"])


async def photos(town: Any, count: int = 1, caption: str = "") -> None:
    town.users.send_photos(PERSON, count, caption)
    await town.settle()


async def filed(town: Any) -> dict[str, Any]:
    """File the request and open it."""
    await town.press(
        PERSON, PERSON, "No more photos" if "No more photos" in str(town.messages(PERSON)[-1]) else "Without"
    )
    await town.press(PERSON, PERSON, "Submit" if "Submit" in str(town.messages(PERSON)[-1]) else "File")
    await town.say(PERSON, "/requests")
    await town.press(PERSON, PERSON, town.messages(PERSON)[-1]["reply_markup"]["inline_keyboard"][0][0]["text"])
    return town.messages(PERSON)[-1]


async def test_texts_under_photos_are_address_and_description(town) -> None:
    await start_request(town)
    await photos(town, 1, "Navoi street 12")
    await photos(town, 2, "The tap drips")
    details = await filed(town)
    for part in ("Navoi street 12", "The tap drips", "Photos: 3"):
        assert part in details["text"]


async def test_photos_without_a_text_are_kept_and_the_question_is_asked_again(town) -> None:
    await start_request(town)
    await photos(town, 2)
    assert len([text for text in town.texts(PERSON) if "added the photo" in text]) == 1
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "The tap drips")
    assert "Photos: 2" in (await filed(town))["text"]


async def test_an_image_sent_as_a_file_is_a_photo_and_its_text_belongs_to_the_description(town) -> None:
    await start_request(town)
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "The tap drips")
    town.users.send_image_file(PERSON, "since Monday")
    await town.settle()
    details = await filed(town)
    assert "since Monday" in details["text"]
    assert "Photos: 1" in details["text"]


async def test_a_text_under_a_photo_that_is_too_long_is_refused_with_a_reason(town) -> None:
    await start_request(town)
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "x" * 990)
    await photos(town, 1, "y" * 20)
    assert "was not added" in town.texts(PERSON)[-1]


@pytest.mark.parametrize(("count", "method"), [(3, "sendMediaGroup"), (1, "sendPhoto")])
async def test_photos_of_a_request_can_be_seen_again(town, count: int, method: str) -> None:
    await start_request(town)
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "The tap drips")
    await photos(town, count)
    await filed(town)
    await town.press(PERSON, PERSON, "Show the photos")
    assert [send["status"] for send in town.sends(method)] == [200]
    assert len([message for message in town.messages(PERSON) if "photo" in message]) == count


async def test_images_sent_as_files_are_shown_as_files(town) -> None:
    await start_request(town)
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "The tap drips")
    for _image in range(2):
        town.users.send_image_file(PERSON)
        await town.settle()
    await photos(town, 1)
    await filed(town)
    await town.press(PERSON, PERSON, "Show the photos")
    assert [send["status"] for name in ("sendPhoto", "sendMediaGroup") for send in town.sends(name)] == [200, 200]
    shown = [kind for message in town.messages(PERSON) for kind in ("photo", "document") if kind in message]
    assert sorted(shown) == ["document", "document", "photo"]


async def test_a_photo_with_a_comment_is_not_dropped_without_a_word(town) -> None:
    await town.say(PERSON, "/requests")
    await town.press(PERSON, PERSON, town.messages(PERSON)[-1]["reply_markup"]["inline_keyboard"][0][0]["text"])
    await town.press(PERSON, PERSON, "Comment")
    await photos(town, 1, "It still drips")
    assert "the photo was not added" in town.texts(PERSON)[-1]


@pytest.mark.parametrize("method", ["sendMediaGroup", "sendPhoto"])
async def test_photos_that_telegram_limits_are_sent_later_with_everything(town, method: str) -> None:
    count = 3 if method == "sendMediaGroup" else 1
    await start_request(town)
    await town.say(PERSON, "Navoi street 12")
    await town.say(PERSON, "The tap drips")
    await photos(town, count)
    await filed(town)
    town.fail("too_many_requests", method=method, retry_after=60, count=1)
    await town.press(PERSON, PERSON, "Show the photos")
    assert [message for message in town.messages(PERSON) if "photo" in message] == []
    assert town.sandbox.telegram.callbacks.all()[-1].answered
    assert await town.gateway.dead_letters.count_or_nan() == 0
    outbox = town.gateway.dispatcher["outbox"]
    outbox._clock = lambda: time.time() + 61
    # The send budget of the chat waits as well; its time is Redis' own.
    await town.redis.delete(*await town.redis.keys("*:send:*"))
    assert await outbox.send_due(town.gateway.bot) == 1
    shown = [message["photo"][-1]["file_id"] for message in town.messages(PERSON) if "photo" in message]
    stored = town.chat(PERSON).messages.values()
    taken = [message.content["photo"] for message in stored if not message.from_bot and "photo" in message.content]
    assert shown == [sizes[-1]["file_id"] for sizes in taken]
    assert len(shown) == count
