--- Removes live orders of one stream from every key that holds something of an order.
--- It begins with a command that full memory does not refuse: cancelling frees memory.
--- On Redis Cluster the directory is nil: an id is released in another slot. `op` is what the feed says of it.
--- @include "stream_key"
--- @include "record_change"
--- @include "due_reply"

--- Removes one order, without the tables that many need.
local function remove_order(namespace, directory, stream, order_id, user_id, op)
  local prefix = stream_key(namespace, stream, '')
  redis.call('HDEL', prefix .. 'orders', order_id)
  redis.call('ZREM', prefix .. 'placed', order_id)
  redis.call('SREM', prefix .. 'paused', order_id)
  redis.call('SREM', prefix .. 'user:' .. user_id, order_id)
  if directory then
    redis.call('HDEL', directory, order_id)
  end
  if timed_streams ~= '' then
    redis.call('ZREM', prefix .. 'due', 'o:' .. order_id)
  end
  record_change(namespace, stream, op, order_id, user_id)
end

--- Removes at most 5,000 orders. `users` maps each of their users to the ids of that user's orders among them. `paused`
--- has the paused among them, where they are known. With no `op` the feed is left to the caller.
local function remove_orders(namespace, directory, stream, order_ids, users, paused, op)
  local prefix = stream_key(namespace, stream, '')
  redis.call('HDEL', prefix .. 'orders', unpack(order_ids))
  redis.call('ZREM', prefix .. 'placed', unpack(order_ids))
  if not paused or #paused > 0 then
    redis.call('SREM', prefix .. 'paused', unpack(paused or order_ids))
  end
  for user_id, ids in pairs(users) do
    redis.call('SREM', prefix .. 'user:' .. user_id, unpack(ids))
  end
  if directory then
    redis.call('HDEL', directory, unpack(order_ids))
  end
  if timed_streams ~= '' then
    local members = {}
    for i, order_id in ipairs(order_ids) do
      members[i] = 'o:' .. order_id
    end
    redis.call('ZREM', prefix .. 'due', unpack(members))
  end
  if op and feed_length ~= '' then
    for user_id, ids in pairs(users) do
      for _, order_id in ipairs(ids) do
        record_change(namespace, stream, op, order_id, user_id)
      end
    end
  end
end
