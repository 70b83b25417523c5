-- Keep a lane that is still ours.  KEYS: lane.  ARGV: token, lease in ms.  Returns 1 kept, 0 lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
