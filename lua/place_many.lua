--- Places orders in turn, ACTIVE, but for those whose id is live by then.
--- KEYS: lane config sequence directory
--- ARGV: request resent namespace num_streams orders... (of each its stream, order id, user id and record)
--- REPLY: a text with 'y' for each order placed, 'n' for each whose id is live; 'STALE' as of place
--- @include "lane"
--- @include "is_stale"
--- @include "stream_of"
--- @include "next_sequence"
--- @include "gathered"
local lane, config, sequence, directory = unpack(KEYS)
local request, resent, namespace, num_streams = unpack(ARGV)
local orders = ARGV

local earlier = answered(lane, request)
if earlier then
  return earlier
end
if is_stale(config, num_streams) then
  return 'STALE'
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
  local first = next_sequence(sequence, #fresh)
  local placed, records, users, streams = gathered(), gathered(), gathered(), gathered()
  for i, at in ipairs(fresh) do
    local stream, order_id, user_id, record = unpack(orders, at, at + 3)
    placed.add(stream_key(namespace, stream, 'placed'), sequence_text(first + i - 1), order_id)
    records.add(stream_key(namespace, stream, 'orders'), order_id, record)
    users.add(stream_key(namespace, stream, 'user:' .. user_id), order_id)
    streams.add(directory, order_id, stream)
  end
  placed.send('ZADD')
  records.send('HSET')
  users.send('SADD')
  streams.send('HSET')
end
return answer(lane, request, resent, table.concat(answers))
