--- Cancels an order, ACTIVE or PAUSED: it is gone from every key.
--- KEYS: lane directory
--- ARGV: request resent namespace order_id owner ('' for any user's order)
--- REPLY: 1 cancelled; 0 it is not live
--- @include "lane"
--- @include "remove_order"
local lane, directory = unpack(KEYS)
local request, resent, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
return answer(lane, request, resent, remove_order(directory, namespace, order_id, owner))
