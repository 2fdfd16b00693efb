-- The gates of time that every script may ask; put in front of each, after ground.lua. Instants are ms on Redis's own clock.
--
-- wb:sends:<account><key>  zset  the instants granted to the last submits, as many as the largest window counts, by the latest instant at which
--                                the provider counts them; <key> is empty for the account, or names one of its models
-- of wb:a:<account>  factor (< 1 after a 429), sure (answers are the bound), answer_ms (what answers took of late, the middle of it), asked (what was last told to somebody who waits), tat:<window> (polls), told_slots (as told);
--                    with <key>: pace (the next submit at an even pace), last (grant), ramp (since when the rate grows), told (a limit that the provider told)

local function precise_now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + t[2] / 1000
end

-- Polls: token buckets as GCRA, each window {name, interval_ms, tolerance_ms}.
-- Answers the milliseconds until a token is free in every window, and, when `take`, takes it if that is 0.
local function tokens_wait_ms(account_key, windows, take)
  local now = precise_now_ms()
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

-- Submits: a grant is an instant, at most so far ahead; the POST's bytes leave then, or the grant is given back.
local GRANTED_AHEAD_MS = 30
-- When the provider counts a submit: so long after its grant at the latest, where its answer proves nothing sooner.
local SPREAD_MS = 20
-- Where answers come within so long, or it is not known yet how soon they come, they are the bound, and one that is missing is counted so late.
local QUICK_MS = 60
local UNANSWERED_MS = 1000
-- Share of the shortest window by which a submit may be early against an even pace, so that what others left is used up.
local CATCH_UP = 0.5

-- What a part of the gate lets out in a window: its count, in the proportion in which the provider has told another one for the first.
-- Limits of the account's owner are only ever lowered.
local function count_now(part, count, told)
  if not told then return count end
  local share = told / part.windows[1][1]
  if part.own and share > 1 then share = 1 end
  return math.max(1, math.floor(count * share + 0.5))
end

-- The share of its rate at which a part runs while that grows: from `first` after `quiet_ms` without a submit to all after `over_ms`.
local function ramp_share(part, now, last, since)
  if not part.ramp then return 1 end
  local first, over, quiet = part.ramp[1], part.ramp[2], part.ramp[3]
  if not last or now - last > quiet then return first end
  return math.min(1, first + (1 - first) * math.max(0, now - (since or now)) / over)
end

-- The next instant at which a submit of the account may leave, and the even distance of submits, by part.
-- `gate` is {sure (an answer bounds when its submit was counted, however late it comes), parts = {{key, windows = {{count, window_ms}, ...}, own, ramp = {first, over_ms, quiet_ms}}, ...}}: for the account, and for one of
-- its models. No window, at any phase, is counted fuller than its count.
local function next_send_ms(account, gate, now)
  local a, at, distances = PREFIX .. 'a:' .. account, now, {}
  local factor = tonumber(redis.call('HGET', a, 'factor') or '1')
  for number, part in ipairs(gate.parts) do
    local key = part.key
    local held = redis.call('HMGET', a, 'pace' .. key, 'told' .. key, 'last' .. key, 'ramp' .. key)
    local last, distance, early = tonumber(held[3] or ''), 0, math.huge
    for _, window in ipairs(part.windows) do
      local count, long = count_now(part, window[1], tonumber(held[2] or '')), window[2]
      distance = math.max(distance, long / count)
      early = math.min(early, long * CATCH_UP)
      local nth = redis.call('ZREVRANGE', PREFIX .. 'sends:' .. account .. key, count - 1, count - 1, 'WITHSCORES')
      if nth[2] then at = math.max(at, tonumber(nth[2]) + long) end
    end
    local share = ramp_share(part, now, last, tonumber(held[4] or ''))
    -- Slowed down by a 429, or growing, nothing is caught up: that would be the next storm.
    if factor * share < 1 then early = 0 end
    if #part.windows > 0 then at = math.max(at, tonumber(held[1] or '0') - early, (last or 0) + 0.001) end
    distances[number] = distance / (factor * share)
  end
  return at, distances
end

-- Grants the next instant if it is near: {'go', instant, now}; else {'wait', ms, instant}, each asker being told an instant of their own.
-- `told` is what the same asker was told before, which is not counted twice.
local function grant_send(account, gate, told)
  local now, a = precise_now_ms(), PREFIX .. 'a:' .. account
  local free, distances = next_send_ms(account, gate, now)
  if free - now > GRANTED_AHEAD_MS then
    local come = free
    if told == '' then
      -- Whoever was told an instant may never come: after so many the count begins anew.
      local asked = tonumber(redis.call('HGET', a, 'asked') or '0') + distances[1]
      if asked > free and asked - free < 1000 then come = asked end
      redis.call('HSET', a, 'asked', string.format('%.3f', come))
    end
    return {'wait', string.format('%.3f', come - now), string.format('%.3f', come)}
  end
  if gate.sure then redis.call('HSET', a, 'sure', 1) end
  local grant, quick = string.format('%.3f', free), gate.sure or tonumber(redis.call('HGET', a, 'answer_ms') or '0') <= QUICK_MS
  for number, part in ipairs(gate.parts) do
    if #part.windows > 0 then
      local key, most = part.key, 1
      local held = redis.call('HMGET', a, 'pace' .. key, 'told' .. key, 'last' .. key)
      for _, window in ipairs(part.windows) do most = math.max(most, count_now(part, window[1], tonumber(held[2] or ''))) end
      local sends = PREFIX .. 'sends:' .. account .. key
      redis.call('ZADD', sends, string.format('%.3f', free + (quick and UNANSWERED_MS or SPREAD_MS)), grant)
      redis.call('ZREMRANGEBYRANK', sends, 0, -most - 1)
      redis.call('HSET', a, 'last' .. key, grant, 'pace' .. key, string.format('%.3f', math.max(tonumber(held[1] or '0'), free) + distances[number]))
      if part.ramp and (not held[3] or free - tonumber(held[3]) > part.ramp[3]) then redis.call('HSET', a, 'ramp' .. key, grant) end
    end
  end
  return {'go', grant, string.format('%.3f', now)}
end

-- Nothing was sent at that instant: it is free again.
local function give_back_send(account, gate, grant)
  local _, distances = next_send_ms(account, gate, 0)
  for number, part in ipairs(gate.parts) do
    if redis.call('ZREM', PREFIX .. 'sends:' .. account .. part.key, grant) == 1 then
      redis.call('HINCRBYFLOAT', PREFIX .. 'a:' .. account, 'pace' .. part.key, string.format('%.3f', -distances[number]))
    end
  end
end

-- A submit was answered, so the provider has counted it by now. Where answers come sooner than the spread, that is the bound.
-- `keys` are those of the parts of the gate that it passed.
local function answered_send(account, keys, grant)
  local now, a = precise_now_ms(), PREFIX .. 'a:' .. account
  local took = now - tonumber(grant)
  -- The middle of what answers took of late: each one moves it by a tenth towards itself.
  local middle = tonumber(redis.call('HGET', a, 'answer_ms') or math.min(took, QUICK_MS / 2))
  middle = took > middle and math.min(took, middle * 1.1) or math.max(took, middle / 1.1)
  redis.call('HSET', a, 'answer_ms', string.format('%.3f', middle))
  local quick = middle <= QUICK_MS or redis.call('HGET', a, 'sure')
  local counted = quick and now or tonumber(grant) + SPREAD_MS
  for _, key in ipairs(keys) do
    redis.call('ZADD', PREFIX .. 'sends:' .. account .. key, 'XX', string.format('%.3f', counted), grant)
  end
end

-- The provider told what was left of the first window after the submit granted at `grant`, and may be how much it holds: with what is ours in
-- it that is what we may have, also where others use the account. A few more or less are only on their way.
local function learn_limit(account, grant, told)
  local sends, a, at = PREFIX .. 'sends:' .. account, PREFIX .. 'a:' .. account, tonumber(grant)
  local count, ours = told.limit, 0
  if told.remaining then
    for _, each in ipairs(redis.call('ZRANGEBYSCORE', sends, string.format('%.3f', at - told.window_ms), '+inf')) do
      if tonumber(each) <= at then ours = ours + 1 end
    end
    count = math.min(told.remaining + ours, told.limit or math.huge)
    -- How many are ours is known to a few: more than the limit that is known is believed only of what is left by itself.
    if not told.limit then count = math.min(count, math.max(told.count, told.remaining)) end
  end
  if not count then return end
  count = math.max(1, count)
  local known = tonumber(redis.call('HGET', a, 'told') or told.count)
  if math.abs(count - known) > math.max(2, 0.05 * known) then redis.call('HSET', a, 'told', int(count)) end
end

-- May a POST of a job of these campaigns leave, and when: as `grant_send` says, or {'stop', why}.
local function token_to_send(campaigns, account, gate, told)
  local campaign = redis.call('HMGET', PREFIX .. 'c:' .. buyer(campaigns), 'state', 'parked_kind')
  if campaign[1] ~= 'running' or campaign[2] then return {'stop', 'the campaign is not buying'} end
  local held = redis.call('HMGET', PREFIX .. 'a:' .. account, 'parked_kind', 'hold_ms', 'paused')
  if halted() or held[3] then return {'stop', 'buying is paused'} end
  if held[1] then return {'stop', 'the account is parked'} end
  local hold = tonumber(held[2] or '0') - now_ms()
  if hold > 0 then return {'wait', int(hold), ''} end
  return grant_send(account, gate, told)
end

-- How many tasks of the account may be in flight now; nil: no limit is known. What its owner has set is only ever lowered.
local function slots_now(a, limits)
  local told = tonumber(redis.call('HGET', a, 'told_slots') or '')
  if not told or (limits.own and not limits.slots) then return limits.slots end
  return limits.own and math.min(told, limits.slots) or told
end

-- How many submits of the account may leave in the next `ahead_ms`.
local function sends_ahead(account, part, ahead_ms)
  if #part.windows == 0 then return math.huge end
  local now = precise_now_ms()
  local at, distances = next_send_ms(account, {parts = {part}}, now)
  if at > now + ahead_ms then return 0 end
  return math.floor((now + ahead_ms - at) / distances[1]) + 1
end
