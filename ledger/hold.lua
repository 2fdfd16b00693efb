-- The provider said 429 (or told its balance): the account waits, and its rate is halved once per hold. Success restores it.
-- ARGV 1 epoch  2 account  3 hold in ms (0: none)  4 kind to park with (empty: none)  5 reason  6 not empty: the provider could not be reached, for so many ms
--      then field, value pairs of a balance that was seen
-- ->   1
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local at = PREFIX .. 'a:' .. ARGV[2]
local now, hold = now_ms(), tonumber(ARGV[3])
if hold > 0 then
  local was = redis.call('HMGET', at, 'hold_ms', 'factor')
  if now >= tonumber(was[1] or '0') then
    redis.call('HSET', at, 'factor', tostring(math.max(0.05, tonumber(was[2] or '1') * 0.5)))
  end
  local until_ms = math.max(tonumber(was[1] or '0'), now + hold)
  -- After it the first submit goes alone, and the others at the slower pace: no storm.
  local pace = math.max(until_ms, tonumber(redis.call('HGET', at, 'pace') or '0'))
  redis.call('HSET', at, 'hold_ms', int(until_ms), 'pace', string.format('%.3f', pace), 'ramp', int(until_ms))
end
if ARGV[4] ~= '' then park(at, ARGV[4], ARGV[5]) end
if ARGV[6] ~= '' then
  -- Nobody tries an account that has nothing to do: what was seen long ago is another time.
  local last = tonumber(redis.call('HGET', at, 'down_at') or '0')
  if now - last > DOWN_KNOWN_MS then redis.call('HSET', at, 'down_ms', int(now - tonumber(ARGV[6]))) end
  redis.call('HSET', at, 'down_at', int(now))
elseif hold > 0 then
  redis.call('HDEL', at, 'down_ms', 'down_at')
end
if ARGV[7] then
  local seen = {}
  for i = 7, #ARGV, 2 do seen[ARGV[i]] = ARGV[i + 1] end
  see_balance(at, seen)
end
return 1
