--- Resumes an order that is PAUSED.
--- KEYS: lane directory
--- ARGV: request resent namespace order_id owner ('' for any user's order)
--- REPLY: 1 resumed; 0 it is not live, or not paused
--- @include "lane"
--- @include "mark"
local lane, directory = unpack(KEYS)
local request, resent, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
return answer(lane, request, resent, mark('SREM', directory, namespace, order_id, owner))
