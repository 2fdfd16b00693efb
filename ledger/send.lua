-- claimed -> submitting, and the rate token, taken last so that what the provider sees is what was granted. The POST leaves at once.
-- ARGV 1 epoch  2 job  3 fence  4 token of this send  5 lease in ms  6 windows JSON [[name, interval_ms, tolerance_ms], ...]
-- ->   {'go'} | {'wait', ms} | {'stop', why}
if foreign(ARGV[1]) then return {'stop', 'the ledger has another epoch'} end
local id, key = ARGV[2], PREFIX .. 'j:' .. ARGV[2]
local job = redis.call('HMGET', key, 'state', 'fence', 'account', 'campaigns')
if job[1] ~= 'claimed' or job[2] ~= ARGV[3] then return {'stop', 'the claim is gone'} end
local campaign = redis.call('HMGET', PREFIX .. 'c:' .. buyer(job[4]), 'state', 'parked_kind')
if campaign[1] ~= 'running' or campaign[2] then return {'stop', 'the campaign is not buying'} end
local at = PREFIX .. 'a:' .. job[3]
local account = redis.call('HMGET', at, 'parked_kind', 'hold_ms', 'paused')
if halted() or account[3] then return {'stop', 'buying is paused'} end
if account[1] then return {'stop', 'the account is parked'} end
local now = now_ms()
local hold = tonumber(account[2] or '0') - now
if hold > 0 then return {'wait', int(hold)} end
local wait = tokens_wait_ms(at, cjson.decode(ARGV[6]), true)
if wait > 0 then return {'wait', int(math.ceil(wait))} end
shift(id, 'claimed', 'submitting')
redis.call('HSET', key, 'token', ARGV[4], 'sent_ms', int(now))
set_due(job[3], id, now + tonumber(ARGV[5]))
return {'go'}
