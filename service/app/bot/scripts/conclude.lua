-- Note the end of a broadcast; repeating it changes nothing.  KEYS: lease, record, pending.  ARGV: token.
-- Returns -1 while recipients are left, 1 for the first call, 0 for later ones.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('LEASELOST') end
if redis.call('LLEN', KEYS[3]) > 0 then return -1 end
return redis.call('HSETNX', KEYS[2], 'concluded', 1)
