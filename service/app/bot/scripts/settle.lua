-- Record the outcome of one take; repeating it changes nothing.
-- KEYS: record, sending, pending, doubt, takes.  ARGV: recipient, outcome, token and number of the take.
-- A recipient that was taken again since belongs to the later take: an outcome must not put it back a second time.
if redis.call('HGET', KEYS[5], ARGV[1]) ~= ARGV[3] then return 0 end
redis.call('HDEL', KEYS[5], ARGV[1])
-- It is in `doubt` where another sender has recovered the broadcast meanwhile.
if redis.call('SREM', KEYS[2], ARGV[1]) + redis.call('SREM', KEYS[4], ARGV[1]) == 0 then return 0 end
if ARGV[2] == 'pending' then redis.call('LPUSH', KEYS[3], ARGV[1])
elseif ARGV[2] == 'doubt' then redis.call('SADD', KEYS[4], ARGV[1])
else redis.call('HINCRBY', KEYS[1], ARGV[2], 1) end
return 1
