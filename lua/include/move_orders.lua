--- Moves live orders of one user, whose records were read, to another stream, with all that is an order's. They must
--- fit Lua's stack.
--- The first write is one that full memory refuses: so it refuses all.
--- @include "stream_key"
--- @include "remove_orders"
--- @include "move_deadlines"
local function move_orders(namespace, directory, from_stream, to_stream, user_id, order_ids, records)
  local from = stream_key(namespace, from_stream, '')
  local to = stream_key(namespace, to_stream, '')
  local numbers = redis.call('ZMSCORE', from .. 'placed', unpack(order_ids))
  local flags = redis.call('SMISMEMBER', from .. 'paused', unpack(order_ids))
  local fields, placed, entries, paused = {}, {}, {}, {}
  for i, order_id in ipairs(order_ids) do
    fields[2 * i - 1], fields[2 * i] = order_id, records[i]
    placed[2 * i - 1], placed[2 * i] = numbers[i], order_id
    entries[2 * i - 1], entries[2 * i] = order_id, to_stream
    if flags[i] == 1 then
      paused[#paused + 1] = order_id
    end
  end
  redis.call('HSET', to .. 'orders', unpack(fields))
  redis.call('ZADD', to .. 'placed', unpack(placed))
  if #paused > 0 then
    redis.call('SADD', to .. 'paused', unpack(paused))
  end
  redis.call('SADD', to .. 'user:' .. user_id, unpack(order_ids))
  move_deadlines(namespace, from_stream, to_stream, order_ids)
  remove_orders(namespace, nil, from_stream, order_ids, {[user_id] = order_ids}, paused, 'left')
  redis.call('HSET', directory, unpack(entries))
  if feed_length ~= '' then
    for i, order_id in ipairs(order_ids) do
      record_change(namespace, to_stream, 'joined', order_id, user_id, numbers[i], flags[i], records[i])
    end
  end
end
