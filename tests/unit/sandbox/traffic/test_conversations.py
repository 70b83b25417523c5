"""People find their way through a dialogue by its buttons, whatever its texts are."""

import random

from sandbox.traffic.conversations import administer, choices, create_request, list_requests
from sandbox.traffic.user_client import BotMessage, Button

CANCEL = Button("✗", "nr:cancel")


def say(*buttons: Button) -> BotMessage:
    return BotMessage(1, "…", buttons)


class Form:
    """A bot whose texts nobody can read: category, address, trouble, photos, summary."""

    def __init__(self) -> None:
        self.steps = [
            say(Button("a", "c:1"), Button("b", "c:2"), CANCEL),
            say(CANCEL),
            say(CANCEL),
            say(Button("no photos", "p"), CANCEL),
            say(Button("go", "go"), Button("change", "change"), CANCEL),
            say(),
        ]
        self.step = 0
        self.texts: list[str] = []
        self.pressed: list[str] = []

    async def say(self, text: str) -> BotMessage:
        if text.startswith("/"):
            self.step = 0
        else:
            assert self.step in (1, 2), "a text where a button was asked for"
            self.texts.append(text)
            self.step += 1
        return self.steps[self.step]

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        assert message is self.steps[self.step]
        self.pressed.append(button.data)
        if button.data != "change":
            self.step += 1
        return self.steps[self.step]

    async def send_photos(self, count: int) -> BotMessage:
        assert self.step == 3
        return self.steps[3]

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        assert self.step == 1
        self.step += 1
        return self.steps[self.step]


async def no_pause() -> None:
    return


async def test_every_dialogue_is_finished() -> None:
    for seed in range(50):
        form = Form()
        await create_request(form, random.Random(seed), no_pause)
        assert form.step == 5
        assert not any("cancel" in data for data in form.pressed)


async def test_descriptions_differ_so_that_duplicates_are_detected() -> None:
    chance, form = random.Random(1), Form()
    for _ in range(30):
        await create_request(form, chance, no_pause)
    descriptions = [text for text in form.texts if "(" in text]
    assert len(descriptions) == len(set(descriptions))


def test_buttons_with_effects_on_others_are_avoided() -> None:
    grave = ("nr:cancel", "ad:broadcast", "ba:admin", "bc:start", "ub:7:1", "lang:ru")
    message = say(*(Button("x", data) for data in grave), Button("x", "ro:7"))
    assert [button.data for button in choices(message)] == ["ro:7"]


async def test_browsing_stops_without_buttons() -> None:
    form = Form()
    form.steps[0] = say()
    await list_requests(form, random.Random(1), no_pause)
    assert form.pressed == []


async def test_a_manager_searches_if_a_text_is_expected() -> None:
    form = Form()
    await administer(form, random.Random(1), no_pause)
    assert len(form.texts) == 1
