--- Places an order, ACTIVE, unless its id is live anywhere in the namespace.
--- KEYS: sessions config sequence directory orders placed user
--- ARGV: session request_number namespace num_streams stream order_id record
--- REPLY: 1 placed; 0 the id is live already; 'STALE' the namespace has not num_streams streams
--- @include "session"
--- @include "is_stale"
--- @include "stream_of"
--- @include "next_sequence"
local sessions, config, sequence, directory, orders, placed, user = unpack(KEYS)
local session, request_number, namespace, num_streams, stream, order_id, record = unpack(ARGV)

local earlier = answered(sessions, session, request_number)
if earlier then
  return earlier
end
if is_stale(config, num_streams) then
  return answer(sessions, session, request_number, 'STALE')
end
if stream_of(directory, namespace, order_id, '') then
  return answer(sessions, session, request_number, 0)
end
-- Giving out a number is the first write, and one that full memory refuses: so it refuses all of them.
redis.call('ZADD', placed, sequence_text(next_sequence(sequence, 1)), order_id)
redis.call('HSET', orders, order_id, record)
redis.call('SADD', user, order_id)
redis.call('HSET', directory, order_id, stream)
return answer(sessions, session, request_number, 1)
