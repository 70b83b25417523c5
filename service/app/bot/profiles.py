"""User profiles, cached in Redis so that a list of requests does not cost a call of the User Service."""

from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backends.models import User, UserId
from app.backends.user import UserService
from app.core.redis_metrics import measured
from app.core.tracing import SpanKind, create_span

# How long a changed name may show its old value.
_SECONDS_TO_LIVE = 300


class ProfileCache:
    """A read-through cache. Without Redis every read goes to the User Service."""

    def __init__(self, redis: Redis, users: UserService, *, key_prefix: str) -> None:
        self._redis = redis
        self._users = users
        self._key_prefix = key_prefix

    async def get(self, user_id: UserId) -> User:
        """Return the user's own profile. Raises what `UserService.get` raises if it is not cached."""
        cached = await self._read(user_id)
        if cached is not None:
            return cached
        profile = await self._users.get(user_id, user_id)
        await self._write(profile)
        return profile

    async def forget(self, user_id: UserId) -> None:
        """Delete the cached profile of a user."""
        with measured("profile"):
            await self._redis.delete(self._key(user_id))

    def _key(self, user_id: UserId) -> str:
        return f"{self._key_prefix}:user:{user_id}"

    async def _read(self, user_id: UserId) -> User | None:
        try:
            with (
                create_span("Redis: GET user", kind=SpanKind.CLIENT, attributes={"user_id": user_id}),
                measured("profile"),
            ):
                raw = await self._redis.get(self._key(user_id))
            return None if raw is None else User.model_validate_json(raw)
        except (RedisError, ValidationError):
            return None

    async def _write(self, profile: User) -> None:
        try:
            with measured("profile"):
                await self._redis.set(self._key(profile.id), profile.model_dump_json(), ex=_SECONDS_TO_LIVE)
        except RedisError:
            # Not cached: the next list reads the profile from the User Service again.
            return
