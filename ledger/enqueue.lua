-- Puts a batch of a campaign's jobs into the ledger. The same call twice changes nothing.
-- ARGV 1 epoch  2 campaign  3 account  4 six lines for each of at most 1,000 jobs: id, seq, price in micro-USD, job JSON,
--      state (queued, or the end it has), budgets (names with tabs between; empty: its campaign's); one argument, because clients take longer over thousands than Redis over the jobs
--      5 lane of them all, an account and its price in micro-USD a line (empty: that account alone)
-- ->   one letter a job: n(ew) k(nown already) j(oined: another campaign buys it) r(enewed) e(nded before)
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local campaign, account = ARGV[2], ARGV[3]
local lane = lane_of(ARGV[5])
local mine = '\n' .. campaign .. '\n'
local now, answer = int(now_ms()), {}
-- A batch is counted and lined up once, at its end: most of a script's time is its calls.
local count, line = {}, {}
local text, from = ARGV[4], 1
-- Searching for the end of a line is much quicker than matching a pattern with six of them.
local function next_line()
  local to = string.find(text, '\n', from, true)
  local line = string.sub(text, from, to - 1)
  from = to + 1
  return line
end
while from <= #text do
  local id, seq, price, json, state, names = next_line(), next_line(), next_line(), next_line(), next_line(), next_line()
  local key = PREFIX .. 'j:' .. id
  local known = redis.call('HMGET', key, 'state', 'campaigns', 'lane', 'account')
  if not known[1] then
    count[state] = (count[state] or 0) + 1
    if state == 'queued' then
      redis.call('HSET', key, 'state', state, 'campaigns', campaign, 'account', account, 'price', price, 'seq', seq,
                 'queued_ms', now, 'job', json)
      if lane then redis.call('HSET', key, 'lane', lane) end
      line[#line + 1] = seq
      line[#line + 1] = id
      answer[#answer + 1] = 'n'
    else
      redis.call('HSET', key, 'state', state, 'campaigns', campaign, 'account', account, 'price', price, 'seq', seq)
      if lane then redis.call('HSET', key, 'lane', lane) end
      answer[#answer + 1] = 'e'
    end
  elseif known[1] == 'cancelled' and state == 'queued' then
    -- Nobody buys it any more: whoever asks for it first is its buyer, at an account of their own.
    local others, was = without(known[2], campaign), redis.call('HGET', key, 'account')
    if not string.find('\n' .. known[2] .. '\n', mine, 1, true) then
      redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'n:cancelled', 1)
    end
    redis.call('HINCRBY', PREFIX .. 'a:' .. was, 'n:cancelled', -1)
    redis.call('HINCRBY', PREFIX .. 'a:' .. account, 'n:cancelled', 1)
    redis.call('HSET', key, 'job', json, 'price', price, 'seq', seq, 'queued_ms', now, 'account', account,
               'campaigns', others == '' and campaign or campaign .. '\n' .. others)
    if lane then redis.call('HSET', key, 'lane', lane) else redis.call('HDEL', key, 'lane', 'why') end
    if others ~= '' then note_joined(campaign .. '\n' .. others) end
    shift(id, 'cancelled', 'queued')
    answer[#answer + 1] = 'r'
  elseif not string.find('\n' .. known[2] .. '\n', mine, 1, true) then
    redis.call('HSET', key, 'campaigns', known[2] .. '\n' .. campaign)
    redis.call('SADD', PREFIX .. 'joined:' .. campaign, buyer(known[2]))
    redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'n:' .. known[1], 1)
    if redis.call('HEXISTS', key, 'held') == 1 then redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'held', 1) end
    answer[#answer + 1] = 'j'
  else
    if known[1] == 'queued' and state == 'queued' and buyer(known[2]) == campaign then
      -- Nobody has claimed it yet: what goes in is fetched from where the newest plan has it.
      local was = redis.call('HMGET', key, 'account', 'price', 'lane')
      if (was[3] or nil) == lane and (lane or was[1] == account and was[2] == price) then redis.call('HSET', key, 'job', json) end
    end
    local elsewhere = (known[3] or nil) ~= lane or not lane and known[4] ~= account
    if elsewhere and (known[1] == 'failed' or known[1] == 'refused') and buyer(known[2]) == campaign then
      -- If a person wants it anew, it is bought where the newest plan says.
      redis.call('HINCRBY', PREFIX .. 'a:' .. known[4], 'n:' .. known[1], -1)
      redis.call('HINCRBY', PREFIX .. 'a:' .. account, 'n:' .. known[1], 1)
      redis.call('HSET', key, 'account', account, 'price', price)
      if lane then redis.call('HSET', key, 'lane', lane) else redis.call('HDEL', key, 'lane') end
    end
    answer[#answer + 1] = 'k'
  end
  -- Whose turn it is to buy the job says to which budgets it counts.
  local ours = (not known[1] or buyer(redis.call('HGET', key, 'campaigns')) == campaign) and 'set' or 'set:' .. campaign
  if names ~= '' and state == 'queued' then redis.call('HSET', key, ours, set_number(names)) elseif known[1] then redis.call('HDEL', key, ours) end
  if known[1] == 'rendering' then redis.call('HDEL', key, 'unwanted') end
end
for state, number in pairs(count) do
  redis.call('HINCRBY', PREFIX .. 'c:' .. campaign, 'n:' .. state, number)
  redis.call('HINCRBY', PREFIX .. 'a:' .. account, 'n:' .. state, number)
end
if #line > 0 then line_up(campaign, account, lane, unpack(line)) end
redis.call('SADD', PREFIX .. 'accounts', account)
return table.concat(answer)
