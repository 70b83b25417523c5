-- Remove ended sessions and expired entries.  KEYS: the shard's base key.  ARGV: now (empty: Redis' time), session TTL, longest window, number of roles, the roles,
-- the states.  Returns ended sessions: role, seconds, role, seconds, ... (at most 500 per role and call).
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local base, ttl, longest = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local count, ended = tonumber(ARGV[4]), {}
for i = 5, 4 + count do
  local role = ARGV[i]
  local key = base .. ':sessions:' .. role
  local over = redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. (now - ttl), 'WITHSCORES', 'LIMIT', 0, 500)
  for j = 1, #over, 2 do
    local began = tonumber(redis.call('HGET', base .. ':began', over[j])) or tonumber(over[j + 1])
    ended[#ended + 1] = role
    ended[#ended + 1] = tostring(tonumber(over[j + 1]) - began)
    redis.call('ZREM', key, over[j])
    redis.call('HDEL', base .. ':began', over[j])
  end
  redis.call('ZREMRANGEBYSCORE', base .. ':seen:' .. role, '-inf', '(' .. (now - longest))
end
for i = 5 + count, #ARGV do redis.call('ZREMRANGEBYSCORE', base .. ':fsm:' .. ARGV[i], '-inf', '(' .. now) end
return ended
