--- The record of a live order and its stream, or nil. With an owner other than '' only that user's order counts.
--- The directory alone is not believed: a person may have left an entry without its order, which verify() finds.
--- @include "record_in_stream"
local function live_record(directory, namespace, order_id, owner)
  local stream = redis.call('HGET', directory, order_id)
  if not stream then
    return nil
  end
  return record_in_stream(namespace, stream, owner, order_id), stream
end
