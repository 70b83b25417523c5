-- Store one page of recipients; repeating it changes nothing.
-- KEYS: lease, record, pending.  ARGV: token, cursor before, cursor after, last page (0 or 1), unreachable, recipients.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end
local record = redis.call('HMGET', KEYS[2], 'after', 'loaded')
-- The last page does not move the cursor, so `loaded` tells that it is stored.
if record[1] ~= ARGV[2] or record[2] == '1' then return 0 end
redis.call('HSET', KEYS[2], 'after', ARGV[3], 'loaded', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'failed', ARGV[5])
for i = 6, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
return redis.call('HINCRBY', KEYS[2], 'total', #ARGV - 5 + ARGV[5])
