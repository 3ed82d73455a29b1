--- The record of a live order and its stream, or nil. With an owner other than '' only that user's order counts.
--- The directory alone is not believed: a person may have left an entry without its order, which verify() finds.
--- Where the stream must not be read yet it returns nil, the stream and what due_reply says.
--- @include "record_in_stream"
--- @include "due_reply"
local function live_record(directory, namespace, order_id, owner)
  local stream = redis.call('HGET', directory, order_id)
  if not stream then
    return nil
  end
  local due = due_reply(namespace, stream)
  if due then
    return nil, stream, due
  end
  return record_in_stream(namespace, stream, owner, order_id), stream
end
