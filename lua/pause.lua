--- Pauses an order that is ACTIVE.
--- KEYS: directory
--- ARGV: namespace order_id owner ('' for any user's order)
--- REPLY: 1 paused; 0 it is not live, or paused already
--- @include "stream_of"
local directory = unpack(KEYS)
local namespace, order_id, owner = unpack(ARGV)

local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return 0
end
return redis.call('SADD', stream_key(namespace, stream, 'paused'), order_id)
