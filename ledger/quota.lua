-- The provider has listed what the account may do.
-- ARGV 1 epoch  2 account  3 what its first window holds (empty: not told)  4 tasks in flight (empty: not told)
-- ->   1
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local at = PREFIX .. 'a:' .. ARGV[2]
if ARGV[3] ~= '' then redis.call('HSET', at, 'told', ARGV[3]) end
if ARGV[4] ~= '' then redis.call('HSET', at, 'told_slots', ARGV[4]) end
return 1
