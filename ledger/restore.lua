-- Puts a batch of a campaign's jobs back as the store knows them, whatever their state. The same call twice changes nothing.
-- ARGV 1 epoch  2 campaign  3 account  4 JSON [{id, seq, price, account (its own), lane (as enqueue.lua has it), job, state, due (bool: it wants a look now), fields: {name: text},
--      spent (micro-USD that this campaign has paid for it), tasks: [[account, id], ...], unverified (bool),
--      watches: [[account, send, what its looks need], ...], budgets (names with tabs between; empty: the campaign's), claimed_on (date of its last
--      claim; empty: its money is counted elsewhere)}, ...]
-- ->   one letter a job: n(ew here) k(nown already) j(oined: another campaign has it)
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local epoch, campaign = ARGV[1], ARGV[2]
local mine, ours = '\n' .. campaign .. '\n', PREFIX .. 'c:' .. campaign
local now, answer, accounts = now_ms(), {}, {[ARGV[3]] = true}
local all = redis.call('HGET', ours, 'set')
for _, job in ipairs(cjson.decode(ARGV[4])) do
  local key = PREFIX .. 'j:' .. job.id
  local known = redis.call('HMGET', key, 'state', 'campaigns')
  local own = job.budgets ~= '' and set_number(job.budgets) or nil
  if known[1] and string.find('\n' .. known[2] .. '\n', mine, 1, true) then
    answer[#answer + 1] = 'k'
  elseif known[1] then
    redis.call('HSET', key, 'campaigns', known[2] .. '\n' .. campaign)
    redis.call('SADD', PREFIX .. 'joined:' .. campaign, buyer(known[2]))
    if own then redis.call('HSET', key, 'set:' .. campaign, own) end
    redis.call('HINCRBY', ours, 'n:' .. known[1], 1)
    answer[#answer + 1] = 'j'
  else
    local account, lane = job.account, lane_of(job.lane)
    local at = PREFIX .. 'a:' .. account
    accounts[account] = true
    redis.call('HSET', key, 'state', job.state, 'campaigns', campaign, 'account', account, 'price', int(job.price), 'seq', int(job.seq),
               'queued_ms', int(now))
    if lane then redis.call('HSET', key, 'lane', lane) end
    if job.job ~= cjson.null then redis.call('HSET', key, 'job', job.job) end
    for name, text in pairs(job.fields) do redis.call('HSET', key, name, text) end
    redis.call('HINCRBY', ours, 'n:' .. job.state, 1)
    redis.call('HINCRBY', at, 'n:' .. job.state, 1)
    local purse = job.claimed_on ~= '' and (own or all) and job.claimed_on .. ' ' .. (own or all) or nil
    if own then redis.call('HSET', key, 'set', own) end
    if purse then redis.call('HSET', key, 'purse', purse) end
    if MONEY[job.state] then count_money(campaign, purse, MONEY[job.state], job.price) end
    -- What was spent before counts to budgets as what others bought.
    if job.spent > 0 then count_money(campaign, nil, 'spent', job.spent) end
    if SLOT[job.state] then redis.call('SADD', PREFIX .. 'slots:' .. account, job.id) end
    if SENT[job.state] then redis.call('SADD', PREFIX .. 'sent:' .. account, job.id) end
    for _, task in ipairs(job.tasks) do redis.call('HSETNX', PREFIX .. 'tasks:' .. task[1], task[2], job.id) end
    for _, watch in ipairs(job.watches) do
      local sent = cjson.decode(watch[3])
      if own or all then sent.purse = date_of(sent.sent_ms) .. ' ' .. (own or all) end
      redis.call('HSETNX', PREFIX .. 'watch:' .. watch[1], watch[2], cjson.encode(sent))
      redis.call('ZADD', PREFIX .. 'freed:' .. watch[1], 'NX', int(now), watch[2])
    end
    if job.unverified then redis.call('HINCRBY', ours, 'unverified', 1) end
    if job.state == 'queued' then line_up(campaign, account, lane, int(job.seq), job.id) end
    if job.due then
      new_fence(job.id, epoch)
      set_due(account, job.id, now)
    end
    answer[#answer + 1] = 'n'
  end
end
each_account(campaign, function(account) accounts[account] = true end)
for account in pairs(accounts) do
  redis.call('SADD', PREFIX .. 'accounts', account)
  -- The rate begins anew: its first submits must not come too soon after the last ones of the lost ledger, and in no crowd.
  redis.call('HSET', PREFIX .. 'a:' .. account, 'hold_ms', int(now + 2000), 'pace', int(now + 8000))
end
return table.concat(answer)
