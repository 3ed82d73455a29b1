--- Says all of an order to the feed again, which may have said another number or status: it leaves, and joins as it is.
--- @include "stream_key"
--- @include "record_change"
local function announce_order(namespace, stream, order, number)
  if not order.is_new then
    record_change(namespace, stream, 'left', order.id, order.user_id)
  end
  local is_paused = redis.call('SISMEMBER', stream_key(namespace, stream, 'paused'), order.id)
  record_change(namespace, stream, 'joined', order.id, order.user_id, number, is_paused, order.record)
end
