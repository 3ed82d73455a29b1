--- Resumes, in turn, those of some orders that are PAUSED.
--- KEYS: sessions directory
--- ARGV: session request_number namespace owner ('' for any user's orders) order_ids... (any number)
--- REPLY: a text with 'y' for each that was resumed, 'n' for each that was not
--- @include "session"
--- @include "each"
--- @include "mark"
local sessions, directory = unpack(KEYS)
local session = table.remove(ARGV, 1)
local request_number = table.remove(ARGV, 1)
local namespace = table.remove(ARGV, 1)
local owner = table.remove(ARGV, 1)
local order_ids = ARGV

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
return answer(sessions, session, request_number, each(order_ids, function(order_id)
  return mark('SREM', directory, namespace, order_id, owner)
end))
