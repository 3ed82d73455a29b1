--- Reads the next orders of one stream in placement order.
--- KEYS: config orders placed paused
--- ARGV: num_streams after (a sequence number, itself left out) limit (at most 5000)
--- REPLY: {order ids, sequence numbers, records, 1 paused or 0}, four lists of one length; 'STALE'
--- @include "is_stale"
local config, orders, placed, paused = unpack(KEYS)
local num_streams, after, limit = unpack(ARGV)

if is_stale(config, num_streams) then
  return 'STALE'
end
local order_ids = redis.call('ZRANGEBYSCORE', placed, '(' .. after, '+inf', 'LIMIT', 0, limit)
if #order_ids == 0 then
  return {{}, {}, {}, {}}
end
return {
  order_ids,
  redis.call('ZMSCORE', placed, unpack(order_ids)),
  redis.call('HMGET', orders, unpack(order_ids)),
  redis.call('SMISMEMBER', paused, unpack(order_ids)),
}
