-- Takes jobs that a newer plan no longer asks for out of a campaign's queue; what is bought already stays.
-- ARGV 1 epoch  2 campaign  then job ids
-- ->   the number withdrawn
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local withdrawn = 0
for i = 3, #ARGV do
  local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[i], 'state', 'campaigns')
  if job[1] == 'queued' and job[2] == ARGV[2] then
    shift(ARGV[i], 'queued', 'cancelled')
    withdrawn = withdrawn + 1
  end
end
return withdrawn
