--- Cancels an order, ACTIVE or PAUSED: it is gone from every key.
--- KEYS: sessions directory
--- ARGV: session request_number namespace order_id owner ('' for any user's order)
--- REPLY: 1 cancelled; 0 it is not live
--- @include "session"
--- @include "remove_order"
local sessions, directory = unpack(KEYS)
local session, request_number, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
return answer(sessions, session, request_number, remove_order(directory, namespace, order_id, owner))
