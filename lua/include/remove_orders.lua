--- Removes live orders of one stream from every key that holds something of an order.
--- It begins with a command that full memory does not refuse: cancelling frees memory.
--- @include "stream_key"

--- Removes one order, without the tables that many need.
local function remove_order(namespace, directory, stream, order_id, user_id)
  local prefix = stream_key(namespace, stream, '')
  redis.call('HDEL', prefix .. 'orders', order_id)
  redis.call('ZREM', prefix .. 'placed', order_id)
  redis.call('SREM', prefix .. 'paused', order_id)
  redis.call('SREM', prefix .. 'user:' .. user_id, order_id)
  redis.call('HDEL', directory, order_id)
end

--- Removes at most 5,000 orders. `users` maps each of their users to the ids of that user's orders among them.
local function remove_orders(namespace, directory, stream, order_ids, users)
  local prefix = stream_key(namespace, stream, '')
  redis.call('HDEL', prefix .. 'orders', unpack(order_ids))
  redis.call('ZREM', prefix .. 'placed', unpack(order_ids))
  redis.call('SREM', prefix .. 'paused', unpack(order_ids))
  for user_id, ids in pairs(users) do
    redis.call('SREM', prefix .. 'user:' .. user_id, unpack(ids))
  end
  redis.call('HDEL', directory, unpack(order_ids))
end
