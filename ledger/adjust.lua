-- A person changes a campaign's share or budget; it acts at the next claim of any worker.
-- ARGV 1 epoch  2 campaign  3 weight  4 priority  5 budget in micro-USD  (empty: as it was)
-- ->   1, or 0 for a campaign that the ledger does not have
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local name, key = ARGV[2], PREFIX .. 'c:' .. ARGV[2]
local held = redis.call('HMGET', key, 'account', 'state', 'parked_kind')
if not held[1] then return 0 end
for number, field in ipairs({'weight', 'priority', 'budget'}) do
  if ARGV[number + 2] ~= '' then redis.call('HSET', key, field, ARGV[number + 2]) end
end
if ARGV[5] ~= '' and held[3] == 'budget' then
  -- Whether it is enough now is asked anew.
  redis.call('HDEL', key, 'parked_kind', 'parked')
  if held[2] == 'running' then rejoin_turns(name) end
end
return 1
