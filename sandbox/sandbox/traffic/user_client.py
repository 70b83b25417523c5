"""A user's Telegram client: send, press buttons, and wait for the bot's reply."""

from dataclasses import dataclass
from typing import Protocol

from sandbox.jsontypes import JsonObject
from sandbox.people import Person
from sandbox.telegram.simulator import Simulator
from sandbox.telegram.users import Users

REPLY_TIMEOUT_SECONDS = 60.0
SETTLE_SECONDS = 0.1


class NoReplyError(Exception):
    """The bot did not reply in time."""


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button of a message."""

    text: str
    data: str


@dataclass(frozen=True, slots=True)
class BotMessage:
    """A message of the bot."""

    message_id: int
    text: str
    buttons: tuple[Button, ...]

    @classmethod
    def of(cls, content: JsonObject) -> "BotMessage":
        """Convert a Message object of the Bot API."""
        rows = content.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = tuple(Button(b["text"], b["callback_data"]) for row in rows for b in row if "callback_data" in b)
        return cls(int(content["message_id"]), str(content.get("text") or content.get("caption") or ""), buttons)


class UserClient(Protocol):
    """One person's client. Each action returns the bot's last new or edited message after it.

    Every action raises NoReplyError if the bot does not reply in time.
    """

    async def say(self, text: str) -> BotMessage:
        """Send a text."""

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        """Press an inline button."""

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album if ``count`` is over 1."""

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a location, in degrees."""


class LocalUserClient:
    """A client of a simulator in this process."""

    def __init__(
        self, telegram: Simulator, person: Person, reply_timeout_seconds: float = REPLY_TIMEOUT_SECONDS
    ) -> None:
        self.person = person
        self._users = Users(telegram)
        self._chat = telegram.chats.private(person.telegram_id)
        self._timeout = reply_timeout_seconds

    async def say(self, text: str) -> BotMessage:
        self._users.say(self.person.telegram_id, text)
        return await self._reply(self._chat.seq)

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        seen = self._chat.seq
        self._users.press(self.person.telegram_id, message.message_id, button.data)
        return await self._reply(seen)

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album if ``count`` is over 1."""
        self._users.send_photos(self.person.telegram_id, count)
        return await self._reply(self._chat.seq)

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a location, in degrees."""
        self._users.send_location(self.person.telegram_id, latitude, longitude)
        return await self._reply(self._chat.seq)

    async def _reply(self, seen: int) -> BotMessage:
        found = await self._chat.wait_newer(seen, self._timeout, from_bot=True)
        if not found:
            raise NoReplyError(f"the bot did not reply to {self.person.username} in {self._timeout:.0f} s")
        while more := await self._chat.wait_newer(found[-1].seq, SETTLE_SECONDS, from_bot=True):
            found = more  # the bot sent several messages: the last one counts
        return BotMessage.of(found[-1].content)
