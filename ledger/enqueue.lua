-- Puts a batch of a campaign's jobs into the ledger. The same call twice changes nothing.
-- ARGV 1 epoch  2 campaign  3 account  then for each job: id, seq, price in micro-USD, job JSON, state (queued, or the end it has)
-- ->   one letter a job: n(ew) k(nown already) j(oined: another campaign buys it) r(enewed) e(nded before)
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local campaign, account = ARGV[2], ARGV[3]
local mine = '\n' .. campaign .. '\n'
local now, answer, queued = int(now_ms()), {}, false
for i = 4, #ARGV, 5 do
  local id, seq, price, json, state = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local key = PREFIX .. 'j:' .. id
  local known = redis.call('HMGET', key, 'state', 'campaigns')
  if not known[1] then
    redis.call('HSET', key, 'state', state, 'campaigns', campaign, 'account', account, 'price', price, 'seq', seq)
    redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'n:' .. state, 1)
    redis.call('HINCRBY', PREFIX .. 'a:' .. account, 'n:' .. state, 1)
    if state == 'queued' then
      redis.call('HSET', key, 'job', json, 'queued_ms', now)
      redis.call('ZADD', PREFIX .. 'q:' .. campaign, seq, id)
      queued = true
      answer[#answer + 1] = 'n'
    else
      answer[#answer + 1] = 'e'
    end
  elseif not string.find('\n' .. known[2] .. '\n', mine, 1, true) then
    redis.call('HSET', key, 'campaigns', known[2] .. '\n' .. campaign)
    redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'n:' .. known[1], 1)
    answer[#answer + 1] = 'j'
  elseif known[1] == 'cancelled' and state == 'queued' then
    redis.call('HSET', key, 'job', json, 'price', price, 'seq', seq, 'queued_ms', now)
    shift(id, 'cancelled', 'queued')
    answer[#answer + 1] = 'r'
  else
    answer[#answer + 1] = 'k'
  end
end
if queued and redis.call('HGET', PREFIX .. 'c:' .. campaign, 'state') == 'running'
    and redis.call('HEXISTS', PREFIX .. 'c:' .. campaign, 'parked_kind') == 0 then
  redis.call('ZADD', PREFIX .. 'turns:' .. account, 'NX', 0, campaign)
end
redis.call('SADD', PREFIX .. 'accounts', account)
return table.concat(answer)
