-- Stops or resumes buying for a campaign, an account or everything, as a person asks; it acts at the next claim and send.
-- Polling and collecting go on. A resume clears what had parked the campaign or account, and goes on with a probe:
-- one job at a time until one ends well (an account: until one submit is answered), and parked again by one more failure.
-- ARGV 1 epoch  2 pause or resume  3 campaign, account or everything  4 name
-- ->   1 when it is known, 0 for a campaign that the ledger does not have
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local pause, place, name = ARGV[2] == 'pause', ARGV[3], ARGV[4]

local function resume_account(account)
  local at = PREFIX .. 'a:' .. account
  local kind = redis.call('HGET', at, 'parked_kind')
  if not kind then return end
  redis.call('HDEL', at, 'parked_kind', 'parked')
  redis.call('HSET', at, 'probe', 1)
  if kind == 'breaker' then redis.call('HSET', at, 'lost_streak', LOST_IN_A_ROW - 1) end
  -- What was left has changed, if a person says so: the next video tells.
  if kind == 'credit_floor' then redis.call('HDEL', at, 'credits', 'credits_ms') end
end

if place == 'everything' then
  if pause then redis.call('HSET', PREFIX .. 'meta', 'paused', 1) else redis.call('HDEL', PREFIX .. 'meta', 'paused') end
  return 1
end
if place == 'account' then
  if pause then
    redis.call('HSET', PREFIX .. 'a:' .. name, 'paused', 1)
  else
    redis.call('HDEL', PREFIX .. 'a:' .. name, 'paused')
    resume_account(name)
  end
  return 1
end
local key = PREFIX .. 'c:' .. name
local held = redis.call('HMGET', key, 'account', 'parked_kind', 'state')
if not held[1] then return 0 end
if pause then
  if held[3] ~= 'cancelled' then redis.call('HSET', key, 'state', 'paused') end
  leave_turns(name)
  return 1
end
redis.call('HSET', key, 'state', 'running')
redis.call('HDEL', key, 'parked_kind', 'parked')
if held[2] == 'breaker' then
  redis.call('HSET', key, 'probe', 1, 'streak', BAD_IN_A_ROW - 1)
  redis.call('HDEL', key, 'recent')
end
each_account(name, resume_account)
rejoin_turns(name)
return 1
