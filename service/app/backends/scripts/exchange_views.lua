-- Publish a replica's view of the backends and read those of all live replicas.
-- KEYS: the hash of views, one field per replica.
-- ARGV: replica, view, after how many ms without a publication a replica is not live, most replicas to return.
-- Returns replica, age in ms, view, replica, age in ms, view, ...  Redis' clock alone counts, not those of the replicas.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d %s', now, ARGV[2]))
-- Removes the hash of a bot that no replica serves any more.
redis.call('PEXPIRE', KEYS[1], ARGV[3] * 2)
local fields, live = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #fields, 2 do
  local at, view = string.match(fields[i + 1], '^(%d+) (.*)$')
  local age = at and now - tonumber(at)
  if not age or age > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], fields[i])
  elseif #live < ARGV[4] * 3 then
    live[#live + 1] = fields[i]
    live[#live + 1] = tostring(age)
    live[#live + 1] = view
  end
end
return live
