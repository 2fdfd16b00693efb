-- The ground every script stands on: names of keys, Redis's own clock, and the one way in which a job changes its state.
-- It is put in front of each script; it reads no KEYS and no ARGV of its own.
--
-- wb:meta          hash  epoch, store, founded_ms
-- wb:j:<job>       hash  state, fence, turn, campaigns (buyer first, one a line), account, price (micro-USD), seq, job (JSON),
--                        sends, attempts, polls, task, submitted_ms, queued_ms, result, purchases, trouble, owed, moved
-- wb:c:<campaign>  hash  budget, reserved, spent, doubt (micro-USD), state, parked, parked_kind, n:<state>, unverified, recent, streak
-- wb:q:<campaign>  zset  queued jobs by seq
-- wb:a:<account>   hash  tat:<window>, hold_ms, factor, parked, parked_kind, lost_streak, n:<state>, credits ...
-- wb:slots:<account>   set   jobs that hold a slot
-- wb:due:<account>     zset  jobs by the instant (ms) at which someone must look at them
-- wb:rung:<account>    zset  ready jobs whose doorbell waits, by the instant (ms) at which it is rung again
-- wb:turns:<account>   zset  campaigns with queued jobs, least recently served first

local PREFIX = 'wb:'
local MONEY = {claimed = 'reserved', submitting = 'reserved', rendering = 'reserved', ready = 'reserved',
               collecting = 'reserved', unknown = 'doubt'}
local SLOT = {claimed = true, submitting = true, rendering = true, unknown = true}

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function int(number) return string.format('%d', number) end

-- A missing or foreign epoch is never taken for a fresh start.
local function foreign(epoch)
  return redis.call('HGET', PREFIX .. 'meta', 'epoch') ~= epoch
end

local function each_campaign(campaigns, visit)
  for name in string.gmatch(campaigns, '[^\n]+') do visit(name) end
end

local function buyer(campaigns) return string.match(campaigns, '^[^\n]+') end

-- Puts jobs (seq, id, ...) into a campaign's queue, and the campaign where turns are taken, unless it may not buy.
local function line_up(name, account, ...)
  redis.call('ZADD', PREFIX .. 'q:' .. name, ...)
  local campaign = redis.call('HMGET', PREFIX .. 'c:' .. name, 'state', 'parked_kind')
  if campaign[1] == 'running' and not campaign[2] then
    redis.call('ZADD', PREFIX .. 'turns:' .. account, 'NX', 0, name)
  end
end

-- All of a job's campaigns but one.
local function without(campaigns, name)
  local others = {}
  each_campaign(campaigns, function(each) if each ~= name then others[#others + 1] = each end end)
  return table.concat(others, '\n')
end

-- The job at `id` goes from one state to another: counters, money and slot follow from the two states alone.
local function shift(id, from, to)
  local key = PREFIX .. 'j:' .. id
  local job = redis.call('HMGET', key, 'campaigns', 'account', 'price', 'seq')
  local campaigns, account, price = job[1], job[2], job[3]
  each_campaign(campaigns, function(name)
    local campaign = PREFIX .. 'c:' .. name
    redis.call('HINCRBY', campaign, 'n:' .. from, -1)
    redis.call('HINCRBY', campaign, 'n:' .. to, 1)
  end)
  local at = PREFIX .. 'a:' .. account
  redis.call('HINCRBY', at, 'n:' .. from, -1)
  redis.call('HINCRBY', at, 'n:' .. to, 1)
  local payer = buyer(campaigns)
  if MONEY[from] ~= MONEY[to] then
    if MONEY[from] then redis.call('HINCRBY', PREFIX .. 'c:' .. payer, MONEY[from], int(-tonumber(price))) end
    if MONEY[to] then redis.call('HINCRBY', PREFIX .. 'c:' .. payer, MONEY[to], price) end
  end
  if SLOT[from] and not SLOT[to] then redis.call('SREM', PREFIX .. 'slots:' .. account, id) end
  if SLOT[to] then redis.call('SADD', PREFIX .. 'slots:' .. account, id) end
  if from == 'ready' then redis.call('ZREM', PREFIX .. 'rung:' .. account, id) end
  if to == 'queued' then
    line_up(payer, account, job[4], id)
  elseif from == 'queued' then
    redis.call('ZREM', PREFIX .. 'q:' .. payer, id)
  end
  redis.call('HSET', key, 'state', to)
  return payer, account
end

local function set_due(account, id, at_ms)
  if at_ms then redis.call('ZADD', PREFIX .. 'due:' .. account, int(at_ms), id)
  else redis.call('ZREM', PREFIX .. 'due:' .. account, id) end
end

-- A new fence: whoever holds the old one can no longer move the job.
local function new_fence(id, epoch)
  local fence = epoch .. ':' .. redis.call('HINCRBY', PREFIX .. 'j:' .. id, 'turn', 1)
  redis.call('HSET', PREFIX .. 'j:' .. id, 'fence', fence)
  return fence
end

-- Buying stops for a campaign or an account until a person resumes it; the first reason stays.
local function park(key, kind, reason)
  if redis.call('HEXISTS', key, 'parked_kind') == 0 then
    redis.call('HSET', key, 'parked_kind', kind, 'parked', reason)
  end
end

-- Three submits in a row without an answer: the account is parked before more money is put at risk.
local LOST_IN_A_ROW = 3
local function count_lost(account)
  local key = PREFIX .. 'a:' .. account
  local lost = redis.call('HINCRBY', key, 'lost_streak', 1)
  if lost >= LOST_IN_A_ROW then
    park(key, 'breaker', lost .. ' submits in a row got no answer, so nothing more is bought with this account')
  end
end

-- Token buckets as GCRA on Redis time: each window is {name, interval_ms, tolerance_ms}; factor < 1 after a 429.
-- Answers the milliseconds until a token is free in every window, and, when `take`, takes it if that is 0.
local function tokens_wait_ms(account_key, windows, take)
  local t = redis.call('TIME')
  local now = t[1] * 1000 + t[2] / 1000
  local factor = tonumber(redis.call('HGET', account_key, 'factor') or '1')
  local wait = 0
  for _, window in ipairs(windows) do
    local tat = tonumber(redis.call('HGET', account_key, 'tat:' .. window[1]) or '0')
    wait = math.max(wait, tat - window[3] - now)
  end
  if wait > 0 or not take then return math.max(0, wait) end
  for _, window in ipairs(windows) do
    local tat = tonumber(redis.call('HGET', account_key, 'tat:' .. window[1]) or '0')
    redis.call('HSET', account_key, 'tat:' .. window[1], string.format('%.3f', math.max(now, tat) + window[2] / factor))
  end
  return 0
end

-- How many tokens come free in the next `ahead_ms`.
local function tokens_ahead(account_key, windows, ahead_ms)
  local now = now_ms()
  local factor = tonumber(redis.call('HGET', account_key, 'factor') or '1')
  local least = math.huge
  for _, window in ipairs(windows) do
    local tat = math.max(now, tonumber(redis.call('HGET', account_key, 'tat:' .. window[1]) or '0'))
    least = math.min(least, math.floor((now + ahead_ms + window[3] - tat) / (window[2] / factor)) + 1)
  end
  return least
end
