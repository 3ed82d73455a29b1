--- Reads one order.
--- KEYS: directory
--- ARGV: namespace order_id
--- REPLY: {sequence number, record, 1 paused or 0}; nil it is not live
--- @include "live_record"
local directory = unpack(KEYS)
local namespace, order_id = unpack(ARGV)

local record, stream = live_record(directory, namespace, order_id, '')
if not record then
  return false
end
return {
  redis.call('ZSCORE', stream_key(namespace, stream, 'placed'), order_id),
  record,
  redis.call('SISMEMBER', stream_key(namespace, stream, 'paused'), order_id),
}
