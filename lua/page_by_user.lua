--- Reads named orders of one user. Some may be gone by now.
--- KEYS: config orders placed paused
--- ARGV: epoch order_ids... (1 to 5000)
--- REPLY: {sequence numbers, records, 1 paused or 0}, three lists in the order of the ids, nil where gone; 'STALE'
--- @include "settings"
local config, orders, placed, paused = unpack(KEYS)
local epoch = ARGV[1]
local order_ids = {unpack(ARGV, 2)}

if has_other_settings(config, epoch) then
  return 'STALE'
end
return {
  redis.call('ZMSCORE', placed, unpack(order_ids)),
  redis.call('HMGET', orders, unpack(order_ids)),
  redis.call('SMISMEMBER', paused, unpack(order_ids)),
}
