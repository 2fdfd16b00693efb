-- claimed -> submitting, and the rate token, taken last so that what the provider sees is what was granted. The POST leaves at once.
-- ARGV 1 epoch  2 job  3 fence  4 token of this send  5 lease in ms  6 windows JSON [[name, interval_ms, tolerance_ms], ...]
--      7 number of the send, as its intent has it
-- ->   {'go'} | {'wait', ms} | {'stop', why}
if foreign(ARGV[1]) then return {'stop', 'the ledger has another epoch'} end
local id, key = ARGV[2], PREFIX .. 'j:' .. ARGV[2]
local job = redis.call('HMGET', key, 'state', 'fence', 'account', 'campaigns')
if job[1] ~= 'claimed' or job[2] ~= ARGV[3] then return {'stop', 'the claim is gone'} end
local answer = token_to_send(job[4], job[3], cjson.decode(ARGV[6]))
if answer[1] ~= 'go' then return answer end
local now = now_ms()
shift(id, 'claimed', 'submitting')
redis.call('HSET', key, 'token', ARGV[4], 'sent_ms', int(now), 'sends', ARGV[7], 'granted', ARGV[7])
set_due(job[3], id, now + tonumber(ARGV[5]))
return answer
