--- Removes live orders of one stream, at most 5,000, from every key that holds something of an order.
--- `users` maps each of their users to the ids of that user's orders among them.
--- @include "stream_key"
local function remove_orders(namespace, directory, stream, order_ids, users)
  -- It begins with a command that full memory does not refuse: cancelling frees memory.
  redis.call('HDEL', stream_key(namespace, stream, 'orders'), unpack(order_ids))
  redis.call('ZREM', stream_key(namespace, stream, 'placed'), unpack(order_ids))
  redis.call('SREM', stream_key(namespace, stream, 'paused'), unpack(order_ids))
  for user_id, ids in pairs(users) do
    redis.call('SREM', stream_key(namespace, stream, 'user:' .. user_id), unpack(ids))
  end
  redis.call('HDEL', directory, unpack(order_ids))
end
