--- Writes new orders to every key that holds something of an order, and gives them sequence numbers.
--- The directory's entry is what claims an id. The first write is one that full memory refuses: so it refuses all.
--- On Redis Cluster the directory is nil: an id was claimed in another slot. `behind` is as in next_sequence.
--- @include "stream_key"
--- @include "next_sequence"
--- @include "record_change"
--- @include "with_deadline"

--- Inserts orders that are not live yet. `offsets` says where in `words` each begins: its stream, order id, user id,
--- record and deadline or ''. What goes to one key is sent in one command: most of a short command's time is in the call. It must fit
--- Lua's stack. Returns the last sequence number.
local function insert_orders(namespace, directory, sequence, words, offsets, behind)
  local number = next_sequence(sequence, #offsets, behind)
  -- Six digits are printed in half the time of sixteen.
  local high, low = string.sub(number, 1, -7), tonumber(string.sub(number, -6)) - 1
  local placed, records, users, stream_of_user, entries, due = {}, {}, {}, {}, {}, {}
  for i, at in ipairs(offsets) do
    local stream, order_id, user_id, record = words[at], words[at + 1], words[at + 2], words[at + 3]
    local deadline = words[at + 4]
    if deadline ~= '' then
      record = with_deadline(record, deadline)
      local due_here = due[stream] or {}
      due_here[#due_here + 1], due_here[#due_here + 2] = deadline, 'o:' .. order_id
      due[stream] = due_here
    end
    local placed_here, records_here, ids = placed[stream], records[stream], users[user_id]
    number = low + i < 1000000 and high .. string.format('%06d', low + i) or string.format('%.0f', number + 1)
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
    if feed_length ~= '' then
      record_change(namespace, stream, 'place', order_id, user_id, number, '0', record)
    end
  end
  if directory then
    redis.call('HSET', directory, unpack(entries))
  end
  for stream, placed_here in pairs(placed) do
    redis.call('ZADD', stream_key(namespace, stream, 'placed'), unpack(placed_here))
    redis.call('HSET', stream_key(namespace, stream, 'orders'), unpack(records[stream]))
  end
  for stream, due_here in pairs(due) do
    redis.call('ZADD', stream_key(namespace, stream, 'due'), unpack(due_here))
  end
  for user_id, ids in pairs(users) do
    redis.call('SADD', stream_key(namespace, stream_of_user[user_id], 'user:' .. user_id), unpack(ids))
  end
  return number
end
