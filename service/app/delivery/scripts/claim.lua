-- Claim an update: refuse a duplicate, take the chat lock, take from the rate limit, return dialogue and identity.
-- KEYS: chat lock, done, fsm, ident, rl.  All in one hash slot.
-- ARGV: update id, lock token, lease in ms, limits "role:burst:per_second;...", warn window in ms.
-- Returns {'duplicate'} | {'busy'} | {'ok', allowed, warn, state, data, identity, stored_at}.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'duplicate'} end
local holder = redis.call('GET', KEYS[1])
-- The same token again is a claim whose reply was lost.
if holder and holder ~= ARGV[2] then return {'busy'} end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local identity = redis.call('HMGET', KEYS[4], 'value', 'stored_at', 'role')
local role = identity[3] or 'unknown'
local burst, per_second = string.match(ARGV[4], role .. ':([%d.]+):([%d.]+);')
burst, per_second = tonumber(burst), tonumber(per_second)

local bucket = redis.call('HMGET', KEYS[5], 'tokens', 'at', 'warned_at')
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + (now - (tonumber(bucket[2]) or now)) / 1000 * per_second)
local allowed, warn = 0, 0
if tokens >= 1 then
  allowed, tokens = 1, tokens - 1
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now)
elseif now - (tonumber(bucket[3]) or 0) >= tonumber(ARGV[5]) then
  warn = 1
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now, 'warned_at', now)
else
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now)
end
redis.call('PEXPIRE', KEYS[5], math.max(tonumber(ARGV[5]), math.ceil(burst / per_second * 1000)))

local fsm = redis.call('HMGET', KEYS[3], 'state', 'data')
return {'ok', allowed, warn, fsm[1], fsm[2], identity[1], identity[2]}
