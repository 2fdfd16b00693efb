-- A send that was given up is looked for again later, or no more; then what it held in doubt is given back.
-- ARGV 1 epoch  2 account  3 job  4 send (<job>:<number>)  5 what the look needs, JSON (empty: look no more)  6 due in ms
--      7 micro-USD that this send held in doubt and gives back now  8 the purse of its claim (empty: none)
-- ->   1, or 0 when nobody looks for it any more
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local watch, freed = PREFIX .. 'watch:' .. ARGV[2], PREFIX .. 'freed:' .. ARGV[2]
local told = redis.call('HGET', watch, ARGV[4])
if not told then return 0 end
-- A worker that was frozen in its look may come after another one gave the same doubt back: what is remembered decides.
local held = cjson.decode(told).doubt_uusd
if ARGV[5] == '' then
  redis.call('HDEL', watch, ARGV[4])
  redis.call('ZREM', freed, ARGV[4])
else
  redis.call('HSET', watch, ARGV[4], ARGV[5])
  redis.call('ZADD', freed, int(now_ms() + tonumber(ARGV[6])), ARGV[4])
end
if tonumber(ARGV[7]) > 0 and held > 0 then
  local key = PREFIX .. 'j:' .. ARGV[3]
  count_money(buyer(redis.call('HGET', key, 'campaigns')), ARGV[8], 'doubt', -ARGV[7])
  redis.call('HINCRBY', key, 'doubted', '-' .. ARGV[7])
end
return 1
