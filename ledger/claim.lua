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

-- Whether a claim of so much, for a job of that set of budgets, stays under every cap: 'no' where only the end of a day or month makes room for it, or a
-- higher cap ({period, budget, ...} says which), 'wait' where what is under way may still cost less.
local function affordable(number, price)
  if #caps == 0 then return 'yes' end
  -- Nobody has told to which budgets it counts.
  if not number then return 'wait' end
  local answer = 'yes'
  for budget in string.gmatch(redis.call('HGET', PREFIX .. 'sets', number), '[^\t]+') do
    for _, period in ipairs({'day', 'month'}) do
      local cap, when = caps[period .. ' ' .. budget], period == 'day' and today or string.sub(today, 1, 7)
      if cap then
        local sums = redis.call('HMGET', PREFIX .. 'b:' .. when .. ':' .. budget, 'before', 'spent', 'doubt', 'reserved')
        local gone = tonumber(sums[1] or '0') + tonumber(sums[2] or '0') + tonumber(sums[3] or '0')
        if gone + price > cap then return 'no', {period = period, when = when, budget = budget, cap = cap, left = cap - gone - tonumber(sums[4] or '0'), price = price, ends_ms = end_of(period, now)} end
        if gone + tonumber(sums[4] or '0') + price > cap then answer = 'wait' end
      end
    end
  end
  return answer
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

local claimed, skipped = {}, {}
while room > 0 do
  local name = redis.call('ZRANGE', turns, 0, 0)[1]
  if not name then break end
  local campaign = PREFIX .. 'c:' .. name
  local money = redis.call('HMGET', campaign, 'state', 'parked_kind', 'budget', 'reserved', 'spent', 'doubt', 'probe', 'set', 'short')
  local id = redis.call('ZRANGE', PREFIX .. 'q:' .. name, 0, 0)[1]
  if money[1] ~= 'running' or money[2] or not id then
    redis.call('ZREM', turns, name)
  else
    local wanted = redis.call('HMGET', PREFIX .. 'j:' .. id, 'price', 'set')
    local price, set = tonumber(wanted[1]), wanted[2] or money[8]
    local afford, cap = affordable(set, price)
    local budget = tonumber(money[3] or '') or math.huge
    local gone = tonumber(money[5] or '0') + tonumber(money[6] or '0')
    local model, free = model_of(id)
    if gone + price > budget then
      park(campaign, 'budget', 'the budget is spent: the next video would pass it')
      redis.call('ZREM', turns, name)
    elseif afford == 'no' then
      -- It waits for its cap apart from all that take turns, however many campaigns do.
      redis.call('HSET', campaign, 'short', cjson.encode(cap))
      redis.call('ZADD', PREFIX .. 'short', int(cap.ends_ms), name)
      redis.call('ZREM', turns, name)
    elseif afford == 'wait' or gone + tonumber(money[4] or '0') + price > budget or (money[7] and under_way(campaign) > 0) then
      -- Running renders may still cost less than was reserved, and a probe tells whether buying may go on: their end
      -- decides, so this turn is passed over.
      skipped[#skipped + 1] = {redis.call('ZSCORE', turns, name), name}
      redis.call('ZREM', turns, name)
    elseif not free then
      -- Its model's slots are taken, and within a campaign the order holds: others may pass.
      skipped[#skipped + 1] = {redis.call('ZSCORE', turns, name), name}
      redis.call('ZREM', turns, name)
    else
      -- The first write must be one that a full Redis refuses, or all that follows is let through: nothing is deleted in vain.
      local job = PREFIX .. 'j:' .. id
      if set then redis.call('HSET', job, 'purse', today .. ' ' .. set) end
      if money[9] and money[9] ~= '' then
        redis.call('HSET', campaign, 'short', '')
        redis.call('ZREM', PREFIX .. 'short', name)
      end
      if model then redis.call('HSET', job, 'part', model) elseif redis.call('HEXISTS', job, 'part') == 1 then redis.call('HDEL', job, 'part') end
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
for _, pair in ipairs(skipped) do redis.call('ZADD', turns, pair[1], pair[2]) end
return claimed
