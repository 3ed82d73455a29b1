--- Writes new orders to every key that holds something of an order, and gives them sequence numbers.
--- `offsets` says where in `words` each order begins: its stream, order id, user id and record. None may be live.
--- What goes to one key is sent in one command: most of a short command's time is in the call. It must fit Lua's stack.
--- @include "stream_key"
--- @include "next_sequence"
local function insert_orders(namespace, directory, sequence, words, offsets)
  -- The first write, and one that full memory refuses: so it refuses all of them.
  local first, last_text = next_sequence(sequence, #offsets)
  local placed, records, users, stream_of_user, entries = {}, {}, {}, {}, {}
  for i, at in ipairs(offsets) do
    local stream, order_id, user_id, record = words[at], words[at + 1], words[at + 2], words[at + 3]
    local number = i == #offsets and last_text or string.format('%.0f', first + i - 1)
    local placed_here, records_here, ids = placed[stream], records[stream], users[user_id]
    if placed_here then
      local last = #placed_here
      placed_here[last + 1], placed_here[last + 2] = number, order_id
      records_here[last + 1], records_here[last + 2] = order_id, record
    else
      placed[stream], records[stream] = {number, order_id}, {order_id, record}
    end
    if ids then
      ids[#ids + 1] = order_id
    else
      users[user_id], stream_of_user[user_id] = {order_id}, stream
    end
    entries[2 * i - 1], entries[2 * i] = order_id, stream
  end
  for stream, placed_here in pairs(placed) do
    redis.call('ZADD', stream_key(namespace, stream, 'placed'), unpack(placed_here))
    redis.call('HSET', stream_key(namespace, stream, 'orders'), unpack(records[stream]))
  end
  for user_id, ids in pairs(users) do
    redis.call('SADD', stream_key(namespace, stream_of_user[user_id], 'user:' .. user_id), unpack(ids))
  end
  redis.call('HSET', directory, unpack(entries))
end
