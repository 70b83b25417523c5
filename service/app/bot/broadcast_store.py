"""Broadcasts in Redis, so that they survive the process that sends them.

Each recipient is in exactly one set: `pending`, `sending` or `doubt` (outcome unknown), or counted as sent or failed.
A recipient moves to `sending` before the message is sent and back only when it was certainly not sent, so nobody gets
a message twice. Recipients that a crashed sender left in `sending` have an unknown outcome and are shown to the admin.
One sender at a time holds the lease; the scripts that load and take check it, so that a sender whose lease has expired
changes nothing.

Redis may perform a script and lose the reply, and redis-py repeats it then. So every script may be repeated: a page is
stored by its cursor, a take has a number, and an outcome names the take that it ends.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from app.backends.models import Role, TelegramId, UserId
from app.bot.redis_values import as_text
from app.core.election import Election
from app.core.redis_metrics import measured, measured_as

LEASE_SECONDS = 15
"""Long enough for a slow Redis or a paused process, short enough that another replica continues within seconds."""
_KEEP_SECONDS = 7 * 24 * 3600


class LeaseLostError(Exception):
    """Another sender holds the lease now."""


@dataclass(frozen=True)
class Take:
    """One recipient, taken to be sent to once."""

    recipient: TelegramId
    id: str


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
        self._takes = 0
        self._queue_script = _script(redis, "queue")
        self._load_script = _script(redis, "load")
        self._take_script = _script(redis, "take")
        self._settle_script = _script(redis, "settle")
        self._recover_script = _script(redis, "recover")
        self._conclude_script = _script(redis, "conclude")
        # The scripts above compare the token with the lease's value.
        self._sender = Election(redis, self._lease, seconds=LEASE_SECONDS, token=token)

    @measured_as("broadcast")
    async def add(self, broadcast: Broadcast) -> bool:
        """Queue a broadcast; False if one with that id was queued before."""
        fields: dict[str, str | int] = {
            "author": broadcast.author,
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
        arguments = [item for pair in fields.items() for item in pair]
        return bool(
            await self._queue_script(keys=[self._key(broadcast.id), self._queue], args=[broadcast.id, *arguments])
        )

    async def hold_lease(self) -> bool:
        """Acquire or renew the lease; False while another sender holds it."""
        return await self._sender.leads()

    async def release_lease(self) -> None:
        """Release the lease, so that the next sender continues at once."""
        await self._sender.resign()

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

    async def load(
        self, broadcast: Broadcast, recipients: list[TelegramId], following: int | None, *, unreachable: int = 0
    ) -> None:
        """Add one page of recipients; `following` is where the next page starts, None after the last page.

        `unreachable` is how many of the page are skipped and counted as failed. Raises LeaseLostError.
        """
        after = broadcast.after if following is None else following
        async with _lease_checked():
            await self._load_script(
                keys=[self._lease, self._key(broadcast.id), self._key(broadcast.id, "pending")],
                args=[self._token, broadcast.after, after, int(following is None), unreachable, *recipients],
            )

    async def recover(self, broadcast_id: str) -> int:
        """Mark recipients that a former sender left in `sending` as unknown; return how many. Raises LeaseLostError."""
        keys = [self._lease, self._key(broadcast_id, "sending"), self._key(broadcast_id, "doubt")]
        async with _lease_checked():
            return int(await self._recover_script(keys=keys, args=[self._token]))

    def next_take(self) -> int:
        """Return the number of a new take; a take is repeated with the same number."""
        self._takes += 1
        return self._takes

    async def take(self, broadcast_id: str, number: int) -> Take | None:
        """Move the next recipient to `sending` and return it; None when none is left. Raises LeaseLostError."""
        keys = [self._lease, *self._keys(broadcast_id, None, "pending", "sending", "takes")]
        async with _lease_checked():
            taken = await self._take_script(keys=keys, args=[self._token, number])
        return None if taken is None else Take(TelegramId(int(taken)), f"{self._token}:{number}")

    @measured_as("broadcast")
    async def settle(self, broadcast_id: str, take: Take, outcome: str) -> None:
        """Record an outcome: `sent`, `failed`, `pending` (certainly not sent, retry) or `doubt` (unknown)."""
        keys = self._keys(broadcast_id, None, "sending", "pending", "doubt", "takes")
        await self._settle_script(keys=keys, args=[take.recipient, outcome, take.id])

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

    async def conclude(self, broadcast_id: str) -> bool | None:
        """Note that every recipient was tried.

        Returns:
            True for the first call, False for later ones, None while recipients are left.

        Raises:
            LeaseLostError: another sender holds the lease.
        """
        async with _lease_checked():
            first = int(
                await self._conclude_script(
                    keys=[self._lease, *self._keys(broadcast_id, None, "pending")], args=[self._token]
                )
            )
        return None if first < 0 else bool(first)

    @measured_as("broadcast")
    async def remove(self, broadcast_id: str) -> None:
        """Remove a broadcast from the queue. Its record stays for a week."""
        await self._redis.lrem(self._queue, 0, broadcast_id)
        for key in self._keys(broadcast_id, None, "pending", "sending", "doubt", "takes"):
            await self._redis.expire(key, _KEEP_SECONDS)

    def _key(self, broadcast_id: str, part: str | None = None) -> str:
        return ":".join(filter(None, (self._base, broadcast_id, part)))

    def _keys(self, broadcast_id: str, *parts: str | None) -> list[str]:
        return [self._key(broadcast_id, part) for part in parts]


def script_text(name: str) -> str:
    """Return one of the scripts of `app/bot/scripts`."""
    return files("app.bot").joinpath("scripts", f"{name}.lua").read_text("utf-8")


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(script_text(name))


@asynccontextmanager
async def _lease_checked() -> AsyncIterator[None]:
    """Measure one script and raise LeaseLostError where it found another sender's token in the lease."""
    try:
        with measured("broadcast"):
            yield
    except ResponseError as error:
        if "LEASELOST" in str(error):
            raise LeaseLostError from None
        raise
