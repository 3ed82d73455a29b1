--- The record of a live order of one stream, or nil. With an owner other than '' only that user's order counts.
--- @include "stream_key"
local function record_in_stream(namespace, stream, owner, order_id)
  local prefix = stream_key(namespace, stream, '')
  if owner ~= '' and redis.call('SISMEMBER', prefix .. 'user:' .. owner, order_id) == 0 then
    return nil
  end
  return redis.call('HGET', prefix .. 'orders', order_id)
end
