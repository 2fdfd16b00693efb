-- Cancels a campaign: from the first call on it buys nothing. Its queued jobs leave it, at most so many a call: to the next campaign
-- that wants them and buys at the same accounts, else they are cancelled. What the provider has is tried to be cancelled there.
-- ARGV 1 epoch  2 campaign  3 most jobs
-- ->   {cancelled, handed over, jobs that are still queued, renders that only it wants}; {-1} for a campaign that the ledger does not have
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local name, key = ARGV[2], PREFIX .. 'c:' .. ARGV[2]
if redis.call('HEXISTS', key, 'account') == 0 then return {-1} end
redis.call('HSET', key, 'state', 'cancelled')
leave_turns(name)
local most, cancelled, handed, renders = tonumber(ARGV[3]), 0, 0, 0
for _, queue in ipairs(queues_of(name)) do
  for _, id in ipairs(redis.call('ZRANGE', queue, 0, most - cancelled - handed - 1)) do
    if hand_over(id, name) then
      handed = handed + 1
    else
      shift(id, 'queued', 'cancelled')
      cancelled = cancelled + 1
    end
  end
  if cancelled + handed >= most then break end
end
local left = waiting_in(name)
if left == 0 then
  each_account(name, function(account)
    for _, id in ipairs(redis.call('SMEMBERS', PREFIX .. 'slots:' .. account)) do
      local job = redis.call('HMGET', PREFIX .. 'j:' .. id, 'state', 'campaigns')
      if job[1] == 'rendering' and job[2] == name then
        -- The next look asks the provider to cancel it first.
        redis.call('HSET', PREFIX .. 'j:' .. id, 'unwanted', 1)
        set_due(account, id, now_ms())
        renders = renders + 1
      end
    end
  end)
end
return {cancelled, handed, left, renders}
