--- Cancels an order, ACTIVE or PAUSED: it is gone from every key.
--- KEYS: lane directory
--- ARGV: request resent namespace order_id owner ('' for any user's order)
--- REPLY: 1 cancelled; 0 it is not live
--- @include "lane"
--- @include "stream_of"
local lane, directory = unpack(KEYS)
local request, resent, namespace, order_id, owner = unpack(ARGV)

local earlier = answered(lane, request)
if earlier then
  return earlier
end
local stream = stream_of(directory, namespace, order_id, owner)
if not stream then
  return answer(lane, request, resent, 0)
end
local orders = stream_key(namespace, stream, 'orders')
local user = owner ~= '' and owner or cjson.decode(redis.call('HGET', orders, order_id)).user_id
-- It begins with commands that full memory does not refuse: cancelling is what frees it.
redis.call('HDEL', orders, order_id)
redis.call('ZREM', stream_key(namespace, stream, 'placed'), order_id)
redis.call('SREM', stream_key(namespace, stream, 'paused'), order_id)
redis.call('SREM', stream_key(namespace, stream, 'user:' .. user), order_id)
redis.call('HDEL', directory, order_id)
return answer(lane, request, resent, 1)
