-- The rate token for sending a lost submit once more under its own key; the job stays unknown until it is answered.
-- ARGV 1 epoch  2 job  3 fence  4 windows JSON [[name, interval_ms, tolerance_ms], ...]
-- ->   {'go'} | {'wait', ms} | {'stop', why}
if foreign(ARGV[1]) then return {'stop', 'the ledger has another epoch'} end
local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[2], 'state', 'fence', 'account', 'campaigns')
if job[1] ~= 'unknown' or job[2] ~= ARGV[3] then return {'stop', 'it has been decided'} end
return token_to_send(job[4], job[3], cjson.decode(ARGV[4]))
