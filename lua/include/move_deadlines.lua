--- Copies the deadlines of orders to another stream. remove_orders removes them from the old one.
--- @include "stream_key"
--- @include "due_reply"
local function move_deadlines(namespace, from_stream, to_stream, order_ids)
  if timed_streams == '' then
    return
  end
  local members, due = {}, {}
  for i, order_id in ipairs(order_ids) do
    members[i] = 'o:' .. order_id
  end
  for i, deadline in ipairs(redis.call('ZMSCORE', stream_key(namespace, from_stream, 'due'), unpack(members))) do
    if deadline then
      due[#due + 1], due[#due + 2] = deadline, members[i]
    end
  end
  if #due > 0 then
    redis.call('ZADD', stream_key(namespace, to_stream, 'due'), unpack(due))
  end
end
