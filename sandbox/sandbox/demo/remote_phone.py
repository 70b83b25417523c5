"""A phone that acts through the control API of a sandbox in another process, and tells what it sees."""

from collections.abc import Callable
from typing import Any

import httpx

from sandbox.traffic.phone import ANSWER_TIMEOUT_SECONDS, SETTLE_SECONDS, BotMessage, BotSilentError, Button

ToBot = Callable[[str], None]
FromBot = Callable[[BotMessage], None]


class RemotePhone:
    """One person's phone over HTTP; ``to_bot`` and ``from_bot`` are told of everything that goes in and out."""

    def __init__(self, client: httpx.AsyncClient, telegram_id: int, to_bot: ToBot, from_bot: FromBot) -> None:
        self._client = client
        self._telegram_id = telegram_id
        self._to_bot = to_bot
        self._from_bot = from_bot

    async def say(self, text: str) -> BotMessage:
        """Write a text."""
        return await self._act(text, text=text)

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        """Press a button."""
        return await self._act(f"[{button.text}]", message_id=message.message_id, callback_data=button.data)

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album."""
        return await self._act(f"({count} photos)" if count > 1 else "(a photo)", photos=count)

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a place, in degrees."""
        place = {"latitude": latitude, "longitude": longitude}
        return await self._act(f"(the place {latitude:.4f}, {longitude:.4f})", location=place)

    async def _act(self, shown: str, **act: Any) -> BotMessage:
        seen = (await self._messages(0, 0))["last"]
        self._to_bot(shown)
        response = await self._client.post("/updates", json={"user_id": self._telegram_id, **act})
        response.raise_for_status()
        items = (await self._messages(seen, ANSWER_TIMEOUT_SECONDS))["items"]
        if not items:
            raise BotSilentError(f"the bot did not answer within {ANSWER_TIMEOUT_SECONDS:.0f} s")
        while more := (await self._messages(items[-1]["seq"], SETTLE_SECONDS))["items"]:
            items += more
        answers = [BotMessage.of(item) for item in items]
        for answer in answers:
            self._from_bot(answer)
        return answers[-1]

    async def _messages(self, after: int, timeout_seconds: float) -> Any:
        response = await self._client.get(
            f"/chats/{self._telegram_id}/messages",
            params={"after": after, "timeout": timeout_seconds},
            timeout=timeout_seconds + 10,
        )
        return response.raise_for_status().json()
