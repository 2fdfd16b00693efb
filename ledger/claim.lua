-- Admits queued jobs of one account: a slot and the money are taken, a lease begins. Campaigns take turns by their shares: who has had least for its share is next.
-- First all is read and chosen, then all is written: what has been chosen before counts here before it is written.
-- ARGV 1 epoch  2 account  3 most jobs (of more than 1,000 the rest waits for the next claim)  4 lease in ms  5 admission JSON {part (of the gate, for the account), slots, own (the slots are the
--      owner's, and only ever lowered), floor (of the balance), models: {"<mode>/<model>": {key, slots}}, money (bool: shares are of money, else of videos)};
--      absent: no limit
--      6 look-ahead in ms  7 most jobs claimed and not yet sent, over all workers
-- ->   {id, fence, id, fence, ...}
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local epoch, account = ARGV[1], ARGV[2]
local at = PREFIX .. 'a:' .. account
local turns = PREFIX .. 'turns:' .. account
local now = now_ms()
local held = redis.call('HMGET', at, 'parked_kind', 'hold_ms', 'n:claimed', 'paused', 'probe', 'n:submitting', 'credits', 'turn')
if halted() or held[1] or held[4] or tonumber(held[2] or '0') > now then return {} end
local waiting = tonumber(held[3] or '0')
local room = math.min(tonumber(ARGV[3]), tonumber(ARGV[7]) - waiting, 1000)
if held[5] then room = math.min(room, 1 - waiting - tonumber(held[6] or '0')) end
local limits = cjson.decode(ARGV[5])
local slots = slots_now(at, limits)
if slots then room = math.min(room, slots - redis.call('SCARD', PREFIX .. 'slots:' .. account)) end
room = math.min(room, sends_ahead(account, limits.part, tonumber(ARGV[6])) - waiting)
local left = tonumber(held[7] or '')
if limits.floor and left and left < limits.floor then
  park(at, 'credit_floor', 'the balance of ' .. left .. ' is below the floor of ' .. limits.floor .. ' that is set for the account')
  return {}
end
ask_anew(now)
local changes = no_changes()
local caps, today = redis.call('HGETALL', PREFIX .. 'caps'), date_of(now)
for i = 1, #caps, 2 do caps[caps[i]] = tonumber(caps[i + 1]) end

-- What a cap has had in its present day or month: {gone (for good, or in doubt), reserved, when (which day or month)}.
local seen = {}
local function had(cap)
  if not seen[cap] then
    local period, budget = string.match(cap, '^(%S+) (.*)$')
    local when = period == 'day' and today or string.sub(today, 1, 7)
    local sums = redis.call('HMGET', PREFIX .. 'b:' .. when .. ':' .. budget, 'before', 'spent', 'doubt', 'reserved')
    seen[cap] = {gone = tonumber(sums[1] or '0') + tonumber(sums[2] or '0') + tonumber(sums[3] or '0'), reserved = tonumber(sums[4] or '0'), when = when}
  end
  return seen[cap]
end

-- Visits the caps that a set of budgets stands under.
local PERIODS = {'day', 'month'}
local function each_cap(number, visit)
  for _, budget in ipairs(budgets_of(number)) do
    for _, period in ipairs(PERIODS) do
      local cap = period .. ' ' .. budget
      if caps[cap] then visit(cap, period, budget) end
    end
  end
end

-- Whether a claim of so much, for a job of that set of budgets, stays under every cap: 'no' where only the end of a day or month makes room for it, or a
-- higher cap ({period, budget, ...} says which), 'wait' where what is under way may still cost less (with the cap that waits, if it is known).
local function affordable(number, price)
  if #caps == 0 then return 'yes' end
  -- Nobody has told to which budgets it counts.
  if not number then return 'wait' end
  local short, waits = nil, nil
  each_cap(number, function(cap, period, budget)
    local sums, most = had(cap), caps[cap]
    if short then return end
    if sums.gone + price > most then
      short = {period = period, when = sums.when, budget = budget, cap = most, left = most - sums.gone - sums.reserved, price = price, ends_ms = end_of(period, now)}
    elseif sums.gone + sums.reserved + price > most then waits = cap end
  end)
  if short then return 'no', short end
  return waits and 'wait' or 'yes', waits
end

-- Campaigns that wait for money under way stand apart, however many they are, each at its place. The first of them are looked at again: they take
-- turns once there is room for them, or never will be.
local LOOKED_AT = 16
local apart = PREFIX .. 'waiting:' .. account
local function waits_of(cap) return PREFIX .. 'waits:' .. account .. ':' .. cap end
for _, cap in ipairs(redis.call('SMEMBERS', apart)) do
  local first, most = redis.call('ZRANGE', waits_of(cap), 0, LOOKED_AT - 1, 'WITHSCORES'), caps[cap] or math.huge
  for i = 1, #first, 2 do
    local price = tonumber(redis.call('HGET', PREFIX .. 'c:' .. first[i], 'waits'))
    if had(cap).gone + had(cap).reserved + price <= most or had(cap).gone + price > most then
      redis.call('ZADD', turns, 'NX', first[i + 1], first[i])
      redis.call('ZREM', waits_of(cap), first[i])
    end
  end
  if #first == 0 then later(changes, 'SREM', apart, cap) end
end

-- Campaigns in the order of their turns, each {name, campaign (its key), place}, read a page at a time as far as is needed: `ahead` is the first that was not
-- asked yet, and `again` are those that were given something and may be asked again. Whoever is passed over keeps the place; who leaves is `gone`.
local PAGE = 16
local order, ahead, all_read, again = {}, 1, false, {}
local function next_turn()
  if not order[ahead] and not all_read then
    local more = redis.call('ZRANGE', turns, #order, #order + PAGE - 1, 'WITHSCORES')
    for i = 1, #more, 2 do order[#order + 1] = {name = more[i], campaign = PREFIX .. 'c:' .. more[i], place = tonumber(more[i + 1])} end
    all_read = #more < 2 * PAGE
  end
  local first = order[ahead]
  for _, turn in ipairs(again) do
    if not turn.out and (not first or turn.place < first.place or (turn.place == first.place and turn.name < first.name)) then first = turn end
  end
  return first
end
local function asked(turn) if turn == order[ahead] then ahead = ahead + 1 end end
local function pass(turn)
  asked(turn)
  turn.out = true
end
local function leave(turn)
  pass(turn)
  turn.gone = true
end

-- What is known of a campaign whose turn it is; `reserved` grows with what is chosen here.
local function read_campaign(turn)
  local held = redis.call('HMGET', turn.campaign, 'state', 'parked_kind', 'budget', 'reserved', 'spent', 'doubt', 'probe', 'set', 'short', 'accounts',
                          'deadline', 'account', 'weight', 'priority')
  turn.buys = held[1] == 'running' and not held[2]
  turn.budget, turn.reserved = tonumber(held[3] or '') or math.huge, tonumber(held[4] or '0')
  turn.spent = tonumber(held[5] or '0') + tonumber(held[6] or '0')
  turn.probe, turn.set, turn.short = held[7], held[8], held[9]
  turn.accounts, turn.deadline = held[10], tonumber(held[11] or '')
  turn.share = tonumber(held[13] or '1') * 2 ^ tonumber(held[14] or '0')
  turn.queue = {}
  -- A plain queue is served at the first account alone.
  if turn.buys and (not held[10] or held[12] == account) then turn.queue = redis.call('ZRANGE', queue_of(turn.name), 0, room - 1) end
end

local function read_job(id)
  local held = redis.call('HMGET', PREFIX .. 'j:' .. id, 'campaigns', 'account', 'price', 'part', 'purse', 'lane', 'set', 'sends', 'turn')
  return {id = id, campaigns = held[1], account = held[2], cost = tonumber(held[3]), part = held[4], purse = held[5], lane = held[6], set = held[7],
          sends = tonumber(held[8] or '0'), turn = tonumber(held[9] or '0')}
end

-- The campaign's next job for this account, at the `cost` that it has here, and its `choice` where it has one of several accounts. Without any: whether
-- there are some that this account may not buy yet.
local function next_job(turn)
  if turn.queue[1] then return read_job(turn.queue[1]) end
  if not turn.accounts then return nil end
  if turn.choices == nil then turn.choices = choices_of(turn.name, account, turn.deadline, now) or false end
  local best = turn.choices and next_choice(turn.name, turn.choices)
  if not best then return nil, turn.choices and true end
  local job = read_job(best.id)
  job.cost, job.choice = best.lane.price[account], best.lane
  return job
end

-- The key of a job's model where that has limits of its own, and whether it has a slot free.
local taken = {}
local function model_of(job)
  if not limits.models then return nil, true end
  local render = cjson.decode(redis.call('HGET', PREFIX .. 'j:' .. job.id, 'job')).render
  local model = render and limits.models[render.mode .. '/' .. render.model]
  if not model then return nil, true end
  taken[model.key] = taken[model.key] or redis.call('SCARD', PREFIX .. 'slots:' .. account .. model.key)
  return model.key, not model.slots or taken[model.key] < model.slots
end

-- The campaign has had so much: its place moves on by that over its share, and time on to where it stood. Whoever waited does not catch up.
local served = tonumber(held[8] or '0')
local function take_turn(turn, much)
  served = math.max(turn.place, served)
  asked(turn)
  if not turn.moved then table.insert(again, turn) end
  turn.place, turn.moved = served + much / turn.share, true
end

-- Jobs of a campaign that are alike are counted together, as a rule all that follow each other.
local groups = {}
local function group_of(turn, job)
  local last = turn.group
  if last and last.campaigns == job.campaigns and last.account == job.account and last.part == job.part and last.purse == job.purse
    and last.lane == job.lane then return last end
  turn.group = {ids = {}, uusd = 0, campaigns = job.campaigns, account = job.account, part = job.part, purse = job.purse, lane = job.lane}
  table.insert(groups, turn.group)
  return turn.group
end

-- Jobs of a campaign between their claim and their end.
local function under_way(turn)
  local sum = 0
  for state in pairs(MONEY) do
    if state ~= 'unknown' then sum = sum + tonumber(redis.call('HGET', turn.campaign, 'n:' .. state) or '0') end
  end
  for _, group in ipairs(groups) do
    each_campaign(group.campaigns, function(name) if name == turn.name then sum = sum + #group.ids end end)
  end
  return sum
end

-- The job is claimed: under a new fence, and, where it had a choice, here from now on and at this account's price.
local claimed, due = {}, {}
local function take(turn, job, set, model)
  local key, fence = PREFIX .. 'j:' .. job.id, fence_of(epoch, job.turn + 1)
  if set then
    job.purse = today .. ' ' .. set
    if #caps > 0 then each_cap(set, function(cap) had(cap).reserved = had(cap).reserved + job.cost end) end
  end
  local purse = job.purse and {'purse', job.purse} or {}
  later(changes, 'HSET', key, 'state', 'claimed', 'fence', fence, 'turn', job.turn + 1, 'sends', job.sends + 1, unpack(purse))
  if model then
    later(changes, 'HSET', key, 'part', model)
    taken[model] = taken[model] + 1
  elseif job.part then later(changes, 'HDEL', key, 'part') end
  job.part = model
  if job.choice then
    later(changes, 'HSET', key, 'account', account, 'price', int(job.cost), 'why', job.choice.why)
    add(changes, PREFIX .. 'a:' .. job.account, 'n:queued', -1)
    add(changes, at, 'n:queued', 1)
    job.account = account
    chosen(job.choice)
  else table.remove(turn.queue, 1) end
  local group = group_of(turn, job)
  group.ids[#group.ids + 1], group.uusd = job.id, group.uusd + job.cost
  due[#due + 1], due[#due + 2] = int(now + tonumber(ARGV[4])), job.id
  claimed[#claimed + 1], claimed[#claimed + 2] = job.id, fence
  if turn.short and turn.short ~= '' then
    later(changes, 'HSET', turn.campaign, 'short', '')
    later(changes, 'ZREM', PREFIX .. 'short', turn.name)
    turn.short = nil
  end
  turn.reserved = turn.reserved + job.cost
  take_turn(turn, limits.money and job.cost / 1000000 or 1)
end

while room > 0 do
  local turn = next_turn()
  if not turn then break end
  if not turn.queue then read_campaign(turn) end
  local job, not_yet = nil, nil
  if turn.buys then job, not_yet = next_job(turn) end
  if not_yet then
    -- Others are to buy these, as long as they can.
    pass(turn)
  elseif not job then
    leave(turn)
  else
    local price, choice, set = job.cost, job.choice, job.set or turn.set
    local afford, cap = affordable(set, price)
    -- Another account asks less, and what is left may do for that.
    local dearer = choice and price > choice.price[choice.least]
    local model, free = model_of(job)
    if dearer and (afford == 'no' or turn.spent + price > turn.budget) then
      pass(turn)
    elseif turn.spent + price > turn.budget then
      park(turn.campaign, 'budget', 'the budget is spent: the next video would pass it')
      leave(turn)
    elseif afford == 'no' then
      -- It waits for its cap apart from all that take turns, however many campaigns do.
      later(changes, 'HSET', turn.campaign, 'short', cjson.encode(cap))
      later(changes, 'ZADD', PREFIX .. 'short', int(cap.ends_ms), turn.name)
      -- Where it has a choice, another account may have a job that costs less.
      if choice then pass(turn) else leave(turn) end
    elseif afford == 'wait' and cap and not choice then
      later(changes, 'HSET', turn.campaign, 'waits', int(price))
      later(changes, 'ZADD', waits_of(cap), string.format('%.6f', turn.place), turn.name)
      later(changes, 'SADD', apart, cap)
      leave(turn)
    elseif afford == 'wait' or turn.spent + turn.reserved + price > turn.budget or (turn.probe and under_way(turn) > 0) then
      -- Running renders may still cost less than was reserved, and a probe tells whether buying may go on: their end
      -- decides, so this turn is passed over.
      pass(turn)
    elseif not free then
      -- Its model's slots are taken, and within a campaign the order holds: others may pass.
      pass(turn)
    else
      take(turn, job, set, model)
      room = room - 1
    end
  end
end

for _, group in ipairs(groups) do note_shift(changes, group.ids, group, group.uusd, 'queued', 'claimed') end
for _, turn in ipairs(order) do
  if turn.gone then later(changes, 'ZREM', turns, turn.name)
  elseif turn.moved then later(changes, 'ZADD', turns, string.format('%.6f', turn.place), turn.name) end
end
if #claimed > 0 then
  later(changes, 'ZADD', PREFIX .. 'due:' .. account, unpack(due))
  later(changes, 'HSET', at, 'turn', string.format('%.6f', served))
end
write(changes)
return claimed
