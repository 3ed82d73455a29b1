--- Resumes an order that is PAUSED.
--- KEYS: sessions directory
--- ARGV: session request_number namespace order_id owner ('' for any user's order)
--- REPLY: 1 resumed; 0 it is not live, or not paused
--- @include "session"
--- @include "mark"
local sessions, directory = unpack(KEYS)
local session, request_number, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
return answer(sessions, session, request_number, mark('SREM', directory, namespace, order_id, owner))
