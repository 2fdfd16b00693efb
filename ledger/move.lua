-- Every other move of one job. Checked by epoch, fence and state; called twice with one token it gives the recorded answer.
-- ARGV 1 JSON {epoch, id, fence, token, from: [states], to, due_ms (absent: nothing is due), new_fence (bool), set: {field: text},
--              del: [fields], cost_uusd (text; what was spent, at an end), bad (bool: counts against the breaker; absent: says nothing),
--              unverified (bool), lost (bool), answered (bool: the account answered a submit), charge_over (bool), queue_again (bool),
--              task (absent: none is claimed), kind and cell (absent: no render has ended), seen (absent: nothing; {field: text} of the account's balance), held (absent: says nothing), watch (absent: none; {send, text, due_ms}),
--              unused (no byte left at its grant), told (absent: nothing; {count, window_ms, limit, remaining}: the first window as it is known, and what the provider told of it),
--              hint and age_ms (absent: says nothing; the hint_ms that was known, and the render's age by then: a later hint has it looked at now)}
-- ->   {'moved', fence} | {'stale', state}
local order = cjson.decode(ARGV[1])
if foreign(order.epoch) then return {'stale', 'foreign'} end
local id, key = order.id, PREFIX .. 'j:' .. order.id
local job = redis.call('HMGET', key, 'state', 'fence', 'moved', 'account', 'campaigns', 'grant', 'part', 'purse')
if not job[1] then return {'stale', 'missing'} end
if job[3] == order.token then return {'moved', job[2]} end
local from = nil
for _, state in ipairs(order.from) do if state == job[1] then from = state end end
if job[2] ~= order.fence or not from then return {'stale', job[1]} end
local payer, account = buyer(job[5]), job[4]
if order.task then
  -- A task belongs to one job: what another one has claimed is not adopted a second time.
  local owner = redis.call('HGET', PREFIX .. 'tasks:' .. account, order.task)
  if owner and owner ~= id then return {'stale', 'claimed by ' .. owner} end
  redis.call('HSET', PREFIX .. 'tasks:' .. account, order.task, id)
end
if from == 'submitting' and job[6] then
  -- Its sender has heard how it ended.
  local parts = {'', job[7] or nil}
  if order.unused then
    for _, part in ipairs(parts) do redis.call('ZREM', PREFIX .. 'sends:' .. account .. part, job[6]) end
  else
    answered_send(account, parts, job[6])
    if order.told then learn_limit(account, job[6], order.told) end
  end
end
if order.to == 'queued' then requeue(id, from) elseif from ~= order.to then shift(id, from, order.to) end
local campaign, at = PREFIX .. 'c:' .. payer, PREFIX .. 'a:' .. account
local buying = redis.call('HGET', campaign, 'state')
if order.to == 'rendering' and from ~= 'rendering' and buying == 'cancelled' and job[5] == payer then
  -- Accepted after its campaign was cancelled: the next look asks the provider to cancel it.
  redis.call('HSET', key, 'unwanted', 1)
elseif order.to == 'cancelled' and buying == 'running' then
  -- Cancelled at the provider after its campaign was taken up again.
  shift(id, 'cancelled', 'queued')
end
local fields = {'moved', order.token}
for name, text in pairs(order.set or {}) do
  fields[#fields + 1] = name
  fields[#fields + 1] = text
end
redis.call('HSET', key, unpack(fields))
if order.del and #order.del > 0 then redis.call('HDEL', key, unpack(order.del)) end
if order.cost_uusd then count_money(payer, job[8], 'spent', order.cost_uusd) end
if order.unverified then each_campaign(job[5], function(name) redis.call('HINCRBY', PREFIX .. 'c:' .. name, 'unverified', 1) end) end
if order.lost then count_lost(account) end
if order.held ~= nil then hold_unknown(id, job[5], order.held) end
if order.watch then
  redis.call('HSET', PREFIX .. 'watch:' .. account, order.watch.send, order.watch.text)
  redis.call('ZADD', PREFIX .. 'freed:' .. account, int(now_ms() + order.watch.due_ms), order.watch.send)
end
if order.cell then remember(account, order.kind, order.cell) end
if order.seen then see_balance(at, order.seen) end
if order.answered then
  redis.call('HDEL', at, 'lost_streak', 'probe', 'down_ms', 'down_at')
  local factor = tonumber(redis.call('HGET', at, 'factor') or '1')
  if factor < 1 then redis.call('HSET', at, 'factor', tostring(math.min(1, factor + 0.05))) end
end
if order.charge_over then
  park(at, 'charge', 'a charge was higher than the price list says: ' .. id .. '; check config/providers.toml')
end
if order.bad ~= nil then
  if not order.bad then redis.call('HDEL', campaign, 'probe') end
  local recent = string.sub((redis.call('HGET', campaign, 'recent') or '') .. (order.bad and '1' or '0'), -20)
  local streak = order.bad and redis.call('HINCRBY', campaign, 'streak', 1) or 0
  redis.call('HSET', campaign, 'recent', recent, 'streak', streak)
  local _, bad = string.gsub(recent, '1', '')
  if streak >= BAD_IN_A_ROW then
    park(campaign, 'breaker', 'ten videos in a row failed, were refused or did not verify')
  elseif #recent == 20 and bad > 6 then
    park(campaign, 'breaker', bad .. ' of the last 20 videos failed, were refused or did not verify')
  end
end
if order.hint and order.hint ~= (redis.call('HGET', key, 'hint_ms') or '') then
  -- A webhook came since: before the answer to the submit, or while the render was looked at.
  order.due_ms = 0
  redis.call('HSET', key, 'look_ms', int(order.age_ms))
end
set_due(account, id, order.due_ms and now_ms() + order.due_ms or nil)
local fence = job[2]
if order.new_fence then fence = new_fence(id, order.epoch) end
return {'moved', fence}
