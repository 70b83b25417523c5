-- Forget that a chat and its topics refuse messages.  KEYS: marks, version.  ARGV: chat, seconds.
local clock = redis.call('TIME')
for _, mark in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.match(mark, '^[^:]+') == ARGV[1] then redis.call('ZREM', KEYS[1], mark) end
end
redis.call('SET', KEYS[2], clock[1] .. '.' .. clock[2], 'EX', ARGV[2])
return 1
