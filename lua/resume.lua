--- Resumes an order that is PAUSED.
--- KEYS: directory
--- ARGV: namespace order_id owner ('' for any user's order)
--- REPLY: 1 resumed; 0 it is not live, or not paused
--- @include "stream_of"
local directory = unpack(KEYS)
local namespace, order_id, owner = unpack(ARGV)

local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return 0
end
return redis.call('SREM', stream_key(namespace, stream, 'paused'), order_id)
