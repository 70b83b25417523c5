"""When an update was sent: the start of its end-to-end latency, which redeliveries must not reset."""

import time
from importlib.resources import files

from aiogram.types import Update

from app.core.redis_batch import Script, ScriptRunner
from app.delivery.keys import KeySpace

# Longer than Telegram usually keeps redelivering. After that the latency counts from a later delivery.
_KEEP_MS = 15 * 60 * 1000


def sent_at(update: Update) -> float | None:
    """Return Telegram's own time of the update in Unix seconds, which has whole seconds only; None if it has none."""
    if update.edited_message is not None:
        return update.edited_message.edit_date
    dated = update.message or update.my_chat_member
    return None if dated is None else dated.date.timestamp()


class FirstDeliveries:
    """Remembers in Redis when an update without a time of its own, such as a pressed button, was first delivered."""

    def __init__(self, redis: ScriptRunner, keys: KeySpace) -> None:
        self._redis = redis
        self._keys = keys
        text = files("app.delivery").joinpath("scripts", "first_delivery.lua").read_text("utf-8")
        self._script = Script("claim", text)

    async def at(self, update_id: int) -> float:
        """Return when any replica first saw the update, in Unix seconds. Raises RedisUnavailableError."""
        age_ms = await self._redis.run(self._script, (self._keys.shared("first", update_id),), _KEEP_MS)
        return time.time() - float(age_ms) / 1000
