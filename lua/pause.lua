--- Pauses an order that is ACTIVE.
--- KEYS: lane directory
--- ARGV: request resent namespace order_id owner ('' for any user's order)
--- REPLY: 1 paused; 0 it is not live, or paused already
--- @include "lane"
--- @include "mark"
local lane, directory = unpack(KEYS)
local request, resent, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
return answer(lane, request, resent, mark('SADD', directory, namespace, order_id, owner))
