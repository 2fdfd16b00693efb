-- The gates of time that every script may ask; put in front of each, after ground.lua. Instants are ms on Redis's own clock.
--
-- wb:sends:<account>  list  the last instants granted to submits, oldest first, as many as the largest window counts
-- of wb:a:<account>         pace (the instant of the next submit at an even pace), asked (the one that was last told to somebody who waits),
--                           ramp (since when the rate grows), factor (< 1 after a 429), tat:<window> (of polls)

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
local GRANTED_AHEAD_MS = 12
-- Share of the shortest window by which a submit may be early against an even pace, so that what others left is used up.
local CATCH_UP = 0.1

-- The next instant at which a submit of the account may leave, and the even distance of submits there.
-- `gate` is {windows = {{count, span_ms}, ...}}: no span, at any phase, holds more grants than its count.
local function next_send_ms(account, gate, now)
  local sends = PREFIX .. 'sends:' .. account
  local held = redis.call('HMGET', PREFIX .. 'a:' .. account, 'pace', 'factor')
  local at = math.max(now, tonumber(redis.call('LINDEX', sends, -1) or '0'))
  local interval, early = 0, math.huge
  for _, window in ipairs(gate.windows) do
    local count, span = window[1], window[2]
    interval = math.max(interval, span / count)
    early = math.min(early, span * CATCH_UP)
    local first = redis.call('LINDEX', sends, -count)
    if first then at = math.max(at, tonumber(first) + span) end
  end
  local factor = tonumber(held[2] or '1')
  -- Slowed down by a 429, nothing is caught up: that would be the next storm.
  if factor < 1 then early = 0 end
  return math.max(at, tonumber(held[1] or '0') - early), interval / factor
end

-- Grants the next instant if it is near: {'go', instant, now}; else {'wait', ms, instant}, each asker being told an instant of their own.
-- `told` is what the same asker was told before, which is not counted twice.
local function grant_send(account, gate, told)
  local now, at = precise_now_ms(), PREFIX .. 'a:' .. account
  if #gate.windows == 0 then return {'go', string.format('%.3f', now), string.format('%.3f', now)} end
  local free, interval = next_send_ms(account, gate, now)
  if free - now > GRANTED_AHEAD_MS then
    local come = free
    if told == '' then
      -- Whoever was told an instant may never come: after so many the count begins anew.
      local asked = tonumber(redis.call('HGET', at, 'asked') or '0') + interval
      if asked > free and asked - free < 1000 then come = asked end
      redis.call('HSET', at, 'asked', string.format('%.3f', come))
    end
    return {'wait', string.format('%.3f', come - now), string.format('%.3f', come)}
  end
  local sends, grant, most = PREFIX .. 'sends:' .. account, string.format('%.3f', free), 1
  for _, window in ipairs(gate.windows) do most = math.max(most, window[1]) end
  redis.call('RPUSH', sends, grant)
  redis.call('LTRIM', sends, -most, -1)
  local pace = tonumber(redis.call('HGET', at, 'pace') or '0')
  redis.call('HSET', at, 'pace', string.format('%.3f', math.max(pace, free) + interval))
  return {'go', grant, string.format('%.3f', now)}
end

-- Nothing was sent at that instant: it is free again.
local function give_back_send(account, gate, grant)
  if redis.call('LREM', PREFIX .. 'sends:' .. account, -1, grant) == 0 then return end
  local _, interval = next_send_ms(account, gate, 0)
  redis.call('HINCRBYFLOAT', PREFIX .. 'a:' .. account, 'pace', string.format('%.3f', -interval))
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

-- How many submits may leave in the next `ahead_ms`.
local function sends_ahead(account, gate, ahead_ms)
  if #gate.windows == 0 then return math.huge end
  local now = precise_now_ms()
  local at, interval = next_send_ms(account, gate, now)
  if at > now + ahead_ms then return 0 end
  return math.floor((now + ahead_ms - at) / interval) + 1
end
