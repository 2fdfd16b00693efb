-- The rate token for sending a lost submit once more under its own key; the job stays unknown until it is answered.
-- ARGV 1 epoch  2 job  3 fence  4 gate JSON (gates.lua, next_send_ms)  5 the grant to give back, nothing having left (empty: none)
-- ->   {'go', instant, now} | {'wait', ms, instant} | {'stop', why}
if foreign(ARGV[1]) then return {'stop', 'the ledger has another epoch'} end
local job = redis.call('HMGET', PREFIX .. 'j:' .. ARGV[2], 'state', 'fence', 'account', 'campaigns')
local gate = cjson.decode(ARGV[4])
if ARGV[5] ~= '' and job[3] then give_back_send(job[3], gate, ARGV[5]) end
if job[1] ~= 'unknown' or job[2] ~= ARGV[3] then return {'stop', 'it has been decided'} end
return token_to_send(job[4], job[3], gate, '')
