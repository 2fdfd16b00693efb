-- Tells the caps of one world, in place of all that it had, and what others had bought in the days and months that are counted now.
-- ARGV 1 epoch  2 beginning of the world's budgets (empty: real money)  3 caps JSON {"<day or month> <budget>": micro-USD}
--      4 JSON {"<date>:<budget>": micro-USD that other ledgers' claims of that time cost}
-- ->   1
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local caps = cjson.decode(ARGV[3])
for place, uusd in pairs(cjson.decode(ARGV[4])) do
  redis.call('HSET', PREFIX .. 'b:' .. place, 'before', int(uusd))
  redis.call('EXPIRE', PREFIX .. 'b:' .. place, KEPT_S)
end
for name, uusd in pairs(caps) do redis.call('HSET', PREFIX .. 'caps', name, int(uusd)) end
local held = redis.call('HGETALL', PREFIX .. 'caps')
for i = 1, #held, 2 do
  local name = held[i]
  local simulated = string.find(name, ' simulated/', 1, true) ~= nil
  if simulated == (ARGV[2] ~= '') and not caps[name] then redis.call('HDEL', PREFIX .. 'caps', name) end
end
ask_anew('+inf')
return 1
