-- Renew the lease of this sender.  KEYS: lease.  ARGV: token, seconds.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return 0
