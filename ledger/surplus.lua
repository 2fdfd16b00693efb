-- A task turned up for a send that had been given up: it is claimed, told in the job, and paid by the job's campaign.
-- ARGV 1 epoch  2 account  3 job  4 send (<job>:<number>)  5 task id  6 cost in micro-USD  7 purchase JSON
--      8 micro-USD that this send still holds in doubt, given back now  9 what its later looks need, JSON
--      10 the purse of its claim (empty: none)
-- ->   1, or 0 when the task was claimed before
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local account, id, key = ARGV[2], ARGV[3], PREFIX .. 'j:' .. ARGV[3]
if redis.call('HSETNX', PREFIX .. 'tasks:' .. account, ARGV[5], id) == 0 then return 0 end
local job = redis.call('HMGET', key, 'surplus', 'campaigns')
redis.call('HSET', key, 'surplus', (job[1] and (string.sub(job[1], 1, -2) .. ',') or '[') .. ARGV[7] .. ']')
local payer = buyer(job[2])
count_money(payer, ARGV[10], 'spent', ARGV[6])
redis.call('HINCRBY', PREFIX .. 'c:' .. payer, 'surplus', 1)
-- Only what is still remembered in doubt is given back: a worker that was frozen in its look may come late.
local told = redis.call('HGET', PREFIX .. 'watch:' .. account, ARGV[4])
local held = told and cjson.decode(told).doubt_uusd or 0
if tonumber(ARGV[8]) > 0 and held > 0 then
  count_money(payer, ARGV[10], 'doubt', -ARGV[8])
  redis.call('HINCRBY', key, 'doubted', '-' .. ARGV[8])
end
if told then
  redis.call('HSET', PREFIX .. 'watch:' .. account, ARGV[4], ARGV[9])
end
return 1
