"""Broadcasts in Redis, so that they survive the process that sends them.

Each recipient is in exactly one set: `pending`, `sending` or `doubt` (outcome unknown), or counted as sent or failed.
A recipient moves to `sending` before the message is sent and back only when it was certainly not sent, so nobody gets
a message twice. Recipients that a crashed sender left in `sending` have an unknown outcome and are shown to the admin.
One sender at a time holds the lease; the script that takes a recipient checks it, so that a sender whose lease has
expired cannot take one.
"""

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from app.backends.models import Role, TelegramId, UserId
from app.bot.redis_values import as_text
from app.core.redis_metrics import measured, measured_as

# Long enough for a slow Redis or a paused process, short enough that another replica continues within seconds.
_LEASE_SECONDS = 15
_KEEP_SECONDS = 7 * 24 * 3600

_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_LOAD = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('HGET', KEYS[2], 'after') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'after', ARGV[3], 'loaded', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'failed', ARGV[5])
for i = 6, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
return redis.call('HINCRBY', KEYS[2], 'total', #ARGV - 5 + ARGV[5])
"""
_TAKE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end
local recipient = redis.call('LPOP', KEYS[2])
if recipient then redis.call('SADD', KEYS[3], recipient) end
return recipient
"""
_SETTLE = """
local moved = redis.call('SREM', KEYS[2], ARGV[1]) + redis.call('SREM', KEYS[4], ARGV[1])
if moved == 0 then return 0 end
if ARGV[2] == 'pending' then redis.call('LPUSH', KEYS[3], ARGV[1])
elseif ARGV[2] == 'doubt' then redis.call('SADD', KEYS[4], ARGV[1])
else redis.call('HINCRBY', KEYS[1], ARGV[2], 1) end
return 1
"""
_RECOVER = """
local left = redis.call('SMEMBERS', KEYS[1])
for _, recipient in ipairs(left) do redis.call('SMOVE', KEYS[1], KEYS[2], recipient) end
return #left
"""


class LeaseLostError(Exception):
    """Another sender holds the lease now."""


@dataclass(frozen=True)
class Broadcast:
    """The text, author and audience of a broadcast, its progress message and its counts."""

    id: str
    text: str
    role: Role | None
    author: UserId
    chat_id: TelegramId
    progress_message_id: int
    language: str
    after: int = 0
    loaded: bool = False
    total: int = 0
    sent: int = 0
    failed: int = 0


class BroadcastStore:
    """All keys are in one hash slot, so that the scripts run on Redis Cluster too. `token` identifies the sender."""

    def __init__(self, redis: Redis, *, key_prefix: str, token: str) -> None:
        self._redis = redis
        self._base = f"{{{key_prefix}:broadcast}}"
        self._lease = f"{self._base}:lease"
        self._queue = f"{self._base}:queue"
        self._token = token
        self._renew = redis.register_script(_RENEW)
        self._load = redis.register_script(_LOAD)
        self._take = redis.register_script(_TAKE)
        self._settle = redis.register_script(_SETTLE)
        self._recover = redis.register_script(_RECOVER)

    @measured_as("broadcast")
    async def add(self, broadcast: Broadcast) -> bool:
        """Queue a broadcast; False if one with that id was queued before."""
        key = self._key(broadcast.id)
        if not await self._redis.hsetnx(key, "author", broadcast.author):
            return False
        fields: dict[bytes | bytearray | memoryview[int] | str | int | float, Any] = {
            "text": broadcast.text,
            "role": broadcast.role or "",
            "chat_id": broadcast.chat_id,
            "progress_message_id": broadcast.progress_message_id,
            "language": broadcast.language,
            "after": 0,
            "loaded": 0,
            "total": 0,
            "sent": 0,
            "failed": 0,
        }
        await self._redis.hset(key, mapping=fields)
        await self._redis.rpush(self._queue, broadcast.id)
        return True

    @measured_as("broadcast")
    async def hold_lease(self) -> bool:
        """Acquire or renew the lease; False while another sender holds it."""
        if await self._redis.set(self._lease, self._token, nx=True, ex=_LEASE_SECONDS):
            return True
        return bool(await self._renew(keys=[self._lease], args=[self._token, _LEASE_SECONDS]))

    @measured_as("broadcast")
    async def release_lease(self) -> None:
        """Release the lease, so that the next sender continues at once."""
        holder = await self._redis.get(self._lease)
        if holder is not None and as_text(holder) == self._token:
            await self._redis.delete(self._lease)

    async def head(self) -> Broadcast | None:
        """Return the broadcast at the head of the queue."""
        with measured("broadcast"):
            queued = await self._redis.lindex(self._queue, 0)
        return None if queued is None else await self.get(as_text(queued))

    @measured_as("broadcast")
    async def get(self, broadcast_id: str) -> Broadcast | None:
        """Return a broadcast with its current counts."""
        raw = await self._redis.hgetall(self._key(broadcast_id))
        fields = {as_text(name): as_text(value) for name, value in raw.items()}
        if "failed" not in fields:
            return None
        return Broadcast(
            id=broadcast_id,
            text=fields["text"],
            role=Role(fields["role"]) if fields["role"] else None,
            author=UserId(int(fields["author"])),
            chat_id=TelegramId(int(fields["chat_id"])),
            progress_message_id=int(fields["progress_message_id"]),
            language=fields["language"],
            after=int(fields["after"]),
            loaded=fields["loaded"] == "1",
            total=int(fields["total"]),
            sent=int(fields["sent"]),
            failed=int(fields["failed"]),
        )

    @measured_as("broadcast")
    async def load(
        self, broadcast: Broadcast, recipients: list[TelegramId], following: int | None, *, unreachable: int = 0
    ) -> None:
        """Add one page of recipients; `following` is where the next page starts, None after the last page.

        `unreachable` is how many of the page are skipped and counted as failed.
        """
        after = broadcast.after if following is None else following
        await self._load(
            keys=[self._lease, self._key(broadcast.id), self._key(broadcast.id, "pending")],
            args=[self._token, broadcast.after, after, int(following is None), unreachable, *recipients],
        )

    @measured_as("broadcast")
    async def recover(self, broadcast_id: str) -> int:
        """Mark recipients that a former sender left in `sending` as unknown; return how many."""
        keys = [self._key(broadcast_id, "sending"), self._key(broadcast_id, "doubt")]
        return int(await self._recover(keys=keys))

    async def take(self, broadcast_id: str) -> TelegramId | None:
        """Move the next recipient to `sending` and return it; None when none is left. Raises LeaseLostError."""
        keys = [self._lease, self._key(broadcast_id, "pending"), self._key(broadcast_id, "sending")]
        try:
            with measured("broadcast"):
                taken = await self._take(keys=keys, args=[self._token])
        except ResponseError as error:
            if "LEASELOST" in str(error):
                raise LeaseLostError from None
            raise
        return None if taken is None else TelegramId(int(taken))

    @measured_as("broadcast")
    async def settle(self, broadcast_id: str, recipient: TelegramId, outcome: str) -> None:
        """Record an outcome: `sent`, `failed`, `pending` (certainly not sent, retry) or `doubt` (unknown)."""
        keys = [self._key(broadcast_id), *(self._key(broadcast_id, part) for part in ("sending", "pending", "doubt"))]
        await self._settle(keys=keys, args=[recipient, outcome])

    @measured_as("broadcast")
    async def with_unknown_outcome(self, broadcast_id: str) -> list[TelegramId]:
        """Return the recipients who may or may not have received the message."""
        members = await self._redis.smembers(self._key(broadcast_id, "doubt"))
        return sorted(TelegramId(int(member)) for member in members)

    @measured_as("broadcast")
    async def waiting(self) -> int:
        """Count the recipients that have not been tried yet, over all broadcasts."""
        queued = await self._redis.lrange(self._queue, 0, -1)
        waiting = 0
        for item in queued:
            waiting += await self._redis.llen(self._key(as_text(item), "pending"))
        return waiting

    @measured_as("broadcast")
    async def finish(self, broadcast_id: str) -> bool:
        """Remove a broadcast from the queue; True for the one sender that did. Its record stays for a week."""
        removed = await self._redis.lrem(self._queue, 1, broadcast_id)
        for part in (None, "doubt"):
            await self._redis.expire(self._key(broadcast_id, part), _KEEP_SECONDS)
        return bool(removed)

    def _key(self, broadcast_id: str, part: str | None = None) -> str:
        return ":".join(filter(None, (self._base, broadcast_id, part)))
