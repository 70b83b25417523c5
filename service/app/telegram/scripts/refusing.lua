-- Return the chats that refuse messages, if they have changed.  KEYS: marks, version.  ARGV: the version known.
-- Returns nil if nothing has changed, else {version, mark, milliseconds left, mark, ...}.
local version = redis.call('GET', KEYS[2]) or ''
if version == ARGV[1] then return nil end
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local found = {version}
local marks = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES')
for i = 1, #marks, 2 do
  found[#found + 1] = marks[i]
  found[#found + 1] = math.floor((marks[i + 1] - now) * 1000)
end
return found
