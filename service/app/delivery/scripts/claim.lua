-- Claim an update: refuse a duplicate, take the chat lock, take from the rate limit, return dialogue and identity.
-- KEYS: chat lock, done, fsm, ident, rl.  All in one hash slot.
-- ARGV: update id, lock token, lease in ms, limits "role:burst:per_second;...", warn window in ms, then the tokens of
-- this attempt's earlier sendings whose outcome is unknown.
-- Returns {'duplicate'} | {'busy'} | {'ok', allowed, warn, state, data, identity, stored_at}.
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'duplicate'} end
local holder = redis.call('GET', KEYS[1])
if holder then
  -- Each sending has a token of its own. If all had the same, a delayed copy could restore the token of an attempt whose
  -- lease has expired, and that attempt's commit would overwrite the next holder's.
  local own = false
  for i = 6, #ARGV do own = own or holder == ARGV[i] end
  if not own then
    -- More than a lease is left only if the clock was set back: the chat must not stay locked for so long.
    if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
    return {'busy'}
  end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local identity = redis.call('HMGET', KEYS[4], 'value', 'stored_at', 'role')
local role = identity[3] or 'unknown'
local burst, per_second = string.match(ARGV[4], role .. ':([%d.]+):([%d.]+);')
if not burst then burst, per_second = string.match(ARGV[4], 'unknown:([%d.]+):([%d.]+);') end
burst, per_second = tonumber(burst), tonumber(per_second)

local bucket = redis.call('HMGET', KEYS[5], 'tokens', 'at', 'warned_at')
-- The clock may have been set back: then no time has passed, and the warning is due.
local elapsed = math.max(0, now - (tonumber(bucket[2]) or now))
local since_warning = now - (tonumber(bucket[3]) or 0)
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + elapsed / 1000 * per_second)
local allowed, warn = 0, 0
if tokens >= 1 then
  allowed, tokens = 1, tokens - 1
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now)
elseif since_warning < 0 or since_warning >= tonumber(ARGV[5]) then
  warn = 1
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now, 'warned_at', now)
else
  redis.call('HSET', KEYS[5], 'tokens', tokens, 'at', now)
end
redis.call('PEXPIRE', KEYS[5], math.max(tonumber(ARGV[5]), math.ceil(burst / per_second * 1000)))

local fsm = redis.call('HMGET', KEYS[3], 'state', 'data')
return {'ok', allowed, warn, fsm[1], fsm[2], identity[1], identity[2]}
