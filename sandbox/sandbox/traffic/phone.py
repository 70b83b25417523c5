"""A user's phone: write, press, and wait for the bot's next words."""

from dataclasses import dataclass
from typing import Protocol

from sandbox.jsontypes import JsonObject
from sandbox.people import Person
from sandbox.telegram.simulator import Simulator
from sandbox.telegram.users import Users

ANSWER_TIMEOUT_SECONDS = 60.0
SETTLE_SECONDS = 0.1


class BotSilentError(Exception):
    """The bot did not answer in time."""


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button as it stands under a message."""

    text: str
    data: str


@dataclass(frozen=True, slots=True)
class BotMessage:
    """What the bot wrote, as the user sees it."""

    message_id: int
    text: str
    buttons: tuple[Button, ...]

    @classmethod
    def of(cls, content: JsonObject) -> "BotMessage":
        """Read a message in the Bot API's words."""
        rows = content.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = tuple(Button(b["text"], b["callback_data"]) for row in rows for b in row if "callback_data" in b)
        return cls(int(content["message_id"]), str(content.get("text") or content.get("caption") or ""), buttons)


class Phone(Protocol):
    """One person's hands and eyes. Each act returns what the bot then wrote or changed.

    Every act raises BotSilentError where the bot does not answer in time.
    """

    async def say(self, text: str) -> BotMessage:
        """Write a text."""

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        """Press a button."""

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album."""

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a place, in degrees."""


class LocalPhone:
    """A phone on a simulator of this process."""

    def __init__(
        self, telegram: Simulator, person: Person, answer_timeout_seconds: float = ANSWER_TIMEOUT_SECONDS
    ) -> None:
        self.person = person
        self._users = Users(telegram)
        self._chat = telegram.chats.private(person.telegram_id)
        self._timeout = answer_timeout_seconds

    async def say(self, text: str) -> BotMessage:
        """Write a text."""
        self._users.say(self.person.telegram_id, text)
        return await self._answer(self._chat.seq)

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        """Press a button."""
        seen = self._chat.seq
        self._users.press(self.person.telegram_id, message.message_id, button.data)
        return await self._answer(seen)

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album."""
        self._users.send_photos(self.person.telegram_id, count)
        return await self._answer(self._chat.seq)

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a place, in degrees."""
        self._users.send_location(self.person.telegram_id, latitude, longitude)
        return await self._answer(self._chat.seq)

    async def _answer(self, seen: int) -> BotMessage:
        found = await self._chat.wait_newer(seen, self._timeout, from_bot=True)
        if not found:
            raise BotSilentError(f"the bot did not answer {self.person.username} in {self._timeout:.0f} s")
        while more := await self._chat.wait_newer(found[-1].seq, SETTLE_SECONDS, from_bot=True):
            found = more  # the bot says something in two messages: the last one counts
        return BotMessage.of(found[-1].content)
