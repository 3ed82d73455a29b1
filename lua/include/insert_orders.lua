--- Writes new orders to every key that holds something of an order, and gives them sequence numbers.
--- `orders` is a flat list: of each order its stream, order id, user id and record. None of them may be live.
--- @include "stream_key"
--- @include "list_at"
--- @include "next_sequence"
local function insert_orders(namespace, directory, sequence, orders)
  -- The first write, and one that full memory refuses: so it refuses all of them.
  local number = next_sequence(sequence, #orders / 4)
  local placed, records, users, stream_of_user, entries = {}, {}, {}, {}, {}
  for at = 1, #orders, 4 do
    local stream, order_id, user_id = orders[at], orders[at + 1], orders[at + 2]
    local placed_here, records_here = list_at(placed, stream), list_at(records, stream)
    local users_orders = list_at(users, user_id)
    local last = #records_here
    placed_here[last + 1], placed_here[last + 2] = sequence_text(number), order_id
    records_here[last + 1], records_here[last + 2] = order_id, orders[at + 3]
    users_orders[#users_orders + 1] = order_id
    stream_of_user[user_id] = stream
    entries[#entries + 1] = order_id
    entries[#entries + 1] = stream
    number = number + 1
  end
  for stream, placed_here in pairs(placed) do
    redis.call('ZADD', stream_key(namespace, stream, 'placed'), unpack(placed_here))
    redis.call('HSET', stream_key(namespace, stream, 'orders'), unpack(records[stream]))
  end
  for user_id, users_orders in pairs(users) do
    redis.call('SADD', stream_key(namespace, stream_of_user[user_id], 'user:' .. user_id), unpack(users_orders))
  end
  redis.call('HSET', directory, unpack(entries))
end
