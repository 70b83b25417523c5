"""A broadcast contains text only: what else an admin sends is named, never dropped without a word."""

from typing import Any

import pytest

from app.bot.callbacks import AdminMenu, BroadcastAct, BroadcastAudience

PHOTO = [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]
DOCUMENT = {"file_id": "d", "file_unique_id": "d", "file_name": "plan.pdf", "mime_type": "application/pdf"}
PLACE = {"latitude": 41.3, "longitude": 69.2}
LEFT_OUT = {
    "en": "Only the text is sent. What you attached to it is left out.",
    "ru": "Будет отправлен только текст. Вложение в рассылку не войдёт.",
    "uz": "Faqat matn yuboriladi. Unga biriktirilgan fayl xabarnomaga kirmaydi.",
}
TEXT_ONLY = {
    "en": "A broadcast can only contain text.",
    "ru": "В рассылке может быть только текст.",
    "uz": "Xabarnomada faqat matn bo‘lishi mumkin.",
}


async def begin(user: Any, language: str = "en") -> None:
    user.sign_in("admin", language)
    await user.press(AdminMenu(entry="broadcast").pack())
    await user.press(BroadcastAudience().pack())


def asks_to_confirm(user: Any) -> bool:
    data = [button.callback_data for row in user.keyboard().inline_keyboard for button in row]
    return BroadcastAct(verb="start").pack() in data


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
@pytest.mark.parametrize("content", [{"photo": PHOTO}, {"document": DOCUMENT}])
async def test_the_preview_says_that_an_attachment_is_left_out(user: Any, language: str, content: Any) -> None:
    await begin(user, language)
    await user.send(caption="Water is off", **content)
    assert LEFT_OUT[language] in user.said()[-1]
    assert user.said()[-1].endswith("\n\nWater is off")
    assert asks_to_confirm(user)


async def test_a_text_without_an_attachment_has_no_such_note(user: Any) -> None:
    await begin(user)
    await user.send("Water is off")
    assert "left out" not in user.said()[-1]


@pytest.mark.parametrize("language", ["en", "ru", "uz"])
@pytest.mark.parametrize(
    "content", [{"photo": PHOTO}, {"document": DOCUMENT}, {"location": {"latitude": 1, "longitude": 2}}]
)
async def test_an_attachment_without_a_text_is_refused_and_the_dialogue_continues(
    user: Any, language: str, content: Any
) -> None:
    await begin(user, language)
    await user.send(**content)
    assert user.said()[-1].startswith(TEXT_ONLY[language])
    await user.send("Water is off")
    assert "Water is off" in user.said()[-1]
    assert asks_to_confirm(user)


async def test_an_album_gets_one_reply(user: Any) -> None:
    await begin(user)
    before = len(user.said())
    await user.send(photo=PHOTO, media_group_id="one")
    await user.send(photo=PHOTO, media_group_id="one")
    assert len(user.said()) == before + 1
    await user.send(photo=PHOTO, media_group_id="two", caption="Water is off")
    await user.send(photo=PHOTO, media_group_id="two")
    assert len(user.said()) == before + 2
    await user.send(photo=PHOTO)
    assert user.said()[-1] == "Please use the buttons above, or /cancel."
    await user.send("and gas")
    assert user.said()[-1] == "Please use the buttons above, or /cancel."
