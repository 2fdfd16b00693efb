-- A webhook says that a job's render has ended: it is looked at now, and that look decides. Nothing else of it counts.
-- ARGV 1 epoch  2 account  3 job  4 number of the send  5 name of the delivery  6 for how long it is known again, in ms
--      7 least ms between two hints of one job that count  8 the task that it names (empty: none)
-- ->   'looked at' | 'noted' (its submit is still on the wire) | 'known' (this very delivery) | 'soon' (one came just now)
--      | 'idle' (no render of that send is under way) | 'missing' | 'foreign'
if foreign(ARGV[1]) then return 'foreign' end
-- How far apart "it still ran" and "it has ended" are taken to be.
local JUST_NOW_MS = 500
local account, id, key = ARGV[2], ARGV[3], PREFIX .. 'j:' .. ARGV[3]
local job = redis.call('HMGET', key, 'state', 'account', 'hint_ms', 'look_ms', 'sends')
local state, now = job[1], now_ms()
if not state or job[2] ~= account then return 'missing' end
if not SLOT[state] or state == 'claimed' or job[5] ~= ARGV[4] then return 'idle' end
if now < tonumber(job[3] or '0') + tonumber(ARGV[7]) then return 'soon' end
if not redis.call('SET', PREFIX .. 'hint:' .. ARGV[5], 1, 'NX', 'PX', ARGV[6]) then return 'known' end
redis.call('HSET', key, 'hint_ms', int(now))
-- The answer to its submit has not come, and may be lost: the provider is asked after this task then.
if state ~= 'rendering' and ARGV[8] ~= '' then redis.call('HSET', key, 'hinted', ARGV[8]) end
if state == 'submitting' then return 'noted' end
local due = tonumber(redis.call('ZSCORE', PREFIX .. 'due:' .. account, id) or now)
if due > now then
  set_due(account, id, now)
  if state == 'rendering' and job[4] then
    -- The look comes sooner than was planned, and the render ran until just now: its age is counted by that.
    local look_ms = math.max(0, tonumber(job[4]) - (due - now))
    redis.call('HSET', key, 'look_ms', int(look_ms), 'ran_ms', int(math.max(0, look_ms - JUST_NOW_MS)))
  end
end
return 'looked at'
