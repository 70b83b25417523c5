-- Take send tokens from a bucket.  KEYS: the bucket.  ARGV: burst, per second, wanted.
-- Returns {granted, milliseconds until the next one}.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local burst, per_second, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
-- The clock may have been set back: then no time has passed.
local elapsed = math.max(0, now - (tonumber(bucket[2]) or now))
local tokens = math.min(burst, (tonumber(bucket[1]) or burst) + elapsed / 1000 * per_second)
-- A paused bucket has negative tokens.
local granted = math.max(0, math.min(wanted, math.floor(tokens)))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) / per_second * 1000) + 1000)
return {granted, math.ceil((1 - math.min(1, tokens)) / per_second * 1000)}
