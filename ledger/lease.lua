-- Leases what is due on one account, and mends what a dead worker left behind.
-- ARGV 1 epoch  2 account  3 most jobs  4 lease in ms  5 poll windows JSON  6 ring again after ms  7 most collects rung or under way
--      8 ms after its POST, wire and longest render, when the slot of an unanswered submit is free
-- ->   a row a job that needs work: {id, state, fence, late_ms, task, polls, attempts, purchases, owed, unwanted, kind, ran_ms, look_ms, hint_ms}
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local epoch, account = ARGV[1], ARGV[2]
local at, due = PREFIX .. 'a:' .. account, PREFIX .. 'due:' .. account
local now = now_ms()
local windows = cjson.decode(ARGV[5])
local rung = PREFIX .. 'rung:' .. account
redis.call('ZREMRANGEBYSCORE', rung, '-inf', now)
local rings = tonumber(ARGV[7]) - redis.call('ZCARD', rung) - tonumber(redis.call('HGET', at, 'n:collecting') or '0')
local rows, looked_for = {}, false
local READY_AGAIN_MS = 100
local late = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
for i = 1, #late, 2 do
  local id = late[i]
  local key = PREFIX .. 'j:' .. id
  local job = redis.call('HMGET', key, 'state', 'fence', 'task', 'polls', 'attempts', 'purchases', 'owed', 'unwanted', 'kind', 'ran_ms', 'look_ms', 'hint_ms')
  local state = job[1]
  local function row()
    rows[#rows + 1] = {id, state, job[2], int(now - tonumber(late[i + 1])), job[3] or '', job[4] or '0', job[5] or '0',
                       job[6] or '[]', job[7] or '', job[8] or '', job[9] or '', job[10] or '', job[11] or '', job[12] or ''}
  end
  if state == 'collecting' then
    -- The worker that collected it is gone: its lease was not renewed. If it lives after all, it has lost the job.
    shift(id, 'collecting', 'ready')
    job[2] = new_fence(id, epoch)
    state = 'ready'
  end
  if state == 'claimed' then
    requeue(id, 'claimed')
    new_fence(id, epoch)
    set_due(account, id, nil)
  elseif state == 'submitting' then
    -- The fence stays: if the one who sent it lives after all, its definite answer still counts.
    shift(id, 'submitting', 'unknown')
    -- It does not count towards the account's breaker: the worker failed, not the provider.
    redis.call('HSET', key, 'trouble', 'the worker died while it was sending')
    set_due(account, id, now + FIRST_LOOK_MS)
  elseif state == 'rendering' then
    if tokens_wait_ms(at, windows, true) == 0 then
      job[2] = new_fence(id, epoch)
      set_due(account, id, now + tonumber(ARGV[4]))
      row()
    end
  elseif state == 'ready' then
    if rings > 0 then
      rings = rings - 1
      job[2] = new_fence(id, epoch)
      set_due(account, id, now + tonumber(ARGV[6]))
      redis.call('ZADD', rung, int(now + tonumber(ARGV[6])), id)
      row()
    elseif #late == 2 * tonumber(ARGV[3]) then
      -- More is due than one lease takes: those that wait for a thread must not keep renders from being polled.
      set_due(account, id, now + READY_AGAIN_MS)
    end
  elseif state == 'unknown' then
    -- No task of it is in flight after this: the slot is free again. The money stays in doubt.
    if now >= tonumber(redis.call('HGET', key, 'sent_ms') or '0') + tonumber(ARGV[8]) then
      redis.call('SREM', PREFIX .. 'slots:' .. account, id)
      redis.call('SREM', PREFIX .. 'slots:' .. account .. (redis.call('HGET', key, 'part') or ''), id)
    end
    -- Not for long: whoever looks now may die over it, and the others must not wait for a lease.
    set_due(account, id, now + FIRST_LOOK_MS)
    -- One look serves all lost submits of an account, so one row calls for it.
    if not looked_for then row() end
    looked_for = true
  else
    set_due(account, id, nil)
  end
end
local freed = PREFIX .. 'freed:' .. account
local watched = redis.call('ZRANGE', freed, '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
if watched then
  redis.call('ZADD', freed, int(now + tonumber(ARGV[4])), watched)
  rows[#rows + 1] = {watched, 'freed', '', '0', '', '0', '0', '[]', '', '', '', '', '', ''}
end
return rows
