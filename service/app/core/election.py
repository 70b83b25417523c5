"""Leader election among replicas: the leader holds a Redis key that expires.

Not a lock: when the key expires, two replicas may both act as leader for a moment. Their work must tolerate that.
"""

import secrets

from redis.asyncio import Redis

from app.core.redis_metrics import measured

LEAD_SCRIPT = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1 end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
RESIGN_SCRIPT = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Election:
    """This replica's candidacy for `key`. A leader that stops calling `leads` loses it after `seconds`.

    `token` is the key's value while this replica leads; scripts that act for the leader compare it.
    """

    def __init__(self, redis: Redis, key: str, *, seconds: float, token: str | None = None) -> None:
        self._lead = redis.register_script(LEAD_SCRIPT)
        self._resign = redis.register_script(RESIGN_SCRIPT)
        self._key = key
        self._token = token or secrets.token_hex(8)
        self._milliseconds = int(seconds * 1000)

    async def leads(self) -> bool:
        """Become or stay leader, and say whether this replica is. Raises RedisError."""
        with measured("elect"):
            return bool(await self._lead(keys=[self._key], args=[self._token, self._milliseconds]))

    async def resign(self) -> None:
        """Give up leadership, so that another replica need not wait for the key to expire. Raises RedisError."""
        with measured("elect"):
            await self._resign(keys=[self._key], args=[self._token])
