--- Places an order, ACTIVE, unless its id is live anywhere in the namespace.
--- KEYS: lane config sequence directory orders placed user
--- ARGV: request resent namespace num_streams stream order_id record
--- REPLY: 1 placed; 0 the id is live already; 'STALE' the namespace has not num_streams streams
--- @include "lane"
--- @include "is_stale"
--- @include "stream_of"
--- @include "next_sequence"
local lane, config, sequence, directory, orders, placed, user = unpack(KEYS)
local request, resent, namespace, num_streams, stream, order_id, record = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
if is_stale(config, num_streams) then
  return 'STALE'
end
if stream_of(directory, namespace, order_id, '') then
  return answer(lane, request, resent, 0)
end
-- Giving out a number is the first write, and one that full memory refuses: so it refuses all of them.
redis.call('ZADD', placed, sequence_text(next_sequence(sequence, 1)), order_id)
redis.call('HSET', orders, order_id, record)
redis.call('SADD', user, order_id)
redis.call('HSET', directory, order_id, stream)
return answer(lane, request, resent, 1)
