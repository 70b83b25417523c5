-- Move the recipients that nobody sends to any more into `doubt`.  KEYS: lease, sending, doubt.  ARGV: token.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end
local left = redis.call('SMEMBERS', KEYS[2])
for _, recipient in ipairs(left) do redis.call('SMOVE', KEYS[2], KEYS[3], recipient) end
return #left
