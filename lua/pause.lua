--- Pauses an order that is ACTIVE.
--- KEYS: lane directory
--- ARGV: request resent namespace order_id owner ('' for any user's order)
--- REPLY: 1 paused; 0 it is not live, or paused already
--- @include "lane"
--- @include "stream_of"
local lane, directory = unpack(KEYS)
local request, resent, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
local stream = stream_of(directory, namespace, order_id, owner)
local changed = stream and redis.call('SADD', stream_key(namespace, stream, 'paused'), order_id) or 0
return answer(lane, request, resent, changed)
