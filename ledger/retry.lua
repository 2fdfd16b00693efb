-- A person wants a job bought anew: one that failed, or one whose submit is held unknown. What the lost submit may have
-- cost stays in doubt, beside the money of the new purchase, and its task is looked for as that of any send given up.
-- ARGV 1 epoch  2 job  3 state that it must stand in (failed, unknown)  4 job JSON  5 purchases JSON  6 revision of the next record
--      7 sends so far  8 send (<job>:<number>; empty: none is given up)  9 what its later looks need, JSON  10 the first of them in ms
-- ->   1, or 0 when the job does not stand there any more
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local id, key = ARGV[2], PREFIX .. 'j:' .. ARGV[2]
local job = redis.call('HMGET', key, 'state', 'price', 'purse')
if job[1] ~= ARGV[3] then return 0 end
local payer, account = shift(id, ARGV[3], 'queued')
redis.call('HSET', key, 'job', ARGV[4], 'purchases', ARGV[5], 'revision', ARGV[6],
           'sends', ARGV[7], 'granted', ARGV[7], 'queued_ms', int(now_ms()), 'polls', '0')
redis.call('HDEL', key, 'trouble', 'task', 'submitted_ms', 'finished_ms', 'fetches', 'result', 'owed', 'look', 'misses',
           'missed_ms', 'kind', 'ran_ms', 'look_ms')
set_due(account, id, nil)
new_fence(id, ARGV[1])
if ARGV[8] ~= '' then
  count_money(payer, job[3], 'doubt', job[2])
  redis.call('HINCRBY', key, 'doubted', job[2])
  redis.call('HSET', PREFIX .. 'watch:' .. account, ARGV[8], ARGV[9])
  redis.call('ZADD', PREFIX .. 'freed:' .. account, int(now_ms() + tonumber(ARGV[10])), ARGV[8])
end
return 1
