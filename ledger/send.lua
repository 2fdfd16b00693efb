-- claimed -> submitting, and the rate token, taken last so that what the provider sees is what was granted: the POST's first byte leaves
-- at the instant granted. A grant that grew too old before it did is given back (submitting -> claimed), and another one asked for.
-- ARGV 1 epoch  2 job  3 fence  4 token of this send  5 lease in ms  6 gate JSON (gates.lua, next_send_ms)
--      7 number of the send, as its intent has it  8 the grant to give back (empty: none)  9 the instant that this asker was told before (empty: none)
-- ->   {'go', instant, now} | {'wait', ms, instant (empty: not for a token)} | {'stop', why}
if foreign(ARGV[1]) then return {'stop', 'the ledger has another epoch'} end
local id, key, gate = ARGV[2], PREFIX .. 'j:' .. ARGV[2], cjson.decode(ARGV[6])
local job = redis.call('HMGET', key, 'state', 'fence', 'account', 'campaigns', 'token', 'grant')
if job[2] ~= ARGV[3] then return {'stop', 'the claim is gone'} end
if ARGV[8] ~= '' and job[1] == 'submitting' and job[5] == ARGV[4] and job[6] == ARGV[8] then
  -- Only the sender knows its grant, and says with it that no byte has left.
  give_back_send(job[3], gate, ARGV[8])
  shift(id, 'submitting', 'claimed')
  redis.call('HDEL', key, 'grant')
  job[1] = 'claimed'
end
if job[1] ~= 'claimed' then return {'stop', 'the claim is gone'} end
local answer = token_to_send(job[4], job[3], gate, ARGV[9])
if answer[1] == 'go' then
  shift(id, 'claimed', 'submitting')
  redis.call('HSET', key, 'token', ARGV[4], 'sent_ms', string.match(answer[2], '%d+'), 'sends', ARGV[7], 'granted', ARGV[7], 'grant', answer[2])
  -- Calls about an earlier send say nothing of this one.
  redis.call('HDEL', key, 'hint_ms', 'hinted')
  set_due(job[3], id, now_ms() + tonumber(ARGV[5]))
end
return answer
