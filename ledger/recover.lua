-- Begins or ends a recovery. While it lasts nothing is bought under any epoch; a crash in the middle leaves it so, and the next
-- recovery finishes it. An empty Redis gets a new epoch, so that whoever worked for the lost ledger matches nothing here.
-- ARGV 1 begin or end  2 epoch to found with (begin), the epoch (end)  3 store URL  4 version
-- ->   {epoch, store}
local meta = PREFIX .. 'meta'
if ARGV[1] == 'end' then
  if foreign(ARGV[2]) then return redis.error_reply('FOREIGN epoch') end
  redis.call('HDEL', meta, 'recovering')
elseif redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'epoch', ARGV[2], 'store', ARGV[3], 'founded_ms', int(now_ms()), 'version', ARGV[4], 'recovering', 1)
elseif redis.call('HGET', meta, 'store') == ARGV[3] then
  redis.call('HSET', meta, 'recovering', 1)
end
return redis.call('HMGET', meta, 'epoch', 'store')
