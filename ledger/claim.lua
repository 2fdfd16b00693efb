-- Admits queued jobs of one account: a slot and the money are taken, a lease begins. Campaigns take turns, least recently served first.
-- ARGV 1 epoch  2 account  3 most jobs  4 lease in ms  5 slots of the account (-1: no limit)  6 look-ahead in ms
--      7 gate JSON {windows: [[count, span_ms], ...]}  8 most jobs claimed and not yet sent, over all workers
-- ->   {id, fence, id, fence, ...}
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
local epoch, account = ARGV[1], ARGV[2]
local at = PREFIX .. 'a:' .. account
local turns = PREFIX .. 'turns:' .. account
local now = now_ms()
local held = redis.call('HMGET', at, 'parked_kind', 'hold_ms', 'n:claimed', 'paused', 'probe', 'n:submitting')
if halted() or held[1] or held[4] or tonumber(held[2] or '0') > now then return {} end
local waiting = tonumber(held[3] or '0')
local room = math.min(tonumber(ARGV[3]), tonumber(ARGV[8]) - waiting)
if held[5] then room = math.min(room, 1 - waiting - tonumber(held[6] or '0')) end
local slots = tonumber(ARGV[5])
if slots >= 0 then room = math.min(room, slots - redis.call('SCARD', PREFIX .. 'slots:' .. account)) end
room = math.min(room, sends_ahead(account, cjson.decode(ARGV[7]), tonumber(ARGV[6])) - waiting)
-- Jobs of a campaign between their claim and their end.
local function under_way(campaign)
  local sum = 0
  for state in pairs(MONEY) do
    if state ~= 'unknown' then sum = sum + tonumber(redis.call('HGET', campaign, 'n:' .. state) or '0') end
  end
  return sum
end

local claimed, skipped = {}, {}
while room > 0 do
  local name = redis.call('ZRANGE', turns, 0, 0)[1]
  if not name then break end
  local campaign = PREFIX .. 'c:' .. name
  local money = redis.call('HMGET', campaign, 'state', 'parked_kind', 'budget', 'reserved', 'spent', 'doubt', 'probe')
  local id = redis.call('ZRANGE', PREFIX .. 'q:' .. name, 0, 0)[1]
  if money[1] ~= 'running' or money[2] or not id then
    redis.call('ZREM', turns, name)
  else
    local price = tonumber(redis.call('HGET', PREFIX .. 'j:' .. id, 'price'))
    local budget = tonumber(money[3] or '') or math.huge
    local gone = tonumber(money[5] or '0') + tonumber(money[6] or '0')
    if gone + price > budget then
      park(campaign, 'budget', 'the budget is spent: the next video would pass it')
      redis.call('ZREM', turns, name)
    elseif gone + tonumber(money[4] or '0') + price > budget or (money[7] and under_way(campaign) > 0) then
      -- Running renders may still cost less than was reserved, and a probe tells whether buying may go on: their end
      -- decides, so this turn is passed over.
      skipped[#skipped + 1] = {redis.call('ZSCORE', turns, name), name}
      redis.call('ZREM', turns, name)
    else
      shift(id, 'queued', 'claimed')
      redis.call('HINCRBY', PREFIX .. 'j:' .. id, 'sends', 1)
      claimed[#claimed + 1] = id
      claimed[#claimed + 1] = new_fence(id, epoch)
      set_due(account, id, now + tonumber(ARGV[4]))
      redis.call('ZADD', turns, redis.call('HINCRBY', at, 'turn', 1), name)
      room = room - 1
    end
  end
end
for _, pair in ipairs(skipped) do redis.call('ZADD', turns, pair[1], pair[2]) end
return claimed
