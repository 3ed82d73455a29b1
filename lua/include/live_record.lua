--- The record of a live order and its stream, or nil. With an owner other than '' only that user's order counts.
--- The directory alone is not believed: a person may have left an entry without its order, which verify() finds.
--- @include "stream_key"
local function live_record(directory, namespace, order_id, owner)
  local stream = redis.call('HGET', directory, order_id)
  if not stream then
    return nil
  end
  local prefix = stream_key(namespace, stream, '')
  if owner ~= '' and redis.call('SISMEMBER', prefix .. 'user:' .. owner, order_id) == 0 then
    return nil
  end
  return redis.call('HGET', prefix .. 'orders', order_id), stream
end
