-- Takes queued jobs that a newer plan no longer asks for out of a campaign; what is bought already stays.
-- A job that another campaign wants too is handed to the next of them, if that one buys at the same account.
-- ARGV 1 epoch  2 campaign  then job ids
-- ->   the number withdrawn
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local name, withdrawn = ARGV[2], 0

-- Out of this campaign, into the queue of the next one where this one was the buyer; false where that cannot be.
local function hand_over(id, job)
  local others, account = without(job[2], name), job[3]
  if buyer(job[2]) == name then
    local heir = buyer(others)
    if redis.call('HGET', PREFIX .. 'c:' .. heir, 'account') ~= account then return false end
    redis.call('ZREM', PREFIX .. 'q:' .. name, id)
    line_up(heir, account, job[4], id)
  end
  redis.call('HSET', PREFIX .. 'j:' .. id, 'campaigns', others)
  redis.call('HINCRBY', PREFIX .. 'c:' .. name, 'n:queued', -1)
  return true
end

for i = 3, #ARGV do
  local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[i], 'state', 'campaigns', 'account', 'seq')
  if job[1] == 'queued' and job[2] == name then
    shift(ARGV[i], 'queued', 'cancelled')
    withdrawn = withdrawn + 1
  elseif job[1] == 'queued' and string.find('\n' .. job[2] .. '\n', '\n' .. name .. '\n', 1, true) then
    if hand_over(ARGV[i], job) then withdrawn = withdrawn + 1 end
  end
end
return withdrawn
