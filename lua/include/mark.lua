--- Puts an order among the paused with SADD, or takes it from them with SREM, and returns 1; 0 where it is not live,
--- not of the owner, or as wanted already.
--- @include "stream_of"
local function mark(command, directory, namespace, order_id, owner)
  local stream = stream_of(directory, namespace, order_id, owner)
  return stream and redis.call(command, stream_key(namespace, stream, 'paused'), order_id) or 0
end
