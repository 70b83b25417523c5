-- Remember when an update was first delivered.  KEYS: the update's key.  ARGV: how long to keep it, in ms.
-- Returns how long ago that was, in ms.  Redis' clock alone counts: those of two replicas may differ.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local first = redis.call('GET', KEYS[1])
if first then return math.max(0, now - tonumber(first)) end
redis.call('SET', KEYS[1], string.format('%d', now), 'PX', ARGV[1])
return 0
