-- Admits queued jobs of one account: a slot and the money are taken, a lease begins. Campaigns take turns by their shares: who has had least for its share is next.
-- ARGV 1 epoch  2 account  3 most jobs  4 lease in ms  5 admission JSON {part (of the gate, for the account), slots, own (the slots are the
--      owner's, and only ever lowered), floor (of the balance), models: {"<mode>/<model>": {key, slots}}, money (bool: shares are of money, else of videos)};
--      absent: no limit
--      6 look-ahead in ms  7 most jobs claimed and not yet sent, over all workers
-- ->   {id, fence, id, fence, ...}
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local epoch, account = ARGV[1], ARGV[2]
local at = PREFIX .. 'a:' .. account
local turns = PREFIX .. 'turns:' .. account
local now = now_ms()
local held = redis.call('HMGET', at, 'parked_kind', 'hold_ms', 'n:claimed', 'paused', 'probe', 'n:submitting')
if halted() or held[1] or held[4] or tonumber(held[2] or '0') > now then return {} end
local waiting = tonumber(held[3] or '0')
local room = math.min(tonumber(ARGV[3]), tonumber(ARGV[7]) - waiting)
if held[5] then room = math.min(room, 1 - waiting - tonumber(held[6] or '0')) end
local limits = cjson.decode(ARGV[5])
local slots = slots_now(at, limits)
if slots then room = math.min(room, slots - redis.call('SCARD', PREFIX .. 'slots:' .. account)) end
room = math.min(room, sends_ahead(account, limits.part, tonumber(ARGV[6])) - waiting)
local left = tonumber(redis.call('HGET', at, 'credits') or '')
if limits.floor and left and left < limits.floor then
  park(at, 'credit_floor', 'the balance of ' .. left .. ' is below the floor of ' .. limits.floor .. ' that is set for the account')
  return {}
end
ask_anew(now)
local caps, today = redis.call('HGETALL', PREFIX .. 'caps'), date_of(now)
for i = 1, #caps, 2 do caps[caps[i]] = tonumber(caps[i + 1]) end

-- What a cap has had in its present day or month: gone for good, or in doubt, and reserved; and which day or month that is.
local function had(period, budget)
  local when = period == 'day' and today or string.sub(today, 1, 7)
  local sums = redis.call('HMGET', PREFIX .. 'b:' .. when .. ':' .. budget, 'before', 'spent', 'doubt', 'reserved')
  return tonumber(sums[1] or '0') + tonumber(sums[2] or '0') + tonumber(sums[3] or '0'), tonumber(sums[4] or '0'), when
end

-- Whether a claim of so much, for a job of that set of budgets, stays under every cap: 'no' where only the end of a day or month makes room for it, or a
-- higher cap ({period, budget, ...} says which), 'wait' where what is under way may still cost less (with the cap that waits, if it is known).
local function affordable(number, price)
  if #caps == 0 then return 'yes' end
  -- Nobody has told to which budgets it counts.
  if not number then return 'wait' end
  local answer, waits = 'yes', nil
  for budget in string.gmatch(redis.call('HGET', PREFIX .. 'sets', number), '[^\t]+') do
    for _, period in ipairs({'day', 'month'}) do
      local cap = caps[period .. ' ' .. budget]
      if cap then
        local gone, reserved, when = had(period, budget)
        if gone + price > cap then return 'no', {period = period, when = when, budget = budget, cap = cap, left = cap - gone - reserved, price = price, ends_ms = end_of(period, now)} end
        if gone + reserved + price > cap then answer, waits = 'wait', period .. ' ' .. budget end
      end
    end
  end
  return answer, waits
end

-- Campaigns that wait for money under way stand apart, however many they are, each at its place. The first of them are looked at again: they take
-- turns once there is room for them, or never will be.
local LOOKED_AT = 16
local waiting = PREFIX .. 'waiting:' .. account
local function waits_of(cap) return PREFIX .. 'waits:' .. account .. ':' .. cap end
local function stand_apart(name, campaign, cap, price)
  redis.call('HSET', campaign, 'waits', int(price))
  redis.call('ZADD', waits_of(cap), redis.call('ZSCORE', turns, name), name)
  redis.call('SADD', waiting, cap)
  redis.call('ZREM', turns, name)
end
for _, cap in ipairs(redis.call('SMEMBERS', waiting)) do
  local gone, reserved = had(string.match(cap, '^(%S+) (.*)$'))
  local first, most = redis.call('ZRANGE', waits_of(cap), 0, LOOKED_AT - 1, 'WITHSCORES'), caps[cap] or math.huge
  for i = 1, #first, 2 do
    local price = tonumber(redis.call('HGET', PREFIX .. 'c:' .. first[i], 'waits'))
    if gone + reserved + price <= most or gone + price > most then
      redis.call('ZADD', turns, 'NX', first[i + 1], first[i])
      redis.call('ZREM', waits_of(cap), first[i])
    end
  end
  if #first == 0 then redis.call('SREM', waiting, cap) end
end

-- Jobs of a campaign between their claim and their end.
local function under_way(campaign)
  local sum = 0
  for state in pairs(MONEY) do
    if state ~= 'unknown' then sum = sum + tonumber(redis.call('HGET', campaign, 'n:' .. state) or '0') end
  end
  return sum
end

-- A campaign has had so much: its place moves on by that over its share, and time on to where it stood. Whoever waited does not catch up.
local function take_turn(name, campaign, much)
  local share = redis.call('HMGET', campaign, 'weight', 'priority')
  local stood = math.max(tonumber(redis.call('ZSCORE', turns, name)), tonumber(redis.call('HGET', at, 'turn') or '0'))
  local step = much / (tonumber(share[1] or '1') * 2 ^ tonumber(share[2] or '0'))
  redis.call('ZADD', turns, string.format('%.6f', stood + step), name)
  redis.call('HSET', at, 'turn', string.format('%.6f', stood))
end

-- The key of a job's model where that has limits of its own, and whether it has a slot free.
local function model_of(id)
  if not limits.models then return nil, true end
  local render = cjson.decode(redis.call('HGET', PREFIX .. 'j:' .. id, 'job')).render
  local model = render and limits.models[render.mode .. '/' .. render.model]
  if not model then return nil, true end
  local taken = redis.call('SCARD', PREFIX .. 'slots:' .. account .. model.key)
  return model.key, not model.slots or taken < model.slots
end

-- The campaign's next job for this account, {id, price, set, lane (where it has a choice of accounts)}; without any, whether there are some that
-- this account may not buy yet.
local routes = {}
local function next_job(name, campaign, accounts, deadline)
  local id = nil
  if not accounts or redis.call('HGET', campaign, 'account') == account then id = redis.call('ZRANGE', queue_of(name), 0, 0)[1] end
  if id then
    local wanted = redis.call('HMGET', PREFIX .. 'j:' .. id, 'price', 'set')
    return {id = id, price = tonumber(wanted[1]), set = wanted[2]}
  end
  if not accounts then return nil end
  if routes[name] == nil then routes[name] = choices_of(name, account, tonumber(deadline or ''), now) or false end
  local best = routes[name] and next_choice(name, routes[name])
  if not best then return nil, routes[name] and true end
  return {id = best.id, price = best.lane.price[account], set = redis.call('HGET', PREFIX .. 'j:' .. best.id, 'set'), lane = best.lane}
end

-- The job is bought here from now on, at this account's price.
local function route(id, lane)
  local job = PREFIX .. 'j:' .. id
  local was = redis.call('HGET', job, 'account')
  redis.call('HSET', job, 'account', account, 'price', int(lane.price[account]), 'why', lane.why)
  redis.call('HINCRBY', PREFIX .. 'a:' .. was, 'n:queued', -1)
  redis.call('HINCRBY', at, 'n:queued', 1)
  chosen(lane)
end

-- Whoever is passed over keeps the place; nothing is written for it.
local passed, passed_over = {}, 0
local function pass(name) passed[name], passed_over = true, passed_over + 1 end
local function next_turn()
  for _, name in ipairs(redis.call('ZRANGE', turns, 0, passed_over)) do
    if not passed[name] then return name end
  end
end

local claimed = {}
while room > 0 do
  local name = next_turn()
  if not name then break end
  local campaign = PREFIX .. 'c:' .. name
  local money = redis.call('HMGET', campaign, 'state', 'parked_kind', 'budget', 'reserved', 'spent', 'doubt', 'probe', 'set', 'short', 'accounts', 'deadline')
  local job, later = nil, nil
  if money[1] == 'running' and not money[2] then job, later = next_job(name, campaign, money[10], money[11]) end
  if later then
    -- Others are to buy these, as long as they can.
    pass(name)
  elseif not job then
    redis.call('ZREM', turns, name)
  else
    local id, price, lane, set = job.id, job.price, job.lane, job.set or money[8]
    local afford, cap = affordable(set, price)
    -- Another account asks less, and what is left may do for that.
    local dearer = lane and price > lane.price[lane.least]
    local budget = tonumber(money[3] or '') or math.huge
    local gone = tonumber(money[5] or '0') + tonumber(money[6] or '0')
    local model, free = model_of(id)
    if dearer and (afford == 'no' or gone + price > budget) then
      pass(name)
    elseif gone + price > budget then
      park(campaign, 'budget', 'the budget is spent: the next video would pass it')
      redis.call('ZREM', turns, name)
    elseif afford == 'no' then
      -- It waits for its cap apart from all that take turns, however many campaigns do.
      redis.call('HSET', campaign, 'short', cjson.encode(cap))
      redis.call('ZADD', PREFIX .. 'short', int(cap.ends_ms), name)
      -- Where it has a choice, another account may have a job that costs less.
      if lane then pass(name) else redis.call('ZREM', turns, name) end
    elseif afford == 'wait' and cap and not lane then
      stand_apart(name, campaign, cap, price)
    elseif afford == 'wait' or gone + tonumber(money[4] or '0') + price > budget or (money[7] and under_way(campaign) > 0) then
      -- Running renders may still cost less than was reserved, and a probe tells whether buying may go on: their end
      -- decides, so this turn is passed over.
      pass(name)
    elseif not free then
      -- Its model's slots are taken, and within a campaign the order holds: others may pass.
      pass(name)
    else
      -- The first write must be one that a full Redis refuses, or all that follows is let through: nothing is deleted in vain.
      local job = PREFIX .. 'j:' .. id
      if set then redis.call('HSET', job, 'purse', today .. ' ' .. set) end
      if money[9] and money[9] ~= '' then
        redis.call('HSET', campaign, 'short', '')
        redis.call('ZREM', PREFIX .. 'short', name)
      end
      if model then redis.call('HSET', job, 'part', model) elseif redis.call('HEXISTS', job, 'part') == 1 then redis.call('HDEL', job, 'part') end
      if lane then route(id, lane) end
      shift(id, 'queued', 'claimed')
      redis.call('HINCRBY', PREFIX .. 'j:' .. id, 'sends', 1)
      claimed[#claimed + 1] = id
      claimed[#claimed + 1] = new_fence(id, epoch)
      set_due(account, id, now + tonumber(ARGV[4]))
      take_turn(name, campaign, limits.money and price / 1000000 or 1)
      room = room - 1
    end
  end
end
return claimed
