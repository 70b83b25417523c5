"""Photos that Telegram limits are deferred, each album on its own."""

from typing import Any

from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendDocument, SendMediaGroup
from aiogram.types import Chat, Message

from app.bot.outbox import deferrable
from app.bot.photos import send_photos


class OutboxStub:
    """Notes what is deferred."""

    def __init__(self) -> None:
        self.deferred: list[tuple[Any, float]] = []

    async def put(self, method: Any, seconds: float) -> None:
        assert deferrable(method)
        self.deferred.append((method, seconds))


async def test_a_second_album_is_sent_although_the_first_is_limited(user: Any) -> None:
    outbox: Any = OutboxStub()
    message = Message(message_id=1, date=0, chat=Chat(id=1001, type="private")).as_(user.bot)
    limited = SendMediaGroup(chat_id=1001, media=[])
    user.telegram.failures = [TelegramRetryAfter(limited, "Too Many Requests", retry_after=60)]
    await send_photos(message, ["AgA", "AgB", "BQC"], outbox)
    assert outbox.deferred == [(limited, 60)]
    (sent,) = user.telegram.calls
    assert isinstance(sent, SendDocument)
    assert sent.document == "BQC"
