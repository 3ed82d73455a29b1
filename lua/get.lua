--- Reads one order.
--- KEYS: config directory
--- ARGV: epoch timed namespace order_id
--- REPLY: {sequence number, record, 1 paused or 0}; nil it is not live; 'STALE'; 'DUE' and a stream
--- @include "settings"
--- @include "due_reply"
--- @include "live_record"
local config, directory = unpack(KEYS)
local epoch, timed, namespace, order_id = unpack(ARGV)

if has_other_settings(config, epoch) then
  return 'STALE'
end
timed_streams = timed
local record, stream, due = live_record(directory, namespace, order_id, '')
if not record then
  return due or false
end
return {
  redis.call('ZSCORE', stream_key(namespace, stream, 'placed'), order_id),
  record,
  redis.call('SISMEMBER', stream_key(namespace, stream, 'paused'), order_id),
}
