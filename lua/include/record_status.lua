--- Appends to the feed that orders of one stream were paused with SADD, or resumed with SREM.
--- @include "record_change"
--- @include "user_of"
local function record_status(command, namespace, stream, order_ids)
  local op = command == 'SADD' and 'pause' or 'resume'
  local records = redis.call('HMGET', stream_key(namespace, stream, 'orders'), unpack(order_ids))
  for i, order_id in ipairs(order_ids) do
    record_change(namespace, stream, op, order_id, records[i] and user_of(records[i]) or '')
  end
end
