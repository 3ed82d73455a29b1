--- The record of a live order and its stream, or nil. With an owner other than '' only that user's order counts.
--- @include "stream_of"
local function live_record(directory, namespace, order_id, owner)
  local stream = stream_of(directory, namespace, order_id, owner)
  local record = stream and redis.call('HGET', stream_key(namespace, stream, 'orders'), order_id)
  if record then
    return record, stream
  end
end
