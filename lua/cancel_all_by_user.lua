--- Cancels all of a user's orders. Costs by their number, and touches the user's own stream alone.
--- KEYS: config directory orders placed paused user
--- ARGV: num_streams
--- REPLY: how many were cancelled; 'STALE' the namespace has not num_streams streams
--- @include "is_stale"
--- @include "in_slices"
local config, directory, orders, placed, paused, user = unpack(KEYS)
local num_streams = unpack(ARGV)

if is_stale(config, num_streams) then
  return 'STALE'
end
local order_ids = redis.call('SMEMBERS', user)
-- Only commands that full memory does not refuse: cancelling is what frees it.
local cancelled = in_slices('HDEL', orders, order_ids)
in_slices('ZREM', placed, order_ids)
in_slices('SREM', paused, order_ids)
in_slices('HDEL', directory, order_ids)
redis.call('DEL', user)
return cancelled
