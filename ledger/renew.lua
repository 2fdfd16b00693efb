-- A living worker's heartbeat: it is here, and the leases of the jobs in its hands are stretched.
-- ARGV 1 epoch  2 worker  3 lease in ms  then for each job: id, fence
-- ->   the number of leases stretched
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local now, stretched = now_ms(), 0
redis.call('ZADD', PREFIX .. 'workers', int(now), ARGV[2])
-- Whoever was not heard of for an hour is not remembered: a fleet that restarts often would fill the list.
redis.call('ZREMRANGEBYSCORE', PREFIX .. 'workers', '-inf', int(now - 3600000))
for i = 4, #ARGV, 2 do
  local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[i], 'fence', 'account', 'state')
  if job[1] == ARGV[i + 1] and (job[3] == 'claimed' or job[3] == 'submitting' or job[3] == 'rendering' or job[3] == 'collecting') then
    redis.call('ZADD', PREFIX .. 'due:' .. job[2], 'GT', int(now + tonumber(ARGV[3])), ARGV[i])
    stretched = stretched + 1
  end
end
return stretched
