-- Count a shard.  KEYS: its base key.  ARGV: now (empty: Redis' time), session TTL, number of roles, the roles, number of windows,
-- the windows in seconds, the states.  Returns sessions by role, then users by role and window, then dialogues by state.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local base, ttl = KEYS[1], tonumber(ARGV[2])
local at, roles, windows, counts = 3, {}, {}, {}
for _ = 1, tonumber(ARGV[at]) do at = at + 1 roles[#roles + 1] = ARGV[at] end
at = at + 1
for _ = 1, tonumber(ARGV[at]) do at = at + 1 windows[#windows + 1] = tonumber(ARGV[at]) end
for _, role in ipairs(roles) do counts[#counts + 1] = redis.call('ZCOUNT', base .. ':sessions:' .. role, now - ttl, '+inf') end
for _, role in ipairs(roles) do
  for _, window in ipairs(windows) do
    counts[#counts + 1] = redis.call('ZCOUNT', base .. ':seen:' .. role, now - window, '+inf')
  end
end
for i = at + 1, #ARGV do counts[#counts + 1] = redis.call('ZCOUNT', base .. ':fsm:' .. ARGV[i], now, '+inf') end
return counts
