-- Take from a user's rate limit over all chats.  KEYS: rl of the user's private chat.
-- ARGV: role, limits "role:burst:per_second;...", warn window in ms.  Returns {allowed, warn}.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local burst, per_second = string.match(ARGV[2], ARGV[1] .. ':([%d.]+):([%d.]+);')
burst, per_second = tonumber(burst), tonumber(per_second)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'warned_at')
-- The clock may have been set back: then no time has passed, and the warning is due.
local elapsed = math.max(0, now - (tonumber(bucket[2]) or now))
local since_warning = now - (tonumber(bucket[3]) or 0)
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + elapsed / 1000 * per_second)
local allowed, warn = 0, 0
if tokens >= 1 then
  allowed, tokens = 1, tokens - 1
elseif since_warning < 0 or since_warning >= tonumber(ARGV[3]) then
  warn = 1
  redis.call('HSET', KEYS[1], 'warned_at', now)
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.max(tonumber(ARGV[3]), math.ceil(burst / per_second * 1000)))
return {allowed, warn}
