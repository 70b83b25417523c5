"""Fills Redis with many known users by copying the keys of one user on the server."""

from __future__ import annotations

from redis.asyncio import Redis

from app.core.activity import SHARDS

_BATCH = 10_000
_COPY = """
-- ARGV: the user to copy, first and last new user, number of keys of the chat, those keys, the activity keys.
local from, first, last, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local shards = tonumber(ARGV[5])
for user = first, last do
  local id = string.format('%d', user)
  for i = 6, 5 + count do redis.call('COPY', ARGV[i], (string.gsub(ARGV[i], from, id))) end
  for i = 6 + count, #ARGV do
    local key = string.gsub(ARGV[i], 'activity:%d+', 'activity:' .. string.format('%d', user % shards))
    if redis.call('TYPE', ARGV[i]).ok == 'zset' then
      redis.call('ZADD', key, redis.call('ZSCORE', ARGV[i], from), id)
    else
      redis.call('HSET', key, id, redis.call('HGET', ARGV[i], from))
    end
  end
end
"""


async def copy_user(redis: Redis, template: int, users: range) -> float:
    """Copy the keys of `template`, who has just sent an update, to `users`; return Redis bytes per user.

    The rate-limit bucket is not copied, because it expires after a minute.
    """
    chat_keys = [key async for key in redis.scan_iter(f"*:{template}*") if b":rl:" not in key]
    activity_keys = [
        key
        async for key in redis.scan_iter(f"*activity:{template % SHARDS}}}*")
        if await _is_in(redis, key, str(template))
    ]
    before = (await redis.info("memory"))["used_memory"]
    for first in range(users.start, users.stop, _BATCH):
        last = min(first + _BATCH, users.stop) - 1
        await redis.eval(_COPY, 0, template, first, last, len(chat_keys), SHARDS, *chat_keys, *activity_keys)
    return float((await redis.info("memory"))["used_memory"] - before) / len(users)


async def _is_in(redis: Redis, key: bytes, member: str) -> bool:
    if await redis.type(key) == b"zset":
        return await redis.zscore(key, member) is not None
    return bool(await redis.hexists(key, member))
