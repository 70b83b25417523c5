-- Record users' updates of the last second.  KEYS: the shard's base key (its hash tag puts all keys in one slot).
-- ARGV: now (empty: Redis' time), session TTL, FSM TTL, number of roles, the roles, then per user: member, role, state before, state after.
-- Returns the sessions that ended since the last sweep: role, seconds, role, seconds, ...
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local base, session_ttl, fsm_ttl = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local roles = {}
for i = 1, tonumber(ARGV[4]) do roles[i] = ARGV[4 + i] end
local ended = {}
for i = 5 + #roles, #ARGV, 4 do
  local member, role, before, after = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local seen = nil
  for _, other in ipairs(roles) do
    local score = redis.call('ZSCORE', base .. ':sessions:' .. other, member)
    if score then
      seen = tonumber(score)
      if now - seen > session_ttl then
        local began = tonumber(redis.call('HGET', base .. ':began', member)) or seen
        ended[#ended + 1] = other
        ended[#ended + 1] = tostring(seen - began)
        seen = nil
      end
      if other ~= role or not seen then redis.call('ZREM', base .. ':sessions:' .. other, member) end
    end
    if other ~= role then redis.call('ZREM', base .. ':seen:' .. other, member) end
  end
  if not seen then redis.call('HSET', base .. ':began', member, now) end
  redis.call('ZADD', base .. ':sessions:' .. role, now, member)
  redis.call('ZADD', base .. ':seen:' .. role, now, member)
  if before ~= after and before ~= '' then redis.call('ZREM', base .. ':fsm:' .. before, member) end
  if after ~= '' then redis.call('ZADD', base .. ':fsm:' .. after, now + fsm_ttl, member) end
end
return ended
