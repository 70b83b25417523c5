-- Queue a broadcast; repeating it changes nothing.  KEYS: record, queue.  ARGV: id, then field and value in turns.
-- Returns 1 when it was queued by this call, else 0.
if redis.call('HEXISTS', KEYS[1], 'failed') == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('RPUSH', KEYS[2], ARGV[1])
return 1
