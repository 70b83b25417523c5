-- Finish an update: write what changed, remember the update, free the lane. Only for the holder of the lane.
-- KEYS: lane, done, fsm, ident, rl.
-- ARGV: update id, token, done TTL ms, forget 0|1, fsm 0|1, state, data, fsm TTL ms, ident 0|1, value, role, ident TTL ms.
-- Returns 1 written, 2 was written before, 0 the lane belongs to someone else.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
  -- Either the answer to this very commit was lost, or another replica took over and finished.
  if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 2 end
  return 0
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- By time of commit, not by id: a queue that lags must not be pushed out by one that is ahead.
redis.call('ZADD', KEYS[2], now, ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -33)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if ARGV[4] == '1' then redis.call('DEL', KEYS[3], KEYS[4], KEYS[5]) end
if ARGV[5] == '1' then
  if ARGV[6] == '' and ARGV[7] == '' then
    redis.call('DEL', KEYS[3])
  else
    redis.call('HSET', KEYS[3], 'state', ARGV[6], 'data', ARGV[7])
    redis.call('PEXPIRE', KEYS[3], ARGV[8])
  end
end
if ARGV[9] == '1' then
  redis.call('HSET', KEYS[4], 'value', ARGV[10], 'stored_at', now, 'role', ARGV[11])
  redis.call('PEXPIRE', KEYS[4], ARGV[12])
end
redis.call('DEL', KEYS[1])
return 1
