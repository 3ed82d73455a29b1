--- Removes live orders of one stream from every key that holds something of an order.
--- `users` maps each of their users to the ids of that user's orders among them.
--- @include "stream_key"
--- @include "in_slices"
local function remove_orders(namespace, directory, stream, order_ids, users)
  -- It begins with a command that full memory does not refuse: cancelling frees memory.
  in_slices('HDEL', stream_key(namespace, stream, 'orders'), order_ids)
  in_slices('ZREM', stream_key(namespace, stream, 'placed'), order_ids)
  in_slices('SREM', stream_key(namespace, stream, 'paused'), order_ids)
  for user_id, users_orders in pairs(users) do
    in_slices('SREM', stream_key(namespace, stream, 'user:' .. user_id), users_orders)
  end
  in_slices('HDEL', directory, order_ids)
end
