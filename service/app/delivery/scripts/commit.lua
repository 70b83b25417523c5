-- Commit an update: write what changed, remember the update, release the chat lock. Only for the lock holder.
-- KEYS: chat lock, done, fsm, ident, rl.
-- ARGV: update id, lock token, done TTL ms, forget 0|1, fsm 0|1, state, data, fsm TTL ms, ident 0|1, value, role, ident TTL ms.
-- Returns 1 written, 2 was written before, 0 another holds the lock.
if redis.call('GET', KEYS[1]) ~= ARGV[2] then
  -- Either the reply to this very commit was lost, or another replica took over and committed.
  if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 2 end
  return 0
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Ordered by time of commit, not by id: updates redelivered late have lower ids and must not be evicted first. Never
-- below the newest: after the clock was set back, a new update would be evicted as the oldest and handled again.
local newest = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local at = newest[2] and math.max(now, tonumber(newest[2]) + 1) or now
redis.call('ZADD', KEYS[2], at, ARGV[1])
-- Keep the last 32 of the chat and those of the last ten minutes, in which Telegram redelivers what timed out, however
-- many others came between; at most 2,000, some 100 kB.
local surplus = redis.call('ZCARD', KEYS[2]) - 32
local old = surplus > 0 and redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. (at - 600000)) or 0
local evicted = math.max(math.min(surplus, old), surplus - 1968)
if evicted > 0 then redis.call('ZREMRANGEBYRANK', KEYS[2], 0, evicted - 1) end
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
