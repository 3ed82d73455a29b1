--- Cancels all of a user's orders. Costs by their number, and touches the user's own stream alone.
--- KEYS: sessions config directory orders placed paused user
--- ARGV: session request_number num_streams
--- REPLY: how many were cancelled; 'STALE' the namespace has not num_streams streams
--- @include "session"
--- @include "is_stale"
--- @include "in_slices"
local sessions, config, directory, orders, placed, paused, user = unpack(KEYS)
local session, request_number, num_streams = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if is_stale(config, num_streams) then
  return answer(sessions, session, request_number, 'STALE')
end
local order_ids = redis.call('SMEMBERS', user)
-- It begins with commands that full memory does not refuse: cancelling is what frees it.
local cancelled = in_slices('HDEL', orders, order_ids)
in_slices('ZREM', placed, order_ids)
in_slices('SREM', paused, order_ids)
in_slices('HDEL', directory, order_ids)
redis.call('DEL', user)
return answer(sessions, session, request_number, cancelled)
