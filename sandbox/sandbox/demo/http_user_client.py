"""A user client that works through the control API of a sandbox in another process."""

from collections.abc import Callable
from typing import Any

import httpx

from sandbox.traffic.user_client import REPLY_TIMEOUT_SECONDS, SETTLE_SECONDS, BotMessage, Button, NoReplyError

ToBot = Callable[[str], None]
FromBot = Callable[[BotMessage], None]


class HttpUserClient:
    """One person's client over HTTP; ``to_bot`` and ``from_bot`` are called with every message."""

    def __init__(self, client: httpx.AsyncClient, telegram_id: int, to_bot: ToBot, from_bot: FromBot) -> None:
        self._client = client
        self._telegram_id = telegram_id
        self._to_bot = to_bot
        self._from_bot = from_bot

    async def say(self, text: str) -> BotMessage:
        return await self._perform(text, text=text)

    async def press(self, message: BotMessage, button: Button) -> BotMessage:
        return await self._perform(f"[{button.text}]", message_id=message.message_id, callback_data=button.data)

    async def send_photos(self, count: int) -> BotMessage:
        """Send a photo, or an album if ``count`` is over 1."""
        return await self._perform(f"({count} photos)" if count > 1 else "(a photo)", photos=count)

    async def send_location(self, latitude: float, longitude: float) -> BotMessage:
        """Share a location, in degrees."""
        location = {"latitude": latitude, "longitude": longitude}
        return await self._perform(f"(the location {latitude:.4f}, {longitude:.4f})", location=location)

    async def _perform(self, shown: str, **action: Any) -> BotMessage:
        seen = (await self._messages(0, 0))["last"]
        self._to_bot(shown)
        response = await self._client.post("/updates", json={"user_id": self._telegram_id, **action})
        response.raise_for_status()
        items = (await self._messages(seen, REPLY_TIMEOUT_SECONDS))["items"]
        if not items:
            raise NoReplyError(f"the bot did not reply within {REPLY_TIMEOUT_SECONDS:.0f} s")
        while more := (await self._messages(items[-1]["seq"], SETTLE_SECONDS))["items"]:
            items += more
        replies = [BotMessage.of(item) for item in items]
        for reply in replies:
            self._from_bot(reply)
        return replies[-1]

    async def _messages(self, after: int, timeout_seconds: float) -> Any:
        response = await self._client.get(
            f"/chats/{self._telegram_id}/messages",
            params={"after": after, "timeout": timeout_seconds},
            timeout=timeout_seconds + 10,
        )
        return response.raise_for_status().json()
