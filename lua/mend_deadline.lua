--- Makes the deadlines of a stream agree with the record of one order, if that still is what the caller saw.
--- May run twice.
--- KEYS: orders due
--- ARGV: order_id record ('' where it is not live) deadline (which the record says; '' for none)
--- REPLY: 1 mended; 0 it has another record by now, or nothing was to be mended
local orders, due = unpack(KEYS)
local order_id, record, deadline = unpack(ARGV)

if (redis.call('HGET', orders, order_id) or '') ~= record then
  return 0
elseif deadline == '' then
  return redis.call('ZREM', due, 'o:' .. order_id)
end
return redis.call('ZADD', due, 'CH', deadline, 'o:' .. order_id)
