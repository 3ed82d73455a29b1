--- The stream in which the order is live, or nil. With an owner other than '' only that user's order counts.
--- The directory alone is not believed: an entry may outlive its order where claim and apply are two steps.
--- @include "stream_key"
local function stream_of(directory, namespace, order_id, owner)
  local stream = redis.call('HGET', directory, order_id)
  if not stream then
    return nil
  end
  local live
  if owner == '' then
    live = redis.call('HEXISTS', stream_key(namespace, stream, 'orders'), order_id)
  else
    live = redis.call('SISMEMBER', stream_key(namespace, stream, 'user:' .. owner), order_id)
  end
  return live == 1 and stream or nil
end
