-- The receipt of a send lies in the store and is owed no more; a later send may owe its own by now, which stays.
-- ARGV 1 epoch  2 job  3 number of the send
-- ->   1 if it was owed
if foreign(ARGV[1]) then return 0 end
local key = PREFIX .. 'j:' .. ARGV[2]
if redis.call('HGET', key, 'sends') ~= ARGV[3] then return 0 end
return redis.call('HDEL', key, 'owed')
