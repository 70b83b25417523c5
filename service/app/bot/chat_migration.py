"""A group that becomes a supergroup gets a new chat id: the dialogues of its members move there."""

from typing import Any

import structlog
from aiogram import BaseMiddleware
from aiogram.types import TelegramObject, Update
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from app.bot.middlewares.timed import Handler
from app.core.redis_metrics import measured
from app.delivery.keys import KeySpace

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class ChatMigration(BaseMiddleware):
    """Moves dialogues when Telegram tells of the migration, in a service message of the old group."""

    def __init__(self, redis: Redis, keys: KeySpace) -> None:
        self._redis = redis
        self._keys = keys

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        message = event.message if isinstance(event, Update) else None
        if message is not None and message.migrate_to_chat_id is not None:
            try:
                moved = await self.move(message.chat.id, message.migrate_to_chat_id)
            except RedisError as error:
                # The members start their dialogues again; nothing else depends on it.
                log.warning("chat_migration_failed", reason=type(error).__name__)
            else:
                log.info("chat_migrated", dialogues=moved)
        return await handler(event, data)

    async def move(self, old_id: int, new_id: int) -> int:
        """Move the dialogues of one chat; return how many. It scans all keys, which happens once in a group's life.

        Old and new keys are in different hash slots, so they cannot be renamed.
        """
        moved = 0
        old_prefix, new_prefix = self._keys.dialogues(old_id), self._keys.dialogues(new_id)
        with measured("migration"):
            async for raw in self._redis.scan_iter(match=f"{_escaped(old_prefix)}*", count=1000):
                key = raw.decode() if isinstance(raw, bytes) else str(raw)
                value, ttl = await self._redis.dump(key), await self._redis.pttl(key)
                if value is None:
                    continue
                try:
                    await self._redis.restore(new_prefix + key.removeprefix(old_prefix), max(0, ttl), value)
                except ResponseError:
                    continue  # a newer dialogue is there already
                await self._redis.delete(key)
                moved += 1
        return moved


def _escaped(prefix: str) -> str:
    return "".join(f"\\{character}" if character in "*?[]\\" else character for character in prefix)
