--- Reads the next orders of one stream in placement order.
--- KEYS: config orders placed paused
--- ARGV: num_streams above (a sequence number, itself left out) below (the same, or '+inf') limit (at most 5000)
--- REPLY: {order ids, sequence numbers, records, 1 paused or 0}, four lists of one length; 'STALE'
--- @include "is_stale"
--- @include "order_columns"
local config, orders, placed, paused = unpack(KEYS)
local num_streams, above, below, limit = unpack(ARGV)

if is_stale(config, num_streams) then
  return 'STALE'
end
local order_ids = redis.call('ZRANGEBYSCORE', placed, '(' .. above, '(' .. below, 'LIMIT', 0, limit)
return order_columns(order_ids, orders, placed, paused)
