-- Remember that a chat or topic refuses messages.  KEYS: marks, version.  ARGV: mark, seconds, most marks.
-- Returns 1 for a new mark, 0 for one that is remembered already: only the first is counted.
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local expires = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
-- More than its time is left only if the clock was set back.
if expires > now and expires <= now + ARGV[2] then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(ARGV[3] + 1))
redis.call('SET', KEYS[2], clock[1] .. '.' .. clock[2], 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
