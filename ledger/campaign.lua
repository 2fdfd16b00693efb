-- Opens a campaign or takes it up again: its counters stay, its budget and run are the newest. A spent budget that was raised buys again,
-- and so does an account that was out of credit or had its key refused.
-- ARGV 1 epoch  2 campaign  3 account  4 budget in micro-USD (empty: none)  then field, value pairs (budgets: names of those that its jobs
--      count to, with tabs between; accounts and deadline where it has them)
-- ->   1 when it is new, 0 when it was known
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local name, account, key = ARGV[2], ARGV[3], PREFIX .. 'c:' .. ARGV[2]
local fresh = redis.call('EXISTS', key) == 0
redis.call('HDEL', key, 'accounts', 'deadline')
redis.call('HSET', key, 'account', account, 'budget', ARGV[4], unpack(ARGV, 5))
local names = redis.call('HGET', key, 'budgets')
if names then redis.call('HSET', key, 'set', set_number(names)) end
if fresh then
  redis.call('HSETNX', key, 'state', 'running')
  redis.call('HSETNX', key, 'created_ms', int(now_ms()))
  redis.call('ZADD', PREFIX .. 'campaigns', redis.call('HGET', key, 'created_ms'), name)
end
local parked = redis.call('HGET', key, 'parked_kind')
if parked == 'budget' then
  redis.call('HDEL', key, 'parked_kind', 'parked')
  parked = nil
end
-- The same command goes on after a top-up or with a mended key: one submit tells whether that is so.
each_account(name, function(each)
  local at = PREFIX .. 'a:' .. each
  local kind = redis.call('HGET', at, 'parked_kind')
  if kind == 'credit_floor' then redis.call('HDEL', at, 'credits', 'credits_ms') end
  if kind == 'out_of_credit' or kind == 'credit_floor' or kind == 'key_refused' then
    redis.call('HDEL', at, 'parked_kind', 'parked')
    redis.call('HSET', at, 'probe', 1)
  end
end)
if not parked and redis.call('HGET', key, 'state') == 'running' then rejoin_turns(name) end
return fresh and 1 or 0
