-- Renew a chat lock that is still held.  KEYS: chat lock.  ARGV: lock token, lease in ms.  Returns 1 renewed, 0 lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
