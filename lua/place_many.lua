--- Places orders in turn, ACTIVE, but for those whose id is live by then.
--- KEYS: sessions config sequence directory
--- ARGV: session request_number namespace num_streams orders... (at most 3,500; of each its stream, order id, user id, record)
--- REPLY: a text with 'y' for each order placed, 'n' for each whose id is live; 'STALE' as of place
--- @include "session"
--- @include "is_stale"
--- @include "stream_of"
--- @include "next_sequence"
--- @include "list_at"
local sessions, config, sequence, directory = unpack(KEYS)
local session, request_number, namespace, num_streams = unpack(ARGV)
local orders = ARGV

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if is_stale(config, num_streams) then
  return answer(sessions, session, request_number, 'STALE')
end
local order_ids = {}
for at = 6, #orders, 4 do
  order_ids[#order_ids + 1] = orders[at]
end
local known = redis.call('HMGET', directory, unpack(order_ids))
local fresh, seen, answers = {}, {}, {}
for i, order_id in ipairs(order_ids) do
  local live = seen[order_id] or known[i] and stream_of(directory, namespace, order_id, '')
  seen[order_id] = true
  answers[i] = live and 'n' or 'y'
  if not live then
    fresh[#fresh + 1] = 4 * i + 1
  end
end
if #fresh > 0 then
  -- The first write, and one that full memory refuses: so it refuses all of them.
  local number = next_sequence(sequence, #fresh)
  local placed, records, users, stream_of_user, entries = {}, {}, {}, {}, {}
  for i, at in ipairs(fresh) do
    local stream, order_id, user_id, record = unpack(orders, at, at + 3)
    local placed_here, records_here = list_at(placed, stream), list_at(records, stream)
    local users_orders = list_at(users, user_id)
    stream_of_user[user_id] = stream
    local last = #records_here
    placed_here[last + 1], placed_here[last + 2] = sequence_text(number + i - 1), order_id
    records_here[last + 1], records_here[last + 2] = order_id, record
    users_orders[#users_orders + 1] = order_id
    entries[2 * i - 1], entries[2 * i] = order_id, stream
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
return answer(sessions, session, request_number, table.concat(answers))
