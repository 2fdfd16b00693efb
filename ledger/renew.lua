-- A living worker's heartbeat: it is here, what the accounts that it serves can do, and the leases of the jobs in its hands are stretched.
-- ARGV 1 epoch  2 worker  3 lease in ms  4 JSON {account: [gate, render_ms, tail_ms, whether these are learned]} (routes.lua)  then for each job: id, fence
-- ->   the number of leases stretched
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local now, stretched = now_ms(), 0
redis.call('ZADD', PREFIX .. 'workers', int(now), ARGV[2])
-- Whoever was not heard of for an hour is not remembered: a fleet that restarts often would fill the list.
redis.call('ZREMRANGEBYSCORE', PREFIX .. 'workers', '-inf', int(now - 3600000))
for account, able in pairs(cjson.decode(ARGV[4])) do
  local at = PREFIX .. 'a:' .. account
  local served = tonumber(redis.call('HGET', at, 'served_ms') or '0')
  if now - served > 5000 then redis.call('HSET', at, 'since_ms', int(now)) end
  redis.call('HSET', at, 'served_ms', int(now), 'gate', able[1])
  -- What was learned before a worker began stands until it has learned as much.
  if able[4] or redis.call('HEXISTS', at, 'render_ms') == 0 then redis.call('HSET', at, 'render_ms', able[2], 'tail_ms', able[3]) end
end
for i = 5, #ARGV, 2 do
  local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[i], 'fence', 'account', 'state')
  if job[1] == ARGV[i + 1] and (job[3] == 'claimed' or job[3] == 'submitting' or job[3] == 'rendering' or job[3] == 'collecting') then
    redis.call('ZADD', PREFIX .. 'due:' .. job[2], 'GT', int(now + tonumber(ARGV[3])), ARGV[i])
    stretched = stretched + 1
  end
end
return stretched
