-- Which of a campaign's jobs an account may buy, where others could as well: whoever asks least goes first, and whoever asks more takes what
-- those cannot end in time, or all of it while they cannot buy at all. It is put in front of claim.lua, after the gates.
--
-- of wb:a:<account>  gate (its admission, as claim.lua has it), render_ms and tail_ms (how long a render and the longest ones take until they are stored), served_ms and since_ms (a living worker
--                    said so last, and without a pause since), down_ms and down_at (the provider could not be reached, first and last, with no answer in between)

-- So long nobody serves an account, or its provider is not to be reached, before others buy in its place: a restart, or a hiccup, is no reason.
local UNSERVED_MS = 15000
local DOWN_MS = 6000
-- A worker's heartbeat is never older while it lives.
local BEAT_MS = 5000
-- What an account does of what its limits allow: waits and turn-around cost the rest.
local SURE = 0.98
-- An account that asks more begins when what it is to take is this share of all that it could end in time by then: what is learned until then
-- about the others saves money, and there is room for what goes wrong.
local BEGINS_AT = 0.25
-- Other campaigns at an account that are looked at.
local MOST_RIVALS = 20

-- Why an account cannot buy now, or nil; `at` is the account that asks, which can.
local function unable(account, at, now)
  if account == at then return nil end
  local held = redis.call('HMGET', PREFIX .. 'a:' .. account, 'parked_kind', 'paused', 'down_ms', 'down_at', 'served_ms')
  if held[1] then return 'parked' end
  if held[2] then return 'paused' end
  if held[3] and now - tonumber(held[3]) > DOWN_MS and now - tonumber(held[4]) < DOWN_KNOWN_MS then return 'down' end
  -- Only who has been served all the time can tell that another was not: else the ledger may have been away.
  local mine = redis.call('HMGET', PREFIX .. 'a:' .. at, 'served_ms', 'since_ms')
  local judges = mine[1] and now - tonumber(mine[1]) < BEAT_MS and now - tonumber(mine[2]) > UNSERVED_MS
  if judges and now - tonumber(held[5] or '0') > UNSERVED_MS then return 'unserved' end
  return nil
end

local function weight_of(name)
  local share = redis.call('HMGET', PREFIX .. 'c:' .. name, 'weight', 'priority')
  return tonumber(share[1] or '1') * 2 ^ tonumber(share[2] or '0')
end

-- Of so many jobs at an account how many are this campaign's: its share, or what the others leave.
local function ours_of(much, account, name)
  if much == math.huge then return much end
  local mine, all, theirs = weight_of(name), 0, 0
  for _, other in ipairs(redis.call('ZRANGE', PREFIX .. 'turns:' .. account, 0, MOST_RIVALS)) do
    local count = other == name and 0 or waiting_in(other)
    if count > 0 then all, theirs = all + weight_of(other), theirs + count end
  end
  return math.max(much * mine / (mine + all), much - theirs)
end

-- How many jobs of the queue an account can begin so that they end within `left_ms`. One of which nothing is known yet can do all.
local function can_end(account, left_ms, now)
  local held = redis.call('HMGET', PREFIX .. 'a:' .. account, 'gate', 'render_ms', 'tail_ms', 'told', 'hold_ms', 'n:claimed', 'factor')
  if not held[1] then return math.huge end
  local limits, render, tail = cjson.decode(held[1]), tonumber(held[2]), tonumber(held[3])
  local begin_ms, most = left_ms - tail - math.max(0, tonumber(held[5] or '0') - now), math.huge
  if begin_ms <= 0 then return 0 end
  for _, window in ipairs(limits.part.windows) do
    local count = count_now(limits.part, window[1], tonumber(held[4] or '')) * tonumber(held[7] or '1')
    most = math.min(most, SURE * count * begin_ms / (window[2] + SPREAD_MS) - tonumber(held[6] or '0'))
  end
  local slots = slots_now(PREFIX .. 'a:' .. account, limits)
  if slots then
    local ends = SURE * slots * (begin_ms + render) / render
    most = math.min(most, ends - redis.call('SCARD', PREFIX .. 'slots:' .. account))
  end
  return math.max(0, most)
end

-- The next move that makes an account's load smaller: whichever costs least more.
local function cheapest_move(lanes, caps, load)
  local best = nil
  for _, lane in ipairs(lanes) do
    for from, much in pairs(lane.of) do
      if much > 0 and load[from] > caps[from] then
        for to, price in pairs(lane.price) do
          if caps[to] and load[to] < caps[to] then
            local more = price - lane.price[from]
            if not best or more < best.more or (more == best.more and to < best.to) then
              best = {lane = lane, from = from, to = to, more = more}
            end
          end
        end
      end
    end
  end
  return best
end

-- Shares a campaign's queue out: every lane to who asks least, and from those that cannot end theirs in time to others, what costs least more
-- first. `lane.of` says how many jobs of a lane are for whom. Answers who is overloaded all the same.
local function share_out(lanes, caps)
  local load, late = {}, {}
  for account in pairs(caps) do load[account] = 0 end
  for _, lane in ipairs(lanes) do
    lane.of = {[lane.home] = lane.count}
    load[lane.home] = load[lane.home] + lane.count
  end
  while true do
    local move = cheapest_move(lanes, caps, load)
    if not move then break end
    local of, from, to = move.lane.of, move.from, move.to
    local much = math.min(of[from], load[from] - caps[from], caps[to] - load[to])
    of[from], of[to] = of[from] - much, (of[to] or 0) + much
    load[from], load[to] = load[from] - much, load[to] + much
    if much < 1e-6 then break end
  end
  for account, count in pairs(load) do late[account] = count - caps[account] >= 1 end
  return late
end

-- A campaign's lanes in which an account may ever buy: what each asks, who asks least of those that can buy now, and why an account may buy.
local function read_lanes(name, at, now)
  local lanes, states = {}, {}
  for _, id in ipairs(redis.call('SMEMBERS', PREFIX .. 'lanes:' .. name)) do
    local count = redis.call('ZCARD', queue_of(name, id))
    if count > 0 then
      local flat, lane = redis.call('HGETALL', PREFIX .. 'lane:' .. id), {id = id, count = count, taken = 0, price = {}, others = 0}
      for i = 1, #flat, 2 do
        local account, price = flat[i], tonumber(flat[i + 1])
        if states[account] == nil then states[account] = unable(account, at, now) or false end
        lane.price[account] = price
        if account ~= at then lane.others = lane.others + 1 end
        if not lane.least or price < lane.price[lane.least] or (price == lane.price[lane.least] and account < lane.least) then lane.least = account end
        if not states[account] and (not lane.home or price < lane.price[lane.home] or (price == lane.price[lane.home] and account < lane.home)) then
          lane.home = account
        end
      end
      if lane.home then lanes[#lanes + 1] = lane end
    end
  end
  return lanes, states
end

-- How much of a lane is for an account and those that ask the same, as several keys of one provider do: they share it. They are noted as its `peers`.
local function parts_of(lane, at, peers)
  local sum = 0
  for account, price in pairs(lane.price) do
    if price == lane.price[at] then sum, peers[account] = sum + (lane.of[account] or 0), true end
  end
  return sum
end

-- What an account may buy of a campaign now, the lanes with `may`: 1 (its share), 2 (it asks least, so all of it) or 3 (nobody else ends it in time, either),
-- and `why`. Answers nil where there is nothing that it could ever buy.
local function choices_of(name, at, deadline, now)
  local lanes, states = read_lanes(name, at, now)
  local mine, late, begins = {}, {}, true
  if deadline then
    local caps, taken = {}, 0
    for _, lane in ipairs(lanes) do
      for account in pairs(lane.price) do
        if not states[account] and not caps[account] then caps[account] = ours_of(can_end(account, deadline - now, now), account, name) end
      end
    end
    late = share_out(lanes, caps)
    local peers = {[at] = true}
    for _, lane in ipairs(lanes) do
      if lane.price[at] and lane.price[at] > lane.price[lane.home] then taken = taken + parts_of(lane, at, peers) end
    end
    local most = 0
    for account in pairs(peers) do most = most + (caps[account] or 0) end
    begins = most == math.huge or taken >= BEGINS_AT * most
  end
  for _, lane in ipairs(lanes) do
    local price = lane.price[at]
    if price then
      mine[#mine + 1] = lane
      lane.more = price - lane.price[lane.home]
      lane.left = lane.of and parts_of(lane, at, {}) or 0
      lane.why = lane.others == 0 and 'only' or price == lane.price[lane.least] and 'cheapest' or lane.more == 0 and 'cheaper_' .. states[lane.least]
        or 'deadline'
      if lane.left >= 1 and (lane.more == 0 or begins) then lane.may = 1
      elseif lane.more == 0 then lane.may = 2
      else
        for account, count in pairs(lane.of or {}) do if count > 0 and late[account] then lane.may = 3 end end
      end
    end
  end
  return #mine > 0 and mine or nil
end

-- The next of these choices: by how it may be bought, then what costs least more, then in the matrix's order. Of each lane the first `taken` jobs have been
-- bought before in this script; its `head` is the one that follows.
local function next_choice(name, choices)
  local best = nil
  for _, lane in ipairs(choices) do
    if lane.may then
      lane.head = lane.head or redis.call('ZRANGE', queue_of(name, lane.id), lane.taken, lane.taken, 'WITHSCORES')
      if lane.head[1] then
        local here = {lane = lane, id = lane.head[1], key = {lane.may, lane.more, tonumber(lane.head[2])}}
        local first = not best
        for i = 1, 3 do
          if not first and here.key[i] ~= best.key[i] then
            first = here.key[i] < best.key[i]
            break
          end
        end
        if first then best = here end
      end
    end
  end
  return best
end

-- One of its jobs was bought.
local function chosen(lane)
  lane.left, lane.taken, lane.head = lane.left - 1, lane.taken + 1, nil
  if lane.may == 1 and lane.left < 1 then lane.may = lane.more == 0 and 2 or nil end
end
