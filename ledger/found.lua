-- Founds the ledger, or tells which one this is. A store has one ledger and a ledger one store.
-- ARGV 1 epoch to found with (empty: only look)   2 store URL  3 version of the ledger to found
-- ->   {epoch, store, version}; empty strings when nothing is founded here
local meta = PREFIX .. 'meta'
if ARGV[1] ~= '' and redis.call('EXISTS', meta) == 0 then
  redis.call('HSET', meta, 'epoch', ARGV[1], 'store', ARGV[2], 'founded_ms', int(now_ms()), 'version', ARGV[3])
end
local found = redis.call('HMGET', meta, 'epoch', 'store', 'version')
return {found[1] or '', found[2] or '', found[3] or ''}
