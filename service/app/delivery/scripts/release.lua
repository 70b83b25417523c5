-- Give a lane back without finishing the update.  KEYS: lane.  ARGV: token.
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
