--- Reads one order.
--- KEYS: directory
--- ARGV: namespace order_id
--- REPLY: {sequence number, record, 1 paused or 0}; nil it is not live
--- @include "stream_of"
local directory = unpack(KEYS)
local namespace, order_id = unpack(ARGV)

local stream = stream_of(directory, namespace, order_id, '')
if not stream then
  return false
end
return {
  redis.call('ZSCORE', stream_key(namespace, stream, 'placed'), order_id),
  redis.call('HGET', stream_key(namespace, stream, 'orders'), order_id),
  redis.call('SISMEMBER', stream_key(namespace, stream, 'paused'), order_id),
}
