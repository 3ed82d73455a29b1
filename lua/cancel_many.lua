--- Cancels, in turn, those of some orders that are live.
--- KEYS: lane directory
--- ARGV: request resent namespace order_ids... (any number)
--- REPLY: a text with 'y' for each that was cancelled, 'n' for each that was not
--- @include "lane"
--- @include "each"
--- @include "remove_order"
local lane, directory = unpack(KEYS)
local request = table.remove(ARGV, 1)
local resent = table.remove(ARGV, 1)
local namespace = table.remove(ARGV, 1)
local order_ids = ARGV

local earlier = answered(lane, request)
if earlier then
  return earlier
end
return answer(lane, request, resent, each(order_ids, function(order_id)
  return remove_order(directory, namespace, order_id, '')
end))
