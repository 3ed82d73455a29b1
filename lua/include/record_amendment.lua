--- Appends to the feed that an order has another record now.
--- @include "record_change"
--- @include "user_of"
local function record_amendment(op, namespace, stream, order_id, record)
  if feed_length ~= '' then
    local prefix = stream_key(namespace, stream, '')
    local sequence = redis.call('ZSCORE', prefix .. 'placed', order_id)
    local is_paused = redis.call('SISMEMBER', prefix .. 'paused', order_id)
    record_change(namespace, stream, op, order_id, user_of(record) or '', sequence, is_paused, record)
  end
end
