-- Takes queued jobs that a newer plan no longer asks for out of a campaign; what is bought already stays.
-- A job that another campaign wants too is handed to the next of them, if that one buys at the same account.
-- ARGV 1 epoch  2 campaign  then job ids
-- ->   the number withdrawn
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local name, withdrawn = ARGV[2], 0
for i = 3, #ARGV do
  local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[i], 'state', 'campaigns')
  if job[1] == 'queued' and job[2] == name then
    shift(ARGV[i], 'queued', 'cancelled')
    withdrawn = withdrawn + 1
  elseif job[1] == 'queued' and string.find('\n' .. job[2] .. '\n', '\n' .. name .. '\n', 1, true) then
    if hand_over(ARGV[i], name) then withdrawn = withdrawn + 1 end
  end
end
return withdrawn
