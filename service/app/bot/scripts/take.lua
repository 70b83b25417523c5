-- Take the next recipient; repeating a take returns the same recipient.
-- KEYS: lease, record, pending, sending, takes.  ARGV: token, number of the take, which grows with each take.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end
local last = redis.call('HMGET', KEYS[2], 'taker', 'take', 'taken')
if last[1] == ARGV[1] then
  if last[2] == ARGV[2] then return last[3] ~= '' and last[3] or false end
  -- A delayed copy of an earlier take: nobody waits for its reply any more.
  if tonumber(ARGV[2]) < tonumber(last[2]) then return false end
end
local recipient = redis.call('LPOP', KEYS[3])
if recipient then
  redis.call('SADD', KEYS[4], recipient)
  redis.call('HSET', KEYS[5], recipient, ARGV[1] .. ':' .. ARGV[2])
end
redis.call('HSET', KEYS[2], 'taker', ARGV[1], 'take', ARGV[2], 'taken', recipient or '')
return recipient
