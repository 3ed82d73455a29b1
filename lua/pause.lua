--- Pauses an order that is ACTIVE.
--- KEYS: sessions directory
--- ARGV: session request_number namespace order_id owner ('' for any user's order)
--- REPLY: 1 paused; 0 it is not live, or paused already
--- @include "session"
--- @include "mark"
local sessions, directory = unpack(KEYS)
local session, request_number, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
return answer(sessions, session, request_number, mark('SADD', directory, namespace, order_id, owner))
