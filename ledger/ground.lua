-- The ground every script stands on: names of keys, Redis's own clock, and the one way in which a job changes its state.
-- It is put in front of each script; it reads no KEYS and no ARGV of its own.
--
-- wb:meta          hash  epoch, store, founded_ms, version, paused (nothing is bought), recovering (nor until that is done)
-- wb:j:<job>       hash  state, fence, turn, campaigns (buyer first, one a line), account, price (micro-USD), seq, job (JSON), lane and why (absent: it has one account),
--                        sends, granted, grant (its instant), part (its model's key), attempts, polls, task, submitted_ms, queued_ms, result, purchases, trouble, owed, moved,
--                        set (its budgets, where its row has labels of its own), set:<campaign> (the same of one that joined), purse (its last claim's: <date> <number of a set>),
--                        unwanted (cancel it at the provider), kind, ran_ms, look_ms (what its looks are planned by), hint_ms, hinted (a webhook came, and named this task), sent_ms, misses, missed_ms, held (a lost submit), surplus, doubted, revision
-- wb:c:<campaign>  hash  account, accounts (absent: that one; else one a line), deadline (ms; absent: none), budgets and set (their names, and the number of that set), short (which cap its next job would pass, JSON), weight and priority (its share of the account), budget, reserved, spent, doubt (micro-USD), state (running, paused, cancelled,
--                        recovering), parked, parked_kind, probe (one job at a time until one ends well), n:<state>, unverified, recent, streak, held, surplus
-- wb:sets          hash  sets of budgets (their names, with tabs between) by number, and numbers by set
-- wb:caps          hash  micro-USD by '<day or month> <budget>'; budgets of simulated money begin with simulated/
-- wb:b:<date>:<budget>   hash  reserved, spent, doubt (micro-USD): of what was claimed on that day (2026-11-29) or in that month (2026-11);
--                        before (what other ledgers had bought by then)
-- wb:short         zset  campaigns whose next job would pass a cap, by the instant (ms) at which its day or month ends
-- wb:waits:<account>:<day or month> <budget>  zset  campaigns that wait for money under way of that cap, by their place among the turns; waits in their hash
--                        is what their next job costs, and wb:waiting:<account> the set of such caps
-- wb:q:<campaign>[:<lane>]  zset  queued jobs by seq; a job that has a choice of accounts stands in a lane
-- wb:lane:<lane>   hash  what each account asks for a job of this lane (micro-USD); it has one for every choice that there is, and never changes
-- wb:lanes:<campaign>  set  lanes in which the campaign has had jobs
-- wb:joined:<campaign> set  campaigns that were to buy jobs which it wants too
-- wb:a:<account>   hash  the gates' (gates.lua), the routes' (routes.lua), hold_ms, paused, parked, parked_kind, probe (one submit at a time until one is answered), lost_streak, n:<state>, credits ...
-- wb:slots:<account><part>  set  jobs that hold a slot; <part> is empty, or the key of a model with limits of its own
-- wb:due:<account>     zset  jobs by the instant (ms) at which someone must look at them
-- wb:rung:<account>    zset  ready jobs whose doorbell waits, by the instant (ms) at which it is rung again
-- wb:turns:<account>   zset  campaigns with queued jobs, by what they have had (videos or dollars) for their share; who has had least is next
-- wb:sent:<account>    set   jobs whose POST is on the wire or was lost: the ones that an unclaimed task may belong to
-- wb:tasks:<account>   hash  job by task id: a task is claimed once
-- wb:freed:<account>   zset  sends (<job>:<send>) that were given up, by the instant (ms) of the next look for a task of theirs
-- wb:watch:<account>   hash  what those looks need, JSON by send
-- wb:renders:<account>:<kind>  hash  ended renders by the cell of their length (jobs/rendertimes.py), and known, the sum of them
-- wb:hint:<delivery>   text  a webhook that came, which is known again while this lives
-- wb:looking:<account> text  who is looking for lost sends now; lives for a minute
-- wb:quota:<account>   text  the account's limits were asked for; lives for an hour
-- wb:asked:<account>   text  the balance was asked for; nobody asks again while it lives

local PREFIX = 'wb:'
local MONEY = {claimed = 'reserved', submitting = 'reserved', rendering = 'reserved', ready = 'reserved',
               collecting = 'reserved', unknown = 'doubt'}
local SLOT = {claimed = true, submitting = true, rendering = true, unknown = true}
local SENT = {submitting = true, unknown = true}
-- A provider that cannot be reached is tried again within so long: what was seen before says nothing of now.
local DOWN_KNOWN_MS = 15000
-- How soon after a submit was lost its task is looked for.
local FIRST_LOOK_MS = 2000

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function int(number) return string.format('%d', number) end

local DAY_MS = 86400000
-- The date in UTC of an instant, as 2026-11-29.
local function date_of(ms)
  local days = math.floor(ms / DAY_MS) + 719468
  local era = math.floor(days / 146097)
  local of_era = days - era * 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  local day = of_year - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return string.format('%04d-%02d-%02d', era * 400 + year + (month <= 2 and 1 or 0), month, day)
end

-- When the day or the month of an instant ends (ms).
local function end_of(period, ms)
  local day, month = math.floor(ms / DAY_MS), string.sub(date_of(ms), 1, 7)
  repeat day = day + 1 until period == 'day' or string.sub(date_of(day * DAY_MS), 1, 7) ~= month
  return day * DAY_MS
end

-- A missing or foreign epoch is never taken for a fresh start.
local function foreign(epoch)
  return redis.call('HGET', PREFIX .. 'meta', 'epoch') ~= epoch
end

local function each_campaign(campaigns, visit)
  for name in string.gmatch(campaigns, '[^\n]+') do visit(name) end
end

local function buyer(campaigns) return string.match(campaigns, '^[^\n]+') end

-- Whoever wants a job, and is not its buyer, has joined that one.
local function note_joined(campaigns)
  local payer = buyer(campaigns)
  each_campaign(campaigns, function(name)
    if name ~= payer then redis.call('SADD', PREFIX .. 'joined:' .. name, payer) end
  end)
end

-- Visits the accounts at which a campaign buys.
local function each_account(name, visit)
  local held = redis.call('HMGET', PREFIX .. 'c:' .. name, 'account', 'accounts')
  each_campaign(held[2] or held[1] or '', visit)
end

local function queue_of(name, lane) return PREFIX .. 'q:' .. name .. (lane and ':' .. lane or '') end

-- A campaign's queues: the plain one, then those of its lanes.
local function queues_of(name)
  local queues = {queue_of(name)}
  for _, lane in ipairs(redis.call('SMEMBERS', PREFIX .. 'lanes:' .. name)) do queues[#queues + 1] = queue_of(name, lane) end
  return queues
end

-- How many jobs wait for a campaign to buy them.
local function waiting_in(name)
  local sum = 0
  for _, queue in ipairs(queues_of(name)) do sum = sum + redis.call('ZCARD', queue) end
  return sum
end

-- A campaign comes to where turns are taken: beside the one that is served now, before none that waits and behind none that has had more.
local function join_turns(account, name)
  redis.call('ZADD', PREFIX .. 'turns:' .. account, 'NX', redis.call('HGET', PREFIX .. 'a:' .. account, 'turn') or '0', name)
end

-- A campaign that has jobs to buy takes turns again, wherever it buys.
local function rejoin_turns(name)
  if waiting_in(name) > 0 then each_account(name, function(account) join_turns(account, name) end) end
end

local function leave_turns(name)
  each_account(name, function(account) redis.call('ZREM', PREFIX .. 'turns:' .. account, name) end)
end

-- Puts jobs (seq, id, ...) into a campaign's queue, and the campaign where turns are taken, unless it may not buy.
local function line_up(name, account, lane, ...)
  redis.call('ZADD', queue_of(name, lane), ...)
  if lane then redis.call('SADD', PREFIX .. 'lanes:' .. name, lane) end
  local campaign = redis.call('HMGET', PREFIX .. 'c:' .. name, 'state', 'parked_kind')
  if campaign[1] ~= 'running' or campaign[2] then return end
  if not lane then return join_turns(account, name) end
  for _, each in ipairs(redis.call('HKEYS', PREFIX .. 'lane:' .. lane)) do join_turns(each, name) end
end

-- A lane's name, out of its accounts and what each asks, one a line; and its accounts are known from now on.
local function lane_of(text)
  if text == '' then return nil end
  local lane = string.sub(redis.sha1hex(text), 1, 12)
  for account, price in string.gmatch(text, '(%S+) (%d+)') do
    redis.call('HSET', PREFIX .. 'lane:' .. lane, account, price)
    redis.call('SADD', PREFIX .. 'accounts', account)
  end
  return lane
end

-- Campaigns that a cap has stopped until an instant take turns again: their claims ask anew.
local function ask_anew(until_ms)
  for _, name in ipairs(redis.call('ZRANGE', PREFIX .. 'short', '-inf', until_ms, 'BYSCORE')) do
    local key = PREFIX .. 'c:' .. name
    redis.call('HSET', key, 'short', '')
    local campaign = redis.call('HMGET', key, 'state', 'parked_kind')
    if campaign[1] == 'running' and not campaign[2] then rejoin_turns(name) end
    redis.call('ZREM', PREFIX .. 'short', name)
  end
end

-- The number that stands for a set of budgets.
local function set_number(names)
  local sets = PREFIX .. 'sets'
  local known = redis.call('HGET', sets, names)
  if known then return known end
  local number = int(redis.call('HINCRBY', sets, 'last', 1))
  redis.call('HSET', sets, names, number, number, names)
  return number
end

-- The names of a set of budgets, by its number; what a number stands for never changes.
local sets = {}
local function budgets_of(number)
  if not sets[number] then
    sets[number] = {}
    for budget in string.gmatch(redis.call('HGET', PREFIX .. 'sets', number), '[^\t]+') do table.insert(sets[number], budget) end
  end
  return sets[number]
end

-- What a script is to write, kept until all of it is known: sums for counters, each written by one call however many jobs it is about, and calls.
local function no_changes() return {sums = {}, calls = {}} end

local function add(changes, key, field, much)
  local sums = changes.sums[key] or {}
  changes.sums[key], sums[field] = sums, (sums[field] or 0) + much
end

local function later(changes, ...) table.insert(changes.calls, {...}) end

-- How long the sums of a day or month are kept.
local KEPT_S = 100 * 86400
-- Counters come first: a full Redis refuses them, but whatever follows the first write of a script it lets through.
local function write(changes)
  for key, sums in pairs(changes.sums) do
    for field, much in pairs(sums) do
      local now = redis.call('HINCRBY', key, field, int(much))
      if now == much and string.sub(key, 1, #PREFIX + 2) == PREFIX .. 'b:' then redis.call('EXPIRE', key, KEPT_S) end
    end
  end
  for _, call in ipairs(changes.calls) do redis.call(unpack(call)) end
  if changes.eased then ask_anew('+inf') end
end

-- A job's money (reserved, spent or doubt) counts to the campaign that pays, and, on the day and in the month of its claim, to each budget of its purse.
local function note_money(changes, payer, purse, sum, uusd)
  uusd = tonumber(uusd)
  add(changes, PREFIX .. 'c:' .. payer, sum, uusd)
  if not purse or purse == '' then return end
  local date, number = string.match(purse, '^(%S+) (%d+)$')
  for _, budget in ipairs(budgets_of(number)) do
    for _, when in ipairs({date, string.sub(date, 1, 7)}) do add(changes, PREFIX .. 'b:' .. when .. ':' .. budget, sum, uusd) end
  end
  if sum == 'doubt' and uusd < 0 then changes.eased = true end
end

local function count_money(payer, purse, sum, uusd)
  local changes = no_changes()
  note_money(changes, payer, purse, sum, uusd)
  write(changes)
end

-- All of a job's campaigns but one.
local function without(campaigns, name)
  local others = {}
  each_campaign(campaigns, function(each) if each ~= name then others[#others + 1] = each end end)
  return table.concat(others, '\n')
end

-- Whether buying is stopped for everything: by a person, or until the ledger has been recovered.
local function halted()
  local meta = redis.call('HMGET', PREFIX .. 'meta', 'paused', 'recovering')
  return meta[1] or meta[2]
end

-- Whether only a person can decide what became of a lost submit; campaigns count such jobs.
local function hold_unknown(id, campaigns, held)
  local key = PREFIX .. 'j:' .. id
  if (redis.call('HEXISTS', key, 'held') == 1) == held then return end
  if held then redis.call('HSET', key, 'held', '1') else redis.call('HDEL', key, 'held') end
  each_campaign(campaigns, function(name) redis.call('HINCRBY', PREFIX .. 'c:' .. name, 'held', held and 1 or -1) end)
end

-- Jobs that are alike in {campaigns, account, part, purse, lane} and cost so much together go from one state to another: counters, money, slots and
-- places in a queue follow from the two states alone. What a script does with a single job is `shift`, which also puts it into a queue.
local function note_shift(changes, ids, alike, uusd, from, to)
  local account, payer = alike.account, buyer(alike.campaigns)
  each_campaign(alike.campaigns, function(name)
    add(changes, PREFIX .. 'c:' .. name, 'n:' .. from, -#ids)
    add(changes, PREFIX .. 'c:' .. name, 'n:' .. to, #ids)
  end)
  add(changes, PREFIX .. 'a:' .. account, 'n:' .. from, -#ids)
  add(changes, PREFIX .. 'a:' .. account, 'n:' .. to, #ids)
  if MONEY[from] ~= MONEY[to] then
    if MONEY[from] then note_money(changes, payer, alike.purse, MONEY[from], -uusd) end
    if MONEY[to] then note_money(changes, payer, alike.purse, MONEY[to], uusd) end
  end
  if SLOT[from] or SLOT[to] then
    -- Also from one that holds it to another: a lost submit that is found again has it back.
    local turn = SLOT[to] and 'SADD' or 'SREM'
    later(changes, turn, PREFIX .. 'slots:' .. account, unpack(ids))
    if alike.part then later(changes, turn, PREFIX .. 'slots:' .. account .. alike.part, unpack(ids)) end
  end
  if SENT[from] and not SENT[to] then later(changes, 'SREM', PREFIX .. 'sent:' .. account, unpack(ids)) end
  if SENT[to] then later(changes, 'SADD', PREFIX .. 'sent:' .. account, unpack(ids)) end
  if from == 'ready' then later(changes, 'ZREM', PREFIX .. 'rung:' .. account, unpack(ids)) end
  if from == 'queued' then later(changes, 'ZREM', queue_of(payer, alike.lane), unpack(ids)) end
end

-- The job at `id` goes from one state to another.
local function shift(id, from, to)
  local job = redis.call('HMGET', PREFIX .. 'j:' .. id, 'campaigns', 'account', 'part', 'purse', 'lane', 'price', 'seq')
  local alike, changes = {campaigns = job[1], account = job[2], part = job[3], purse = job[4], lane = job[5]}, no_changes()
  note_shift(changes, {id}, alike, tonumber(job[6]), from, to)
  write(changes)
  local payer = buyer(alike.campaigns)
  if from == 'unknown' then hold_unknown(id, alike.campaigns, false) end
  if to == 'queued' then line_up(payer, alike.account, alike.lane, job[7], id) end
  redis.call('HSET', PREFIX .. 'j:' .. id, 'state', to)
  return payer, alike.account
end

-- Whether a campaign buys wherever a job may be bought, so that it can be its buyer.
local function buys_at(name, account, lane)
  local wanted, found = lane and redis.call('HKEYS', PREFIX .. 'lane:' .. lane) or {account}, 0
  each_account(name, function(each)
    for _, one in ipairs(wanted) do if one == each then found = found + 1 end end
  end)
  -- A plain queue is served at the first account alone.
  return found == #wanted and (lane or redis.call('HGET', PREFIX .. 'c:' .. name, 'account') == account)
end

-- A queued job leaves a campaign: to the next one that wants it, buys at its accounts and is not cancelled.
-- Answers false, and does nothing, where this campaign is its buyer and there is no such heir.
local function hand_over(id, name)
  local job = redis.call('HMGET', PREFIX .. 'j:' .. id, 'campaigns', 'account', 'seq', 'lane')
  local others, heir = without(job[1], name), nil
  if buyer(job[1]) == name then
    each_campaign(others, function(each)
      local state = redis.call('HGET', PREFIX .. 'c:' .. each, 'state')
      if not heir and state ~= 'cancelled' and buys_at(each, job[2], job[4]) then heir = each end
    end)
    if not heir then return false end
    redis.call('ZREM', queue_of(name, job[4]), id)
    line_up(heir, job[2], job[4], job[3], id)
    local doubted = tonumber(redis.call('HGET', PREFIX .. 'j:' .. id, 'doubted') or '0')
    if doubted ~= 0 then
      redis.call('HINCRBY', PREFIX .. 'c:' .. name, 'doubt', int(-doubted))
      redis.call('HINCRBY', PREFIX .. 'c:' .. heir, 'doubt', int(doubted))
    end
    -- The next claim counts to the budgets of the heir's row; what is in doubt stays with those of the claim that it comes from.
    local own = redis.call('HGET', PREFIX .. 'j:' .. id, 'set:' .. heir)
    if own then redis.call('HSET', PREFIX .. 'j:' .. id, 'set', own) else redis.call('HDEL', PREFIX .. 'j:' .. id, 'set') end
    local rest = without(others, heir)
    others = rest == '' and heir or heir .. '\n' .. rest
    note_joined(others)
  end
  redis.call('HSET', PREFIX .. 'j:' .. id, 'campaigns', others)
  redis.call('HINCRBY', PREFIX .. 'c:' .. name, 'n:queued', -1)
  return true
end

-- A job goes back to the queue, or out of it at once where its buyer has been cancelled meanwhile.
local function requeue(id, from)
  local payer = shift(id, from, 'queued')
  if redis.call('HGET', PREFIX .. 'c:' .. payer, 'state') == 'cancelled' and not hand_over(id, payer) then
    shift(id, 'queued', 'cancelled')
  end
end

local function set_due(account, id, at_ms)
  if at_ms then redis.call('ZADD', PREFIX .. 'due:' .. account, int(at_ms), id)
  else redis.call('ZREM', PREFIX .. 'due:' .. account, id) end
end

-- The fence of a job's so-manieth turn: whoever holds an older one can no longer move the job.
local function fence_of(epoch, turn) return epoch .. ':' .. turn end

local function new_fence(id, epoch)
  local fence = fence_of(epoch, redis.call('HINCRBY', PREFIX .. 'j:' .. id, 'turn', 1))
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
-- Bad ends in a row that park a campaign.
local BAD_IN_A_ROW = 10
local function count_lost(account)
  local key = PREFIX .. 'a:' .. account
  local lost = redis.call('HINCRBY', key, 'lost_streak', 1)
  if lost >= LOST_IN_A_ROW then
    park(key, 'breaker', lost .. ' submits in a row got no answer, so nothing more is bought with this account')
  end
end

-- A render has ended: its length is counted. Once so many are known all counts are halved, so that what is older fades.
local MOST_KNOWN = 192
local function remember(account, kind, cell)
  local key = PREFIX .. 'renders:' .. account .. ':' .. kind
  redis.call('HINCRBY', key, int(cell), 1)
  if redis.call('HINCRBY', key, 'known', 1) < MOST_KNOWN then return end
  redis.call('HDEL', key, 'known')
  local counts, known = redis.call('HGETALL', key), 0
  for i = 1, #counts, 2 do
    local half = math.floor(counts[i + 1] / 2)
    known = known + half
    if half > 0 then redis.call('HSET', key, counts[i], half) else redis.call('HDEL', key, counts[i]) end
  end
  redis.call('HSET', key, 'known', known)
end

-- What is left on an account, {credits, credits_unit, credits_ms}, is kept unless a later sighting is known.
local function see_balance(at, seen)
  if tonumber(seen.credits_ms) < tonumber(redis.call('HGET', at, 'credits_ms') or '0') then return end
  for name, text in pairs(seen) do redis.call('HSET', at, name, text) end
end
