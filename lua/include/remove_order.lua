--- Takes an order out of every key, and returns 1; 0 where it is not live, or not of the owner.
--- It begins with commands that full memory does not refuse: cancelling is what frees it.
--- @include "stream_of"
local function remove_order(directory, namespace, order_id, owner)
  local stream = stream_of(directory, namespace, order_id, owner)
  if not stream then
    return 0
  end
  local orders = stream_key(namespace, stream, 'orders')
  local user = owner ~= '' and owner or cjson.decode(redis.call('HGET', orders, order_id)).user_id
  redis.call('HDEL', orders, order_id)
  redis.call('ZREM', stream_key(namespace, stream, 'placed'), order_id)
  redis.call('SREM', stream_key(namespace, stream, 'paused'), order_id)
  redis.call('SREM', stream_key(namespace, stream, 'user:' .. user), order_id)
  redis.call('HDEL', directory, order_id)
  return 1
end
