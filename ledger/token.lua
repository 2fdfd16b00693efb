-- Takes a token of the poll rate for a question that no lease stands for: a look at the provider's own list.
-- ARGV 1 epoch  2 account  3 poll windows JSON
-- ->   milliseconds to wait before asking again; 0 when the token is taken
if foreign(ARGV[1]) then return redis.error_reply('FOREIGN epoch') end
return int(math.ceil(tokens_wait_ms(PREFIX .. 'a:' .. ARGV[2], cjson.decode(ARGV[3]), true)))
